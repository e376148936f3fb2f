"""Reads the text of a post from its HTML without a parser: what strangers write must cost linear time."""

import html
import re

_MAX_CHARS = 20_000  # of HTML; a post has 500 characters on most instances
_TOKEN = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]*)>|(<[/!?][^<>]*>)|[^<]+|<")
_INVISIBLE = re.compile(r"""class\s*=\s*["'][^"']*\b(?:invisible|quote-inline)\b""")
_LINES = frozenset({"p", "br", "div", "li", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
_HIDING = frozenset({"span", "p"})
_NEVER_SHOWN = frozenset({"script", "style"})


def post_text(content: str) -> str:
    """Plain text of a post: a paragraph is a line, a link what is shown of it.

    Mastodon hides the beginning and the end of a long link in spans of class `invisible`
    (https://docs.joinmastodon.org/api/guidelines/#links), and the link to what is quoted in a `quote-inline`.
    """
    parts: list[str] = []
    hidden = ""  # the element whose end is waited for
    depth = 0
    for token in _TOKEN.finditer(content[:_MAX_CHARS]):
        closing, name, attributes = token.group(1), (token.group(2) or "").lower(), token.group(3) or ""
        if hidden:
            if name == hidden:
                depth += -1 if closing else 1
            hidden = hidden if depth > 0 else ""
        elif not name:
            parts.append("" if token.group(4) else token.group())
        elif not closing and (name in _NEVER_SHOWN or (name in _HIDING and _INVISIBLE.search(attributes))):
            hidden, depth = name, 1
        elif name in _LINES:
            parts.append("\n")
    lines = (" ".join(line.split()) for line in html.unescape("".join(parts)).split("\n"))
    return "\n".join(line for line in lines if line)
