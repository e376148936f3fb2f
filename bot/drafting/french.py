"""French as a journalist writes it: articles, contractions, prepositions, hours and no-break spaces."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bot.domain.operators import Operator, Service
from bot.domain.places import Level, Place
from bot.domain.signals import Interval
from bot.drafting.territory import TERRITORIES, beside

# All singular: a verb after one of them needs no other agreement.
_SERVICES = {
    Service.MAIL: "la messagerie",
    Service.MOBILE: "le réseau mobile",
    Service.INTERNET: "l'internet fixe",
    Service.TV: "la télévision",
    Service.LANDLINE: "le téléphone fixe",
    Service.WEB: "le site ou l'application",
    Service.VOICEMAIL: "la messagerie vocale",
    Service.SMS: "le service de SMS",
    Service.EMERGENCY: "l'accès aux numéros d'urgence",
    Service.CUSTOMER_LINE: "le service client",
    Service.PAYMENT: "le système de paiement",
    Service.POWER: "le réseau électrique",
    Service.RAIL: "la circulation des trains",
}

# Operators that go with an article; the others go without ("Orange annonce", "la SNCF annonce").
_ARTICLES = {"sncf": "la ", "credit_mutuel": "le "}

_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"

_VOWELS = "aàâäeéèêëiîïoôöuùûüyœæ"  # SFR stays "de SFR", as it calls itself, although one says "esse"
_FINISH = (
    (re.compile(r"'"), "’"),
    (re.compile(r" (?=:|»)"), "\u00a0"),
    (re.compile(r"(?<=«) "), "\u00a0"),
    (re.compile(r" (?=[;!?])"), "\u202f"),
    (re.compile(r"(?<=×) "), "\u202f"),
    (re.compile(r"(?<=\d) (?=(?:h|fois)\b)|(?<=\d h) (?=\d)"), "\u00a0"),
)


class French:
    """Wording for one text: times are told from `today`, which needs no date."""

    def __init__(self, zone: ZoneInfo, today: date) -> None:
        self._zone = zone
        self._today = today

    def time(self, when: datetime) -> str:
        """`8 h 05`, or `le 4 décembre à 23 h 50` on another day."""
        local = when.astimezone(self._zone)
        clock = f"{local.hour} h {local.minute:02}"
        if local.date() == self._today:
            return clock
        return f"le {'1er' if local.day == 1 else local.day} {_MONTHS.split()[local.month - 1]} à {clock}"

    def at_time(self, when: datetime) -> str:
        """`à 8 h 05`, or `le 4 décembre à 23 h 50`."""
        time = self.time(when)
        return time if time.startswith("le ") else f"à {time}"

    def interval(self, interval: Interval) -> str:
        """`entre 8 h 05 et 8 h 25`, `le 4 décembre entre …` when both ends are of one other day."""
        day, _, start = self.time(interval.start).rpartition(" à ")
        end_day, _, end = self.time(interval.end).rpartition(" à ")
        if day and day == end_day:
            return f"{day} entre {start} et {end}"
        return f"entre {self.time(interval.start)} et {self.time(interval.end)}"

    def services(self, services: Sequence[Service]) -> str:
        """`la messagerie et le réseau mobile`."""
        return self.series([_SERVICES[service] for service in services])

    def operator(self, operator: Operator) -> str:
        """The operator as a subject: `Orange`, `la SNCF`."""
        return _ARTICLES.get(operator.id, "") + operator.name

    def of(self, name: str) -> str:
        """`d'Orange`, `de SFR`, `de la SNCF`, `du Crédit Mutuel`, `des Sables-d'Olonne`."""
        for article, contracted in (("le ", "du "), ("Le ", "du "), ("les ", "des "), ("Les ", "des ")):
            if name.startswith(article):
                return contracted + name.removeprefix(article)
        return f"d'{name}" if name[:1].casefold() in _VOWELS else f"de {name}"

    def place(self, place: Place, *, precise: bool = True) -> str:
        """`à Lille (Nord)`, `au Mans (Sarthe)`, `en Saône-et-Loire`."""
        if place.level is Level.POSTCODE:
            return f"dans le secteur {place.name}"
        if place.level is not Level.COMMUNE:
            return self._territory(place)
        return _to(place.name) + beside(place) * precise

    def span(self, one: Place, other: Place, *, precise: bool) -> str:
        """`de Lille à Mont-de-Marsan`, with their départements where it should be precise."""
        return f"{self.of(one.name)}{beside(one) * precise} {_to(other.name)}{beside(other) * precise}"

    def series(self, items: Sequence[str]) -> str:
        """`a, b et c`."""
        return " et ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))

    def figure(self, value: float) -> str:
        """A number, with a decimal comma only where it says something."""
        return (f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")).replace(".", ",")  # noqa: PLR2004 - 9.95 reads 10

    @staticmethod
    def finish(text: str) -> str:
        """The typography: apostrophes, and the spaces that must not break."""
        for pattern, replacement in _FINISH:
            text = pattern.sub(replacement, text)
        return text

    def _territory(self, place: Place) -> str:
        territory = TERRITORIES.get(place.id.removeprefix("D"))
        return territory.located if territory else f"en {place.name}"


def _to(name: str) -> str:
    """A commune with its preposition: `à Lille`, `au Mans`, `aux Sables-d'Olonne`."""
    for article, contracted in (("Le ", "au "), ("Les ", "aux ")):
        if name.startswith(article):
            return contracted + name.removeprefix(article)
    return f"à {name}"
