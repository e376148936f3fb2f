"""Finds spikes in counts: buckets in, verdicts out; pure, online, causal."""

from bot.detect.calendar import Calendar
from bot.detect.detector import Detector
from bot.detect.local import Departments, LocalScan, LocalVerdict, MapState
from bot.detect.threshold import Belief
from bot.detect.verdict import Verdict

__all__ = ["Belief", "Calendar", "Departments", "Detector", "LocalScan", "LocalVerdict", "MapState", "Verdict"]
