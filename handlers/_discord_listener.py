"""What people do in the desk's channel: who may, and what becomes of a press or of a new text."""

import asyncio
import re
from contextlib import suppress
from typing import Any

import discord
import structlog

from bot.domain.incidents import Action, Decision, Draft
from bot.errors import BotError
from bot.ports import Desk, DestinationDeps, Inbox, Outcome, OutcomeKind, TakingBack
from handlers._cards import cut, outcome_text, plain, say, utf16_len
from handlers._discord_commands import build_commands
from handlers._discord_message import (
    DESCRIPTION,
    Message,
    Press,
    buttons,
    draft_message,
    escape,
    name_of,
    tell,
    unescape,
)
from handlers._discord_room import Access, ApiClient
from handlers._discord_visitors import Visitors

_log = structlog.get_logger()

_ANSWER_SECONDS = 2.5  # Discord drops an interaction that is not answered within 3 s
_WHOLE_SECONDS = 20.0  # for a press, from the first word to the last
_TEXT_MAX = 3500  # of an edited text: 4000 is the modal's limit, and escaped it must fit a description
_MODAL = re.compile(r"vigie:text:(?P<about>\d+:\d+)")

_NOT_STORED = (
    "Impossible pour l’instant : rien n’a été enregistré. Réessayez.",
    "Not possible right now: nothing was recorded. Try again.",
)
_UNCERTAIN = (
    "Quelque chose n’a pas marché. Regardez la carte avant de réessayer.",
    "Something went wrong. Look at the card before you try again.",
)
_NOT_HERE = ("Réservé à la rédaction, dans son salon.", "For the newsroom, in its own channel.")
_TOO_LONG = ("Ce texte est trop long pour Discord : rien n’a changé.", "Too long for Discord: nothing has changed.")
_FIELD = ("Nouveau texte", "New text")


