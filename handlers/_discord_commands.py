"""The desk's slash commands: defined for one guild, sent to Discord only when they have changed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import discord
import structlog
from discord import app_commands

from bot.domain.operators import Operator, Service
from bot.errors import BotError
from bot.ports import Call, Desk, DestinationDeps, Inbox
from handlers._cards import (
    Card,
    alert_text,
    cut,
    help_text,
    incidents_card,
    one_line,
    operators_overview,
    say,
    service_label,
    sources_card,
    status_card,
    unknown_operator,
    utf16_len,
)
from handlers._discord_message import CONTENT, Message, buttons, embed_of, escape, fitted, name_of, tell

_log = structlog.get_logger()

Asked = discord.Interaction[Any]
_WHOLE_SECONDS = 20.0  # for an answer, however slow the desk or Discord
_OFFERED = 25  # choices Discord shows
_NOT_KEPT = {"dm_permission"}  # means nothing for a guild's command: Discord does not give it back

_WORDS = {
    "status": ("L’état d’un opérateur, ou de tous", "The state of one operator, or of all"),
    "incidents": ("Les incidents en cours", "Open incidents"),
    "draft": ("Le texte d’une alerte, seul, prêt à copier", "An alert’s text alone, ready to copy"),
    "signaler": ("Noter l’appel d’un lecteur", "Log a reader’s call"),
    "sources": ("Ce que la vigie entend", "What the lookout hears"),
    "id": ("Les identifiants de ce salon et de vous", "The ids of this channel and of you"),
    "help": ("Les commandes", "The commands"),
    "operator": ("L’opérateur", "The operator"),
    "number": ("Le numéro de l’incident", "The incident’s number"),
    "service": ("Ce qui ne marche pas", "What does not work"),
    "place": ("Commune ou département", "Town or département"),
    "pro": ("Un professionnel", "A business customer"),
    "failed": ("Impossible pour l’instant. Réessayez.", "Not possible right now. Try again."),
}


class Commands(app_commands.CommandTree[discord.Client]):
    """The tree, with the door in front of it: strangers get `/id` and nothing else."""

    def __init__(self, client: discord.Client, admits: Callable[[Asked], Awaitable[bool]], language: str) -> None:
        super().__init__(client, fallback_to_global=False)
        self._admits = admits
        self._language = language

    async def interaction_check(self, interaction: Asked, /) -> bool:
        """See `CommandTree.interaction_check`."""
        return _name(interaction) == "id" or await self._admits(interaction)

    async def on_error(self, interaction: Asked, error: app_commands.AppCommandError, /) -> None:
        """Tell the one who asked; the cause goes to the log, whole where it is not a foreseen one."""
        cause = error.__cause__ or error
        known = isinstance(cause, BotError | TimeoutError | discord.HTTPException)
        _log.warning(
            "discord_command_failed",
            command=_name(interaction),
            error=str(cause) or type(cause).__name__,
            exc_info=None if known else cause,
        )
        if interaction.response.is_done():
            await tell(interaction, Message(_words("failed", self._language)))

    async def sync(self, *, guild: discord.abc.Snowflake | None = None) -> list[app_commands.AppCommand]:
        """Send the guild's commands, unless Discord has them so already."""
        application = self.client.application_id
        if guild is not None and application is not None:
            ours = [command.to_dict(self) for command in self.get_commands(guild=guild)]
            theirs = await self.client.http.get_guild_commands(application, guild.id)
            if len(ours) == len(theirs) and agree(_by_name(ours), _by_name(theirs)):
                return []
        return await super().sync(guild=guild)


