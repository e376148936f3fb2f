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
        lines: Each an object with `text`, perhaps `id`, `operator_hint`, `at`; bytes are UTF-8.
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
            text, echo = line if isinstance(line, str) else line.decode("utf-8", "replace"), None
            try:
                row = json.loads(text)
                echo = row.get("id") if isinstance(row, dict) else None
                yield json.dumps({"id": echo, **self._read(row)})
            except (ValueError, RecursionError) as error:
                self.wrong += 1
                yield json.dumps({"id": None if isinstance(error, RecursionError) else echo, "error": str(error)})

    def _read(self, row: object) -> dict[str, Any]:
        if not isinstance(row, dict):
            raise ValueError("not an object")  # noqa: TRY004 - what is wrong is the input
        text = _string(row, "text")
        if text is None:
            raise ValueError("text: is missing")
        return _columns(
            self._classifier.classify(text, operator_hint=_string(row, "operator_hint"), at=_time(_string(row, "at")))
        )


def _string(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"{key}: must be a string")


def _time(at: str | None) -> datetime | None:
    """RFC 3339; a naive time is UTC."""
    if at is None:
        return None
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
