"""Which calendar a zone's season follows: on public holidays people write as on Sundays.

Apart from the wiring, since `vigie detect` needs nothing else of it.
"""

from zoneinfo import ZoneInfo

from bot.detect import Calendar

_FRENCH_ZONES = frozenset({"Europe/Paris", "Europe/Monaco"})


def calendar_of(zone: ZoneInfo) -> Calendar:
    """The calendar of a zone, with the public holidays of France where they are kept.

    Those of one region only (Alsace-Moselle, overseas) are left out: the operators' users are everywhere.
    """
    if zone.key not in _FRENCH_ZONES:
        return Calendar(zone)
    from holidays import country_holidays  # noqa: PLC0415 - other zones need not wait for it

    return Calendar(zone, country_holidays("FR"))
