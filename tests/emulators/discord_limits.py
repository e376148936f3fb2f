"""Discord's limits, as its API enforces them: so that a card that the real one would refuse is refused here too.

Each check returns what is wrong as "path: why" lines; an empty list means accepted. Lengths are UTF-16 units, the
stricter reading of the documentation.
"""

from typing import Any

Json = dict[str, Any]

_BUTTON, _TEXT_INPUT, _ROW, _LABEL, _LINK_STYLE = 2, 4, 1, 18, 5
_STRING, _INTEGER, _BOOLEAN = 3, 4, 5


def _units(text: str | None) -> int:
    return len((text or "").encode("utf-16-le")) // 2


def _length(where: str, text: str | None, most: int, least: int = 0) -> list[str]:
    if least <= _units(text) <= most:
        return []
    return [f"{where}: must be between {least} and {most} in length"]


def _under(where: str, lines: list[str]) -> list[str]:
    return [f"{where}.{line}" for line in lines]


def message(body: Json, *, edit: bool = False) -> list[str]:
    """A message to create, or the parts of one to edit."""
    content, embeds = body.get("content"), body.get("embeds") or []
    wrong = _length("content", content, 2000) + _length("nonce", str(body.get("nonce", "")), 25)
    if not edit and not (content or "").strip() and not embeds:
        wrong.append("content: cannot send an empty message")
    if len(embeds) > 10:
        wrong.append("embeds: must be 10 or fewer")
    for n, embed in enumerate(embeds):
        wrong += _under(f"embeds.{n}", _embed(embed))
    if sum(_units(text) for embed in embeds for text in _texts(embed)) > 6000:
        wrong.append("embeds: Embed size exceeds maximum size of 6000")
    return wrong + _rows(body.get("components") or [])


def _texts(embed: Json) -> list[str | None]:
    """What counts against the total."""
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts.append((embed.get("author") or {}).get("name"))
    return texts + [text for item in embed.get("fields") or [] for text in (item.get("name"), item.get("value"))]


def _embed(embed: Json) -> list[str]:
    fields = embed.get("fields") or []
    wrong = _length("title", embed.get("title"), 256) + _length("description", embed.get("description"), 4096)
    wrong += _length("footer.text", (embed.get("footer") or {}).get("text"), 2048)
    wrong += _length("author.name", (embed.get("author") or {}).get("name"), 256)
    if len(fields) > 25:
        wrong.append("fields: must be 25 or fewer")
    for n, item in enumerate(fields):
        wrong += _length(f"fields.{n}.name", (item.get("name") or "").strip(), 256, 1)
        wrong += _length(f"fields.{n}.value", (item.get("value") or "").strip(), 1024, 1)
    if not (embed.get("url") or "https://").startswith(("http://", "https://")):
        wrong.append("url: scheme must be one of ('http', 'https')")
    return wrong


def _rows(rows: list[Json]) -> list[str]:
    wrong = [] if len(rows) <= 5 else ["components: must be 5 or fewer rows"]
    for n, row in enumerate(rows):
        buttons = row.get("components") or []
        if row.get("type") != _ROW or not 1 <= len(buttons) <= 5:
            wrong.append(f"components.{n}: must be an action row of 1 to 5 components")
        for m, button in enumerate(buttons):
            wrong += _under(f"components.{n}.components.{m}", _button(button))
    ids = [button["custom_id"] for row in rows for button in row.get("components") or [] if button.get("custom_id")]
    if len(set(ids)) != len(ids):
        wrong.append("components: Component custom id cannot be duplicated")
    return wrong


def _button(button: Json) -> list[str]:
    if button.get("type") != _BUTTON:
        return ["type: only buttons are emulated"]
    wrong = _length("label", button.get("label"), 80, 1)
    if button.get("style") != _LINK_STYLE:
        return wrong + _length("custom_id", button.get("custom_id"), 100, 1)
    if button.get("custom_id") or not str(button.get("url", "")).startswith(("http://", "https://")):
        wrong.append("url: a link button has a url and no custom_id")
    return wrong


def inputs(modal: Json) -> list[Json]:
    """The text inputs of a modal, in order, out of their rows or labels."""
    found: list[Json] = []
    for outer in modal["components"]:
        found += [outer["component"]] if outer["type"] == _LABEL else outer["components"]
    return found


def modal(data: Json) -> list[str]:
    """A modal to open."""
    outer = data.get("components") or []
    wrong = _length("title", data.get("title"), 45, 1) + _length("custom_id", data.get("custom_id"), 100, 1)
    if not 1 <= len(outer) <= 5 or any(item["type"] not in {_ROW, _LABEL} for item in outer):
        return [*wrong, "components: must be 1 to 5 labels or action rows"]
    for n, item in enumerate(outer):
        if item["type"] == _LABEL:
            wrong += _length(f"components.{n}.label", item.get("label"), 45, 1)
    for n, item in enumerate(inputs(data)):
        longest = item.get("max_length") or 4000
        if item["type"] != _TEXT_INPUT or not 1 <= longest <= 4000:
            wrong.append(f"components.{n}: must be a text input of at most 4000 characters")
        wrong += _length(f"components.{n}.value", item.get("value"), longest)
    return wrong


def commands(items: list[Json]) -> list[str]:
    """An application's commands in a guild."""
    wrong, names = [], [str(item.get("name", "")) for item in items]
    if len(set(names)) != len(names):
        wrong.append("name: command names must be unique")
    for item, name in zip(items, names, strict=True):
        if not 1 <= len(name) <= 32 or name != name.lower() or " " in name:
            wrong.append(f"{name}.name: must be 1 to 32 lower-case characters")
        wrong += _length(f"{name}.description", item.get("description"), 100, 1)
        options = item.get("options") or []
        for option in options:
            wrong += _under(f"{name}.options.{option.get('name')}", _option(option))
        asked = [bool(option.get("required")) for option in options]
        if asked != sorted(asked, reverse=True):
            wrong.append(f"{name}.options: required options must come before optional ones")
    return wrong


def _option(option: Json) -> list[str]:
    wrong = _length("description", option.get("description"), 100, 1)
    if option.get("type") not in {_STRING, _INTEGER, _BOOLEAN}:
        wrong.append("type: only strings, integers and booleans are emulated")
    if option.get("choices") and option.get("autocomplete"):
        wrong.append("autocomplete: excludes choices")
    return wrong + choices(option.get("choices") or [])


def choices(items: list[Json]) -> list[str]:
    """What may be chosen for an option."""
    wrong = ["choices: must be 25 or fewer"] if len(items) > 25 else []
    for n, item in enumerate(items):
        wrong += _length(f"choices.{n}.name", item.get("name"), 100, 1)
        wrong += _length(f"choices.{n}.value", str(item.get("value")), 100, 1)
    return wrong
