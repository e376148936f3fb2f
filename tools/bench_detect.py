"""Measures the detector beside Lorden's limit and beside other detectors, on seeded streams; prints what docs quote.

    python -m tools.bench_detect [--full] [--seed 1] [--write]
    VIGIE_DATA=DIR python -m tools.bench_detect      # with the real series of the Numenta Anomaly Benchmark in DIR/nab

Nothing was chosen on these streams: calibration and reporting have seeds of their own, and the detector's constants
were chosen on other streams (docs/adr/0003-detector.md). Outages, confounders and gaps branch off the running
detector, which then goes on as if nothing had happened.
"""

import argparse
import os
import random  # noqa: TID251 - a benchmark makes its own streams, from a seed
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bot.detect import Detector
from tools.detection import comparing, intervals, mapping, nab, ours, report
from tools.detection.calibration import calibrate
from tools.detection.streams import MONDAY, MONTH, poisson, season

_T = TypeVar("_T")
_Key = TypeVar("_Key")

_DOC = Path(__file__).parent.parent / "docs" / "detection.md"
_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"
_NEWSROOM = 10 * 6  # series: operators and services
_POLLED = {0.04: 2.0, 0.2: 5.0, 1.0: 10.0}


Runs = Mapping[_Key, list[Future[_T]]]
Delays = list[tuple[int, int]]


@dataclass(frozen=True)
class Plan:
    """How much is run: series-months a base, or weeks, or maps."""

    months: int
    compared: int
    calibrated: int
    weeks: int
    maps: int
    days: int


QUICK = Plan(months=12, compared=4, calibrated=4, weeks=20, maps=3, days=2)
FULL = Plan(months=48, compared=40, calibrated=24, weeks=120, maps=16, days=30)