class Answers:
    """What each command says; who may ask is settled before."""

    def __init__(self, deps: DestinationDeps, desk: Desk, inbox: Inbox) -> None:
        self._deps = deps
        self._desk = desk
        self._inbox = inbox
        self._language = deps.language

    async def status(self, operator: str | None, place: str) -> Message:
        """One operator, perhaps at a place, or all."""
        zone, now = self._deps.zone, self._deps.clock.now()
        known = self._desk.operators()
        if operator is None:
            drafts = await self._desk.open_drafts()
            return _shown(operators_overview(known, drafts, language=self._language, zone=zone, now=now))
        if found := await self._desk.status(operator, place.strip()):
            return _shown(status_card(found, language=self._language, zone=zone))
        return Message(fitted(unknown_operator(operator, known, language=self._language), CONTENT))

    async def offer(self, _interaction: Asked, typed: str) -> list[app_commands.Choice[str]]:
        """The operators that begin so."""
        begun = typed.strip().casefold()
        found = [o for o in self._desk.operators() if any(word.startswith(begun) for word in _names(o))]
        return [app_commands.Choice(name=cut(one_line(o.name), 100), value=o.id) for o in found[:_OFFERED]]

    async def incidents(self) -> Message:
        """Those that are open."""
        drafts, now = await self._desk.open_drafts(), self._deps.clock.now()
        return _shown(incidents_card(drafts, language=self._language, zone=self._deps.zone, now=now))

    async def draft(self, number: int) -> Message:
        """The alert alone: as text that can be copied, or, where that is too long for a message, as an embed."""
        draft = await self._desk.draft(number)
        if draft is None:
            return Message(say(self._language, "unknown_incident"))
        text = escape(alert_text(draft))
        if utf16_len(text) <= CONTENT:
            return Message(text)
        return _shown(Card(title=one_line(draft.title), body=alert_text(draft).partition("\n\n")[2]))

    async def sources(self) -> Message:
        """Who can hear."""
        statuses = await self._desk.sources()
        return _shown(sources_card(statuses, language=self._language, now=self._deps.clock.now()))

    async def call(self, interaction: Asked, operator: str, service: Service, place: str, *, pro: bool) -> Message:
        """Log a reader's call."""
        known = {word: o for o in self._desk.operators() for word in _names(o)}
        named = known.get(operator.strip().casefold())
        if named is None:
            refusal = unknown_operator(operator, self._desk.operators(), language=self._language)
            return Message(fitted(refusal, CONTENT))
        key = f"discord:{interaction.id}"
        logged = await self._inbox.log_call(
            Call(
                key=key,
                who=name_of(interaction),
                operator=named.id,
                service=service,
                place=place,
                at=self._deps.clock.now(),
                professional=pro,
            )
        )
        if isinstance(logged, str):
            return Message(fitted(logged, CONTENT))
        where = logged.places[0].name if logged.places else place
        label = service_label(service, self._language)
        text = say(self._language, "call_logged", operator=named.name, service=label, place=where)
        return Message(fitted(text, CONTENT), view=buttons(("uncall", say(self._language, "cancel")), about=key))


def build_commands(
    client: discord.Client,
    guild: discord.Object,
    admits: Callable[[Asked], Awaitable[bool]],
    deps: DestinationDeps,
    desk: Desk,
    inbox: Inbox,
) -> Commands:
    """The commands of one guild, described in the newsroom's language."""
    tree, answers, language = Commands(client, admits, deps.language), Answers(deps, desk, inbox), deps.language

    def command(name: str) -> Callable[[Any], Any]:
        return tree.command(name=name, description=_words(name, language), guild=guild)

    def described(*options: str) -> Callable[[Any], Any]:
        return app_commands.describe(**{option: _words(option, language) for option in options})

    @command("status")
    @described("operator", "place")
    @app_commands.autocomplete(operator=answers.offer)
    async def status(interaction: Asked, operator: str | None = None, place: str = "") -> None:
        await _answer(interaction, answers.status, operator, place)

    @command("incidents")
    async def incidents(interaction: Asked) -> None:
        await _answer(interaction, answers.incidents)

    @command("draft")
    @described("number")
    async def draft(interaction: Asked, number: int) -> None:
        await _answer(interaction, answers.draft, number)

    @command("signaler")
    @described("operator", "service", "place", "pro")
    @app_commands.autocomplete(operator=answers.offer)
    @app_commands.choices(
        service=[app_commands.Choice(name=service_label(s, language), value=s.value) for s in Service]
    )
    async def signaler(interaction: Asked, operator: str, service: str, place: str, pro: bool = False) -> None:
        await _answer(interaction, partial(answers.call, pro=pro), interaction, operator, Service(service), place)

    @command("sources")
    async def sources(interaction: Asked) -> None:
        await _answer(interaction, answers.sources, ephemeral=True)

    @command("id")
    async def ids(interaction: Asked) -> None:
        text = say(language, "ids", chat=interaction.channel_id, user=interaction.user.id)
        await interaction.response.send_message(text, ephemeral=True)

    @command("help")
    async def helped(interaction: Asked) -> None:
        await interaction.response.send_message(escape(help_text(language)), ephemeral=True)

    return tree


async def _answer(
    interaction: Asked, say_it: Callable[..., Awaitable[Message]], *about: object, ephemeral: bool = False
) -> None:
    """Tell Discord that we are at it, ask the desk, answer."""
    async with asyncio.timeout(_WHOLE_SECONDS):
        await interaction.response.defer(ephemeral=ephemeral, thinking=True)
        await tell(interaction, await say_it(*about))


def _shown(card: Card) -> Message:
    return Message(fitted(card.badge, CONTENT), embed_of(card))


def _words(key: str, language: str) -> str:
    return _WORDS[key][language != "fr"]


def _name(interaction: Asked) -> str:
    data: Any = interaction.data or {}
    return str(data.get("name"))


def _names(operator: Operator) -> list[str]:
    brands = [brand for brand, _ in operator.brands]
    return [word.casefold() for word in (operator.id, operator.name, *operator.aliases, *brands)]


def _by_name(commands: Sequence[Any]) -> list[Any]:
    return sorted(commands, key=lambda command: str(command["name"]))


def agree(ours: Any, theirs: Any) -> bool:  # noqa: ANN401 - JSON of any shape
    """Whether Discord's form says what ours does; it adds keys of its own and leaves out what is merely the default."""
    if isinstance(ours, dict):
        known = theirs if isinstance(theirs, dict) else {}
        return all(key in _NOT_KEPT or agree(value, known.get(key)) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    return bool(ours == theirs) or not (ours or theirs)
