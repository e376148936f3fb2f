"""What every handler shows, in neutral blocks: so that Telegram, Discord and the console tell an editor the same thing.

Plain text only: each handler escapes, lays out and cuts for its own platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.deliveries import Notice
from bot.domain.incidents import Action, Draft, DraftState, Incident, IncidentState
from bot.domain.operators import Operator
from bot.domain.signals import HealthState
from bot.ports import OperatorStatus, Outcome, OutcomeKind, SourceStatus
from handlers._facts import Facts, sparkline
from handlers._phrases import say
from handlers._services import service_label, service_named
from handlers._text import cut, one_line, plain, utf16_len
from handlers._times import clock_time, full_date

__all__ = [
    "Button",
    "Card",
    "Fact",
    "Link",
    "alert_text",
    "changes_text",
    "clock_time",
    "cut",
    "draft_card",
    "full_date",
    "help_text",
    "incidents_card",
    "notice_text",
    "one_line",
    "operators_overview",
    "outcome_text",
    "plain",
    "say",
    "service_label",
    "service_named",
    "sources_card",
    "status_card",
    "unknown_operator",
    "utf16_len",
]

_LINKS_SHOWN = 6
_BUTTONS = {
    DraftState.PROPOSED: (Action.APPROVE, Action.EDIT, Action.DISMISS),
    DraftState.CLAIMED: (Action.APPROVE, Action.EDIT, Action.DISMISS),
    DraftState.HELD: (Action.APPROVE, Action.EDIT, Action.DISMISS),
    DraftState.DISMISSED: (Action.UNDO,),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure or a state, in words, on one line."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where an editor can look for themselves; an http(s) address."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Button:
    """A decision an editor can take from a card."""

    action: Action
    label: str


@dataclass(frozen=True, slots=True)
class Card:
    """One thing to show, in the order in which it is read; empty parts are left out.

    Attributes:
        badge: Where it stands, in words; the first thing an editor must see.
    """

    title: str
    badge: str = ""
    body: str = ""
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()
    footer: str = ""
    buttons: tuple[Button, ...] = ()


def draft_card(draft: Draft, *, language: str, zone: ZoneInfo, now: datetime | None = None) -> Card:
    """The live card of an incident: where its draft stands, the alert, and what it rests on.

    Times of `now`'s day (the draft's own when left out) need no date.
    """
    words = Facts(language, zone, now or draft.at)
    incident = draft.incident
    footer = words.say("footer", number=incident.number, revision=draft.revision, time=words.time(draft.at))
    actions = () if incident.state is IncidentState.RESOLVED else _BUTTONS.get(draft.state, ())
    return Card(
        title=one_line(draft.title),
        badge=_draft_badge(draft, words),
        body=plain(draft.text),
        facts=_incident_facts(draft, words),
        links=_links(incident, words),
        footer=f"{footer} · {words.say('footer_edited')}" if draft.edited else footer,
        buttons=tuple(Button(action, words.say(action.value)) for action in actions),
    )


def changes_text(before: Draft, after: Draft, *, language: str, zone: ZoneInfo) -> str:
    """Why a card came again, on one line: what its editors do not know yet."""
    return Facts(language, zone, after.at).changes(before, after)


def alert_text(draft: Draft) -> str:
    """The alert alone, as the public would read it, ready to copy or forward."""
    return f"{one_line(draft.title)}\n\n{plain(draft.text)}"


def status_card(status: OperatorStatus, *, language: str, zone: ZoneInfo) -> Card:
    """The answer to `/status OPERATOR`: surge or calm, with the age of every figure.

    Nothing counted, or no source that can hear, is shown as not known, never as calm.
    """
    words = Facts(language, zone, status.at)
    hour = words.say("hour_unknown")
    if status.closed_to:
        usual = words.usual(status.reports, status.expected)
        time, age = words.time(status.closed_to), words.age(status.closed_to)
        n = words.number(status.reports, none="reports_zero")
        hour = words.say("hour_value", reports=n, usual=usual, time=time, age=age)
    facts = [Fact(words.say("fact_hour"), hour)]
    if status.hourly:
        day = words.say("day_peak", line=sparkline(status.hourly), peak=max(status.hourly))
        facts.append(Fact(words.say("fact_day"), day))
    if status.incident:
        incident, state = status.incident.incident, words.draft_state(status.incident, "short")
        since = words.time(incident.first_report_at)
        value = words.say("incident_value", number=incident.number, state=state, since=since)
        facts.append(Fact(words.say("fact_incident"), value))
    facts.append(Fact(words.say("fact_operator"), words.operators_word(status.silence, status.statement)))
    if status.asked and status.place is None:
        facts.append(Fact(words.say("fact_place"), words.say("unknown_place", name=cut(one_line(status.asked), 40))))
    facts += [Fact(*words.sites(sites, status.place)) for sites in status.sites]
    facts += [Fact(*words.source(source)) for source in status.sources]
    return Card(title=one_line(status.operator.name), badge=_status_badge(status, words), facts=tuple(facts))


def incidents_card(drafts: Sequence[Draft], *, language: str, zone: ZoneInfo, now: datetime) -> Card:
    """The answer to `/incidents`, newest first as the desk gives them."""
    words = Facts(language, zone, now)
    facts = tuple(
        Fact(
            words.say("incident_number", number=draft.incident.number, operator=one_line(draft.operator_name)),
            words.incident(draft),
        )
        for draft in drafts
    )
    return Card(words.say("incidents"), body="" if facts else words.say("incidents_none"), facts=facts)


def sources_card(statuses: Sequence[SourceStatus], *, language: str, now: datetime) -> Card:
    """The answer to `/sources`: who can hear, who cannot and why."""
    words = Facts(language, ZoneInfo("UTC"), now)  # ages only: no time of day is told
    bad = len(statuses) - len(_hearing(statuses))
    key = {0: "sources_all_ok", 1: "sources_bad_one"}.get(bad, "sources_bad")
    body = words.say(key, n=bad, total=len(statuses))
    facts = tuple(Fact(*words.source(status)) for status in statuses)
    return Card(words.say("sources"), body=body if statuses else words.say("sources_none"), facts=facts)


def operators_overview(
    operators: Sequence[Operator], drafts: Sequence[Draft], *, language: str, zone: ZoneInfo, now: datetime
) -> Card:
    """The answer to `/status` alone: the operators in trouble, then the others."""
    words = Facts(language, zone, now)
    troubled = {draft.incident.operator for draft in drafts}
    facts = [Fact(one_line(draft.operator_name), words.incident(draft)) for draft in drafts]
    calm = ", ".join(one_line(operator.name) for operator in operators if operator.id not in troubled)
    if calm:
        facts.append(Fact(words.say("operators_calm"), calm))
    return Card(words.say("operators"), facts=tuple(facts), footer=words.say("operators_how"))


def outcome_text(outcome: Outcome, action: Action, *, language: str) -> str:
    """What to tell an editor about their own decision; who decided before, if somebody did."""
    draft = outcome.draft
    if outcome.kind is OutcomeKind.DONE:
        return say(language, f"done_{action.value}")
    if outcome.kind is OutcomeKind.CHANGED:
        return say(language, "changed")
    if outcome.kind is OutcomeKind.UNKNOWN or draft is None:
        return say(language, "unknown_incident")
    who = one_line(draft.decided_by or "") or say(language, "somebody")
    state = say(language, f"short_{draft.state.value}", who=who)
    if outcome.kind is OutcomeKind.CLOSED and draft.incident.state is IncidentState.RESOLVED:
        state = say(language, "resolved")
    return say(language, outcome.kind.value, state=state)


def notice_text(notice: Notice) -> str:
    """A notice, clean."""
    return plain(notice.text)


def unknown_operator(name: str, operators: Sequence[Operator], *, language: str) -> str:
    """The refusal that lists the known operators."""
    known = ", ".join(operator.name for operator in operators)
    return say(language, "unknown_operator", name=cut(one_line(name), 40), known=known)


def help_text(language: str) -> str:
    """The answer to `/help`."""
    return say(language, "help")


def _incident_facts(draft: Draft, words: Facts) -> tuple[Fact, ...]:
    incident, surge = draft.incident, draft.incident.surge
    begun = words.time(incident.first_report_at)
    since = words.say("first_report" if surge.reports else "first_entry", time=begun)
    spike = surge.spike if surge.reports else None
    operator = one_line(draft.operator_name) or words.say("fact_operator")
    # Neither the beginning nor our own title's services are said twice.
    told = surge.reports and begun == words.time(surge.interval.start)
    facts = (
        (words.say("fact_reports"), words.reports(incident)),
        (words.say("fact_since"), "" if told else since),
        (words.say("fact_services"), words.services(incident) if draft.edited else ""),
        (words.say("fact_places"), words.places(incident.places)),
        (operator, words.operators_word(incident.silence, incident.statement)),
        (words.say("fact_spike"), words.spike(spike) if spike else ""),
        (words.say("fact_sources"), words.sources(surge.by_source)),
        (words.say("fact_measured"), words.observations(incident.observations)),
    )
    return tuple(Fact(label, value) for label, value in facts if value)


def _links(incident: Incident, words: Facts) -> tuple[Link, ...]:
    """The operator's page first, then as many reports as fit: the best ones, in the order of time."""
    links: dict[str, str] = {}
    statement = incident.statement
    if statement and statement.url:
        links[statement.url] = words.say("operator_page", time=words.time(statement.published_at))
    best = [evidence for evidence in incident.evidence if evidence.url and evidence.url not in links]
    for evidence in sorted(best[: _LINKS_SHOWN - len(links)], key=lambda shown: shown.at):
        links[evidence.url or ""] = f"{one_line(evidence.source)},\u00a0{words.time(evidence.at)}"
    return tuple(Link(label, url) for url, label in links.items() if _is_address(url))


def _draft_badge(draft: Draft, words: Facts) -> str:
    undecided = draft.state in {DraftState.PROPOSED, DraftState.CLAIMED, DraftState.HELD}
    if undecided and draft.incident.state is IncidentState.RESOLVED:
        return words.say("state_over")
    return f"{words.draft_state(draft, 'state')} · {words.belief(draft.incident, one_line(draft.operator_name))}"


def _status_badge(status: OperatorStatus, words: Facts) -> str:
    if status.state:
        return words.say(f"badge_{status.state.value}")
    if status.sources and not _hearing(status.sources):
        return words.say("badge_blind")
    return words.say("badge_calm" if status.closed_to else "badge_new")


def _hearing(statuses: Sequence[SourceStatus]) -> list[SourceStatus]:
    return [status for status in statuses if status.health and status.health.state is HealthState.OK]


def _is_address(url: str) -> bool:
    """Whether a link may be shown: an http(s) address without blanks, as it came."""
    return url.startswith(("https://", "http://")) and url == one_line(url) and " " not in url
