"""Finds spikes in counts: buckets in, verdicts out; pure, online, causal."""

from bot.detect.calendar import Calendar
from bot.detect.detector import Detector
from bot.detect.verdict import Verdict

__all__ = ["Calendar", "Detector", "Verdict"]
