"""One way to call Telegram, so that every call ends in time, every failure says what it means and no token gets out."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache

import httpx  # python-telegram-bot's own transport: only its classes tell "never left" from "maybe arrived"
from pydantic import SecretStr
from telegram import Bot
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.errors import DeliveryError

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")
_CHATTY = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "telegram": logging.CRITICAL}

# What the library raises: the last four when an answer is JSON, but not what Telegram would say.
FAILURES = (TelegramError, TimeoutError, LookupError, TypeError, ValueError, AttributeError)


class _Bot(Bot):
    """A bot whose representation has no token."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Bot[…]"


class Api:
    """A bot account.

    Attributes:
        bot: The library's client; to be called inside `calling` only.
        call_seconds: How long a call may take in all.
    """

    def __init__(
        self,
        token: SecretStr,
        base_url: str,
        *,
        error: type[DeliveryError],
        name: str,
        call_seconds: float = 15.0,
    ) -> None:
        for logger, level in _CHATTY.items():
            # httpx logs the address, which holds the token, at INFO; the library logs what it also raises.
            logging.getLogger(logger).setLevel(level)
        self.bot = _Bot(
            token.get_secret_value().strip(),
            base_url=f"{base_url.rstrip('/')}/bot",
            request=_transport(connections=16),
            get_updates_request=_transport(connections=2),
        )
        self.name = name
        self._error = error
        self.call_seconds = call_seconds

    async def open(self) -> None:
        """Ask Telegram who we are; raises as `calling` does. May be repeated."""
        async with self.calling():
            await self.bot.initialize()

    async def close(self) -> None:
        """Let go of connections."""
        await self.bot.shutdown()

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Give the calls inside a total time, and turn what the library raises into our error.

        A `ChatMigrated` is turned into an error too: who can follow it catches it inside.
        """
        try:
            async with asyncio.timeout(self.call_seconds):
                yield
        except FAILURES as error:
            # Not chained: the library's frames hold the address with the token, its InvalidToken even says it.
            raise self.failure(error) from None

    def failure(self, error: Exception) -> DeliveryError:
        """What a failed call means for whoever wants to try again."""
        if isinstance(error, InvalidToken):
            return self._fail("Telegram refuses the token: compare it with @BotFather's")
        if isinstance(error, RetryAfter):
            return self._fail("too many messages", retryable=True, retry_after=_seconds(error))
        if isinstance(error, Conflict):
            return self._fail(f"another bot listens with the same token: stop it ({error})", retryable=True)
        if isinstance(error, Forbidden | BadRequest):
            return self._fail(str(error), gone=any(words in str(error).casefold() for words in _GONE))
        reason = str(error) or f"no answer within {self.call_seconds:g} s"
        if not isinstance(error, TelegramError | TimeoutError):
            reason = "an answer that is not Telegram's"
        maybe_sent = not isinstance(error.__cause__, _NEVER_LEFT)
        return self._fail(reason[:200], retryable=True, maybe_sent=maybe_sent)

    def _fail(
        self,
        reason: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        maybe_sent: bool = False,
        gone: bool = False,
    ) -> DeliveryError:
        return self._error(
            f"telegram: {self.name}: {reason}",
            reason=reason,
            retryable=retryable,
            retry_after=retry_after,
            maybe_sent=maybe_sent,
            gone=gone,
        )


@cache
def _trust() -> ssl.SSLContext:
    """The certificates we trust: reading them takes 40 ms, so all connections share them."""
    return httpx.create_ssl_context()


def _transport(connections: int) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=connections,
        read_timeout=10,
        write_timeout=10,
        pool_timeout=5,
        httpx_kwargs={"verify": _trust()},
    )


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after  # an int, from 23 on a timedelta
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
