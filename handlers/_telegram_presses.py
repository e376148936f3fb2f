"""What editors press: a button becomes a decision, and its outcome an answer; nothing is kept in memory.

A button carries its action, the incident's number and the revision that was on the card. An edit goes by a prompt to
reply to, then a preview to confirm; the prompt's words and the preview's quote hold all that the next step needs.
"""

import re
from dataclasses import dataclass

import structlog
from telegram import (
    CallbackQuery,
    ForceReply,
    InlineKeyboardMarkup,
    MaybeInaccessibleMessage,
    Message,
    MessageEntity,
    User,
)

from bot.domain.incidents import Action, Decision, Draft
from bot.errors import BotError, DeliveryError
from bot.ports import Desk, DestinationDeps, Inbox, Outcome, OutcomeKind, TakingBack
from handlers._cards import cut, draft_card, one_line, outcome_text, plain, say, utf16_len
from handlers._telegram_page import LIMIT, Page, card_keyboard, card_page, inert, joined, keyboard, text_page
from handlers._telegram_room import Room

_SAVE, _DROP, _RESEND, _UNCALL = "save", "drop", "r:", "c:"
_DATA = re.compile(rf"({'|'.join([*Action, _SAVE, _DROP])}):(\d+):(\d+)")
_ANSWER_LIMIT = 200  # of answerCallbackQuery
_PREVIEW_LIMIT = LIMIT - 400  # the rest is for what a preview says when it is confirmed
_TEXT_LIMIT = LIMIT - 500  # what an edited text may take of a preview
_FAILED = (
    "Échec : rien n’a été enregistré, réessayez dans un instant.",
    "Failed: nothing was recorded, try again in a moment.",
)
_TOO_LONG = (
    "Texte trop long : {n} caractères, {limit} au plus. Rien n’a changé.",
    "The text is too long: {n} characters, at most {limit}. Nothing has changed.",
)

log = structlog.get_logger()


def resend_data(delivery: str) -> str:
    """What the button "send again" of an unsure delivery carries."""
    return f"{_RESEND}{delivery}"


def uncall_data(call: str) -> str:
    """What the button "cancel" below a logged call carries."""
    return f"{_UNCALL}{call}"


def display_name(user: User) -> str:
    """How the others see who decided."""
    return cut(one_line(user.full_name), 64) or str(user.id)


