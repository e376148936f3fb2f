"""The desk in a Telegram chat: cards arrive with buttons, editors ask and decide, whoever else writes is not heard."""

import asyncio
import traceback
from collections import deque
from collections.abc import Sequence
from typing import Self

import structlog
from pydantic import Field, SecretStr, field_validator, model_validator
from telegram import BotCommandScopeChat, Message, Update, User

from bot.domain.deliveries import Delivery, DeliveryKind, Notice
from bot.domain.incidents import Draft
from bot.errors import BotError, HandlerError
from bot.ports import Check, Desk, DestinationDeps, DestinationSettings, Inbox, Pace
from handlers._cards import draft_card, notice_text, say
from handlers._readers import reader_say
from handlers._telegram_api import Api
from handlers._telegram_check import check_room
from handlers._telegram_commands import Command, Commands, menu
from handlers._telegram_page import card_keyboard, card_page, keyboard, text_page
from handlers._telegram_presses import Presses, display_name, resend_data
from handlers._telegram_room import Room, chat_number
from handlers._telegram_updates import poll, serve_webhook
from handlers._telegram_visitors import Visitors

_UPDATE_SECONDS = 20.0
_IDS_TOLD, _IDS_SECONDS = 10, 60.0  # at most so many answers to /id in so many seconds

log = structlog.get_logger()


class Settings(DestinationSettings):
    """One desk room on Telegram.

    Attributes:
        chat: The room's number (negative for a group) or its `@name`.
        editors: Telegram user ids of those who may decide.
        administrators: The room's administrators may decide too.
        webhook_url: Where Telegram reaches us by https; long polling when left out.
        webhook_secret: What Telegram must send along; 1 to 256 of A-Z a-z 0-9 _ -.
    """

    token: SecretStr = Field(min_length=1)
    chat: int | str
    editors: tuple[int, ...] = ()
    administrators: bool = False
    api_base_url: str = Field(default="https://api.telegram.org", pattern=r"^https?://")
    webhook_url: str | None = Field(default=None, pattern=r"^https?://")
    webhook_secret: SecretStr | None = None
    webhook_listen: str = "127.0.0.1"
    webhook_port: int = Field(default=8443, ge=1, le=65535)

    @property
    def hears_readers(self) -> bool:
        """People may write to the bot in private; whether they are heard the `readers` source decides."""
        return True

    _number = field_validator("chat", mode="before")(chat_number)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.editors and not self.administrators:
            raise ValueError("nobody could decide: list `editors`, or set `administrators = true`")
        if self.webhook_url and not self.webhook_secret:
            raise ValueError("`webhook_url` needs a `webhook_secret`")
        return self


def create(settings: Settings, deps: DestinationDeps) -> "Telegram":
    """The handler of one desk room."""
    return Telegram(settings, deps)


