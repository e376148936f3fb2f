"""English for a newsroom that writes in it; names of places stay French."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.domain.operators import Operator, Service
from bot.domain.places import Level, Place
from bot.domain.signals import Interval
from bot.drafting.territory import TERRITORIES, beside

# All singular: a verb after one of them needs no other agreement.
_SERVICES = {
    Service.MAIL: "e-mail",
    Service.MOBILE: "the mobile network",
    Service.INTERNET: "fixed internet",
    Service.TV: "television",
    Service.LANDLINE: "landline service",
    Service.WEB: "the web site or app",
    Service.VOICEMAIL: "voicemail",
    Service.SMS: "text messaging",
    Service.EMERGENCY: "emergency calling",
    Service.CUSTOMER_LINE: "the customer line",
    Service.PAYMENT: "the payment system",
    Service.POWER: "the power network",
    Service.RAIL: "train traffic",
}

_MONTHS = "January February March April May June July August September October November December"


class English:
    """Wording for one text: times are told from `today`, which needs no date."""

    def __init__(self, zone: ZoneInfo, today: date) -> None:
        self._zone = zone
        self._today = today

    def time(self, when: datetime) -> str:
        """`08:05`, or `23:50 on 4 December` on another day."""
        local = when.astimezone(self._zone)
        clock = f"{local:%H:%M}"
        return clock if local.date() == self._today else f"{clock} on {local.day} {_MONTHS.split()[local.month - 1]}"

    def at_time(self, when: datetime) -> str:
        """`at 08:05`."""
        return f"at {self.time(when)}"

    def interval(self, interval: Interval) -> str:
        """`between 08:05 and 08:25`, `… on 4 December` when both ends are of one other day."""
        start, _, day = self.time(interval.start).partition(" on ")
        end = self.time(interval.end)
        return (
            f"between {start} and {end}"
            if end.endswith(f" on {day}")
            else f"between {self.time(interval.start)} and {end}"
        )

    def services(self, services: Sequence[Service]) -> str:
        """`e-mail and the mobile network`."""
        return self.series([_SERVICES[service] for service in services])

    def operator(self, operator: Operator) -> str:
        """The operator as a subject."""
        return operator.name

    def of(self, name: str) -> str:
        """`at Orange`: where the trouble is."""
        return f"at {name}"

    def place(self, place: Place, *, precise: bool = True) -> str:
        """`in Lille (Nord)`."""
        if place.level is Level.POSTCODE:
            return f"around {place.name}"
        if place.level is not Level.COMMUNE:
            territory = TERRITORIES.get(place.id.removeprefix("D"))
            name = territory.name if territory else place.name
            return f"in the {name} département" if place.level is Level.DEPARTEMENT else f"in {name}"
        return f"in {place.name}{beside(place) * precise}"

    def span(self, one: Place, other: Place, *, precise: bool) -> str:
        """`from Lille to Mont-de-Marsan`, with their départements where it should be precise."""
        return f"from {one.name}{beside(one) * precise} to {other.name}{beside(other) * precise}"

    def series(self, items: Sequence[str]) -> str:
        """`a, b and c`."""
        return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))

    def figure(self, value: float) -> str:
        """A number, with a decimal only where it says something."""
        return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")  # noqa: PLR2004 - 9.95 reads 10

    @staticmethod
    def finish(text: str) -> str:
        """Typographic apostrophes; nothing else to do."""
        return text.replace("'", "’")
