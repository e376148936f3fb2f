"""The desk in a Discord channel: cards with buttons, commands, and notices that ring."""

from collections.abc import Sequence

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from pydantic import Field

from bot.domain.deliveries import Delivery, DeliveryKind
from bot.errors import HandlerError
from bot.ports import Check, Desk, DestinationDeps, Handler, Inbox
from handlers._discord_check import check_room
from handlers._discord_listener import Listener
from handlers._discord_room import PACE, Access, Room

# Close codes after which Discord says not to come back: token, shard, version or intents refused.
_FOR_GOOD = frozenset({4004, 4010, 4011, 4012, 4013, 4014})


class Settings(Access):
    """The newsroom's channel, and who may decide in it."""

    editor_roles: tuple[int, ...] = Field(min_length=1)
    gateway_url: str | None = None  # for a proxy or a test; one for the whole process


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
        roles = self._settings.editor_roles
        return await check_room(self._room, self._settings, self._deps, editor_roles=roles, send=send)

    async def listen(self, desk: Desk, inbox: Inbox) -> None:
        """See `Handler.listen`; a dropped session is resumed, one that cannot be is an error."""
        if self._settings.gateway_url:
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self._settings.gateway_url)
        client = Listener(self._settings, self._settings.editor_roles, self._deps, desk, inbox)
        try:
            async with self._room.calling("login"):
                await client.login(self._settings.token.get_secret_value())
            # With reconnect=True the library would wait up to 17 min between two attempts of its own.
            await client.connect(reconnect=False)
        except discord.ConnectionClosed as error:
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
