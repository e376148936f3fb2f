"""Text to Classification; lexicon and gazetteer are data files, not code."""
