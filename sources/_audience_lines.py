"""Reads a line of an access log: common, combined, or JSON as nginx, Apache, Caddy and Traefik write it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from sources._time import parse_time

MAX_LINE_BYTES = 64 * 1024

_LINE = re.compile(
    r'(?P<who>[^\[]+) \[(?P<time>[^\]]{20,40})\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?:\d+|-)'
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"(?: "(?P<forwarded>[0-9A-Fa-f.:, ]+)")?)?'
)
_CLF_TIME = re.compile(r"\[?(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):\d\d(?:[.,]\d+)? ([+-]\d\d)(\d\d)\]?$")
# What syslog sets before a line that it passes on.
_SYSLOG = re.compile(
    r"\A(?:<\d{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ [^\s:\[]+(?:\[\d+\])?: ?"
)
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.%]*")
_WITH_PORT = re.compile(r"\[([^\]]+)\]:\d{1,5}|([^:]+):\d{1,5}")
_BYTE = re.compile(r"(?<!\\)\\x([0-9A-Fa-f]{2})")  # as nginx escapes without `escape=json`: no JSON
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE_SECONDS = 60
_EARLIEST = 18_400_000  # minutes since 1970, in 2004: an older line has a clock that was never set
# Seconds, milli-, micro- and nanoseconds since 1970 differ in their number of digits for the next centuries.
_EPOCH_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))

# Our name → where the servers' usual JSON formats have it; a dot goes into an object.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "time": ("time_iso8601", "time_local", "@timestamp", "timestamp", "time", "msec", "ts", "StartUTC", "datetime"),
    "uri": ("request_uri", "uri", "request.uri", "url", "path", "RequestPath", "url.original", "url.path"),
    "request": ("request", "request_line"),
    "method": ("request_method", "method", "request.method", "RequestMethod", "http.request.method"),
    "status": (
        "status",
        "status_code",
        "response_status",
        "DownstreamStatus",
        "response.status",
        "http.response.status_code",
    ),
    "referrer": (
        "http_referer",
        "referer",
        "http_referrer",
        "referrer",
        "request.headers.Referer",
        "request_Referer",
        "http.request.referrer",
    ),
    "agent": (
        "http_user_agent",
        "user_agent",
        "userAgent",
        "agent",
        "request.headers.User-Agent",
        "request_User-Agent",
        "user_agent.original",
    ),
    "address": (
        "remote_addr",
        "client_ip",
        "remote_ip",
        "clientip",
        "request.client_ip",
        "request.remote_ip",
        "request.remote_addr",
        "ClientHost",
        "remoteIP",
        "client",
        "source.address",
        "source.ip",
        "client.ip",
    ),
    "forwarded": (
        "http_x_forwarded_for",
        "x_forwarded_for",
        "request.headers.X-Forwarded-For",
        "request_X-Forwarded-For",
    ),
    "host": ("http_host", "host", "server_name", "vhost", "request.host", "RequestHost"),
}
_QUERY = ("args", "query_string", "query", "url.query")  # where it is not in the address


class Line(NamedTuple):
    """A request as the log has it; empty where the log does not say. Addresses never leave the source's memory.

    Attributes:
        minute: When, in minutes since 1970.
        target: Path and query.
        agent: None where the format has none.
        address: Whose it was, as far as the log tells; only ever hashed.
        forwarded: The same as a proxy told it.
        host: The site that was asked, without port.
    """

    minute: int
    method: str
    target: str
    status: int
    referrer: str
    agent: str | None
    address: str
    forwarded: str
    host: str


def parse_line(text: str, fields: Mapping[str, str] | None = None) -> Line | None:
    """Read a line.

    Args:
        text: Without its end.
        fields: Our name → theirs, for JSON with names of its own.

    Returns:
        The request, or None where the line cannot be understood.
    """
    text = _SYSLOG.sub("", text, count=1)
    if text.startswith("{"):
        return _json(text, fields or {})
    found = _LINE.match(text)
    if found is None:
        return None
    minute = _minute(found["time"])
    if minute is None or minute < _EARLIEST:
        return None
    who = [each.strip('",') for each in found["who"].split()]
    host = ""
    if len(who) > 3 and _ADDRESS.fullmatch(who[1]) and not _ADDRESS.fullmatch(who[0]):  # noqa: PLR2004 - host, address, "-", user
        host = who.pop(0)
    method, target = _request(found["request"])
    agent = found["agent"]
    return Line(
        minute,
        method,
        target,
        int(found["status"]),
        _said(found["referrer"]),
        None if agent is None else _said(agent),
        who[0] if who else "",
        _said(found["forwarded"]),
        host.partition(":")[0].casefold(),
    )


def _json(text: str, fields: Mapping[str, str]) -> Line | None:
    try:
        said = msgspec.json.decode(_BYTE.sub(r"\\u00\1", text))
        known = {ours: _find(said, (fields[ours],) if ours in fields else theirs) for ours, theirs in FIELDS.items()}
        minute = _minute(known["time"])
        status = int(known["status"])
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError):
        return None
    method, target = known["method"], known["uri"]
    if not target:
        from_line, target = _request(known["request"])
        method = from_line or method
    if "?" not in target and (query := _find(said, _QUERY).lstrip("?")) and query != "-":
        target = f"{target}?{query}"
    if minute is None or minute < _EARLIEST or not target:
        return None
    return Line(
        minute,
        method or "GET",
        target,
        status,
        _said(known["referrer"]),
        _said(known["agent"]),
        _bare(known["address"]),
        _said(known["forwarded"]),
        known["host"].partition(":")[0].casefold(),
    )


def _find(said: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of these fields that is there and is no object, as text; of a list its first."""
    for name in names:
        value: Any = said.get(name)
        if value is None and "." in name:
            value = said
            for step in name.split("."):
                value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str | int | float):
            return str(value)
    return ""


def _request(text: str) -> tuple[str, str]:
    """Method and target of a request line, or of an address alone; what scanners send instead has none."""
    parts = text.split(" ")
    return (parts[0], parts[1]) if len(parts) > 1 else ("", text if text.startswith("/") else "")


def _said(value: str | None) -> str:
    return "" if value in {None, "-", "(null)"} else str(value).strip()


def _bare(address: str) -> str:
    """An address without its port, which is another for each connection."""
    found = _WITH_PORT.fullmatch(address)
    return found[found.lastindex or 0] if found else address


@lru_cache(64)
def _clf_minute(text: str) -> int | None:
    """The minute of `05/Dec/2023:08:10:59 +0100`."""
    found = _CLF_TIME.match(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, _, year, hour, minute, zone_hours, zone_minutes = found.groups()
    try:
        there = datetime(int(year), _MONTHS.index(found[2]) + 1, int(day), int(hour), int(minute), tzinfo=UTC)
    except ValueError:
        return None
    offset = int(zone_hours) * 60 + int(zone_hours[0] + zone_minutes)
    return int(there.timestamp()) // _MINUTE_SECONDS - offset


@lru_cache(64)
def _minute(text: str) -> int | None:
    """The minute of a time as JSON logs write it: seconds (or finer) since 1970, RFC 3339, or as in a plain log."""
    try:
        number = float(text)
    except ValueError:
        if (clf := _clf_minute(text)) is not None:
            return clf
        when = parse_time(text)
        return None if when is None else int(when.timestamp()) // _MINUTE_SECONDS
    for below, unit in _EPOCH_UNITS:
        if 0 < number < below:
            return int(number / unit) // _MINUTE_SECONDS
    return None
