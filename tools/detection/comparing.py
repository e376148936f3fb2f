"""Every detector on the same streams and the same outages, each at one false alarm a series-month."""

from array import array
from collections.abc import Callable

from bot.detect import Detector
from tools.detection.calibration import QUIET_MINUTES
from tools.detection.others import BASELINES, Baseline
from tools.detection.ours import CALENDAR, NOISES, PATIENCE, PRIOR, SIZES, WARM, Stream
from tools.detection.streams import MONDAY


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


def against(
    name: str, seed: str, base: float, threshold: float, noise: str = "realistic"
) -> tuple[int, dict[float, list[int]]]:
    """False alarms of a month, and delays by outage size, of a detector with a threshold.

    Streams and outages are those of `ours.month` with the same seed; an event is open until half an hour below it.
    """
    stream = Stream(f"{seed} {base} {noise}", base, NOISES[noise])
    detector = DETECTORS[name]()
    begins, alarms, calm = set(stream.outages), 0, QUIET_MINUTES + 1
    delays: dict[float, list[int]] = {size: [] for size in SIZES[base]}
    for minute in range(stream.end):
        if minute in begins and calm > QUIET_MINUTES:
            for size, found in delays.items():
                found.append(_first(detector.copy(), stream.with_outage(size, minute)[0], minute, threshold))
        calm += 1
        if detector.step(MONDAY + minute, stream.counts[minute]) >= threshold:
            alarms += calm > QUIET_MINUTES and minute >= WARM
            calm = 0
    return alarms, delays


def _first(detector: Baseline, seen: list[int], minute: int, threshold: float) -> int:
    for i, count in enumerate(seen):
        if detector.step(MONDAY + minute + i, count) >= threshold:
            return i + 1
    return PATIENCE + 1