class Listener(ApiClient):
    """One gateway session; a new one is made after each failure."""

    def __init__(
        self,
        access: Access,
        editor_roles: tuple[int, ...],
        deps: DestinationDeps,
        desk: Desk,
        inbox: Inbox,
        visitors: Visitors,
    ) -> None:
        super().__init__(access, intents=visitors.intents)
        self._access = access
        self._editor_roles = editor_roles
        self._deps = deps
        self._desk, self._inbox, self._visitors = desk, inbox, visitors
        self._tree = build_commands(self, discord.Object(access.guild), self.admits, deps, desk, inbox)

    async def setup_hook(self) -> None:
        """Called once logged in."""
        self.add_dynamic_items(Press)
        try:
            await self._tree.sync(guild=discord.Object(self._access.guild))
        except discord.HTTPException as error:  # the buttons work without them, and `vigie check` says why
            _log.warning("discord_commands_not_synced", status=error.status, code=error.code)

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether this is an editor in the desk's channel; anybody else is refused, in private."""
        here = interaction.guild_id == self._access.guild and interaction.channel_id == self._access.channel
        user = interaction.user
        if here and self._is_editor(user):
            return True
        _log.warning("discord_refused", user=user.id, guild=interaction.guild_id, channel=interaction.channel_id)
        match interaction.type:
            case discord.InteractionType.autocomplete:
                await interaction.response.autocomplete([])
            case discord.InteractionType.application_command:
                await interaction.response.send_message(self._say(_NOT_HERE), ephemeral=True)
            case _:
                text = say(self._deps.language, "not_editor" if here else "wrong_place")
                await interaction.response.send_message(text, ephemeral=True)
        return False

    def _is_editor(self, user: discord.User | discord.Member) -> bool:
        return isinstance(user, discord.Member) and any(user.get_role(role) for role in self._editor_roles)

    async def on_message(self, message: discord.Message) -> None:
        """Somebody wrote somewhere; only the readers' channel is listened to."""
        await self._visitors.wrote(message, editor=self._is_editor(message.author), me=self.user)

    async def on_raw_message_delete(self, deletion: discord.RawMessageDeleteEvent) -> None:
        """Somebody deleted a message somewhere."""
        await self._visitors.deleted(deletion.channel_id, (deletion.message_id,))

    async def on_raw_bulk_message_delete(self, deletion: discord.RawBulkMessageDeleteEvent) -> None:
        """A moderator deleted several at once."""
        await self._visitors.deleted(deletion.channel_id, deletion.message_ids)

    # --- buttons -------------------------------------------------------------------------------------------------

    async def pressed(self, interaction: discord.Interaction[Any], what: str, about: str) -> None:
        """A press, or a submitted modal; whatever fails, whoever waits for an answer gets one."""
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                if what == "back":
                    await self._visitors.take_back(interaction, about)
                elif await self.admits(interaction):
                    await self._press(interaction, what, about)
        except Exception as error:  # noqa: BLE001 - a defect, too, must be told to whoever pressed
            known = isinstance(error, BotError | TimeoutError | discord.HTTPException)
            _log.warning(
                "discord_press_failed",
                what=what,
                about=about,
                error=str(error) or type(error).__name__,
                exc_info=None if known else error,
            )
            # Not `tell`: a preview must keep the text that somebody typed.
            answer = interaction.followup.send if interaction.response.is_done() else interaction.response.send_message
            with suppress(discord.HTTPException, TimeoutError):
                async with asyncio.timeout(_WHOLE_SECONDS):
                    await answer(self._say(_NOT_STORED if isinstance(error, BotError) else _UNCERTAIN), ephemeral=True)

    async def _press(self, interaction: discord.Interaction[Any], what: str, about: str) -> None:
        match what:
            case Action.EDIT.value:
                await self._ask_text(interaction, about)
            case "text":
                await tell(interaction, self._preview(plain(_typed(interaction.data)), about))
            case "confirm":
                await self._confirm(interaction, about)
            case "cancel":
                text = say(self._deps.language, "edit_cancelled")
                await interaction.response.edit_message(content=text, embeds=[], view=None)
            case "resend":
                await interaction.response.defer(ephemeral=True, thinking=True)
                done = await self._desk.resend(about, name_of(interaction))
                await tell(interaction, Message(say(self._deps.language, "resend_done" if done else "resend_closed")))
            case "uncall":
                await self._undo_call(interaction, about)
            case _:
                await self._decide(interaction, Action(what), about)

    async def _undo_call(self, interaction: discord.Interaction[Any], call: str) -> None:
        await interaction.response.defer()
        who, words = name_of(interaction), interaction.message.content if interaction.message else ""
        outcome = await self._inbox.undo_call(call, who)
        told = escape(say(self._deps.language, f"call_{outcome.value}", who=who))
        if outcome is TakingBack.ALREADY:  # the message says so, or will: who undid it is named there
            await interaction.followup.send(told, ephemeral=True)
        else:
            await interaction.edit_original_response(content=f"{words}\n{told}", view=None)

    async def _decide(self, interaction: discord.Interaction[Any], action: Action, about: str) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        outcome = await self._decision(interaction, action, about)
        text = escape(outcome_text(outcome, action, language=self._deps.language))
        if outcome.kind is OutcomeKind.CHANGED and outcome.draft:
            again = draft_message(outcome.draft, self._deps)
            await tell(interaction, Message(text, again.embed, again.view))
        else:
            await tell(interaction, Message(text))

    async def _decision(
        self, interaction: discord.Interaction[Any], action: Action, about: str, text: str | None = None
    ) -> Outcome:
        number, revision = map(int, about.split(":"))
        draft = await self._desk.draft(number)
        if draft is None:
            return Outcome(OutcomeKind.UNKNOWN)
        return await self._desk.decide(
            Decision(
                who=name_of(interaction),
                action=action,
                at=self._deps.clock.now(),
                incident=draft.incident.id,
                text=text,
                revision=revision,
                key=f"discord:{interaction.id}",
            )
        )

    # --- a new text: a modal, a preview, a confirmation ----------------------------------------------------------

    async def _ask_text(self, interaction: discord.Interaction[Any], about: str) -> None:
        """Open the modal, with the text as it is now: that is the revision this editor sees."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            draft = await self._desk.draft(int(about.partition(":")[0]))
        if draft is None:
            text = say(self._deps.language, "unknown_incident")
            await interaction.response.send_message(text, ephemeral=True)
            return
        await interaction.response.send_modal(_TextModal(draft, self._deps.language))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """A submitted modal: the library forgets its modals in a restart, so ours is known by its id."""
        data: Any = interaction.data or {}
        if interaction.type is discord.InteractionType.modal_submit and (match := _MODAL.fullmatch(data["custom_id"])):
            await self.pressed(interaction, "text", match["about"])

    def _preview(self, text: str, about: str) -> Message:
        """The new text as it will be, for that editor alone; it counts once they confirm."""
        language = self._deps.language
        if not text:
            return Message(say(language, "edit_empty"))
        if utf16_len(escape(text)) > DESCRIPTION:
            return Message(self._say(_TOO_LONG))
        head = say(language, "edit_preview", text="").strip()
        return Message(head, discord.Embed(description=escape(text)), self._choice(about))

    async def _confirm(self, interaction: discord.Interaction[Any], about: str) -> None:
        """Take the text out of the preview: it survives a restart there."""
        await interaction.response.defer()
        typed = interaction.message.embeds[0].description if interaction.message else None
        if not typed:
            raise ValueError("the preview has no text")
        outcome = await self._decision(interaction, Action.EDIT, about, unescape(typed))
        embeds = [discord.Embed(description=typed)] if outcome.kind is not OutcomeKind.DONE else []
        view = None
        if outcome.kind is OutcomeKind.CHANGED and (draft := outcome.draft):
            now = draft_message(draft, self._deps).embed
            embeds += [now] if now else []
            view = self._choice(f"{draft.incident.number}:{draft.revision}")
        head = escape(outcome_text(outcome, Action.EDIT, language=self._deps.language))
        await interaction.edit_original_response(content=head, embeds=embeds, view=view)

    def _choice(self, about: str) -> discord.ui.View | None:
        return buttons(*((what, say(self._deps.language, what)) for what in ("confirm", "cancel")), about=about)

    def _say(self, words: tuple[str, str]) -> str:
        return words[self._deps.language != "fr"]


class _TextModal(discord.ui.Modal):
    """The draft's text, to be changed."""

    def __init__(self, draft: Draft, language: str) -> None:
        number = draft.incident.number
        super().__init__(
            title=say(language, "edit_title", number=number), custom_id=f"vigie:text:{number}:{draft.revision}"
        )
        field: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph,
            custom_id="text",
            default=cut(plain(draft.text), _TEXT_MAX),
            max_length=_TEXT_MAX,
        )
        self.add_item(discord.ui.Label(text=_FIELD[language != "fr"], component=field))


def _typed(data: Any) -> str:  # noqa: ANN401 - the payload as Discord sends it
    """What stands in the modal's one field."""
    outer = data["components"][0]
    return str((outer.get("component") or outer["components"][0])["value"])
