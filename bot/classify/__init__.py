"""Text → Classification: who is cut off, from what, where, since when. Pure: no I/O, no clock, no logging."""

from bot.classify.classifier import Classifier
from bot.classify.data import ClassifierData, load_data, load_operators

__all__ = ["Classifier", "ClassifierData", "load_data", "load_operators"]
