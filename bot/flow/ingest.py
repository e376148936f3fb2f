"""From what a source handed over to what is kept of it: masked, hashed, read, without repeats."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.signals import Classification, Mention, Report, Signal, StatusEntry, Tally
from bot.ports import Heard

_FUTURE = timedelta(minutes=2)  # clocks differ by so much; later than that, their clock is wrong and ours decides
_MAX_TEXT = 4000  # characters of a text kept and read; a post is shorter everywhere we listen


class Reader(Protocol):
    """What ingest asks of the classifier."""

    def classify(self, text: str, *, operator_hint: str | None = None, at: datetime | None = None) -> Classification:
        """Read a text."""
        ...


class Repeats(Protocol):
    """What ingest asks of the near-duplicate ring."""

    def is_duplicate(self, author: str, text: str, at: datetime) -> bool:
        """Whether this text was said before by somebody else."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A signal as it is stored, and the reports it made."""

    heard: Heard
    reports: tuple[Report, ...] = ()


def key_of(signal: Signal) -> tuple[str, str]:
    """(source, external id): what makes storing idempotent."""
    if isinstance(signal, Tally):
        return signal.source, f"{signal.operator}/{signal.start:%Y-%m-%dT%H:%M:%S}/{signal.seconds}"
    return signal.source, signal.id


def digest(signal: Signal) -> str:
    """A hash of what a signal says, blind to when we saw it."""
    match signal:
        case Mention():
            said: tuple[object, ...] = (signal.text,)
        case StatusEntry():
            said = (signal.title, signal.body, signal.state, signal.services, signal.area, signal.published_at)
        case Tally():
            said = (signal.count,)
    return hashlib.blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class Ingest:
    """Reads signals one by one; all state it has is the ring of near-duplicates."""

    def __init__(self, reader: Reader, repeats: Repeats, mask: Callable[[str], str], author_key: bytes) -> None:
        self._reader = reader
        self._repeats = repeats
        self._mask = mask
        self._author_key = author_key

    def new(self, signals: Sequence[Signal], known: Mapping[tuple[str, str], str]) -> list[Signal]:
        """Those of the signals that say something new: never seen, or an entry (or tally) with new content."""
        fresh: dict[tuple[str, str], Signal] = {}
        for signal in signals:
            key = key_of(signal)
            before = known.get(key) if key not in fresh else digest(fresh[key])
            if before is None or (not isinstance(signal, Mention) and before != digest(signal)):
                fresh[key] = signal
        return list(fresh.values())

    def take(self, signal: Signal) -> Taken:
        """Read one signal."""
        if isinstance(signal, Mention):
            return self._mention(signal)
        if isinstance(signal, StatusEntry):
            signal = replace(
                signal,
                title=_clean(signal.title),
                body=_clean(signal.body),
                area=_clean(signal.area) if signal.area is not None else None,
                url=_clean(signal.url) if signal.url is not None else None,
                published_at=self._when(signal.published_at, signal.seen_at),
            )
        return Taken(Heard(signal, digest(signal)))

    def remember(self, mention: Mention) -> None:
        """Feed a stored mention to the ring again after a restart."""
        self._repeats.is_duplicate(mention.author, mention.text, mention.published_at)

    def _mention(self, mention: Mention) -> Taken:
        text = _clean(mention.text)
        author = self.pseudonym(mention.source, mention.author)
        at = self._when(mention.published_at, mention.seen_at)
        url = _clean(mention.url) if mention.url is not None else None
        stored = replace(mention, author=author, text=self._mask(text), url=url)
        reading = self._reader.classify(text, operator_hint=mention.operator_hint, at=at)
        heard = Heard(stored, digest(mention), reading)
        if not reading.counts:
            return Taken(heard)
        duplicate = not mention.verified and self._repeats.is_duplicate(author, stored.text, at)
        return Taken(
            heard,
            tuple(
                Report(
                    source=mention.source,
                    id=mention.id,
                    operator=operator,
                    author=author,
                    at=at,
                    seen_at=mention.seen_at,
                    services=reading.services,
                    places=reading.places,
                    professional=reading.professional,
                    verified=mention.verified,
                    url=url,
                    duplicate=duplicate,
                    network=reading.network,
                )
                for operator in reading.operators
            ),
        )

    def pseudonym(self, source: str, name: str) -> str:
        """A keyed hash: the same person is the same author, and nobody can tell who."""
        word = f"{source}\0{name}".encode("utf-8", "replace")
        return hashlib.blake2b(word, key=self._author_key, digest_size=12).hexdigest()

    @staticmethod
    def _when(published_at: datetime, seen_at: datetime) -> datetime:
        """Their clock, unless it says it is later than now."""
        return published_at if published_at <= seen_at + _FUTURE else seen_at


def _clean(text: str) -> str:
    """Text that can be stored: no lone surrogate, and of bounded length."""
    return text[:_MAX_TEXT].encode("utf-8", "replace").decode()
