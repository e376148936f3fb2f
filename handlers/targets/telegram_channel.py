"""Publishes approved alerts in a Telegram channel; a repeat would be public, so what is unsure is not sent again."""

from collections.abc import Sequence

from pydantic import Field, SecretStr, field_validator

from bot.domain.deliveries import Alert, Delivery
from bot.errors import TargetError
from bot.ports import Check, DestinationDeps, DestinationSettings, Pace
from handlers._cards import one_line, plain
from handlers._telegram_api import Api
from handlers._telegram_check import check_room
from handlers._telegram_page import alert_page
from handlers._telegram_room import Room, chat_number


class Settings(DestinationSettings):
    """One public channel on Telegram.

    Attributes:
        chat: The channel's `@name` or number.
    """

    token: SecretStr = Field(min_length=1)
    chat: int | str
    api_base_url: str = Field(default="https://api.telegram.org", pattern=r"^https?://")

    _number = field_validator("chat", mode="before")(chat_number)


def create(settings: Settings, deps: DestinationDeps) -> "TelegramChannel":
    """The target of one channel."""
    return TelegramChannel(settings, deps)


class TelegramChannel:
    """See `bot.ports.Destination`."""

    kind = "telegram_channel"
    pace = Pace(per_second=1, per_minute=20)  # Telegram counts a channel as a group

    def __init__(self, settings: Settings, deps: DestinationDeps, *, call_seconds: float = 15.0) -> None:
        self.name = settings.name or self.kind
        self._language = deps.language
        api = Api(settings.token, settings.api_base_url, error=TargetError, name=self.name, call_seconds=call_seconds)
        self._room = Room(api, settings.chat)

    async def open(self) -> None:
        """See `Destination.open`."""
        await self._room.open()

    async def close(self) -> None:
        """See `Destination.close`."""
        await self._room.api.close()

    async def send(self, delivery: Delivery, *, repeated: bool) -> str:
        """See `Destination.send`: Telegram cannot be asked whether it has a message, so nothing is sent twice."""
        alert = delivery.payload
        if not isinstance(alert, Alert):
            raise TargetError(
                f"telegram: {self.name}: a channel takes alerts only, not {delivery.kind}", retryable=False
            )
        if repeated:
            reason = "an earlier attempt may have been published; look at the channel before sending again"
            raise TargetError(f"telegram: {self.name}: {reason}", reason=reason, retryable=False, maybe_sent=True)
        return await self._room.post(alert_page(one_line(alert.title), plain(alert.text)))

    async def check(self, *, send: bool) -> Sequence[Check]:
        """See `Destination.check`; a public channel gets no test message, whatever `send` says."""
        del send
        return await check_room(self._room, publish=True, send=False, language=self._language)
