"""Telegram's HTML as strictly as the Bot API reads it, so that an unescaped character fails a test and not a desk."""

import re
from typing import Any

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z-]+)(?P<attributes>(?:\s+[a-z-]+(?:=\"[^\"<>]*\")?)*)\s*>")
_CHARACTER = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|amp|quot));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_MENTION = re.compile(r"(?<!\w)@[A-Za-z0-9_]{4,32}")


class ParseError(Exception):
    """What Telegram says after "Bad Request: can't parse entities: "."""


def utf16(text: str) -> int:
    """Length in UTF-16 code units, the unit of every limit and offset."""
    return len(text.encode("utf-16-le")) // 2


def parse(markup: str) -> tuple[str, list[dict[str, Any]]]:
    """Text and entities of HTML markup, trimmed as Telegram trims.

    Raises:
        ParseError: an unknown tag, a stray `<`, a tag that is not closed or not open.
    """
    text, position = "", 0
    stack: list[dict[str, Any]] = []
    entities: list[dict[str, Any]] = []
    while position < len(markup):
        if markup[position] == "<":
            match = _TAG.match(markup, position)
            if match is None or match["name"].lower() not in TAGS:
                raise ParseError(f"Unsupported start tag at byte offset {len(markup[:position].encode())}")
            position = match.end()
            name = match["name"].lower()
            if not match["end"]:
                stack.append({"name": name, "offset": utf16(text), "attributes": match["attributes"]})
                continue
            if not stack or stack[-1]["name"] != name:
                raise ParseError(f"Unmatched end tag </{name}>")
            entities.append(_entity(stack.pop(), text))
        elif found := _CHARACTER.match(markup, position):
            text += chr(int(found[1])) if found[1] else chr(int(found[2], 16)) if found[2] else _NAMED[found[3]]
            position = found.end()
        else:
            text += markup[position]
            position += 1
    if stack:
        raise ParseError(f"Can't find end tag corresponding to start tag {stack[-1]['name']}")
    return trimmed(text, [entity for entity in entities if entity["length"]])


def trimmed(text: str, entities: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """Without white space at both ends, offsets moved along."""
    lead = utf16(text) - utf16(text.lstrip())
    text = text.strip()
    for entity in entities:
        entity["offset"] = max(0, entity["offset"] - lead)
        entity["length"] = min(entity["length"], utf16(text) - entity["offset"])
    return text, sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def mentions(text: str) -> list[str]:
    """The names that Telegram would turn into mentions, and so ring somebody's bell."""
    return _MENTION.findall(text)


def _entity(opened: dict[str, Any], text: str) -> dict[str, Any]:
    entity = {"type": TAGS[opened["name"]], "offset": opened["offset"], "length": utf16(text) - opened["offset"]}
    if opened["name"] == "a":
        link = re.search(r'href="([^"]*)"', opened["attributes"])
        entity["url"] = _CHARACTER.sub(lambda m: _NAMED.get(m[3] or "", m[0]), link[1]) if link else ""
    return entity
