"""Remembers when an entry without a believable time was first seen, so that reading it again does not make it new."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b

import structlog

from sources._time import believable

_log = structlog.get_logger()

# A document that is empty once, or loses an entry for a day, must not make its old entries new when they come back.
_KEEP = timedelta(days=30)
_MOST = 500


class Sights:
    """First sights of what one document says, by a hash of what is said.

    Args:
        source: For the log.
        before: As of the last read.
        seen_at: Now.
    """

    def __init__(self, source: str, before: Mapping[str, datetime], seen_at: datetime) -> None:
        self._source = source
        self._before = before
        self.seen_at = seen_at
        self._now: dict[str, datetime] = {}

    def time_of(self, times: Iterable[datetime | None], *said: str) -> datetime:
        """The first of the times that can be true, or that of our first sight of what is said."""
        believed = next((when for when in times if when is not None and believable(when, self.seen_at)), None)
        if believed is not None:
            return believed
        digest = hashed(*said)
        if digest not in self._before and not self._now:  # one is enough to look at the document
            _log.warning("entry without a believable time", source=self._source, entry=said[0])
        return self._now.setdefault(digest, self._before.get(digest, self.seen_at))

    @property
    def known(self) -> dict[str, datetime]:
        """What to remember: this read's, then the newest of those before it."""
        recent = {key: at for key, at in self._before.items() if self.seen_at - at < _KEEP and key not in self._now}
        newest = sorted(recent.items(), key=lambda item: item[1], reverse=True)
        return dict([*self._now.items(), *newest][:_MOST])


def hashed(*texts: str) -> str:
    """A short hash of texts."""
    return blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
