"""What the sources of an operator's own words share: whose they are, and which services an entry concerns."""

import re
from collections.abc import Mapping

from pydantic import Field

from bot.domain.operators import Operator, Service
from bot.errors import ConfigError
from bot.ports import SourceSettings
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


class ChannelSettings(OperatorSettings):
    """Settings of a channel that is read over HTTP.

    Attributes:
        url: Where to read it.
    """

    url: str = Field(pattern=r"^https?://\S+$")


def require_operator(settings: OperatorSettings, operators: Mapping[str, Operator]) -> None:
    """Refuse a channel of nobody we know.

    Raises:
        ConfigError: The operator is not configured.
    """
    if settings.operator not in operators:
        known = ", ".join(operators)
        raise ConfigError(f"source {settings.name}: operator: must be one of {known}; got {settings.operator}")


def _contains(folded: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}s?(?!\w)", folded) is not None