class Presses:
    """Turns presses and replies to prompts into decisions."""

    def __init__(self, room: Room, desk: Desk, inbox: Inbox, deps: DestinationDeps) -> None:
        self._room, self._desk, self._inbox, self._deps = room, desk, inbox, deps
        self._bot = room.api.bot
        prompt = re.escape(say(deps.language, "edit_prompt", number="NUMBER", revision="REVISION"))
        self._prompt = re.compile(prompt.replace("NUMBER", r"(\d+)").replace("REVISION", r"(\d+)"))

    async def pressed(self, query: CallbackQuery) -> None:
        """Check who pressed what and where, decide, and tell the outcome."""
        try:
            reaction = await self._react(query)
        except BotError as error:
            log.warning("telegram.press_failed", reason=str(error), user=query.from_user.id)
            reaction = _Reaction(self._words(_FAILED))
        # From here on a failure is one of showing: what was decided stands.
        try:
            async with self._room.api.calling():
                told = cut(reaction.told, _ANSWER_LIMIT)
                await self._bot.answer_callback_query(query.id, told or None, show_alert=bool(told) and reaction.loud)
        except DeliveryError as error:
            log.info("telegram.press_unanswered", reason=error.reason)
        if reaction.page and query.message:
            await self._room.change(query.message.message_id, reaction.page, keyboard=reaction.buttons)

    async def replied(self, message: Message, who: User) -> bool:
        """Show an editor's new text back before it counts; False if the message answers no prompt of ours."""
        prompt = message.reply_to_message
        if prompt is None or prompt.from_user is None or prompt.from_user.id != self._bot.id:
            return False
        match = self._prompt.match(prompt.text or "")
        if match is None:
            return False
        text = plain(message.text or "")
        page, buttons = self._preview(text), self._confirm(int(match[1]), int(match[2]))
        if not text or utf16_len(page.plain) > _PREVIEW_LIMIT:
            too_long = self._words(_TOO_LONG).format(n=utf16_len(text), limit=_TEXT_LIMIT)
            page, buttons = text_page(too_long if text else say(self._deps.language, "edit_empty")), None
        log.info("telegram.text_proposed", incident=int(match[1]), user=who.id)
        await self._room.post(page, keyboard=buttons, reply_to=message.message_id)
        return True

    async def _react(self, query: CallbackQuery) -> "_Reaction":
        language, user = self._deps.language, query.from_user
        editor = await self._room.is_editor(user.id)
        here = self._is_ours(query.message)
        if not editor or not here:
            log.warning("telegram.press_refused", user=user.id, editor=editor, our_message=here)
            refusal = "not_editor" if here else "wrong_place"
            return _Reaction(say(language, refusal) if editor or here else "")  # a stranger elsewhere is told nothing
        data = query.data or ""
        if data.startswith(_RESEND):
            return await self._resend(query, data.removeprefix(_RESEND))
        if data.startswith(_UNCALL):
            return await self._undo_call(query, data.removeprefix(_UNCALL))
        match = _DATA.fullmatch(data)
        draft = await self._desk.draft(int(match[2])) if match else None
        if match is None or draft is None:
            return _Reaction(say(language, "unknown_incident"))
        return await self._act(query, draft, match[1], int(match[3]))

    async def _act(self, query: CallbackQuery, draft: Draft, what: str, revision: int) -> "_Reaction":
        language = self._deps.language
        if what == _DROP:
            cancelled = say(language, "edit_cancelled")
            return _Reaction(cancelled, text_page(cancelled), loud=False)
        if what == _SAVE:
            return await self._save(query, draft, revision)
        if what == Action.EDIT:
            return await self._prompt_for(query, draft)
        action = Action(what)
        outcome = await self._decide(query, draft, action, revision, key=f"telegram:{query.id}")
        told = outcome_text(outcome, action, language=language)
        if outcome.draft is None:
            return _Reaction(told)
        # The outbox will edit the card too, when its turn comes; who has just pressed looks at it now.
        card = draft_card(outcome.draft, language=language, zone=self._deps.zone)
        buttons = card_keyboard(card, draft.incident.number, outcome.draft.revision)
        return _Reaction(told, card_page(card), buttons, loud=outcome.kind is not OutcomeKind.DONE)

    def _is_ours(self, message: MaybeInaccessibleMessage | None) -> bool:
        """A message that we wrote in the room; not a copy that somebody forwarded."""
        if message is None or message.chat.id != self._room.id:
            return False
        if not isinstance(message, Message):  # too old for Telegram to show us: its buttons still work
            return True
        mine = message.from_user is not None and message.from_user.id == self._bot.id
        return mine and message.forward_origin is None

    async def _resend(self, query: CallbackQuery, delivery: str) -> "_Reaction":
        sent = await self._desk.resend(delivery, display_name(query.from_user))
        log.info("telegram.resend", delivery=delivery, user=query.from_user.id, done=sent)
        words = query.message.text if isinstance(query.message, Message) else None
        told = say(self._deps.language, "resend_done" if sent else "resend_closed")
        return _Reaction(told, text_page(f"{words or ''}\n\n{told}"), loud=not sent)

    async def _undo_call(self, query: CallbackQuery, call: str) -> "_Reaction":
        who = display_name(query.from_user)
        outcome = await self._inbox.undo_call(call, who)
        log.info("telegram.call_undone", user=query.from_user.id, outcome=outcome.value)
        told = say(self._deps.language, f"call_{outcome.value}", who=who)
        words = query.message.text if isinstance(query.message, Message) else None
        if outcome is TakingBack.ALREADY:  # the message says so, or will: who undid it is named there
            return _Reaction(told, loud=False)
        return _Reaction(told, text_page(f"{words or ''}\n{told}"), loud=outcome is not TakingBack.DONE)

    async def _decide(
        self, query: CallbackQuery, draft: Draft, action: Action, revision: int, *, key: str, text: str | None = None
    ) -> Outcome:
        decision = Decision(
            who=display_name(query.from_user),
            action=action,
            at=self._deps.clock.now(),
            incident=draft.incident.id,
            text=text,
            revision=revision,
            key=key,
        )
        outcome = await self._desk.decide(decision)
        log.info(
            "telegram.decided",
            action=action.value,
            incident=draft.incident.number,
            user=query.from_user.id,
            outcome=outcome.kind.value,
        )
        return outcome

    async def _prompt_for(self, query: CallbackQuery, draft: Draft) -> "_Reaction":
        user = query.from_user
        words = say(self._deps.language, "edit_prompt", number=draft.incident.number, revision=draft.revision)
        # The mention lets `selective` open the reply for this editor alone.
        mention = Page.of(display_name(user), href=f"tg://user?id={user.id}")
        quote = Page.of(cut(inert(draft.text), _TEXT_LIMIT), "blockquote")
        card = query.message.message_id if query.message else None
        await self._room.post(
            joined((Page.of(words), quote, mention), "\n"), keyboard=ForceReply(selective=True), reply_to=card
        )
        return _Reaction("")

    async def _save(self, query: CallbackQuery, draft: Draft, revision: int) -> "_Reaction":
        language, message = self._deps.language, query.message
        quotes = message.parse_entities([MessageEntity.BLOCKQUOTE]) if isinstance(message, Message) else {}
        text = plain(next(iter(quotes.values()), ""))
        if message is None or not text:
            return _Reaction(say(language, "edit_empty"))
        # Of the preview, not of the press: pressing twice is one edit.
        key = f"telegram:{message.chat.id}:{message.message_id}:{revision}"
        outcome = await self._decide(query, draft, Action.EDIT, revision, key=key, text=text)
        told = outcome_text(outcome, Action.EDIT, language=language)
        if outcome.kind is OutcomeKind.CHANGED and outcome.draft:
            again = self._confirm(draft.incident.number, outcome.draft.revision)
            return _Reaction(told, self._preview(text, told), again)
        page = joined((Page.of(text, "blockquote"), Page.of(told)), "\n")
        return _Reaction(told, page, loud=outcome.kind is not OutcomeKind.DONE)

    def _preview(self, text: str, warning: str = "") -> Page:
        shown = say(self._deps.language, "edit_preview", text="").strip()
        return joined((Page.of(warning, "b"), Page.of(shown), Page.of(text, "blockquote")), "\n")

    def _confirm(self, number: int, revision: int) -> InlineKeyboardMarkup | None:
        buttons = ((_SAVE, "confirm"), (_DROP, "cancel"))
        return keyboard((say(self._deps.language, label), f"{what}:{number}:{revision}") for what, label in buttons)

    def _words(self, pair: tuple[str, str]) -> str:
        return pair[self._deps.language != "fr"]


@dataclass(frozen=True, slots=True)
class _Reaction:
    """What a press comes to: a word to who pressed, and what the pressed message says from now on.

    Attributes:
        loud: The word stays until it is closed; one that passes by is enough where all went as asked.
    """

    told: str
    page: Page | None = None
    buttons: InlineKeyboardMarkup | None = None
    loud: bool = True
