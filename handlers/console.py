"""A desk on the terminal: to see the bot at work before any chat is set up, and to decide from a shell."""

import asyncio
import getpass
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TextIO

from bot.domain.deliveries import Alert, Delivery, DeliveryKind, Notice
from bot.domain.incidents import Action, Decision, Draft, DraftState
from bot.errors import HandlerError
from bot.ports import Check, Desk, DestinationDeps, DestinationSettings, Inbox, OutcomeKind, Pace
from handlers._asking import ask_status
from handlers._cards import (
    Card,
    alert_text,
    changes_text,
    clock_time,
    draft_card,
    full_date,
    incidents_card,
    notice_text,
    one_line,
    operators_overview,
    outcome_text,
    plain,
    say,
    sources_card,
    status_card,
    unknown_operator,
)
from handlers._console_keys import typed_lines
from handlers._console_page import Page, alert_panel, card_panel, update_panel

_KEYS = {
    "a": Action.APPROVE,
    "m": Action.EDIT,
    "e": Action.DISMISS,
    "é": Action.DISMISS,
    "d": Action.DISMISS,
    "r": Action.UNDO,
    "u": Action.UNDO,
}
_YES = frozenset({"o", "oui", "y", "yes"})


class Settings(DestinationSettings):
    """Settings of the console.

    Attributes:
        editor: Who decides here; the user's login when left out.
        banner: Shown once, before everything else.
    """

    kind: str = "console"
    editor: str = ""
    banner: str = ""


def create(
    settings: Settings, deps: DestinationDeps, *, stream: TextIO | None = None, keyboard: TextIO | None = None
) -> "ConsoleHandler":
    """The console on standard output and input, or on the given streams."""
    return ConsoleHandler(settings, deps, stream or sys.stdout, keyboard or sys.stdin)


@dataclass(frozen=True, slots=True)
class _Edit:
    """An edit under way: its draft, and the new text once typed."""

    draft: Draft
    text: str | None = None


