"""Parses strangers' markup in a process that may die, because small documents can cost minutes of a parser's time.

Run as a script by `sources._parser`: jobs come on standard input, answers leave on standard output, nothing else does.
It imports nothing of Vigie, so that it starts fast and holds no secret.
"""

import json
import math
import re
import resource
import struct
import sys
import time
import unicodedata
from contextlib import suppress
from html import escape
from html.parser import HTMLParser
from io import BytesIO
from typing import Any, BinaryIO

CPU_SECONDS = 2
MEMORY_BYTES = 1024**3
MAX_ENTRIES = 300
MAX_TITLE_CHARS = 500
MAX_TEXT_CHARS = 20_000
_MAX_HTML_CHARS = 200_000
_MAX_RESULTS, _MAX_RESULTS_CHARS = 20, 4_000  # headers of one mail that say how it was authenticated
FRAME = struct.Struct(">II")

_CHARSET = re.compile(rb"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "title"})
_LAID_OUT = re.compile(r"<(?:p|br|div|li|t[dr]|h[1-6])\b", re.IGNORECASE)
_WRAPPED_CHARS = 50  # a shorter line is meant to end where it does
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "em", "font", "i", "mark", "q", "s", "small", "span",
    "strong", "sub", "sup", "time", "u", "var", "wbr",
})  # fmt: skip


