"""When the trouble began: "trois semaines sans internet" is true, and must not feed a surge."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.classify.patterns import Hit
from bot.domain.signals import Onset

_FRESH_HOURS = 80.0  # "about three days" (the contract), and the morning after
_TODAY_HOURS = 24.0
_NOW_HOURS = 2.0
_THAT_DAY_HOURS = 6.0  # a date says no hour: some time of that day
_MOST_DAYS = 31  # of a month
_UNSAID_DATE_HOURS = 24.0 * 14  # a date without the post's own time: people give dates when it has been long

_GROUPS = ("onset", "duration", "date", "weekday")
_UNIT_HOURS = {
    "minute": 1 / 60, "min": 1 / 60, "mn": 1 / 60, "heure": 1.0, "h": 1.0, "jour": 24.0, "j": 24.0, "jr": 24.0,
    "semaine": 168.0, "sem": 168.0, "quinzaine": 24.0, "mois": 720.0, "moi": 720.0, "an": 8760.0, "annee": 8760.0,
}  # fmt: skip
_NUMBER_WORDS = {
    "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9,
    "dix": 10, "onze": 11, "douze": 12, "quinze": 15, "quinzaine": 15, "vingt": 20, "trente": 30, "quarante": 40,
    "vingtaine": 20, "dizaine": 10, "quelques": 3, "quelque": 3, "qq": 3, "qques": 3, "plusieurs": 5, "des": 5,
    "demi": 0.5, "longtemps": 9,
}  # fmt: skip
_MONTHS = ["janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre"]
_MONTHS += ["novembre", "decembre"]
_DAYS = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]


def duration_hours(said: Iterable[str]) -> float | None:
    """The longest time span among words ("depuis deux jours" → 48); None where there is none."""
    longest = None
    number: float | None = None
    for word in said:
        hours = None
        if word.isdigit():
            number = float(word[:6])
            continue
        if word in _UNIT_HOURS or word.rstrip("s") in _UNIT_HOURS:
            unit = _UNIT_HOURS[word if word in _UNIT_HOURS else word.rstrip("s")]
            hours = unit * (1.0 if number is None else number)
        elif word[0].isdigit():
            digits = word[: next(n for n, c in enumerate(word) if not c.isdigit())]
            rest = word[len(digits) :]
            hours = float(digits[:6]) * (24.0 if rest.startswith("j") else 1.0)
        if hours is not None:
            longest = max(hours, longest or 0.0)
        number = _NUMBER_WORDS.get(word, number)
    return longest


def date_hours(said: list[str], at: datetime | None) -> float | None:
    """Hours from a date ("le 16 août", "le 02/07") to the post; None where it is no date ("depuis le 93")."""
    numbers = [int(w.removesuffix("er")[:4]) for w in said if w.removesuffix("er").isdigit()]
    month = next((_MONTHS.index(w) + 1 for w in said if w in _MONTHS), None)
    if numbers and numbers[0] > _MOST_DAYS:
        return None
    if at is None or not numbers:
        return _UNSAID_DATE_HOURS
    if month is None and len(numbers) > 1:
        month = numbers[1]
    day = at
    for _ in range(370):
        if day.day == numbers[0] and month in {None, day.month}:
            return _THAT_DAY_HOURS + (at - day).total_seconds() / 3600
        day -= timedelta(days=1)
    return _UNSAID_DATE_HOURS


def weekday_hours(said: list[str], at: datetime | None) -> float:
    """Hours from the last weekday named to the post; two days where the post's time is not known."""
    wanted = next((_DAYS.index(w) for w in reversed(said) if w in _DAYS), None)
    if at is None or wanted is None:
        return 48.0
    return 24.0 * (((at.weekday() - wanted) % 7) or 7)


def onset_of(hours: float) -> Onset:
    """The onset for so many hours."""
    if hours <= _NOW_HOURS:
        return Onset.NOW
    if hours <= _TODAY_HOURS:
        return Onset.TODAY
    return Onset.DAYS if hours <= _FRESH_HOURS else Onset.PAST


def onset(hits: Mapping[str, list[Hit]], folded: list[str], at: datetime | None) -> tuple[Onset, Hit | None]:
    """When it began, and what said so; a complaint without words of time is about now.

    The surest rule decides, of several durations the longest, otherwise what is said last.
    """
    best: tuple[float, float, Onset, Hit] | None = None
    elsewhere = hits.get("not onset", [])
    for group in _GROUPS:
        for hit in hits.get(group, ()):
            if any(e.overlaps(hit) for e in elsewhere):
                continue
            said = folded[hit.start : hit.end]
            found = _begin(hit, said, at)
            place = duration_hours(said) or 0.0 if group == "duration" else hit.start
            if found and (best is None or (hit.rule.weight, place) > best[:2]):
                best = (hit.rule.weight, place, found, hit)
    return (best[2], best[3]) if best else (Onset.NOW, None)


def _begin(hit: Hit, said: list[str], at: datetime | None) -> Onset | None:
    match hit.rule.group:
        case "duration":
            hours = duration_hours(said)
            return None if hours is None else onset_of(hours)
        case "date":
            hours = date_hours(said, at)
            return None if hours is None else onset_of(hours)
        case "weekday":
            return onset_of(weekday_hours(said, at))
        case _:
            return Onset(hit.rule.name)