class ConsoleHandler:
    """Prints what reaches the desk and, on a terminal, takes decisions and commands, a line each."""

    def __init__(self, settings: Settings, deps: DestinationDeps, stream: TextIO, keyboard: TextIO) -> None:
        self.name = settings.name or settings.kind
        self.kind = settings.kind
        self.pace = Pace(per_second=1000, per_minute=60_000)
        self._settings, self._deps = settings, deps
        self._keyboard = keyboard
        self._asks = stream.isatty() and keyboard.isatty()
        self._page = Page(stream)
        self._opened = False
        self._day: date | None = None
        self._shown: dict[str, Draft] = {}
        self._published: set[str] = set()
        self._asked: Draft | None = None
        self._edit: _Edit | None = None
        self._prompt = ""

    async def open(self) -> None:
        """See `Destination.open`."""
        if self._settings.banner and not self._opened:
            self._page.show(card_panel(Card(plain(self._settings.banner))))
        self._opened = True

    async def close(self) -> None:
        """See `Destination.close`."""

    async def check(self, *, send: bool) -> Sequence[Check]:
        """See `Destination.check`; `send` prints a test card."""
        if send:
            self._page.show(card_panel(Card(self._deps.newsroom, body=self.name)))
        return (Check(self.name, ok=True, detail=self._say("console_terminal" if self._asks else "console_file")),)

    async def send(self, delivery: Delivery, *, repeated: bool) -> str:
        """See `Destination.send`; an edit prints what changed since the card it edits."""
        try:
            self._interrupt_prompt()
            self._send(delivery, self._say("repeated") if repeated else "")
            self._ask()
        except (OSError, ValueError) as error:  # the reader of a pipe went away; a closed file is a ValueError
            raise HandlerError(f"{self.name}: cannot print: {error}", retryable=False) from error
        return f"{self.name}:{delivery.id}"

    async def listen(self, desk: Desk, inbox: Inbox) -> None:  # noqa: ARG002 - calls are logged from a chat
        """See `Handler.listen`; without a terminal there is nobody to listen to."""
        if not self._asks:
            await asyncio.Event().wait()
        with typed_lines(self._keyboard) as lines:
            while True:
                line = one_line(await lines.get())
                self._prompt = ""  # whatever was asked has its answer
                await self._take(line, desk)
                self._ask()

    def _send(self, delivery: Delivery, repeated: str) -> None:
        when = delivery.payload.at if isinstance(delivery.payload, Draft) else delivery.created_at
        time = self._time(when)
        over = f"{time} · {repeated}" if repeated else time
        match delivery.payload:
            case Draft() as draft:
                self._show(draft, over, update=delivery.kind is DeliveryKind.EDIT)
            case Notice() as notice:
                self._page.line(f"🔔 {over}  {notice_text(notice)}")
            case Alert() as alert:
                self._publish(alert.incident, alert.title, alert.text, over)

    def _show(self, draft: Draft, over: str, *, update: bool) -> None:
        incident = draft.incident.id
        before, card = self._shown.get(incident), self._card(draft)
        if before and update:
            edited = draft.edited and draft.text != before.text
            why = changes_text(before, draft, language=self._deps.language, zone=self._deps.zone)
            self._page.show(update_panel(self._card(before), card, over=over, why=why, whole=edited))
        else:
            self._page.show(card_panel(card, over=over))
        self._shown[incident] = draft
        if draft.state is DraftState.PUBLISHED and incident not in self._published:
            self._publish(incident, draft.title, draft.text, over)
        if any(button.action is Action.APPROVE for button in card.buttons):
            self._asked = draft
        elif self._asked and self._asked.incident.id == incident:
            self._asked = None

    def _publish(self, incident: str, title: str, text: str, over: str) -> None:
        self._published.add(incident)
        self._page.show(alert_panel(title, text, stamp=f"{self._say('published_as')} · {over}"))

    async def _take(self, line: str, desk: Desk) -> None:
        """Do what a typed line says."""
        if self._edit:
            await self._go_on(self._edit, line, desk)
        elif line.startswith("/"):
            command, _, words = line[1:].partition(" ")
            await self._answer(command.casefold(), words.strip(), desk)
        elif key := re.fullmatch(r"([a-zé])\s*(\d*)", line.casefold()):
            draft = await desk.draft(int(key[2])) if key[2] else self._asked
            action = _KEYS.get(key[1])
            if action is None:
                self._page.line(self._say("unknown_command"))
            elif draft is None:
                self._page.line(self._say("unknown_incident" if key[2] else "nothing_to_decide"))
            elif action is Action.EDIT:
                self._edit = _Edit(draft)
            else:
                await self._decide(action, draft, desk)
        elif line:
            self._page.line(self._say("unknown_command"))

    async def _go_on(self, edit: _Edit, line: str, desk: Desk) -> None:
        """An edit's second and third line: the text, and whether it is meant."""
        self._edit = None
        if edit.text is None and line:
            self._edit = _Edit(edit.draft, line)
            self._page.line(self._say("edit_preview", text=line))
        elif edit.text and line.casefold() in _YES:
            await self._decide(Action.EDIT, edit.draft, desk, edit.text)
        else:
            self._page.line(self._say("edit_cancelled"))

    async def _decide(self, action: Action, draft: Draft, desk: Desk, text: str | None = None) -> None:
        shown = self._shown.get(draft.incident.id, draft)
        outcome = await desk.decide(
            Decision(
                who=self._settings.editor or _login(),
                action=action,
                at=self._deps.clock.now(),
                incident=draft.incident.id,
                text=text,
                revision=shown.revision,
            )
        )
        self._page.line(outcome_text(outcome, action, language=self._deps.language))
        if outcome.kind is OutcomeKind.CHANGED and outcome.draft:
            self._show(outcome.draft, self._time(outcome.draft.at), update=False)
        elif self._asked and self._asked.incident.id == draft.incident.id:
            self._asked = None  # the new card asks again where there is something left to decide

    async def _answer(self, command: str, words: str, desk: Desk) -> None:
        language, zone, now = self._deps.language, self._deps.zone, self._deps.clock.now()
        match command:
            case "status" if words:
                status = await ask_status(desk, words)
                if status:
                    self._page.show(card_panel(status_card(status, language=language, zone=zone)))
                else:
                    self._page.line(unknown_operator(words, desk.operators(), language=language))
            case "status":
                drafts = await desk.open_drafts()
                card = operators_overview(desk.operators(), drafts, language=language, zone=zone, now=now)
                self._page.show(card_panel(card))
            case "incidents":
                card = incidents_card(await desk.open_drafts(), language=language, zone=zone, now=now)
                self._page.show(card_panel(card))
            case "sources":
                self._page.show(card_panel(sources_card(await desk.sources(), language=language, now=now)))
            case "draft" if words.isdecimal():
                draft = await desk.draft(int(words))
                self._page.line(alert_text(draft) if draft else self._say("unknown_incident"))
            case "draft":
                self._page.line(self._say("usage_draft"))
            case "aide" | "help":
                self._page.line(self._say("console_help"))
            case _:
                self._page.line(self._say("unknown_command"))

    def _ask(self) -> None:
        """Ask what there is to answer; without a terminal the question is shown, and nobody waits."""
        if self._edit:
            self._prompt = self._say("ask_sure" if self._edit.text else "ask_text")
        elif self._asked:
            actions = [button.action for button in self._card(self._asked).buttons]
            keys = "  ".join(self._say(f"key_{action.value}") for action in actions)
            self._prompt = self._say("ask", keys=keys, number=self._asked.incident.number)
        if not self._asks:
            self._asked = None
        if self._prompt:
            self._page.line(self._prompt, end="" if self._asks else "\n")
        if not self._asks:
            self._prompt = ""

    def _interrupt_prompt(self) -> None:
        """What arrives while a question waits goes on a line of its own."""
        if self._prompt:
            self._page.line("")
            self._prompt = ""

    def _time(self, when: datetime) -> str:
        """The time of day, after a line that says the day where it is a new one."""
        day = when.astimezone(self._deps.zone).date()
        if day != self._day:
            self._day = day
            self._page.rule(full_date(when, language=self._deps.language, zone=self._deps.zone))
        return clock_time(when, language=self._deps.language, zone=self._deps.zone, now=when)

    def _card(self, draft: Draft) -> Card:
        return draft_card(draft, language=self._deps.language, zone=self._deps.zone)

    def _say(self, key: str, **values: object) -> str:
        return say(self._deps.language, key, **values)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in some containers
        return "console"
