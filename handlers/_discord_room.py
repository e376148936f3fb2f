"""Discord's REST side: one room that can be written to while the gateway is down, with no vendor exception outside."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
from discord.http import Route
from pydantic import Field, SecretStr

from bot.domain.deliveries import Delivery, DeliveryKind
from bot.errors import HandlerError, TargetError
from bot.ports import DestinationDeps, DestinationSettings, Pace
from handlers._cards import cut, one_line
from handlers._discord_message import Message, message_of, reference

# Discord's limit on messages of one channel is 5 in 5 s; webhooks' 30 a minute is the lowest it has published.
# Edits of messages older than an hour are limited by an undocumented rule (error 30046): one in 5 min is within it.
PACE = Pace(per_second=1, per_minute=30, old_edit_seconds=300)

_UNKNOWN_MESSAGE, _TOO_MANY_EDITS = 10008, 30046
_SEARCHED = 100  # messages of the room among which a repeat is looked for: one request
_BAN_SECONDS = 600.0  # a 429 that names no time comes from Discord's front door: stay away for a while
_CLOSE_SECONDS = 2.0
_CAUSE = 200  # characters of an error's text: an error page is one too


class Access(DestinationSettings):
    """What a bot needs to write in one channel."""

    token: SecretStr
    guild: int = Field(gt=0)
    channel: int = Field(gt=0)
    api_base_url: str | None = None  # for a proxy or a test; one for the whole process
    timeout_seconds: float = Field(default=20.0, gt=0)  # of one call, waiting and retries included


class _TooManyRequestsError(Exception):
    """A 429, seen before discord.py would sleep on it."""

    def __init__(self, retry_after: float, code: int) -> None:
        super().__init__("rate limited")
        self.retry_after = retry_after
        self.code = code


class ApiClient(discord.Client):
    """A client that caches nothing it does not need, pings nobody, and knows where the API is."""

    def __init__(
        self,
        access: Access,
        *,
        intents: discord.Intents | None = None,
        http_trace: aiohttp.TraceConfig | None = None,
    ) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # we never speak
        if access.api_base_url:
            Route.BASE = access.api_base_url  # the library's only hook, a class attribute
        traced: dict[str, Any] = {"http_trace": http_trace} if http_trace else {}
        super().__init__(
            intents=intents or discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            **traced,
        )

    async def let_go(self) -> None:
        """Close within seconds, also when the other side no longer answers."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.close()
        except TimeoutError:
            await self.http.close()


