"""Reads the JSON and the texts in it that operators publish: in any encoding, and with markup where none was meant."""

import codecs
import json
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from email.message import Message
from html import unescape
from typing import TypeVar

from bot.ports import Response

Item = TypeVar("Item")

_BLOCK = re.compile(r"<(?:br|/?p|/?div|/?li|/?[uo]l|/?h\d|/?tr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_MARKDOWN = re.compile(r"\*\*|__|^[ \t]*#{1,6}[ \t]", re.MULTILINE)
_MAX_CHARS = 20_000
# Decoding more values at once would hold up the loop for longer than a tenth of a second.
_MAX_VALUES = 200_000


def json_bytes(answer: Response) -> bytes:
    """A JSON body as UTF-8, whatever it came in: UTF-16 and UTF-32 are seen from its bytes, others from the header.

    What declares nothing and is no UTF-8 is Windows-1252, as old French servers write it.
    """
    body = answer.body
    header = Message()
    header["content-type"] = answer.headers.get("content-type", "")
    declared = header.get_content_charset("")
    for encoding in (json.detect_encoding(body), declared):
        with suppress(LookupError, ValueError):
            return body.decode(encoding).removeprefix(codecs.BOM_UTF8.decode()).encode()
    return body.decode("cp1252", "replace").encode()


def too_heavy(body: bytes) -> bool:
    """Whether a JSON document holds more values than one may decode."""
    return sum(body.count(sign) for sign in (b",", b"{", b"[")) > _MAX_VALUES


def both_ends(items: Sequence[Item], most: int = 300) -> Sequence[Item]:
    """Of a list whose newest come first or last, and which a stranger may make endless: so many of either end."""
    return items if len(items) <= 2 * most else [*items[:most], *items[-most:]]


def plain(text: str, max_chars: int = _MAX_CHARS) -> str:
    """A text without tags, entities, Markdown's marks and invisible characters; paragraphs on lines of their own.

    For the short texts in a JSON document. Whole pages and feeds go to `sources._parser`.
    """
    text = _TAG.sub("", _BLOCK.sub("\n", text[:_MAX_CHARS]))
    text = _MARKDOWN.sub("", unescape(text))
    printable = "".join(
        c if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"} else " " * c.isspace() for c in text
    )
    lines = (" ".join(line.split()) for line in printable.split("\n"))
    return "\n".join(line for line in lines if line)[:max_chars]
