"""Every detector on the same streams and the same outages, each at one false alarm a series-month."""

from array import array
from collections.abc import Callable
from typing import NamedTuple

from bot.detect import Detector
from tools.detection.calibration import QUIET_MINUTES
from tools.detection.others import BASELINES, Baseline
from tools.detection.ours import CALENDAR, NOISES, PRIOR, SIZES, WARM, Stream
from tools.detection.streams import MONDAY, SWELLS


class Fixed:
    """Our score with a threshold from outside in the place of its own."""

    def __init__(self) -> None:
        self._detector = Detector(CALENDAR, prior_per_minute=PRIOR)

    def step(self, minute: int, count: int) -> float:
        """Our score."""
        return self._detector.step(minute, count, 1.0, 0.0).score

    def copy(self) -> "Fixed":
        """As saved and restored."""
        other = Fixed()
        other._detector = Detector.restore(CALENDAR, self._detector.snapshot())
        return other


OURS_FIXED = "ours, fixed threshold"
DETECTORS: dict[str, Callable[[], Baseline]] = {OURS_FIXED: Fixed, **BASELINES}


def scores(name: str, seed: str, base: float, noise: str = "realistic") -> "array[float]":
    """A detector's scores of an ordinary month, after warming up."""
    stream = Stream(f"{seed} {base} {noise}", base, NOISES[noise])
    detector = DETECTORS[name]()
    found = array("d", (detector.step(MONDAY + i, stream.counts[i]) for i in range(stream.end)))
    return found[WARM:]


PRESS = "press day ×4, 3-h ramp"


class Against(NamedTuple):
    """What one month gave a detector with a threshold.

    Attributes:
        alarms: False ones.
        delays: By outage size.
        pressed: Of each press day, whether it raised.
    """

    alarms: int
    delays: dict[float, list[int]]
    pressed: list[bool]


def against(name: str, seed: str, base: float, threshold: float, noise: str = "realistic") -> Against:
    """Live a month with a detector that has a threshold.

    Streams, outages and press days are those of `ours.month` with the same seed; an event is open until half an hour
    below it.
    """
    stream = Stream(f"{seed} {base} {noise}", base, NOISES[noise])
    detector = DETECTORS[name]()
    begins, swells, alarms, calm = set(stream.outages), set(stream.swells), 0, QUIET_MINUTES + 1
    pressed: list[bool] = []
    delays: dict[float, list[int]] = {size: [] for size in SIZES[base]}
    for minute in range(stream.end):
        if minute in begins and calm > QUIET_MINUTES:
            for size, found in delays.items():
                found.append(_first(detector.copy(), stream.with_outage(size, minute)[0], minute, threshold))
        if minute in swells and calm > QUIET_MINUTES:
            swollen = stream.swollen(minute, SWELLS[PRESS])
            pressed.append(_first(detector.copy(), swollen, minute, threshold) <= len(swollen))
        calm += 1
        if detector.step(MONDAY + minute, stream.counts[minute]) >= threshold:
            alarms += calm > QUIET_MINUTES and minute >= WARM
            calm = 0
    return Against(alarms, delays, pressed)


def _first(detector: Baseline, seen: list[int], minute: int, threshold: float) -> int:
    for i, count in enumerate(seen):
        if detector.step(MONDAY + minute + i, count) >= threshold:
            return i + 1
    return len(seen) + 1
