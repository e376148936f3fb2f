"""What the sources of an operator's own words share: whose they are, and which services an entry concerns."""

import re
from collections.abc import Mapping
from typing import Generic, TypeVar

from pydantic import Field

from bot.domain.operators import Service
from bot.errors import ConfigError
from bot.ports import SourceDeps, SourceSettings
from sources._words import fold

MAX_BODY_CHARS = 5_000


class OperatorSettings(SourceSettings):
    """Settings of an operator's own channel, wherever it is read.

    Attributes:
        operator: Id of the operator whose channel it is.
        services: What an entry concerns when no word tells.
        service_words: Word or phrase → its service (`messagerie = "mail"`); accents and case do not matter.
        area: The area of a channel that speaks for one region only, as the operator names it.
    """

    operator: str
    services: tuple[Service, ...] = ()
    service_words: Mapping[str, Service] = Field(default_factory=dict)
    area: str | None = None

    def services_of(self, *texts: str) -> tuple[Service, ...]:
        """The services that texts name, in the order of the settings."""
        folded = fold("\n".join(texts))
        named = (service for word, service in self.service_words.items() if _contains(folded, fold(word)))
        return tuple(dict.fromkeys(named)) or self.services


S = TypeVar("S", bound=OperatorSettings)


class ChannelSettings(OperatorSettings):
    """Settings of a channel that is read over HTTP.

    Attributes:
        url: Where to read it.
    """

    url: str = Field(pattern=r"^https?://\S+$")


class Channel(Generic[S]):
    """What every source of one operator's own words is, whatever it reads; see `bot.ports.Source`.

    Raises:
        ConfigError: The operator is not configured.
    """

    kind: str
    hears = False  # it speaks for the operator: no mentions, no tallies

    def __init__(self, settings: S, deps: SourceDeps) -> None:
        if settings.operator not in deps.operators:
            known = ", ".join(deps.operators)
            raise ConfigError(f"source {settings.name}: operator: must be one of {known}; got {settings.operator}")
        self.name = settings.name or self.kind
        self.operator: str | None = settings.operator
        self.interval = settings.interval
        self._settings = settings
        self._deps = deps

    async def close(self) -> None:
        """See `bot.ports.Source.close`; nothing is held."""


def _contains(folded: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}s?(?!\w)", folded) is not None
