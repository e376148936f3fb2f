"""Measures the detector on seeded streams of our own: cost, delay beside Lorden's limit, false alarms a month.

    python tools/bench_detect.py [--months 6] [--outages 40] [--seed 1]

The streams are seasonal and over-dispersed with two slow log-normal swings (half an hour and ten hours); an outage adds
its rate times the season's factor after a ramp of five minutes. Lorden's limit (1971) is the first bucket at which the
Kullback-Leibler divergences since the outage began sum to ln(43,200): one false alarm in a month of minutes.
"""

import argparse
import math
import random  # noqa: TID251 - a bench makes its own streams, from a seed
import statistics
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from bot.detect import Calendar, Detector

MONTH = 43_200
WARM = MONTH // 2
START = 28_400_000 // 10_080 * 10_080
RAMP = 5
LIMIT_NATS = math.log(MONTH)
GIVE_UP = 90
SOON = 10
CASES = ((0.04, 0.4), (0.04, 2.0), (0.2, 2.0), (0.2, 5.0), (1.0, 5.0), (1.0, 10.0))
DAY = (5, 3, 2, 1.5, 1.5, 2, 3, 6, 9, 12, 14, 14, 13, 13, 14, 14, 14, 15, 15, 15, 14, 12, 9, 7)
SWINGS = ((30.0, 0.35), (600.0, 0.35))

Calm = list[tuple[float, float]]


def season(minute: int) -> float:
    """Factor of the generator's own day, mean about 1."""
    hour, part = divmod(minute / 60 - 0.5, 1)
    left, right = DAY[int(hour) % 24], DAY[int(hour + 1) % 24]
    return (left + (right - left) * part) * 24 / sum(DAY)


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson number by Knuth's product; means here are small."""
    floor, product, count = math.exp(-mean), rng.random(), 0
    while product > floor:
        product *= rng.random()
        count += 1
    return count


def calm(rng: random.Random, base: float, minutes: int) -> Iterator[tuple[float, float]]:
    """Season's factor and rate of each minute of an ordinary time."""
    levels = [0.0 for _ in SWINGS]
    for minute in range(minutes):
        swing = 0.0
        for i, (length, size) in enumerate(SWINGS):
            keep = math.exp(-1 / length)
            levels[i] = levels[i] * keep + rng.gauss(0, size * math.sqrt(1 - keep * keep))
            swing += levels[i] - size * size / 2
        factor = season(START + minute)
        yield factor, base * factor * math.exp(swing)


def outage(
    rng: random.Random, snapshot: bytes, calendar: Calendar, begin: int, ahead: Calm, size: float
) -> tuple[int, int]:
    """Delay and Lorden's limit in minutes, from the first minute of an outage; GIVE_UP where there is none."""
    detector = Detector.restore(calendar, snapshot)
    detector.alarm = False
    nats, limit, delay = 0.0, GIVE_UP, GIVE_UP
    for minute, (factor, usual) in enumerate(ahead, 1):
        rate = usual + size * factor * min(minute / RAMP, 1.0)
        nats += rate * math.log(rate / usual) - rate + usual
        if nats >= LIMIT_NATS and limit == GIVE_UP:
            limit = minute
        if detector.step(begin + minute - 1, poisson(rng, rate), 1.0, 1.0).state == "raise":
            delay = min(delay, minute)
    return delay, limit


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=6, help="series-months a base after half a month of warming up")
    parser.add_argument("--outages", type=int, default=40, help="outages a month and size")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    calendar = Calendar(ZoneInfo("UTC"))
    print("base/min  µs/bucket  bytes  false alarms/month (first half month)")
    rows = []
    for base in sorted({base for base, _ in CASES}):
        alarms = early = 0
        seconds = size_bytes = 0.0
        found: dict[float, list[tuple[int, int]]] = {size: [] for case, size in CASES if case == base}
        for month in range(options.months):
            rng = random.Random(f"{options.seed} {base} {month}")
            stream = list(calm(rng, base, WARM + MONTH + GIVE_UP))
            counts = [poisson(rng, rate) for _, rate in stream]
            at = set(rng.sample(range(WARM, WARM + MONTH), options.outages))
            detector = Detector(calendar)
            for minute in range(WARM + MONTH):
                if minute in at:
                    snapshot = detector.snapshot()
                    ahead = stream[minute : minute + GIVE_UP]
                    for size, seen in found.items():
                        seen.append(outage(rng, snapshot, calendar, START + minute, ahead, size))
                begun = time.process_time()
                state = detector.step(START + minute, counts[minute], 1.0, 1.0).state
                seconds += time.process_time() - begun
                if state == "raise":
                    alarms += minute >= WARM
                    early += minute < WARM
            size_bytes = max(size_bytes, len(detector.snapshot()))
        cost = seconds / options.months / (WARM + MONTH) * 1e6
        months = options.months
        print(f"{base:8}  {cost:9.1f}  {size_bytes:5.0f}  {alarms / months:.2f} ({early / months * 2:.2f})", flush=True)
        rows += [(base, size, seen) for size, seen in found.items()]
    print("base/min  outage/min  limit  median delay  within 10 min")
    for base, size, seen in rows:
        delays = [delay for delay, _ in seen]
        limit = statistics.median(limit for _, limit in seen)
        within = sum(delay <= SOON for delay in delays) / len(delays)
        print(f"{base:8}  {size:10}  {limit:5.0f}  {statistics.median(delays):12.1f}  {within:13.0%}")


if __name__ == "__main__":
    main()
