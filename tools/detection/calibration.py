"""The threshold at which a score raises so many false alarms a month: what each detector is given in hindsight."""

import math
from bisect import bisect
from collections.abc import Sequence

import numpy as np

QUIET_MINUTES = 30
"""So many minutes below the threshold end an event."""


def events(scores: Sequence[float], threshold: float) -> int:
    """How many events a series has: minutes at the threshold or above, 30 minutes below end an event."""
    hits = [minute for minute, score in enumerate(scores) if score >= threshold]
    return sum(not i or hit - hits[i - 1] > QUIET_MINUTES for i, hit in enumerate(hits))


def calibrate(scores_by_series: Sequence[Sequence[float]], months: float, per_month: float = 1.0) -> float:
    """The highest threshold at which calm series have so many events.

    Every score is tried from the highest down, exactly: a minute that comes up begins an event, prolongs one, or joins
    two. Where equal scores make the number jump over the wanted one, the threshold is just above them; where there are
    too few scores above 0, it is the lowest.

    Args:
        scores_by_series: One score a minute; only scores above 0 can raise.
        months: Of all series together.
        per_month: Events wanted a month.
    """
    pad = np.zeros(QUIET_MINUTES + 1)
    line = np.concatenate([part for scores in scores_by_series for part in (np.asarray(scores, dtype=float), pad)])
    order = np.argsort(-line, kind="stable")
    wanted = round(months * per_month)
    minutes: list[int] = []  # at the threshold or above, in order
    found, threshold = 0, math.inf
    for i in range(len(order)):
        minute = int(order[i])
        score = float(line[minute])
        if score <= 0:
            break
        at = bisect(minutes, minute)
        after_last = at == 0 or minute - minutes[at - 1] > QUIET_MINUTES
        before_next = at == len(minutes) or minutes[at] - minute > QUIET_MINUTES
        were_apart = at in {0, len(minutes)} or minutes[at] - minutes[at - 1] > QUIET_MINUTES
        found += after_last + before_next - were_apart
        minutes.insert(at, minute)
        if i + 1 < len(order) and line[order[i + 1]] == score:
            continue  # a threshold takes all equal scores or none
        if found > wanted:
            return min(threshold, math.nextafter(score, math.inf))
        threshold = score
        if found == wanted:
            break
    return threshold
