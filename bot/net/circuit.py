"""Leaves a host alone that fails again and again, whoever asks: ten sources of one host are no reason for ten tries."""

from dataclasses import dataclass

from bot.errors import SourceError

FAILURES = 5  # in a row until it opens
FIRST_SECONDS = 30.0  # doubling while the one request that is let through fails, too
LIMIT_SECONDS = 300.0  # no longer than a page's usual rhythm: it fails when it matters
_ASKED_LIMIT_SECONDS = 3600.0  # a host that asks us to stay away longer is asked again all the same


@dataclass(slots=True)
class Circuit:
    """One host's; times are the event loop's, in seconds.

    Closed, requests pass. After `FAILURES` in a row, or when the host says how long to wait, it opens: nothing passes
    until then, and one request at a time until one succeeds.
    """

    _failures: int = 0
    _open_until: float = 0.0
    _probing: bool = False
    _last: SourceError | None = None

    def enter(self, now: float) -> None:
        """A request is about to go out; `succeeded`, `failed` or `left` must follow.

        Raises:
            SourceError: it may not; the host's last failure, with the seconds to wait.
        """
        wait = max(self._open_until - now, FIRST_SECONDS if self._probing else 0.0)
        if wait > 0 and self._last is not None:
            last = self._last
            raise SourceError(f"{last}: not asked again yet", state=last.state, reason=last.reason, retry_after=wait)
        self._probing = self._failures >= FAILURES

    def succeeded(self) -> None:
        """The host answered, whatever it said."""
        self._failures, self._open_until, self._probing, self._last = 0, 0.0, False, None

    def failed(self, error: SourceError, now: float) -> None:
        """No answer, a server error, or too many requests."""
        self._failures += 1
        self._probing, self._last = False, error
        doublings = min(self._failures - FAILURES, 10)
        rest = min(FIRST_SECONDS * 2.0**doublings, LIMIT_SECONDS) if doublings >= 0 else 0.0
        self._open_until = now + max(rest, min(error.retry_after or 0.0, _ASKED_LIMIT_SECONDS))

    def left(self) -> None:
        """A request was given up by who made it; nothing is known of the host."""
        self._probing = False
