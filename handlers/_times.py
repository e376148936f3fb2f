"""Times as a newsroom reads them: the hour, the day where it is another one, and how long ago."""

from datetime import datetime
from zoneinfo import ZoneInfo

from handlers._phrases import say

_MONTHS_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
_MONTHS_EN = "January February March April May June July August September October November December"


def clock_time(when: datetime, *, language: str, zone: ZoneInfo, now: datetime) -> str:
    """The newsroom's time of day (`8 h 05`, `08:05`), with the date when that is not today's."""
    local = when.astimezone(zone)
    if language == "fr":
        time = f"{local.hour}\u00a0h\u00a0{local.minute:02}"
        day = f"{'1er' if local.day == 1 else local.day}\u00a0{_MONTHS_FR.split()[local.month - 1]}"
    else:
        time = f"{local:%H:%M}"
        day = f"{local.day} {_MONTHS_EN.split()[local.month - 1]}"
    if local.date() == now.astimezone(zone).date():
        return time
    return f"{time} le {day}" if language == "fr" else f"{time} on {day}"


def full_date(when: datetime, *, language: str, zone: ZoneInfo) -> str:
    """The newsroom's date, with its year (`5 décembre 2023`)."""
    local = when.astimezone(zone)
    month = (_MONTHS_FR if language == "fr" else _MONTHS_EN).split()[local.month - 1]
    return f"{'1er' if language == 'fr' and local.day == 1 else local.day} {month} {local.year}"


def age(when: datetime, *, language: str, now: datetime) -> str:
    """How long ago (`il y a 3 min`); a time to come reads as just now."""
    minutes = int((now - when).total_seconds() // 60)
    if minutes < 1:
        return say(language, "age_now")
    if minutes < 120:  # noqa: PLR2004 - in hours from two hours on: "il y a 1 h" for 1 h 50 misleads
        return say(language, "age_minutes", n=minutes)
    hours = minutes // 60
    return say(language, "age_hours", n=hours) if hours < 48 else say(language, "age_days", n=hours // 24)  # noqa: PLR2004 - the same
