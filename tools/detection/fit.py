"""Fits the noise of the benchmark's streams on real series of mentions, so that "realistic" means something.

    python -m tools.detection.fit DIR > tools/detection/fitted.toml

DIR holds the five series of company mentions on Twitter of the Numenta Anomaly Benchmark (5-minute counts of two
months, `Twitter_volume_*.csv`) and `windows.json`. Labelled windows are left out. Bursts (counts far above the median
of the two hours around them) are cut to the 95th percentile of such excesses: they are cascades of reposts, which the
benchmark makes and removes on its own. The rate is then taken as season times the exponential of a sum of independent
Ornstein-Uhlenbeck swings of fixed lengths. Their variances follow from the factorial moments of the counts, which
Poisson noise leaves alone: E[n(t) n(t+h)] / (E n(t) E n(t+h)) = exp(sum of variance x exp(-h / length)). Least squares
without negative variances; then the median over the series that are no busier than a newsroom's.
"""

import csv
import json
import math
import statistics
import sys
from collections.abc import Sequence
from datetime import datetime
from itertools import product
from pathlib import Path

STEP = 5  # minutes
SWINGS = (8, 90, 2880)  # minutes: a cascade, an hour's talk, a day's mood
LAGS = (1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 100, 144, 200)  # steps
AROUND = 12  # steps on either side
BURST_SHARE = 0.95
BUSIEST = 5.0  # mentions a minute
NIGHT_SHIFT = 2  # hours: the series are quietest at 6 UTC, France at 4
SATURDAY = 5


class Series:
    """One series without what is labelled, its bursts cut."""

    def __init__(self, folder: Path, name: str, windows: Sequence[Sequence[str]]) -> None:
        with (folder / name).open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
        counts = [float(row["value"]) for row in rows]
        labelled = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in windows]
        self.kept = [not any(begin <= at <= end for begin, end in labelled) for at in times]
        usual = [statistics.median(counts[max(i - AROUND, 0) : i + AROUND + 1]) for i in range(len(counts))]
        excess = [(n - m) / math.sqrt(m + 1) for n, m in zip(counts, usual, strict=True)]
        ordered = sorted(x for x, kept in zip(excess, self.kept, strict=True) if kept)
        cut = ordered[int(BURST_SHARE * len(ordered))]
        self.counts = [min(n, m + cut * math.sqrt(m + 1)) for n, m in zip(counts, usual, strict=True)]
        self.cells = [(at.weekday() >= SATURDAY, at.hour) for at in times]
        self.means = {cell: self._mean(cell) for cell in product((False, True), range(24))}
        self.per_minute = self._mean(None) / STEP

    def _mean(self, cell: tuple[bool, int] | None) -> float:
        kept = zip(self.counts, self.cells, self.kept, strict=True)
        return statistics.fmean(n for n, at, ok in kept if ok and cell in {None, at})

    def covariance(self, lag: int) -> float:
        """Of the logarithm of the rate, `lag` steps apart."""
        both = usual = 0.0
        for i in range(len(self.counts) - lag):
            if self.kept[i] and self.kept[i + lag]:
                both += self.counts[i] * self.counts[i + lag]
                usual += self.means[self.cells[i]] * self.means[self.cells[i + lag]]
        return math.log(both / usual)

    def swings(self) -> list[float]:
        """Standard deviation of each swing: least squares, by coordinates, never below zero."""
        wanted = [self.covariance(lag) for lag in LAGS]
        shapes = [[math.exp(-lag * STEP / length) for lag in LAGS] for length in SWINGS]
        variances = [0.0] * len(SWINGS)
        for _ in range(2000):
            for i, shape in enumerate(shapes):
                left = [
                    y - sum(v * s[k] for j, (v, s) in enumerate(zip(variances, shapes, strict=True)) if j != i)
                    for k, y in enumerate(wanted)
                ]
                fit = sum(x * y for x, y in zip(shape, left, strict=True)) / sum(x * x for x in shape)
                variances[i] = max(fit, 0.0)
        return [math.sqrt(variance) for variance in variances]

    def day(self) -> list[float]:
        """Mean of each hour of a working day, in French hours, mean 1."""
        hours = [self.means[False, (hour + NIGHT_SHIFT) % 24] for hour in range(24)]
        return [hour * 24 / sum(hours) for hour in hours]

    def weekend(self) -> float:
        """Saturday and Sunday against the other days."""
        return sum(self.means[True, h] for h in range(24)) / sum(self.means[False, h] for h in range(24))


def main() -> None:
    """Fit and print."""
    folder = Path(sys.argv[1])
    windows = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    every = {name.split("_")[-1].removesuffix(".csv"): Series(folder, name, windows[name]) for name in sorted(windows)}
    used = {name: series for name, series in every.items() if series.per_minute <= BUSIEST}
    print("# Made by tools/detection/fit.py from series of the Numenta Anomaly Benchmark; see there for the method.")
    for name, series in every.items():
        sigmas = ", ".join(f"{sigma:.2f}" for sigma in series.swings())
        print(f"# {name}: {series.per_minute:.2f} a minute, swings {sigmas}{'' if name in used else ' (too busy)'}")
    print(f"swings_minutes = {list(SWINGS)}")
    for key, chosen in (("swings", used), ("swings_of_all_five", every)):
        columns = zip(*(series.swings() for series in chosen.values()), strict=True)
        print(f"{key} = {[round(statistics.median(column), 3) for column in columns]}")
    hours = zip(*(series.day() for series in used.values()), strict=True)
    day = [statistics.median(hour) for hour in hours]
    print(f"day = {[round(hour * 24 / sum(day), 2) for hour in day]}")
    print(f"weekend = {statistics.median(series.weekend() for series in used.values()):.2f}")


if __name__ == "__main__":
    main()
