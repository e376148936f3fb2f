"""Reads the times that strangers write, because a wrong one would put an outage in the wrong hour or year."""

import re
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime

from sources._labels import twelve
from sources._words import fold

# The zone names of our readers' operators, which `email.utils` takes for UTC.
_ZONES = {
    "CET": "+0100", "CEST": "+0200", "MET": "+0100", "MEST": "+0200", "WET": "+0000", "WEST": "+0100", "BST": "+0100"
}  # fmt: skip
_HALF_DAY = re.compile(r"\b(\d{1,2})(:\d{2}(?::\d{2})?) ?([ap])\.?m\b\.?", re.IGNORECASE)
_SHIFTED = re.compile(r"\b(?:GMT|UTC) ?([+-])(\d{1,2}):?(\d{2})?$")  # « GMT+1 », of which `email.utils` takes the GMT
_ZONE = re.compile(r"\b(" + "|".join(_ZONES) + r")\b$")
_AT = r"(\d{1,2})\s*(?:h(?:eures?)?|:)\s*(\d{2})?(?::\d{2})?\s*([+-]\d{2}:?\d{2}|(?:z|utc|gmt|cest|cet)\b)?"
_FRENCH = re.compile(
    rf"(?:le\s+)?(\d{{1,2}})[/.-](\d{{1,2}})[/.-](\d{{4}}|(?<=[/.])\d\d(?!\d))(?:\D+?{_AT})?", re.IGNORECASE
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv jan", "fevrier fevr fev", "mars mar", "avril avr", "mai", "juin", "juillet juil", "aout",
            "septembre sept sep", "octobre oct", "novembre nov", "decembre dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_FRENCH_WORDS = re.compile(
    rf"(?:[a-z]{{3,8}}[.,]*\s+)?(?:le\s+)?(\d{{1,2}})(?:er)?\s+([a-z]{{3,9}})\.?\s+(\d{{4}})(?:\W+(?:a\s+)?{_AT})?$"
)
_NAMED = {"z": "+00:00", "utc": "+00:00", "gmt": "+00:00", "cet": "+01:00", "cest": "+02:00"}
_MAX_CHARS = 80  # beyond that it is prose, on which the patterns would take minutes
# Seconds since 1970 that no status channel is older or younger than; a thousand times as much are milliseconds.
_EPOCH_SECONDS = (1e9, 1e10)
# No status channel is older: a date before it is a default (1970, 1900, 0001), not a time.
_EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)


def parse_time(text: str | None, zone: tzinfo = UTC) -> datetime | None:
    """An instant in aware UTC from a time in text; None if it is none.

    RFC 3339, RFC 822 (named zones too), `dd/mm/yyyy hh:mm`, « 2 mars 2026 à 8 h 10 », `Mar 2, 2026 8:10 AM GMT+1`,
    seconds or milliseconds since 1970.

    Args:
        text: As the operator wrote it.
        zone: What a time without a zone is in.
    """
    text = (text or "").strip()[:_MAX_CHARS].strip()
    text = _HALF_DAY.sub(lambda at: f"{twelve(int(at[1]), at[3].lower()):02}{at[2]}", text)
    text = _SHIFTED.sub(lambda zone: f"{zone[1]}{int(zone[2]):02}{zone[3] or '00'}", text)
    for read in (_iso, _epoch, _rfc822, _french, _french_words):
        try:
            when = read(text)
            return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def believable(when: datetime | None, seen_at: datetime) -> bool:
    """Whether a time can be when something was published: not before such channels existed, not in the future."""
    return when is not None and _EARLIEST <= when <= seen_at


def _iso(text: str) -> datetime:
    text = re.sub(r"\s*(?:UTC|GMT)$", "+00:00", _ZONE.sub(lambda zone: _ZONES[zone.group()], text))
    day, clock = text[:10].replace("/", "-"), re.sub(r"\s+(?=[+-]\d{4}$|[+-]\d\d:\d\d$)", "", text[10:])
    return datetime.fromisoformat(day + re.sub(r"(?<=\d)\s?h\s?(?=\d\d)", ":", clock))


def _epoch(text: str) -> datetime:
    seconds = float(text)
    least, most = _EPOCH_SECONDS
    if seconds >= most:
        seconds /= 1000
    if not least <= seconds < most:
        raise ValueError(text)
    return datetime.fromtimestamp(seconds, UTC)


def _rfc822(text: str) -> datetime:
    return parsedate_to_datetime(_ZONE.sub(lambda zone: _ZONES[zone.group()], text))


def _french(text: str) -> datetime:
    found = _FRENCH.match(text)
    if found is None:
        raise ValueError(text)
    day, month, year, *clock = found.groups()
    return _assembled(year if len(year) > 2 else f"20{year}", int(month), day, *clock)  # noqa: PLR2004 - `26` is 2026


def _french_words(text: str) -> datetime:
    found = _FRENCH_WORDS.match(fold(text).strip())
    if found is None or found.group(2) not in _MONTHS:
        raise ValueError(text)
    day, month, year, *clock = found.groups()
    return _assembled(year, _MONTHS[month], day, *clock)


def _assembled(year: str, month: int, day: str, hour: str | None, minute: str | None, zone: str | None) -> datetime:
    date = f"{year}-{month:02}-{int(day):02}T{int(hour or 0):02}:{int(minute or 0):02}"
    return datetime.fromisoformat(date + _NAMED.get((zone or "").lower(), zone or ""))