class _Text(HTMLParser):
    """Collects text; what begins a new line on a screen begins one here."""

    def __init__(self, *, laid_out: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipping = ""
        self._laid_out = laid_out  # by its tags: a line of the source is none of the text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - base class
        if not self._skipping and tag in _SKIPPED:
            self._skipping = tag
        elif tag not in _INLINE:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._skipping:
            self._skipping = ""
        elif tag not in _INLINE:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.parts.append(re.sub(r"[\r\n]+", " ", data) if self._laid_out and self.lasttag != "pre" else data)


class _Printable(dict[int, str]):
    """For `str.translate`: what each character becomes, looked up once; most of a text are few characters."""

    def __missing__(self, code: int) -> str:
        c = chr(code)
        kept = c == "\n" or unicodedata.category(c) not in {"Cc", "Cf"}
        self[code] = c if kept else " " * c.isspace()
        return self[code]


_PRINTABLE = _Printable()  # at most as large as Unicode, in a process that ends when idle


def text_of(html: str, max_chars: int = MAX_TEXT_CHARS, *, again: bool = False) -> str:
    """Plain text of HTML: one line a block, single spaces, no control, zero-width or bidi characters."""
    if "<" in html or "&" in html:
        collector = _Text(laid_out=_LAID_OUT.search(html) is not None)
        collector.feed(html[:_MAX_HTML_CHARS])
        collector.close()
        html = "".join(collector.parts)
        if not again and _LAID_OUT.search(html):  # escaped once too often
            return text_of(html, max_chars, again=True)
    return _tidy(html[:_MAX_HTML_CHARS], max_chars)


def _tidy(text: str, max_chars: int) -> str:
    lines = (" ".join(line.split()) for line in text.translate(_PRINTABLE).split("\n"))
    return "\n".join(line for line in lines if line)[:max_chars]


def parse_feed(job: dict[str, str], body: bytes) -> dict[str, Any]:
    """What a feed says, cut to what we use; `version` is empty where it is no feed."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n\0\xff\xfe")[:1] == b"{":
        return _json_feed(job.get("content_type", ""), body)
    import feedparser  # noqa: PLC0415 - a page never needs it

    found = feedparser.parse(
        BytesIO(body),  # a bare `bytes` may be opened as a path
        sanitize_html=False,
        resolve_relative_uris=False,
        response_headers={"content-type": job.get("content_type", "")},
    )
    return {
        "version": found.version,
        "broken": type(found.get("bozo_exception")).__name__ == "SAXParseException",
        "entries": [_entry(entry) for entry in found.entries[:MAX_ENTRIES]],
    }


def _entry(entry: Any) -> dict[str, str | None]:  # noqa: ANN401 - feedparser's own dictionary
    content = entry.get("content") or [{}]
    html = content[0].get("value") or entry.get("summary") or ""
    return {
        "id": (entry.get("id") or "")[:MAX_TITLE_CHARS],
        "link": (entry.get("link") or "")[:MAX_TITLE_CHARS],
        "title": text_of(entry.get("title") or "", MAX_TITLE_CHARS).replace("\n", " "),
        "body": text_of(html),
        "time": entry.get("updated") or entry.get("published"),
        "parsed": _iso(entry.get("updated_parsed") or entry.get("published_parsed")),
    }


def _json_feed(content_type: str, body: bytes) -> dict[str, Any]:
    """JSON Feed 1.0 and 1.1, which feedparser 6 does not read."""
    try:
        feed = json.loads(body)
    except UnicodeDecodeError:
        feed = json.loads(_decoded(content_type, body))
    version = str(feed.get("version"))
    items = feed.get("items")
    entries = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    is_feed = "jsonfeed.org/version/" in version and isinstance(items, list)
    return {
        "version": "json" + version.rpartition("/")[2].replace(".", "") if is_feed else "",
        "broken": False,
        "entries": [_json_entry(item) for item in entries[:MAX_ENTRIES]],
    }


def _json_entry(item: dict[str, Any]) -> dict[str, str | None]:
    def said(*keys: str) -> str:
        return next((str(item[key]) for key in keys if isinstance(item.get(key), str | int | float)), "")

    plain = text_of(escape(said("content_text")).replace("\n", "<br>"))
    return {
        "id": said("id")[:MAX_TITLE_CHARS],
        "link": said("url", "external_url")[:MAX_TITLE_CHARS],
        "title": text_of(escape(said("title")), MAX_TITLE_CHARS).replace("\n", " "),
        "body": plain or text_of(said("content_html", "summary")),
        "time": said("date_modified", "date_published") or None,
        "parsed": None,
    }


def _iso(parsed: time.struct_time | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", parsed) if parsed else None


def parse_page(job: dict[str, str], body: bytes) -> dict[str, Any]:
    """Text of the parts of a page that a CSS selector names; `found` is how many there are."""
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - a feed never needs it

    nodes = LexborHTMLParser(_decoded(job.get("content_type", ""), body)).css(job["selector"])
    return {"found": len(nodes), "text": text_of("\n".join(node.html or "" for node in nodes))}


def parse_mail(_: dict[str, str], body: bytes) -> dict[str, Any]:
    """What an e-mail says: its sender's address (none, where there is no single one), its headers of use, its text."""
    from email import message_from_bytes, policy  # noqa: PLC0415 - other documents never need it

    message = message_from_bytes(body, policy=policy.default)
    addresses = [address.addr_spec for header in message.get_all("from", []) for address in header.addresses]
    return {
        "sender": addresses[0][:MAX_TITLE_CHARS] if len(addresses) == 1 else "",
        "subject": _tidy(_header(message, "subject"), MAX_TITLE_CHARS).replace("\n", " "),
        "id": _header(message, "message-id").strip()[:MAX_TITLE_CHARS],
        "date": _header(message, "date")[:MAX_TITLE_CHARS],
        "results": [
            str(header)[:_MAX_RESULTS_CHARS] for header in message.get_all("authentication-results", [])[:_MAX_RESULTS]
        ],
        "text": _mail_text(message),
    }


def _header(message: Any, name: str) -> str:  # noqa: ANN401 - `email` is imported late
    try:
        value = next((raw for key, raw in message.raw_items() if key.lower() == name), "")
        if any("\udc80" <= c <= "\udcff" for c in value):  # bytes, where only ASCII is allowed
            return _decoded("", value.encode("utf-8", "surrogateescape"))
        value = str(message.get(name, ""))
    except Exception:  # noqa: BLE001 - the library's parser of headers raises anything; the rest may be read all the same
        value = next((value for key, value in message.raw_items() if key.lower() == name), "")
    return value.encode("utf-8", "replace").decode()


def _mail_text(message: Any) -> str:  # noqa: ANN401 - same
    """The plain text, or where there is none that of the HTML."""
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        data = part.get_payload(decode=True) if part is not None else None
        said = _decoded(part.get("content-type", ""), data) if data else ""
        text = text_of(said) if kind == "html" else _tidy(_unwrapped(said, part), MAX_TEXT_CHARS) if said else ""
        if text:
            return text
    passed_on = (part.get_payload(0) for part in message.iter_parts() if part.get_content_type() == "message/rfc822")
    return next((text for text in map(_mail_text, passed_on) if text), "") if message.is_multipart() else ""


def _unwrapped(text: str, part: Any) -> str:  # noqa: ANN401 - same
    """Plain text with each paragraph on one line: a sentence that a mailer has broken in two is read as one."""
    lines = text.splitlines()
    flowed = part.get_param("format", "").lower() == "flowed"  # RFC 3676: a blank at its end says that a line goes on
    joined = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if flowed and line.endswith(" ") and line != "-- " and not line.startswith(">"):
            joined += line[:-1] if part.get_param("delsp", "").lower() == "yes" else line
        elif len(line) >= _WRAPPED_CHARS and line.rstrip()[-1:] not in ".!?:;…" and following[:1].islower():
            joined += f"{line.rstrip()} "
        else:
            joined += f"{line}\n"
    return joined


def _decoded(content_type: str, body: bytes) -> str:
    """Text of bytes: by their byte order mark, the header or their own word, else UTF-8, else as old servers do."""
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    marked = next((encoding for mark, encoding in marks.items() if body.startswith(mark)), "")
    declared = [
        found.group(1) for found in (_CHARSET.search(content_type.encode()), _CHARSET.search(body[:2048])) if found
    ]
    for encoding in (marked, *(name.decode("ascii", "ignore") for name in declared), "utf-8"):
        with suppress(LookupError, ValueError):
            return body.decode(encoding)
    return body.decode("cp1252", "replace")


def limit() -> None:
    """Give the next job its own share of CPU time; a limit set once would add up over jobs."""
    soft = math.ceil(time.process_time()) + CPU_SECONDS
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Answer jobs until the other side closes."""
    while len(head := jobs.read(FRAME.size)) == FRAME.size:
        job_bytes, body_bytes = FRAME.unpack(head)
        job = json.loads(jobs.read(job_bytes))
        body = jobs.read(body_bytes)
        limit()
        try:
            answer = {"feed": parse_feed, "page": parse_page, "mail": parse_mail}[job["do"]](job, body)
        except Exception as error:  # noqa: BLE001 - parsers raise anything on malformed input; the caller says "unreadable"
            answer = {"error": type(error).__name__}
        data = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")  # half a character is no text
        answers.write(FRAME.pack(len(data), 0) + data)
        answers.flush()


if __name__ == "__main__":
    with suppress(ValueError, OSError):  # macOS knows no limit of address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # running out of CPU time would dump core otherwise
    with suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)
