"""One error tree, so that a caller can tell what to do without knowing who failed.

Every text reads "what: which: cause".
"""

from bot.domain.signals import HealthState


class BotError(Exception):
    """Anything Vigie says about itself in one line."""


class ConfigError(BotError):
    """The configuration is wrong; the text names file, key, and what was expected."""


class InputError(BotError):
    """A file given to a command is wrong; the text is `file:line: what: why`."""


class StoreError(BotError):
    """The store could not be read or written.

    Attributes:
        retryable: Whether the same call may work later (disk full, busy).
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class _RemoteError(BotError):
    """Something outside failed.

    Attributes:
        reason: The cause alone, for an editor; carries no secret and no URL query.
        retryable: Whether trying again can help.
        retry_after: Seconds the other side asked us to wait, or None.
    """

    def __init__(
        self, message: str, *, reason: str | None = None, retryable: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason or message
        self.retryable = retryable
        self.retry_after = retry_after


class SourceError(_RemoteError):
    """A source could not be read.

    Attributes:
        state: The health this failure means: `unreachable`, `unreadable`, `failing`, `paused`, `off`.
    """

    def __init__(
        self,
        message: str,
        *,
        state: HealthState,
        reason: str | None = None,
        retryable: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, reason=reason, retryable=retryable, retry_after=retry_after)
        self.state = state


class DeliveryError(_RemoteError):
    """A handler or target could not take a delivery.

    Attributes:
        maybe_sent: The other side may have accepted it before the failure was seen.
        gone: What it should change or reply to no longer exists or may no longer be changed: post afresh.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        reason: str | None = None,
        retry_after: float | None = None,
        maybe_sent: bool = False,
        gone: bool = False,
    ) -> None:
        super().__init__(message, reason=reason, retryable=retryable, retry_after=retry_after)
        self.maybe_sent = maybe_sent
        self.gone = gone


class HandlerError(DeliveryError):
    """A chat failed."""


class TargetError(DeliveryError):
    """A publication target failed."""
