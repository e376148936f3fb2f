"""A desk and an inbox in memory: handlers are tested against what they ask of the core, not against the core."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.incidents import (
    Action,
    Decision,
    Draft,
    DraftKind,
    DraftState,
    Evidence,
    Incident,
    IncidentState,
    Silence,
    SilenceState,
    Surge,
)
from bot.domain.operators import Operator, Service
from bot.domain.places import Level, Place, PlaceCount
from bot.domain.signals import Health, HealthState, Interval, Report
from bot.ports import (
    Call,
    OperatorStatus,
    Outcome,
    OutcomeKind,
    ReaderAnswer,
    ReaderMessage,
    SourceStatus,
    TakingBack,
    Welcome,
)

MORNING = datetime(2023, 12, 5, 7, 25, tzinfo=UTC)  # 8:25 in Paris

ORANGE = Operator(
    "orange", "Orange", (Service.INTERNET, Service.MOBILE, Service.MAIL), brands=(("Sosh", ("sosh",)),), homonym=True
)
BOUYGUES = Operator("bouygues", "Bouygues Telecom", (Service.INTERNET, Service.MOBILE), aliases=("bouygues",))
SFR = Operator("sfr", "SFR", (Service.INTERNET, Service.MOBILE))

LILLE = Place("59350", Level.COMMUNE, "Lille", "59")
MONT_DE_MARSAN = Place("40192", Level.COMMUNE, "Mont-de-Marsan", "40")


def make_draft(
    number: int = 1,
    revision: int = 1,
    *,
    title: str = "Orange : la messagerie semble en panne",
    text: str = "24 signalements distincts de Lille à Mont-de-Marsan. Orange n’a rien annoncé.",
    state: DraftState = DraftState.PROPOSED,
    decided_by: str | None = None,
) -> Draft:
    """A draft about Orange's mail on the morning of 5 December 2023."""
    incident = Incident(
        id=f"orange-20231205-{number:04d}",
        number=number,
        operator="orange",
        state=IncidentState.SUSPECTED,
        opened_at=MORNING,
        first_report_at=MORNING - timedelta(minutes=20),
        surge=Surge(24, 2.0, Interval(MORNING - timedelta(minutes=20), MORNING), by_source=(("bluesky", 24),)),
        services=(Service.MAIL,),
        places=(PlaceCount(LILLE, 9), PlaceCount(MONT_DE_MARSAN, 4)),
        silence=Silence(SilenceState.SILENT, MORNING - timedelta(minutes=20), MORNING - timedelta(minutes=1)),
        evidence=(Evidence("bluesky", "1", MORNING, "https://bsky.app/profile/did:plc:x/post/1"),),
    )
    return Draft(revision, MORNING, DraftKind.DRAFT, incident, "Orange", title, text, state, decided_by)