class Room:
    """One channel, by REST alone."""

    def __init__(self, access: Access, deps: DestinationDeps, error: type[HandlerError] | type[TargetError]) -> None:
        self._access = access
        self._deps = deps
        self._error = error
        self._client: ApiClient | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> ApiClient:
        """Log in, unless that is done."""
        async with self._opening:
            if self._client is None:
                trace = aiohttp.TraceConfig()
                trace.on_request_end.append(_no_sleeping)
                client = ApiClient(self._access, http_trace=trace)
                try:
                    async with self.calling("login"):
                        await client.login(self._access.token.get_secret_value())
                except BaseException:
                    await client.let_go()
                    raise
                self._client = client
            return self._client

    async def close(self) -> None:
        """Let go of the connection; `open` may follow."""
        client, self._client = self._client, None
        if client is not None:
            await client.let_go()

    async def send(self, delivery: Delivery, *, repeated: bool) -> str:
        """Do what the delivery says; see `Destination.send`."""
        message, ref = message_of(delivery, self._deps), reference(delivery)
        if delivery.kind is DeliveryKind.EDIT:
            return await self._edit(delivery.reply_to, message)
        # The nonce alone would do for the minutes that Discord remembers it; our own messages remember longer.
        if repeated and (found := await self._find(ref)):
            return found
        return await self.post(message, nonce=ref, reply_to=delivery.reply_to)

    async def post(self, message: Message, *, nonce: str | None = None, reply_to: str | None = None) -> str:
        """A new message; its remote id."""
        parts: dict[str, Any] = {"content": message.content or None, "embed": message.embed, "view": message.view}
        parts |= {"nonce": nonce} if nonce else {}
        channel, number = _ids(reply_to)
        if number and channel == self._access.channel:  # there are no replies across channels
            # A card that somebody deleted must not silence its notice.
            parts["reference"] = discord.MessageReference(
                message_id=number, channel_id=channel, fail_if_not_exists=False
            )
        room = await self._channel(self._access.channel)
        async with self.calling("post"):
            sent = await room.send(**parts)
        return f"{sent.channel.id}:{sent.id}"

    async def _edit(self, remote: str | None, message: Message) -> str:
        if remote is None:
            raise self._failed("edit", "no card to edit", retryable=False, gone=True)
        channel, number = _ids(remote)
        card = (await self._channel(channel)).get_partial_message(number)
        async with self.calling("edit"):
            await card.edit(content=message.content, embed=message.embed, view=message.view)
        return remote

    async def _find(self, ref: str) -> str | None:
        """Our own recent message with that reference at its foot."""
        client, room = await self.open(), await self._channel(self._access.channel)
        async with self.calling("search"):
            async for message in room.history(limit=_SEARCHED):
                feet = [message.content, *(embed.footer.text or "" for embed in message.embeds)]
                if message.author == client.user and any(foot.endswith(ref) for foot in feet):
                    return f"{message.channel.id}:{message.id}"
        return None

    async def _channel(self, number: int) -> discord.PartialMessageable:
        return (await self.open()).get_partial_messageable(number, guild_id=self._access.guild)

    @asynccontextmanager
    async def calling(self, what: str) -> AsyncIterator[None]:
        """A total timeout, and errors of ours instead of the library's."""
        try:
            async with asyncio.timeout(self._access.timeout_seconds):
                yield
        except _TooManyRequestsError as error:
            gone = error.code == _TOO_MANY_EDITS
            cause = "too many edits of an old message" if gone else f"rate limited for {error.retry_after:g} s"
            raise self._failed(what, cause, retryable=not gone, retry_after=error.retry_after, gone=gone) from error
        except discord.LoginFailure as error:
            raise self._failed(what, "Discord refuses the token", retryable=False) from error
        except discord.DiscordServerError as error:
            raise self._failed(what, f"HTTP {error.status}", retryable=True, maybe_sent=True) from error
        except discord.HTTPException as error:
            cause = f"HTTP {error.status}: {cut(one_line(error.text), _CAUSE)}".removesuffix(": ")
            busy = error.status == HTTPStatus.TOO_MANY_REQUESTS
            raise self._failed(what, cause, retryable=busy, gone=error.code == _UNKNOWN_MESSAGE) from error
        except aiohttp.ClientConnectorError as error:
            raise self._failed(what, "Discord cannot be reached", retryable=True) from error
        except TimeoutError as error:
            cause = f"no answer within {self._access.timeout_seconds:g} s"
            raise self._failed(what, cause, retryable=True, maybe_sent=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._failed(what, "the connection was cut", retryable=True, maybe_sent=True) from error

    def _failed(
        self,
        what: str,
        cause: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        maybe_sent: bool = False,
        gone: bool = False,
    ) -> HandlerError | TargetError:
        return self._error(
            f"discord: {what}: {cause}",
            reason=cause,
            retryable=retryable,
            retry_after=retry_after,
            maybe_sent=maybe_sent,
            gone=gone,
        )


def _ids(remote: str | None) -> tuple[int, int]:
    """Channel and message of a remote id; zeros for none."""
    channel, _, number = (remote or "0:0").partition(":")
    return int(channel), int(number)


async def _no_sleeping(_session: aiohttp.ClientSession, _context: SimpleNamespace, end: Any) -> None:  # noqa: ANN401 - aiohttp does not export its type
    """Turn a 429 into an error: the outbox keeps the wait, where discord.py would sleep or, on 30046, try for ever."""
    response: aiohttp.ClientResponse = end.response
    if response.status != HTTPStatus.TOO_MANY_REQUESTS:
        return
    try:
        body = json.loads(await response.text())
        wait, code = float(body["retry_after"]), int(body.get("code", 0))
    except (ValueError, TypeError, KeyError):  # an error page
        header = response.headers.get("Retry-After", "")
        wait, code = float(header) if header.isdecimal() else _BAN_SECONDS, 0
    raise _TooManyRequestsError(wait, code)
