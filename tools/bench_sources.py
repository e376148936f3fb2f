"""Measures what hearing costs: unchanged feeds, hostile ones, a stream of posts, thousands of feeds.

    python tools/bench_sources.py [--quick] [--only unchanged,hostile,stream,polled] [--newsboat PATH] [--reader PYTHON]

Each measure runs in a process of its own, its servers in others, so that figures are of the bot alone: processor time
where the bar is about cost. Waits (of the loop, of a post) are the clock's and grow on a busy machine; beside them
stands the part in which the bot itself worked. The library `reader` is looked for in the Python named.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

from tools.hearing import hostile, polling, stream, unchanged
from tools.hearing.cost import percentile

_P = ParamSpec("_P")
_T = TypeVar("_T")

_PARTS = ("unchanged", "hostile", "stream", "polled")
_YARDSTICK = 1_000_000


def alone(measure: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
    """Call it in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments, **named).result()


def row(what: str, figure: float, unit: str, bar: float | None = None, *, note: str = "") -> None:
    """Print a figure, beside its bar if it has one: at most so much."""
    mark = "" if bar is None else "met" if figure <= bar else "MISSED"
    print(
        f"{what:66} {figure:8.2f} {unit:5} {'' if bar is None else f'{bar:g}':>5}  {mark:6}  {note}".rstrip(),
        flush=True,
    )


def spread(values: Sequence[float]) -> str:
    """Lowest and highest, in milliseconds."""
    return f"{min(values) * 1e3:.2f} to {max(values) * 1e3:.2f}"


def bench_unchanged(reads: int, newsboat: str, python: str) -> None:
    """What says nothing new, and what does."""
    for kind, said in (("etag", "304"), ("same", "the same body")):
        found = alone(unchanged.ours, kind, reads, keep=True)
        row(f"unchanged feed, {said}: CPU a read", statistics.median(found) * 1e3, "ms", 0.3, note=spread(found))
        found = alone(unchanged.ours, kind, reads, keep=False)
        row("    on a new connection", statistics.median(found) * 1e3, "ms", note=spread(found))
        for name, other in (
            ("newsboat", unchanged.newsboat(kind, newsboat)),
            ("the library reader", unchanged.reader(kind, python)),
        ):
            if other is None:
                print(f"    {name}: not installed")
            else:
                row(f"    {name}", other * 1e3, "ms")
    parses = max(10, reads // 100)
    found = alone(unchanged.feedparser_alone, parses)
    row("feed of 100 entries: CPU in feedparser", statistics.median(found) * 1e3, "ms", 20.0, note=spread(found))
    found = alone(unchanged.parsing, parses)
    row("    all that the parsing process does for it", statistics.median(found) * 1e3, "ms", note=spread(found))


def bench_hostile() -> None:
    """What was made to harm a reader."""
    seen = alone(hostile.hostile_feeds)
    states = ", ".join(f"{many} {state}" for state, many in sorted(seen.health.items()))
    row("hostile feeds: wait for the loop, p99", percentile(seen.under.waits, 0.99) * 1e3, "ms", 50.0, note=states)
    row("    the longest", max(seen.under.waits) * 1e3, "ms")
    row("    of it the bot's own work, p99", percentile(seen.under.own, 0.99) * 1e3, "ms")
    row("    its longest", max(seen.under.own) * 1e3, "ms")
    row("    a loop that does nothing on this machine, p99", percentile(seen.idle.waits, 0.99) * 1e3, "ms")


def bench_stream(seconds: float, burst_seconds: float, *, full: bool) -> None:
    """Posts of the world, and of a crowd."""
    ordinary, crowd = stream.ordinary(), stream.crowd()
    runs = [("2 % pass the gate", 1_000, seconds, ordinary, 50)]
    runs += [("20 % pass the gate", 1_000, seconds, ordinary, 5)] if full else []
    runs += [("a crowd: all pass", 1_667, burst_seconds, crowd, 1)]
    for what, rate, lasting, texts, one_in in runs:
        seen = alone(stream.streamed, rate, lasting, texts, one_in)
        sent = f"{seen.wanted} of {seen.sent} posts, {seen.incidents} incidents"
        bar = 1.0 if one_in > 1 else None
        row(
            f"{seen.rate:.0f} posts a second, {what}: written to stored, p99",
            percentile(seen.ages, 0.99),
            "s",
            bar,
            note=sent,
        )
        row("    median", statistics.median(seen.ages), "s")
        row("    lost", seen.wanted - len(seen.ages), "posts", 0.0)
        row("    CPU", seen.cpu * 100, "%")
        row("    memory before", seen.before_mb, "MB")
        row("    memory, the most", seen.most_mb, "MB")


def bench_polled(feeds: int, interval_seconds: float, seconds: float) -> None:
    """Thousands of feeds."""
    seen = alone(polling.polled, feeds, interval_seconds, seconds)
    usual = feeds / polling.TRUE_RHYTHM_SECONDS
    row(
        f"{feeds} feeds, first round: CPU of one core",
        seen.first_cpu * 100,
        "%",
        note=f"{seen.first_round_seconds:.0f} s",
    )
    row("    wait for the loop, p99", percentile(seen.first_lag.waits, 0.99) * 1e3, "ms")
    row("    of it the bot's own work, p99", percentile(seen.first_lag.own, 0.99) * 1e3, "ms")
    times = f"{seen.reads / usual:.1f} times their rhythm of 5 min"
    row(f"{feeds} feeds, {seen.reads:.0f} reads a second: CPU of one core", seen.cpu * 100, "%", 30.0, note=times)
    row("    CPU a read, all included", seen.cpu / seen.reads * 1e3, "ms")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute instead of five; the figures are rougher")
    parser.add_argument("--full", action="store_true", help="another stream, of which a fifth passes the gate")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(_PARTS))
    parser.add_argument("--newsboat", default="newsboat")
    parser.add_argument("--reader", default=sys.executable)
    options = parser.parse_args()
    begun = time.process_time()
    sum(n * n for n in range(_YARDSTICK))
    yardstick = f"a million squares take {(time.process_time() - begun) * 1e3:.0f} ms"
    head = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; {yardstick}"
    print(f"{head:66}   figure         bar")
    quick = options.quick
    parts: dict[str, Callable[[], None]] = {
        "unchanged": lambda: bench_unchanged(1_000 if quick else 5_000, options.newsboat, options.reader),
        "hostile": bench_hostile,
        "stream": lambda: bench_stream(10.0 if quick else 60.0, 10.0 if quick else 60.0, full=options.full),
        "polled": lambda: bench_polled(900 if quick else 2_000, 30.0 if quick else 60.0, 20.0),
    }
    for part in options.only:
        parts[part]()


if __name__ == "__main__":
    main()
