"""`vigie classify`: JSON lines in, JSON lines out, for debugging and measuring (docs: the contract of formats)."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from bot.classify.classifier import Classifier
from bot.domain.signals import Classification


class classify_lines:  # noqa: N801 - used as a function whose result can be counted
    """Readings of JSON lines, one line out for each line in, in order.

    Args:
        lines: Each an object with `text`, perhaps `id`, `operator_hint`, `at`; bytes are UTF-8. Blank lines are skipped.
        classifier: Reads them.

    Attributes:
        wrong: How many lines so far were no object with a text.
    """

    def __init__(self, lines: Iterable[bytes | str], classifier: Classifier) -> None:
        self._lines = lines
        self._classifier = classifier
        self.wrong = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            if line.strip():
                yield json.dumps(self._read(line))

    def _read(self, line: bytes | str) -> dict[str, Any]:
        echo = None
        try:
            row = json.loads(line if isinstance(line, str) else line.decode("utf-8", "replace"))
            if not isinstance(row, dict):
                raise TypeError("not an object")
            echo = row.get("id")
            if not isinstance(row.get("text"), str):
                raise TypeError("text: must be a string")
            hint, at = row.get("operator_hint"), row.get("at")
            if hint is not None and not isinstance(hint, str):
                raise TypeError("operator_hint: must be a string")
            reading = self._classifier.classify(row["text"], operator_hint=hint, at=_time(at))
        except (ValueError, TypeError, RecursionError) as error:
            self.wrong += 1
            return {"id": echo, "error": str(error) or "not valid JSON"}
        return {"id": echo, **_columns(reading)}


def _time(at: object) -> datetime | None:
    """RFC 3339; a naive time is UTC."""
    if at is None:
        return None
    if not isinstance(at, str):
        raise TypeError("at: must be a time as a string")
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        raise ValueError("at: not an RFC 3339 time") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _columns(reading: Classification) -> dict[str, Any]:
    return {
        "operators": reading.operators,
        "brands": reading.brands,
        "kind": reading.kind,
        "fresh": reading.fresh,
        "onset": reading.onset,
        "services": reading.services,
        "places": [
            {"id": p.id, "level": p.level, "name": p.name, "departement": p.departement} for p in reading.places
        ],
        "professional": reading.professional,
        "score": reading.score,
        "why": reading.why,
    }
