"""Reads the times that strangers write, because a wrong one would put an outage in the wrong hour or year."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# The zone names of our readers' operators, which `email.utils` takes for UTC.
_ZONES = {"CET": "+0100", "CEST": "+0200", "MET": "+0100", "MEST": "+0200", "WET": "+0000", "WEST": "+0100"}
_ZONE = re.compile(r"\b(" + "|".join(_ZONES) + r")\b$")
_FRENCH = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4})(?:\D+(\d{1,2})\s*[h:]\s*(\d{2})?)?")
# No status channel is older: a date before it is a default (1970, 1900, 0001), not a time.
_EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)


def parse_time(text: str | None) -> datetime | None:
    """An instant in aware UTC from RFC 3339, RFC 822 (named zones too) or `dd/mm/yyyy hh:mm`; None if it is none.

    A time without zone is UTC.
    """
    text = (text or "").strip()
    for read in (datetime.fromisoformat, _rfc822, _french):
        try:
            when = read(text)
            return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            continue
    return None


def believable(when: datetime | None, seen_at: datetime) -> bool:
    """Whether a time can be when something was published: not before such channels existed, not in the future."""
    return when is not None and _EARLIEST <= when <= seen_at


def _rfc822(text: str) -> datetime:
    return parsedate_to_datetime(_ZONE.sub(lambda zone: _ZONES[zone.group()], text))


def _french(text: str) -> datetime:
    found = _FRENCH.match(text)
    if found is None:
        raise ValueError(text)
    day, month, year, hour, minute = (int(part or 0) for part in found.groups())
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
