"""Readers who write to the newsroom's own bot: the block that opts in, and whether the chats can hear them at all.

What they write comes in by the handlers and the `Inbox` port; nothing is polled here but the state of the chats.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from pydantic import Field

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.ports import Reading, SourceDeps, SourceSettings, Welcome

_LOOK_SECONDS = 30.0


class Settings(SourceSettings):
    """Settings of the `readers` source.

    Attributes:
        handlers: Names of the chats by which readers may write; all that can hear them when left out.
        per_person: Messages of one person that are read and answered in an hour.
        daily_max: Messages that are read and answered in a day.
    """

    alone = True  # the terms are the newsroom's

    handlers: tuple[str, ...] = ()
    per_person: int = Field(default=5, ge=1, le=100)
    daily_max: int = Field(default=5000, ge=1, le=100_000)


def create(settings: Settings, deps: SourceDeps) -> "ReadersSource":
    """A source for these settings."""
    return ReadersSource(settings, deps)


class ReadersSource:
    """The newsroom's open door; see `bot.ports.Source`.

    Attributes:
        welcome: The terms, for the desk.
    """

    kind = "readers"
    hears = True
    operator: str | None = None
    interval = timedelta(0)

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        self.name = settings.name or self.kind
        self._handlers = settings.handlers
        self._chats = deps.chats
        self.welcome = Welcome(self.name, settings.handlers, settings.per_person, settings.daily_max)

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:  # noqa: ARG002 - there is nothing to go on with
        """See `bot.ports.Source.read`: a good check as long as one of the chats is connected."""
        while True:
            self._look()
            yield Reading()
            await asyncio.sleep(_LOOK_SECONDS)

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        self._look()
        return ", ".join(self._open())

    async def close(self) -> None:
        """See `bot.ports.Source.close`; nothing is held."""

    def _open(self) -> dict[str, str]:
        """The chats by which readers may write, and what is wrong with each."""
        chats = self._chats.items()
        return {name: trouble for name, trouble in chats if not self._handlers or name in self._handlers}

    def _look(self) -> None:
        chats = self._open()
        if not chats:
            reason = "aucun salon n’est configuré où des lecteurs puissent écrire"
            raise SourceError(f"{self.name}: no such chat", state=HealthState.OFF, reason=reason)
        if all(chats.values()):
            reason = "; ".join(f"{name} : {trouble}" for name, trouble in chats.items())
            raise SourceError(f"{self.name}: no chat hears", state=HealthState.UNREACHABLE, reason=reason)