class FakeDesk:
    """Takes decisions at most once a key; `changed` and `already` follow the port's rules in the simplest way.

    Attributes:
        decisions: Those that had an effect, in order.
        outcome: When set, every decision is answered so and has no effect.
    """

    def __init__(self, drafts: Sequence[Draft] = (), operators: Sequence[Operator] = (ORANGE, BOUYGUES, SFR)) -> None:
        self.drafts = {draft.incident.number: draft for draft in drafts}
        self.decisions: list[Decision] = []
        self.outcome: Outcome | None = None
        self.unsure: set[str] = set()
        self.resent: list[tuple[str, str]] = []
        self._operators = tuple(operators)

    async def decide(self, decision: Decision) -> Outcome:
        if self.outcome is not None:
            return self.outcome
        draft = next((d for d in self.drafts.values() if d.incident.id == decision.incident), None)
        if draft is None:
            return Outcome(OutcomeKind.UNKNOWN)
        if decision.key in {d.key for d in self.decisions if d.key}:
            return Outcome(OutcomeKind.DONE, draft)
        if draft.state in {DraftState.APPROVED, DraftState.PUBLISHED, DraftState.DISMISSED}:
            return Outcome(OutcomeKind.ALREADY, draft)
        if decision.revision is not None and decision.revision < draft.revision:
            return Outcome(OutcomeKind.CHANGED, draft)
        self.decisions.append(decision)
        state = {Action.APPROVE: DraftState.APPROVED, Action.DISMISS: DraftState.DISMISSED}.get(decision.action)
        draft = replace(
            draft,
            revision=draft.revision + 1,
            kind=DraftKind.DECISION,
            state=state or draft.state,
            decided_by=decision.who,
            text=decision.text or draft.text,
            edited=draft.edited or decision.text is not None,
        )
        self.drafts[draft.incident.number] = draft
        return Outcome(OutcomeKind.DONE, draft)

    async def status(self, operator: str, place: str = "") -> OperatorStatus | None:
        words = operator.casefold()
        found = next((o for o in self._operators if words in {o.id, o.name.casefold(), *o.aliases}), None)
        if found is None:
            return None
        draft = next((d for d in self.drafts.values() if d.incident.operator == found.id), None)
        return OperatorStatus(
            at=MORNING,
            operator=found,
            state=draft.incident.state if draft else None,
            incident=draft,
            reports=24 if draft else 0,
            expected=2.0,
            hourly=(0,) * 23 + (24 if draft else 0,),
            silence=draft.incident.silence if draft else Silence(SilenceState.NO_CHANNEL),
            statement=None,
            closed_to=MORNING,
            sources=await self.sources(),
            asked=place,
            place=next((known for known in (LILLE, MONT_DE_MARSAN) if known.name.casefold() == place.casefold()), None),
        )

    async def open_drafts(self) -> tuple[Draft, ...]:
        return tuple(d for d in self.drafts.values() if d.state is not DraftState.DISMISSED)

    async def draft(self, number: int) -> Draft | None:
        return self.drafts.get(number)

    async def sources(self) -> tuple[SourceStatus, ...]:
        health = Health("bluesky", HealthState.OK, MORNING)
        return (SourceStatus("bluesky", "bluesky", health, MORNING, MORNING),)

    async def resend(self, delivery: str, who: str) -> bool:
        if delivery not in self.unsure:
            return False
        self.unsure.discard(delivery)
        self.resent.append((delivery, who))
        return True

    def operators(self) -> tuple[Operator, ...]:
        return self._operators


class FakeInbox:
    """Logs every call whose place it knows, and answers readers with what it is told to.

    Attributes:
        calls: What was logged, in order.
        undone: (key, who) of the calls that were taken back.
        terms: On which readers are welcome; None: they are not.
        answer: What every reader is answered.
        heard: What readers wrote.
        mine: Key to person of what may be taken back.
        forgotten: Keys of what was deleted where it was written.
    """

    def __init__(
        self,
        places: Sequence[Place] = (LILLE, MONT_DE_MARSAN),
        *,
        terms: Welcome | None = None,
        answer: ReaderAnswer | None = None,
    ) -> None:
        self.calls: list[Call] = []
        self.undone: list[tuple[str, str]] = []
        self.terms, self.answer = terms, answer
        self.heard: list[ReaderMessage] = []
        self.mine: dict[str, str] = {}
        self.forgotten: list[str] = []
        self._places = {place.name.casefold(): place for place in places}

    async def log_call(self, call: Call) -> Report | str:
        place = self._places.get(call.place.casefold())
        if place is None:
            return f"Lieu inconnu : {call.place}"
        self.calls.append(call)
        return Report(
            source="desk",
            id=call.key,
            operator=call.operator,
            author=call.key,
            at=call.at,
            seen_at=call.at,
            services=(call.service,),
            places=(place,),
            professional=call.professional,
            verified=True,
        )

    async def undo_call(self, key: str, who: str) -> TakingBack:
        if key not in {call.key for call in self.calls}:
            return TakingBack.UNKNOWN
        if key in {undone for undone, _ in self.undone}:
            return TakingBack.ALREADY
        self.undone.append((key, who))
        return TakingBack.DONE

    def welcome(self, through: str) -> Welcome | None:
        return self.terms if self.terms and (not self.terms.through or through in self.terms.through) else None

    async def hear(self, message: ReaderMessage) -> ReaderAnswer | None:
        self.heard.append(message)
        self.mine[message.key] = message.person
        return self.answer

    async def take_back(self, key: str, person: str) -> TakingBack:
        if key not in self.mine:
            return TakingBack.ALREADY
        if self.mine[key] != person:
            return TakingBack.UNKNOWN
        del self.mine[key]
        return TakingBack.DONE

    async def forget(self, key: str) -> None:
        self.forgotten.append(key)
