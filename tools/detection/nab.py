"""The five mention series of the Numenta Anomaly Benchmark, scored by its rule (Lavin and Ahmad 2015).

A row in a labelled window and at or above the threshold finds that window; the earliest such row counts, by a sigmoid
that falls from 1 at the window's first row to 0 at its end. A row outside every window and at or above the threshold
costs up to the profile's weight, by the same sigmoid of its distance past the window before it. A window that is not
found costs the profile's `fn`. The first 15 % of the rows, at most 750, are not scored.

Rule and sigmoid: arXiv:1510.03336.
"""

import csv
import json
import math
import random  # noqa: TID251 - reports are drawn from a seed
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from bot.detect.csvio import detect_csv
from tools.detection.ours import CALENDAR
from tools.detection.report import table as markdown

NAMES = ("AAPL", "CRM", "GOOG", "KO", "UPS")
_PROBATION, _MOST_PROBATION = 0.15, 750
_FAR = 3.0
_SEEDS = range(1, 5)

# The scores that these published, row by row (github.com/numenta/NAB at ea702d7, results/), on these five series; this
# module's score of each file is NAB's own to eleven digits.
_PUBLISHED = (
    ("ARTime", (84.5, 76.8, 89.7), (80.6, 70.3, 85.2)),
    ("contextOSE", (70.3, 69.4, 72.8), (65.1, 64.2, 67.0)),
    ("Numenta HTM", (70.1, 67.1, 72.6), (66.0, 63.7, 68.1)),
    ("KNN-CAD", (66.6, 43.0, 76.9), (56.2, 37.8, 66.1)),
    ("Skyline", (63.0, 41.2, 71.6), (63.0, 41.2, 71.6)),
    ("Twitter AnomalyDetection", (53.3, 32.3, 61.4), (53.3, 32.3, 61.4)),
)


class Profile(NamedTuple):
    """What a detector gains by a window found, and loses by a false positive row and by a window not found."""

    tp: float
    fp: float
    fn: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "low-FP": Profile(1.0, 0.22, 1.0),
    "low-FN": Profile(1.0, 0.11, 2.0),
}


class Series(NamedTuple):
    """One labelled series.

    Attributes:
        gains: What a detection at each row is worth before the profile's weights: (0, 1] in a window, [-1, 0) outside.
        inside: Number of the row's window, or -1.
        first: First row that is scored.
        windows: How many there are.
        scores: A detector's scores of the rows.
    """

    gains: Sequence[float]
    inside: Sequence[int]
    first: int
    windows: int
    scores: Sequence[float]


def sigmoid(position: float) -> float:
    """NAB's: +0.987 at -1 (first row of a window), 0 at 0 (just past it), -0.987 at 1; -1 from 3 on."""
    return -1.0 if position > _FAR else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def label(times: Sequence[datetime], limits: Sequence[tuple[datetime, datetime]], scores: Sequence[float]) -> Series:
    """Work out what a detection at each row is worth.

    Args:
        times: Of the rows.
        limits: First and last row's time of each window, in order.
        scores: Of the rows.
    """
    inside = [-1] * len(times)
    for number, (begin, end) in enumerate(limits):
        for i in range(times.index(begin), times.index(end) + 1):
            inside[i] = number
    gains: list[float] = []
    last = length = 0
    for i, number in enumerate(inside):
        if number < 0:
            gains.append(sigmoid((i - last) / (length - 1)) if length else -1.0)
            continue
        if i == 0 or inside[i - 1] != number:
            length = inside.count(number)
            last = i + length - 1
        gains.append(sigmoid(-(last - i + 1) / length) / sigmoid(-1.0))
    first = min(int(_PROBATION * len(times)), _MOST_PROBATION)
    return Series(gains, inside, first, len(limits), scores)


def raw(threshold: float, group: Sequence[Series], profile: Profile) -> float:
    """Score of a group of series at one threshold, not yet put to scale."""
    total = 0.0
    for series in group:
        best = [-profile.fn] * series.windows
        for i in range(series.first, len(series.scores)):
            if series.scores[i] >= threshold:
                if (number := series.inside[i]) >= 0:
                    best[number] = max(best[number], profile.tp * series.gains[i])
                else:
                    total += profile.fp * series.gains[i]
        total += sum(best)
    return total


def best_threshold(group: Sequence[Series], profile: Profile) -> float:
    """Of all scores above 0, the threshold that is best on a group; infinite where it is best to say nothing."""
    tried = sorted({score for series in group for score in series.scores[series.first :] if score > 0}, reverse=True)
    return max((math.inf, *tried), key=lambda threshold: raw(threshold, group, profile))


def normal(total: float, windows: int, profile: Profile) -> float:
    """Per cent of the way from a detector that never speaks to a perfect one."""
    return 100.0 * (total / windows + profile.fn) / (profile.tp + profile.fn)


def on_all(group: Sequence[Series], profile: Profile) -> float:
    """Score at the one threshold that is best on these very series, as NAB publishes."""
    total = raw(best_threshold(group, profile), group, profile)
    return normal(total, sum(series.windows for series in group), profile)


def on_others(group: Sequence[Series], profile: Profile) -> float:
    """Score of all series, each at the threshold that is best on the others."""
    total = sum(
        raw(best_threshold([other for other in group if other is not series], profile), [series], profile)
        for series in group
    )
    return normal(total, sum(series.windows for series in group), profile)


def read(folder: Path, name: str, *, seed: int | None = None) -> Series:
    """One of the series with our severity; with a seed, of half its reports, drawn at random.

    Raises:
        OSError: The folder does not hold it.
    """
    file = f"Twitter_volume_{name}.csv"
    with (folder / file).open(newline="", encoding="utf-8") as lines:
        rows = [(row["timestamp"], int(row["value"])) for row in csv.DictReader(lines)]
    times = [datetime.fromisoformat(at) for at, _ in rows]
    if seed is not None:
        chance = random.Random(f"{name} {seed}")
        rows = [(at, sum(chance.getrandbits(1) for _ in range(count))) for at, count in rows]
    limits = json.loads((folder / "windows.json").read_text(encoding="utf-8"))[file]
    windows = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in limits]
    counts = ("timestamp,value", *(f"{at},{count}" for at, count in rows))
    found = csv.DictReader(detect_csv(counts, name=file, budget=1.0, calendar=CALENDAR))
    return label(times, windows, [float(row["severity"]) for row in found])


def _figures(groups: Sequence[Sequence[Series]]) -> Iterator[tuple[float, ...]]:
    """Mean scores of all profiles, by the threshold of the same series and by that of the others."""
    for score in (on_all, on_others):
        yield tuple(fmean(score(group, profile) for group in groups) for profile in PROFILES.values())


def table(folder: Path) -> Iterator[str]:
    """Our severity beside what was published, as lines of Markdown; `folder` or `folder/nab` holds the series."""
    folder = folder / "nab" if (folder / "nab").is_dir() else folder
    whole, *halves = ([read(folder, name, seed=seed) for name in NAMES] for seed in (None, *_SEEDS))
    lines = (
        ("**severity**", *_figures([whole])),
        (f"severity, of half the reports, mean of {len(halves)} draws", *_figures(halves)),
        *_PUBLISHED,
    )
    rows = [(name, *(" / ".join(f"{figure:.1f}" for figure in figures) for figures in pair)) for name, *pair in lines]
    columns = ("standard / low-FP / low-FN", "threshold best on the same five", "threshold best on the other four")
    yield from ("### The five series of the Numenta Anomaly Benchmark", "", *markdown(columns, rows), "")
