"""The desk in a Discord channel: cards with buttons, commands, and notices that ring."""

from collections.abc import Sequence
from typing import Self

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket
from pydantic import Field, model_validator

from bot.domain.deliveries import Delivery, DeliveryKind
from bot.errors import HandlerError
from bot.ports import Check, Desk, DestinationDeps, Handler, Inbox
from handlers._discord_check import check_readers, check_room
from handlers._discord_listener import Listener
from handlers._discord_room import PACE, Access, Room
from handlers._discord_visitors import Visitors

_log = structlog.get_logger()

# Close codes after which Discord says not to come back: token, shard, version or intents refused.
_INTENT_OFF = 4014
_FOR_GOOD = frozenset({4004, 4010, 4011, 4012, 4013, _INTENT_OFF})


class Settings(Access):
    """The newsroom's channel, and who may decide in it.

    Attributes:
        readers_channel: Another channel, in which readers may write; needs the Message Content intent.
    """

    editor_roles: tuple[int, ...] = Field(min_length=1)
    readers_channel: int | None = Field(default=None, gt=0)
    gateway_url: str | None = None  # for a proxy or a test; one for the whole process

    @property
    def hears_readers(self) -> bool:
        """Whether there is a channel for readers."""
        return self.readers_channel is not None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.readers_channel == self.channel:
            raise ValueError("`readers_channel` is the desk's own `channel`: readers need another one")
        return self


def create(settings: Settings, deps: DestinationDeps) -> Handler:
    """The handler; nothing is connected before `open` or `listen`."""
    return DiscordHandler(settings, deps)


class DiscordHandler:
    """One channel of one guild; it writes by REST, so cards arrive while the gateway is down."""

    def __init__(self, settings: Settings, deps: DestinationDeps) -> None:
        self.name = settings.name
        self.kind = settings.kind
        self.pace = PACE
        self._settings = settings
        self._deps = deps
        self._room = Room(settings, deps, HandlerError)
        self._unread = False  # Discord refuses to let us read what people write

    async def open(self) -> None:
        """See `Destination.open`."""
        await self._room.open()

    async def close(self) -> None:
        """See `Destination.close`."""
        await self._room.close()

    async def send(self, delivery: Delivery, *, repeated: bool) -> str:
        """See `Destination.send`."""
        if delivery.kind is DeliveryKind.ALERT:
            raise HandlerError(f"discord: {self.name}: the desk's channel publishes nothing", retryable=False)
        return await self._room.send(delivery, repeated=repeated)

    async def check(self, *, send: bool) -> Sequence[Check]:
        """See `Destination.check`."""
        settings = self._settings
        rows = await check_room(self._room, settings, self._deps, editor_roles=settings.editor_roles, send=send)
        if settings.readers_channel and all(row.ok for row in rows):
            rows.append(await check_readers(self._room, settings, settings.readers_channel, self._deps))
        return rows

    async def listen(self, desk: Desk, inbox: Inbox) -> None:
        """See `Handler.listen`; a dropped session is resumed, one that cannot be is an error."""
        if self._settings.gateway_url:
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self._settings.gateway_url)
        # Only who has readers to hear asks for the right to read what people write.
        heard = self._settings.readers_channel if inbox.welcome(self.name) else None
        visitors = Visitors(self.name, heard, inbox, self._deps, reads=not self._unread)
        client = Listener(self._settings, self._settings.editor_roles, self._deps, desk, inbox, visitors)
        try:
            async with self._room.calling("login"):
                await client.login(self._settings.token.get_secret_value())
            # With reconnect=True the library would wait up to 17 min between two attempts of its own.
            await client.connect(reconnect=False)
        except discord.ConnectionClosed as error:
            if error.code == _INTENT_OFF and visitors.intents.message_content:
                self._unread = True  # the desk must not be deaf because readers cannot be read
                _log.error("discord_readers_unread", remedy="switch on Message Content Intent, portal, page “Bot”")
                raise HandlerError("discord: gateway: Message Content Intent is off", retryable=True) from error
            raise HandlerError(
                f"discord: gateway: closed with code {error.code}", retryable=error.code not in _FOR_GOOD
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise HandlerError("discord: gateway: cannot be reached", retryable=True) from error
        except AttributeError as error:
            # The library stumbles over its own missing websocket when the very first connection is closed at once.
            raise HandlerError("discord: gateway: closed before it began", retryable=True) from error
        finally:
            await client.let_go()
        raise HandlerError("discord: gateway: closed", retryable=True)
