"""Prints what reading costs: loading, memory, the gate, and full readings by length; on the project's own texts.

Run it as `python -m tools.bench_classify`. Texts a second are the best of five rounds, in processor time.
"""

import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence

from tools import shipped

_NAMELESS = (
    "il fait beau ce matin sur la plage et les enfants jouent au ballon depuis une heure",
    "quel match incroyable hier soir, bravo aux joueurs et au public",
)
_ROUNDS = 5
_MEGABYTE = 1 << 20


def a_second(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """How many texts a second of processor time."""
    best = 0.0
    for _ in range(_ROUNDS):
        begun = time.process_time()
        for text in texts:
            work(text)
        best = max(best, len(texts) / (time.process_time() - begun))
    return best


def line(what: str, figure: str) -> None:
    """Print one figure."""
    print(f"{what:58} {figure:>12}")


def main() -> None:
    """Measure, the memory last: watching it slows everything down."""
    begun = time.perf_counter()
    reader = shipped.classifier()
    line("load of all data", f"{time.perf_counter() - begun:.2f} s")
    line("gate, posts that name nothing", f"{a_second(reader.gate, _NAMELESS * 5000):,.0f} a second")
    own = sorted(shipped.texts(), key=len)
    third = len(own) // 3
    for some in (own[:third], own[third:-third], own[-third:]):
        mean = statistics.fmean(map(len, some))
        rate = a_second(lambda text: reader.classify(text, operator_hint="free"), some)
        line(f"full reading, {len(some)} of our texts, {mean:.0f} characters on average", f"{rate:,.0f} a second")
    del reader
    tracemalloc.start()
    reader = shipped.classifier()
    reader.classify(own[0])
    line("memory of rules and gazetteer", f"{tracemalloc.get_traced_memory()[0] / _MEGABYTE:.0f} MiB")


if __name__ == "__main__":
    main()
