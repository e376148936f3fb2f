"""Which words of a text decided how it was read, and where they stand."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.domain.signals import Classification


class Mark(NamedTuple):
    """Words that decided something.

    Attributes:
        start: First word.
        end: After the last word.
        group: What they are evidence for: a rule's group, `operator` or `place`.
        name: Of the rule, or what is named.
        weight: Of the rule, on the scale of a log-odds; None for names.
    """

    start: int
    end: int
    group: str
    name: str
    weight: float | None = None


class Explanation(NamedTuple):
    """A reading with the words that decided it.

    Attributes:
        reading: As `classify` gives it.
        words: Of the text, as written.
        marks: In text order.
    """

    reading: Classification
    words: Sequence[str]
    marks: Sequence[Mark]

    def placed(self, text: str) -> Iterable[tuple[int, int, Mark]]:
        """Where each mark stands in the text it was read from, in characters; what cannot be found is left out."""
        spans: list[tuple[int, int] | None] = []
        at = 0
        for word in self.words:
            found = text.find(word, at)
            spans.append(None if found < 0 else (found, found + len(word)))
            at = at if found < 0 else found + len(word)
        for mark in self.marks:
            inside = [span for span in spans[mark.start : mark.end] if span]
            if inside:
                yield inside[0][0], inside[-1][1], mark
