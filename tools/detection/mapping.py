"""The map: false alarms of a month of all operators, and how often a few people of one département are found."""

import copy
import random  # noqa: TID251 - a benchmark makes its own streams, from a seed
from bisect import bisect
from itertools import accumulate
from pathlib import Path

import bot
from bot.detect import Departments, Detector, LocalScan
from tools.detection.ours import CALENDAR, PRIOR, WARM
from tools.detection.streams import MONDAY, MONTH, REALISTIC, counts, rates, spread

OPERATORS = {"a": 0.04, "b": 0.1, "c": 0.2, "d": 0.4}
"""Mentions a minute of each operator of the newsroom that is simulated."""
PEOPLE, WITHIN = 5, 20
PLACED = 0.4
_TRIES = 10  # a month and operator
_PATIENCE = 40

_TABLE = Path(bot.__file__).parent / "classify" / "data" / "departments.csv"
DEPARTMENTS = Departments(_TABLE.read_text(encoding="utf-8"))
_CODES = tuple(DEPARTMENTS.population)
_CUMULATED = tuple(accumulate(DEPARTMENTS.population.values()))


def somewhere(rng: random.Random) -> str:
    """A département, by population."""
    return _CODES[min(bisect(_CUMULATED, rng.random()), len(_CODES) - 1)]


class Newsroom:
    """Operators and their map; a fifth of the people who name a place name two neighbours."""

    def __init__(self) -> None:
        self.detectors = {name: Detector(CALENDAR, prior_per_minute=PRIOR) for name in OPERATORS}
        self.map = LocalScan(DEPARTMENTS)

    def copy(self) -> "Newsroom":
        """One that goes its own way."""
        return copy.deepcopy(self, {id(DEPARTMENTS): DEPARTMENTS, id(CALENDAR): CALENDAR})

    def step(self, minute: int, said: dict[str, list[frozenset[str]]], budget: float) -> int:
        """Close a minute; how many clusters are raised."""
        raised = 0
        for name, detector in self.detectors.items():
            people = said.get(name, [])
            for places in people:
                self.map.hear(name, MONDAY + minute, places)
            detector.step(MONDAY + minute, len(people), 1.0, 0.1)
            self.map.pass_bucket(name, detector, 1.0)
            raised += self.map.scan(name, detector, budget) is not None
        self.map.pass_time(1.0)
        return raised


def month(seed: str, budget: float = 1.0) -> tuple[int, list[int]]:
    """False alarms of the map in a month after warming up; delays of small clusters, `_PATIENCE + 1` for none."""
    rng = random.Random(f"{seed} map")
    end = WARM + MONTH
    streams = {name: counts(rng, rates(rng, base, end + _PATIENCE, REALISTIC)) for name, base in OPERATORS.items()}
    said = [
        {name: [_places(rng) for _ in range(stream[i])] for name, stream in streams.items() if stream[i]}
        for i in range(end + _PATIENCE)
    ]
    begins = {minute: name for name in OPERATORS for minute in spread(rng, WARM, end, _TRIES)}
    room, alarms, delays = Newsroom(), 0, []
    for minute in range(end):
        name = begins.get(minute)
        if name is not None and not room.map.alarm(name) and not room.detectors[name].alarm:
            delays.append(_delay(room.copy(), name, minute, said, budget, rng))
        raised = room.step(minute, said[minute], budget)
        alarms += raised * (minute >= WARM)
    return alarms, delays


def _delay(
    room: Newsroom,
    name: str,
    minute: int,
    said: list[dict[str, list[frozenset[str]]]],
    budget: float,
    rng: random.Random,
) -> int:
    place = frozenset([somewhere(rng)])
    times = sorted(rng.randrange(WITHIN) for _ in range(PEOPLE))
    for i in range(_PATIENCE):
        heard = dict(said[minute + i])
        heard[name] = [*heard.get(name, []), *[place] * times.count(i)]
        if room.step(minute + i, heard, budget):
            return i + 1
    return _PATIENCE + 1


def _places(rng: random.Random) -> frozenset[str]:
    if rng.random() >= PLACED:
        return frozenset()
    place = somewhere(rng)
    two = rng.random() < 1 / 5
    return frozenset([place, rng.choice(DEPARTMENTS.around[place])] if two else [place])
