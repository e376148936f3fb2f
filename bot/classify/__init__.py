"""Text → Classification: who is cut off, from what, where, since when. Pure: no I/O, no clock, no logging."""

from bot.classify.classifier import Classifier
from bot.classify.data import ClassifierData, load_data, load_operators
from bot.classify.duplicates import NearDuplicates
from bot.classify.explain import Explanation
from bot.classify.lines import classify_lines
from bot.classify.masking import mask

__all__ = [
    "Classifier",
    "ClassifierData",
    "Explanation",
    "NearDuplicates",
    "classify_lines",
    "load_data",
    "load_operators",
    "mask",
]