class Telegram:
    """See `bot.ports.Handler`."""

    kind = "telegram"
    # Telegram's limit for a group is 20 a minute; the outbox keeps to it, the library does not pace.
    pace = Pace(per_second=1, per_minute=20)

    def __init__(
        self,
        settings: Settings,
        deps: DestinationDeps,
        *,
        call_seconds: float = 15.0,
        poll_seconds: int = 25,
        silent_seconds: float = 90.0,
    ) -> None:
        self.name = settings.name or self.kind
        self._settings, self._deps = settings, deps
        self._poll_seconds, self._silent_seconds = poll_seconds, silent_seconds
        self._api = Api(
            settings.token, settings.api_base_url, error=HandlerError, name=self.name, call_seconds=call_seconds
        )
        self._told_ids: deque[float] = deque(maxlen=_IDS_TOLD)
        self._room = Room(self._api, settings.chat, editors=settings.editors, administrators=settings.administrators)

    async def open(self) -> None:
        """See `Destination.open`."""
        await self._room.open()

    async def close(self) -> None:
        """See `Destination.close`."""
        await self._api.close()

    # --- out

    async def send(self, delivery: Delivery, *, repeated: bool) -> str:
        """See `Destination.send`; a repeat is labelled, as Telegram gives no way to look for the first."""
        label = f"🔁 {say(self._deps.language, 'repeated')}" if repeated else ""
        chat, _, number = (delivery.reply_to or "").partition(":")
        card = int(number) if number and int(chat) == self._room.id else None
        match delivery.kind, delivery.payload:
            case DeliveryKind.CARD, Draft() as draft:
                return await self._show(draft, None, label)
            case DeliveryKind.EDIT, Draft() as draft:
                if card is None:
                    raise self._refusal("there is no such card in this room", gone=True)
                return await self._show(draft, card, "")
            case DeliveryKind.NOTICE, Notice() as notice:
                page = text_page(f"{label}\n{notice_text(notice)}".strip())
                again = ((say(self._deps.language, "resend"), resend_data(notice.resend)),) if notice.resend else ()
                return await self._room.post(page, keyboard=keyboard(again), reply_to=card)
        raise self._refusal(f"a desk room takes no {delivery.kind}")

    async def _show(self, draft: Draft, card: int | None, label: str) -> str:
        shown = draft_card(draft, language=self._deps.language, zone=self._deps.zone)
        page, buttons = card_page(shown, label), card_keyboard(shown, draft.incident.number, draft.revision)
        if card is None:
            return await self._room.post(page, keyboard=buttons)
        await self._room.change(card, page, keyboard=buttons)
        return f"{self._room.id}:{card}"

    def _refusal(self, reason: str, *, gone: bool = False) -> HandlerError:
        return HandlerError(f"telegram: {self.name}: {reason}", reason=reason, retryable=False, gone=gone)

    # --- in

    async def listen(self, desk: Desk, inbox: Inbox) -> None:
        """See `Handler.listen`."""
        visitors = Visitors(self._room, inbox, self._deps, self.name)
        commands, presses = Commands(desk, inbox, self._deps), Presses(self._room, desk, inbox, self._deps)

        async def handle(update: Update) -> None:
            try:
                async with asyncio.timeout(_UPDATE_SECONDS):
                    await self._handle(update, commands, presses, visitors)
            except (BotError, TimeoutError) as error:
                log.warning("telegram.update_failed", reason=str(error) or "no answer in time")
            except Exception:  # noqa: BLE001 - one odd update must not make the desk deaf for ever
                # A plain trace: structlog's own shows locals, and so people's words.
                log.error("telegram.update_broken", trace=traceback.format_exc())  # noqa: TRY400

        await self._set_menu(inbox)
        await visitors.introduce()
        settings = self._settings
        if settings.webhook_url and settings.webhook_secret:
            await serve_webhook(
                self._api,
                handle,
                url=settings.webhook_url,
                secret=settings.webhook_secret,
                listen=settings.webhook_listen,
                port=settings.webhook_port,
            )
        else:
            await poll(self._api, handle, poll_seconds=self._poll_seconds, silent_seconds=self._silent_seconds)

    async def _set_menu(self, inbox: Inbox) -> None:
        """List the commands; where readers write, to the desk's room only."""
        bot, scope = self._api.bot, None
        try:
            async with self._api.calling():
                if inbox.welcome(self.name) is not None:
                    scope = BotCommandScopeChat(self._room.id)
                    await bot.delete_my_commands()
                await bot.set_my_commands(menu(self._deps.language), scope=scope)
        except HandlerError as error:  # the commands work without their menu
            log.warning("telegram.menu_failed", reason=error.reason)

    async def _handle(self, update: Update, commands: Commands, presses: Presses, visitors: Visitors) -> None:
        if update.callback_query:
            if not await visitors.pressed(update.callback_query):
                await presses.pressed(update.callback_query)
        elif update.edited_message and update.edited_message.from_user:
            who = update.edited_message.from_user
            if update.edited_message.chat.id == who.id and await self._may_be_reader(who):
                await visitors.wrote(update.edited_message, who)
        elif update.message and update.message.migrate_to_chat_id:
            if update.message.chat.id == self._room.id:
                self._room.moved(update.message.migrate_to_chat_id)
        elif update.message and update.message.from_user:
            who = update.message.from_user
            private = update.message.chat.id == who.id
            if private and await self._may_be_reader(who) and await visitors.wrote(update.message, who):
                return
            if update.message.text:
                await self._written(update.message, who, commands, presses)

    async def _may_be_reader(self, who: User) -> bool:
        """Whether this is no editor, as far as can be told: what a reader says comes once."""
        try:
            return not await self._room.is_editor(who.id)
        except HandlerError as error:
            log.warning("telegram.administrators_unknown", reason=error.reason)
            return True

    async def _written(self, message: Message, who: User, commands: Commands, presses: Presses) -> None:
        command, buttons = Command.read(message.text or "", self._api.bot.username), None
        private = message.chat.id == who.id
        if command and command.name == "id":
            if not self._may_tell_ids():
                return
            page = text_page(say(self._deps.language, "ids", chat=message.chat.id, user=who.id))
        elif not (private or message.chat.id == self._room.id) or not await self._room.is_editor(who.id):
            if command or private:
                log.info("telegram.stranger", chat=message.chat.id, user=who.id)
            return
        elif command is None:
            if not private:
                await presses.replied(message, who)
                return
            page = text_page(reader_say(self._deps.language, "desk"))  # an editor who tries it out is no witness
        else:
            answer = await commands.answer(command, message, display_name(who))
            if answer is None and not private:
                return  # perhaps another bot's
            page, buttons = answer or (text_page(say(self._deps.language, "unknown_command")), None)
        await self._room.post(page, keyboard=buttons, reply_to=message.message_id, chat=message.chat.id)

    def _may_tell_ids(self) -> bool:
        """Whether it is not too often: anybody may ask, and Telegram counts what we send."""
        now = asyncio.get_running_loop().time()
        if len(self._told_ids) == _IDS_TOLD and now - self._told_ids[0] < _IDS_SECONDS:
            return False
        self._told_ids.append(now)
        return True

    # --- check

    async def check(self, *, send: bool) -> Sequence[Check]:
        """See `Destination.check`."""
        rows = await check_room(self._room, publish=False, send=send, language=self._deps.language)
        if self._settings.administrators and all(row.ok for row in rows):
            rows.append(await self._check_administrators())
        return rows

    async def _check_administrators(self) -> Check:
        try:
            n = await self._room.count_administrators()
        except HandlerError as error:
            return Check("editors", ok=False, detail=error.reason, remedy="list `editors` by number instead")
        return Check("editors", ok=True, detail=f"{n} administrators and {len(self._settings.editors)} by number")