class Bench:
    """All runs of one plan, spread over the processors."""

    def __init__(self, plan: Plan, seed: int, pool: ProcessPoolExecutor) -> None:
        self._plan, self._seed, self._pool = plan, seed, pool

    def _start(self, work: Callable[..., _T], *about: object, **more: object) -> "Future[_T]":
        return self._pool.submit(work, *about, **more)

    def run(self) -> Iterator[str]:
        """Everything, as lines of Markdown."""
        plan, seed = self._plan, self._seed
        own = [
            self._start(ours.month, f"{seed} {i}", base, "realistic") for base in ours.SIZES for i in range(plan.months)
        ]
        shared = [
            self._start(ours.month, f"{seed} {i}", base, "realistic", budget=ours.SHARE)
            for base in ours.SIZES
            for i in range(plan.compared)
        ]
        calm = {
            (base, what): [self._start(ours.month, f"{seed} {i}", base, what, branch=False) for i in range(plan.months)]
            for base in ours.SIZES
            for what in ("clean", "harsh")
        }
        stormy = {
            base: [self._start(ours.with_storms, f"{seed} {i}", base) for i in range(plan.months)]
            for base in ours.SIZES
        }
        weeks = {
            (base, prior): [self._start(ours.first_week, f"{seed} {i}", base, prior) for i in range(plan.weeks)]
            for base in ours.SIZES
            for prior in (0.25, 1.0, 4.0)
        }
        free = {
            (base, known): [self._start(ours.holiday, f"{seed} {i}", base, known=known) for i in range(plan.weeks // 4)]
            for base in ours.SIZES
            for known in (False, True)
        }
        late = {
            base: [self._start(ours.polled, f"{seed} {i}", base, size) for i in range(plan.compared)]
            for base, size in _POLLED.items()
        }
        maps = [self._start(mapping.month, f"{seed} {i}") for i in range(plan.maps)]
        calibrations = {
            (name, base): [
                self._start(comparing.scores, name, f"calibration {seed} {i}", base) for i in range(plan.calibrated)
            ]
            for name in comparing.DETECTORS
            for base in ours.SIZES
        }
        months: list[ours.Month] = [run.result() for run in own]
        yield from ("### Delay", "", *report.delays(months), "")
        yield from ("### False alarms a series-month, budget 1", "", *self._false_alarms(months, calm, stormy), "")
        yield from ("### What is no outage", "", *report.fooled(months), "")
        yield from ("### With a newsroom's share, a twentieth of the budget", "", *_shared(shared), "")
        yield from ("### After one quiet hour of a new series, with a newsroom's share", "", *_from_nothing(), "")
        yield from ("### First week, free days, late posts", "", *self._beginnings(weeks, free, late), "")
        yield from ("### The map", "", *self._map(maps), "")
        yield from ("### Beside others", "", *self._compared(calibrations, months), "")

    def _false_alarms(
        self, months: list[ours.Month], calm: Runs[tuple[float, str], ours.Month], stormy: Runs[float, int]
    ) -> Iterator[str]:
        plan = self._plan
        lines = {
            "clean": {b: sum(run.result().alarms for run in calm[b, "clean"]) for b in ours.SIZES},
            "realistic": {b: sum(month.alarms for month in months if month.base == b) for b in ours.SIZES},
            "with storms, duplicates known": {b: sum(run.result() for run in stormy[b]) for b in ours.SIZES},
            "noise of all five series": {b: sum(run.result().alarms for run in calm[b, "harsh"]) for b in ours.SIZES},
        }
        cells = {name: {b: report.rate(n, plan.months) for b, n in by.items()} for name, by in lines.items()}
        yield from report.by_base("noise", cells)

    def _beginnings(
        self,
        weeks: Runs[tuple[float, float], int],
        free: Runs[tuple[float, bool], int],
        late: Runs[float, tuple[int, Delays]],
    ) -> Iterator[str]:
        cells = {
            f"first week, prior rate × {prior:g}: false alarms": {
                b: report.rate(sum(run.result() for run in weeks[b, prior]), self._plan.weeks) for b in ours.SIZES
            }
            for prior in (0.25, 1.0, 4.0)
        }
        for known in (False, True):
            name = f"free day in the week, {'in' if known else 'not in'} the calendar: alarms"
            cells[name] = {
                b: report.share(sum(bool(run.result()) for run in free[b, known]), len(free[b, known]))
                for b in ours.SIZES
            }
        polled = {b: [run.result() for run in runs] for b, runs in late.items()}
        cells["read every 5 min: false alarms a month"] = {
            b: report.rate(sum(alarms for alarms, _ in found), len(found)) for b, found in polled.items()
        }
        cells["read every 5 min: median delay (limit)"] = {b: _median_delay(found) for b, found in polled.items()}
        yield from report.by_base("measure", cells)

    def _map(self, runs: "list[Future[tuple[int, list[int]]]]") -> Iterator[str]:
        found = [run.result() for run in runs]
        delays = [delay for _, more in found for delay in more]
        rates = ", ".join(f"{rate:g}" for rate in mapping.OPERATORS.values())
        hits = sum(delay <= mapping.WITHIN + 1 for delay in delays)
        rows = [
            ("false alarms a month, budget 1 for the whole map", report.rate(sum(n for n, _ in found), len(found))),
            (
                f"{mapping.PEOPLE} people of one département in {mapping.WITHIN} min, found",
                report.share(hits, len(delays)),
            ),
        ]
        yield from report.table((f"operators of {rates} a minute", ""), rows)

    def _compared(
        self, calibrations: "Runs[tuple[str, float], array[float]]", months: list[ours.Month]
    ) -> Iterator[str]:
        plan = self._plan
        thresholds = {
            key: calibrate([run.result() for run in runs], plan.calibrated) for key, runs in calibrations.items()
        }
        runs = {
            key: [
                self._start(comparing.against, key[0], f"{self._seed} {i}", key[1], threshold)
                for i in range(plan.compared)
            ]
            for key, threshold in thresholds.items()
        }
        rows = [("**ours, self-calibrated**", *_own_cells(months))]
        for name in comparing.DETECTORS:
            cells: list[str] = []
            for base, sizes in ours.SIZES.items():
                found = [run.result() for run in runs[name, base]]
                cells.append(f"{sum(month.alarms for month in found) / len(found):.2f}")
                cells += [_cell([d for month in found for d in month.delays[size]]) for size in sizes]
                pressed = [raised for month in found for raised in month.pressed]
                cells.append(f"{sum(pressed) / len(pressed):.0%}")
            rows.append((name, *cells))
        columns: list[str] = []
        for base, sizes in ours.SIZES.items():
            columns += [f"{base:g}: alarms a month", *(f"{base:g}, {size:g}" for size in sizes), f"{base:g}: press"]
        yield "Median delay in minutes · found within 10 minutes, by base and outage a minute."
        yield "Press: the ×4 press days with a ramp of 3 h that raise."
        yield ""
        yield from report.table(("detector", *columns), rows)


def _from_nothing() -> Iterator[str]:
    rows = []
    for rate in (2.0, 1.0, 0.6, 0.5):
        delays = [ours.from_nothing(rate, hour) for hour in range(24)]
        found = [delay for delay in delays if delay <= ours.PATIENCE]
        rows.append((f"{rate:g}", f"{min(found)} to {max(found)}", f"{len(found)} of 24"))
    yield from report.table(
        ("outage a minute", "delay, min", f"begun at an hour, found within {ours.PATIENCE} min"), rows
    )


def _shared(runs: "list[Future[ours.Month]]") -> Iterator[str]:
    months = [run.result() for run in runs]
    yield from report.delays(months, bars=False)
    yield ""
    yield from report.fooled(months)


def _own_cells(months: list[ours.Month]) -> Iterator[str]:
    for base, sizes in ours.SIZES.items():
        mine = [month for month in months if month.base == base]
        yield f"{sum(month.alarms for month in mine) / len(mine):.2f}"
        for size in sizes:
            yield _cell([delay for month in mine for delay, _ in month.delays[size]])
        raised, tried = map(sum, zip(*(month.fooled[comparing.PRESS] for month in mine), strict=True))
        yield f"{raised / tried:.0%}"


def _cell(delays: list[int]) -> str:
    middle = intervals.median(delays)[0]
    return f"{report.minutes(middle)} · {sum(delay <= report.SOON for delay in delays) / len(delays):.0%}"


def _median_delay(found: list[tuple[int, Delays]]) -> str:
    pairs = [pair for _, more in found for pair in more]
    delay, limit = (intervals.median([pair[i] for pair in pairs])[0] for i in (0, 1))
    return f"{report.minutes(delay)} ({limit:g})"


def cost(days: int) -> Iterator[str]:
    """Time and state of a bucket, and of a newsroom's month, on one processor."""
    rows = []
    for base in (*ours.SIZES, 5.0):
        rng = random.Random(f"cost {base}")
        made = [poisson(rng, base * season(i)) for i in range(20 * 1440)]
        detector = Detector(ours.CALENDAR, prior_per_minute=ours.PRIOR)
        begun = time.process_time()
        for i, count in enumerate(made):
            detector.step(MONDAY + i, count, 1.0, 1.0)
        taken = (time.process_time() - begun) / len(made) * 1e6
        rows.append((f"{base:g} a minute", f"{taken:.1f} µs a bucket", f"{len(detector.snapshot()):,} bytes saved"))
    room = [Detector(ours.CALENDAR, prior_per_minute=ours.PRIOR) for _ in range(_NEWSROOM)]
    rng = random.Random("newsroom")
    level = [0.2 if i % 6 == 0 else 0.04 for i in range(_NEWSROOM)]  # an operator, and what is said of each service
    stream = [[poisson(rng, rate * season(i)) for rate in level] for i in range(days * 1440)]
    begun = time.process_time()
    for i, line in enumerate(stream):
        for detector, count in zip(room, line, strict=True):
            detector.step(MONDAY + i, count, 1.0, 1 / 70)
    taken = (time.process_time() - begun) * MONTH / (days * 1440)
    rows.append((f"{_NEWSROOM} series for a month", f"{taken:.1f} s", "" if days == FULL.days else f"from {days} days"))
    yield from ("### Cost, one processor", "", *report.table(("", "time", ""), rows), "")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="as many months as the committed figures rest on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/detection.md")
    options = parser.parse_args()
    plan, began = FULL if options.full else QUICK, time.monotonic()
    lines = []
    for line in _all(plan, options.seed):
        print(line, flush=True)
        lines.append(line)
    print(f"{time.monotonic() - began:.0f} s, {plan}, seed {options.seed}", file=sys.stderr)
    if options.write:
        before, _, rest = _DOC.read_text(encoding="utf-8").partition(_BEGIN)
        after = rest.partition(_END)[2]
        _DOC.write_text("\n".join((before + _BEGIN, *lines, _END + after)), encoding="utf-8")


def _all(plan: Plan, seed: int) -> Iterator[str]:
    yield from cost(plan.days)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from Bench(plan, seed, pool).run()
    if folder := os.environ.get("VIGIE_DATA"):
        yield from nab.table(Path(folder))


if __name__ == "__main__":
    main()
