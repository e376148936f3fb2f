"""Buckets, baseline, spike detector: pure, online, causal."""

from bot.detect.calendar import Calendar
from bot.detect.detector import Detector, Verdict

__all__ = ["Calendar", "Detector", "Verdict"]
