"""What editors type: each command asks the desk and words the answer; who may ask is checked before."""

import re
from dataclasses import dataclass

from telegram import BotCommand, InlineKeyboardMarkup, Message

from bot.domain.operators import Operator, Service
from bot.ports import Call, Desk, DestinationDeps, Inbox
from handlers._asking import ask_status
from handlers._cards import (
    alert_text,
    help_text,
    incidents_card,
    one_line,
    operators_overview,
    say,
    service_label,
    service_named,
    sources_card,
    status_card,
    unknown_operator,
)
from handlers._telegram_page import Page, card_page, keyboard, text_page
from handlers._telegram_presses import uncall_data

_COMMAND = re.compile(r"/([A-Za-z0-9_]+)(?:@(\w+))?(?:\s+(.*))?", re.DOTALL)
_HELP_LINE = re.compile(r"^/(\w+)([^:\n]*?)\s*:\s*(.+)$", re.MULTILINE)
_PROFESSIONAL = {"pro", "pros", "professionnel", "professionnelle", "business"}
_SERVICE_WORDS = 3  # "site ou appli"


Answer = tuple[Page, InlineKeyboardMarkup | None]


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was typed."""

    name: str
    words: str

    @classmethod
    def read(cls, text: str, bot: str) -> "Command | None":
        """The command in a message, if it is one and is not for another bot."""
        match = _COMMAND.fullmatch(text.strip())
        if match is None or (match[2] and match[2].casefold() != bot.casefold()):
            return None
        return cls(match[1].casefold(), one_line(match[3] or ""))


def menu(language: str) -> list[BotCommand]:
    """The commands as Telegram's own menu lists them: the lines of the help text."""
    return [
        BotCommand(name, f"{words.strip()} : {meaning}".removeprefix(" : ")[:256])
        for name, words, meaning in _HELP_LINE.findall(help_text(language))
    ]


class Commands:
    """Answers commands from the desk."""

    def __init__(self, desk: Desk, inbox: Inbox, deps: DestinationDeps) -> None:
        self._desk, self._inbox, self._deps = desk, inbox, deps

    async def answer(self, command: Command, message: Message, who: str) -> Answer | None:
        """What to say to a command, and with which buttons; None for one that is not ours."""
        if command.name == "signaler":
            return await self._log_call(command.words, message, who)
        page = await self._page(command)
        return (page, None) if page else None

    async def _page(self, command: Command) -> Page | None:
        match command.name:
            case "status":
                return await self._status(command.words)
            case "incidents" | "sources":
                return await self._list(command.name)
            case "draft":
                return await self._draft(command.words)
            case "help" | "aide" | "start":
                return text_page(help_text(self._deps.language))
        return None

    async def _list(self, name: str) -> Page:
        language, now = self._deps.language, self._deps.clock.now()
        if name == "sources":
            return card_page(sources_card(await self._desk.sources(), language=language, now=now))
        drafts = await self._desk.open_drafts()
        return card_page(incidents_card(drafts, language=language, zone=self._deps.zone, now=now))

    async def _status(self, name: str) -> Page:
        language, zone = self._deps.language, self._deps.zone
        if not name:
            drafts, now = await self._desk.open_drafts(), self._deps.clock.now()
            operators = self._desk.operators()
            return card_page(operators_overview(operators, drafts, language=language, zone=zone, now=now))
        status = await ask_status(self._desk, name)
        if status is None:
            return text_page(unknown_operator(name, self._desk.operators(), language=language))
        return card_page(status_card(status, language=language, zone=zone))

    async def _draft(self, number: str) -> Page:
        if not number.isdecimal():
            return text_page(say(self._deps.language, "usage_draft"))
        draft = await self._desk.draft(int(number))
        return text_page(alert_text(draft) if draft else say(self._deps.language, "unknown_incident"))

    async def _log_call(self, typed: str, message: Message, who: str) -> Answer:
        language = self._deps.language
        words = typed.split()
        professional = bool(words) and words[-1].casefold() in _PROFESSIONAL
        understood = await self._operator_and_service(words[:-1] if professional else words)
        if isinstance(understood, str):
            return text_page(understood), None
        operator, service, place = understood
        key = f"telegram:{message.chat.id}:{message.message_id}"
        report = await self._inbox.log_call(
            Call(
                key=key,
                who=who,
                operator=operator.id,
                service=service,
                place=place,
                at=self._deps.clock.now(),
                professional=professional,
                written_at=message.date,
            )
        )
        if isinstance(report, str):
            return text_page(report), None
        where = report.places[0].name if report.places else place
        label = service_label(service, language)
        logged = say(language, "call_logged", operator=operator.name, service=label, place=where)
        return text_page(logged), keyboard([(say(language, "cancel"), uncall_data(key))])

    async def _operator_and_service(self, words: list[str]) -> tuple[Operator, Service, str] | str:
        """The first reading "operator service place" with a known operator, or what is wrong.

        Both names may have several words, and a service may end an operator's (La Poste Mobile).
        """
        language = self._deps.language
        if len(words) < 3:  # noqa: PLR2004 - operator, service, place
            return say(language, "usage_call")
        readings = [
            (start, end, service)
            for start in range(1, len(words))
            for end in range(min(start + _SERVICE_WORDS, len(words)), start, -1)
            if (service := service_named(" ".join(words[start:end])))
        ]
        for start, end, service in readings:
            status = await self._desk.status(" ".join(words[:start]))
            if status:
                return (status.operator, service, " ".join(words[end:])) if words[end:] else say(language, "usage_call")
        if readings or await self._desk.status(words[0]) is None:
            name = " ".join(words[: readings[0][0]] if readings else words[:1])
            return unknown_operator(name, self._desk.operators(), language=language)
        known = ", ".join(service_label(service, language) for service in Service)
        return say(language, "unknown_service", name=words[1], known=known)
