"""Publishes approved alerts in a Discord channel that the public reads."""

from collections.abc import Sequence

from bot.domain.deliveries import Delivery, DeliveryKind
from bot.errors import TargetError
from bot.ports import Check, Destination, DestinationDeps
from handlers._discord_check import check_room
from handlers._discord_room import PACE, Access, Room


class Settings(Access):
    """A channel in which the bot may write."""


def create(settings: Settings, deps: DestinationDeps) -> Destination:
    """The target; nothing is connected before `open`."""
    return DiscordChannel(settings, deps)


class DiscordChannel:
    """A public channel; a repeat is recognised by its nonce or by its reference, so none is posted twice."""

    def __init__(self, settings: Settings, deps: DestinationDeps) -> None:
        self.name = settings.name
        self.kind = settings.kind
        self.pace = PACE
        self._settings = settings
        self._deps = deps
        self._room = Room(settings, deps, TargetError)

    async def open(self) -> None:
        """See `Destination.open`."""
        await self._room.open()

    async def close(self) -> None:
        """See `Destination.close`."""
        await self._room.close()

    async def send(self, delivery: Delivery, *, repeated: bool) -> str:
        """See `Destination.send`."""
        if delivery.kind is not DeliveryKind.ALERT:
            raise TargetError(f"discord_channel: {self.name}: takes alerts only", retryable=False)
        return await self._room.send(delivery, repeated=repeated)

    async def check(self, *, send: bool) -> Sequence[Check]:
        """See `Destination.check`."""
        return await check_room(self._room, self._settings, self._deps, editor_roles=None, send=send)
