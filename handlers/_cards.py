"""What every handler shows, in neutral blocks: so that Telegram, Discord and the console tell an editor the same thing.

Plain text only: each handler escapes, lays out and cuts for its own platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.deliveries import Notice
from bot.domain.incidents import (
    Action,
    Draft,
    DraftState,
    Incident,
    IncidentState,
    Silence,
    SilenceState,
    Statement,
)
from bot.domain.operators import Operator
from bot.domain.places import PlaceCount
from bot.domain.signals import HealthState
from bot.ports import OperatorStatus, Outcome, OutcomeKind, SourceStatus
from handlers._phrases import age, clock_time, full_date, say, service_label, service_named
from handlers._text import cut, one_line, plain, utf16_len

__all__ = [
    "Button",
    "Card",
    "Fact",
    "Link",
    "alert_text",
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

_PLACES_SHOWN = 6
_LINKS_SHOWN = 6
_BARS = "▁▂▃▄▅▆▇█"
_FULL_BAR = 8  # below so many reports an hour no bar is full: a quiet day must look quiet

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
    incident, now = draft.incident, now or draft.at

    def time(when: datetime) -> str:
        return clock_time(when, language=language, zone=zone, now=now)

    surge = incident.surge
    facts = [Fact(say(language, "fact_reports"), _reports(incident, language, zone, now))]
    if surge.reports and surge.peak_return_days is not None:
        days = round(surge.peak_return_days)
        rarity = say(language, "rarity", days=days) if days > 1 else say(language, "rarity_one")
        facts.append(Fact(say(language, "fact_rarity"), rarity))
    since = "first_report" if surge.reports else "first_entry"
    facts.append(Fact(say(language, "fact_since"), say(language, since, time=time(incident.first_report_at))))
    if incident.services:
        facts.append(Fact(say(language, "fact_services"), _services(incident, language)))
    if incident.places:
        facts.append(Fact(say(language, "fact_places"), _places(incident.places, language)))
    if incident.professional:
        key = "professional_one" if incident.professional == 1 else "professional"
        facts.append(Fact(say(language, "fact_professional"), say(language, key, n=incident.professional)))
    word = _operators_word(incident.silence, incident.statement, language, zone, now)
    facts.append(Fact(one_line(draft.operator_name) or say(language, "fact_operator"), word))
    if surge.by_source:
        sources = ", ".join(f"{one_line(name)} {n}" for name, n in surge.by_source)
        facts.append(Fact(say(language, "fact_sources"), sources))

    links = [
        Link(f"{one_line(evidence.source)} · {time(evidence.at)}", evidence.url)
        for evidence in incident.evidence
        if evidence.url and _is_address(evidence.url)
    ]
    if incident.statement and incident.statement.url and _is_address(incident.statement.url):
        label = say(language, "operator_page", time=time(incident.statement.published_at))
        links = [Link(label, incident.statement.url), *(link for link in links if link.url != incident.statement.url)]

    footer = say(language, "footer", number=incident.number, revision=draft.revision, time=time(draft.at))
    actions = () if incident.state is IncidentState.RESOLVED else _BUTTONS.get(draft.state, ())
    return Card(
        title=one_line(draft.title),
        badge=f"{_draft_state(draft, language, 'state')} · {say(language, incident.state.value)}",
        body=plain(draft.text),
        facts=tuple(facts),
        links=tuple(links[:_LINKS_SHOWN]),
        footer=f"{footer} · {say(language, 'footer_edited')}" if draft.edited else footer,
        buttons=tuple(Button(action, say(language, action.value)) for action in actions),
    )


def alert_text(draft: Draft) -> str:
    """The alert alone, as the public would read it, ready to copy or forward."""
    return f"{one_line(draft.title)}\n\n{plain(draft.text)}"


def status_card(status: OperatorStatus, *, language: str, zone: ZoneInfo) -> Card:
    """The answer to `/status OPERATOR`: surge or calm, with the age of every figure.

    Nothing counted, or no source that can hear, is shown as not known, never as calm.
    """
    heard = [source for source in status.sources if source.health and source.health.state is HealthState.OK]
    if status.state:
        badge = say(language, f"badge_{status.state.value}")
    elif status.sources and not heard:
        badge = say(language, "badge_blind")
    else:
        badge = say(language, "badge_calm" if status.closed_to else "badge_new")

    hour = say(language, "hour_unknown")
    if status.closed_to:
        time = clock_time(status.closed_to, language=language, zone=zone, now=status.at)
        old = age(status.closed_to, language=language, now=status.at)
        usual = _usual(status.reports, status.expected, language)
        hour = say(language, "hour_value", n=status.reports, usual=usual, time=time, age=old)
    facts = [Fact(say(language, "fact_hour"), hour)]
    if status.hourly:
        day = say(language, "day_peak", line=sparkline(status.hourly), peak=max(status.hourly))
        facts.append(Fact(say(language, "fact_day"), day))
    if status.incident:
        incident = status.incident.incident
        since = clock_time(incident.first_report_at, language=language, zone=zone, now=status.at)
        state = _draft_state(status.incident, language, "short")
        value = say(language, "incident_value", number=incident.number, state=state, since=since)
        facts.append(Fact(say(language, "fact_incident"), value))
    word = _operators_word(status.silence, status.statement, language, zone, status.at)
    facts.append(Fact(say(language, "fact_operator"), word))
    facts += [_source_fact(source, language, status.at) for source in status.sources]
    return Card(title=one_line(status.operator.name), badge=badge, facts=tuple(facts))


def incidents_card(drafts: Sequence[Draft], *, language: str, zone: ZoneInfo, now: datetime) -> Card:
    """The answer to `/incidents`, newest first as the desk gives them."""
    facts = tuple(
        Fact(f"{draft.incident.number} · {one_line(draft.operator_name)}", _incident_line(draft, language, zone, now))
        for draft in drafts
    )
    return Card(say(language, "incidents"), body="" if facts else say(language, "incidents_none"), facts=facts)


def sources_card(statuses: Sequence[SourceStatus], *, language: str, now: datetime) -> Card:
    """The answer to `/sources`: who can hear, who cannot and why."""
    bad = sum(1 for status in statuses if not status.health or status.health.state is not HealthState.OK)
    body = say(language, "sources_none")
    if statuses:
        some = say(language, "sources_some_bad", n=bad, total=len(statuses))
        body = some if bad else say(language, "sources_all_ok")
    facts = tuple(_source_fact(status, language, now) for status in statuses)
    return Card(say(language, "sources"), body=body, facts=facts)


def operators_overview(
    operators: Sequence[Operator], drafts: Sequence[Draft], *, language: str, zone: ZoneInfo, now: datetime
) -> Card:
    """The answer to `/status` alone: the operators in trouble, then the others."""
    troubled = {draft.incident.operator for draft in drafts}
    facts = [Fact(one_line(draft.operator_name), _incident_line(draft, language, zone, now)) for draft in drafts]
    calm = ", ".join(one_line(operator.name) for operator in operators if operator.id not in troubled)
    if calm:
        facts.append(Fact(say(language, "operators_calm"), calm))
    return Card(say(language, "operators"), facts=tuple(facts), footer=say(language, "operators_how"))


def outcome_text(outcome: Outcome, action: Action, *, language: str) -> str:
    """What to tell an editor about their own decision; who decided before, if somebody did."""
    state = _draft_state(outcome.draft, language, "short") if outcome.draft else ""
    match outcome.kind:
        case OutcomeKind.DONE:
            return say(language, f"done_{action.value}")
        case OutcomeKind.ALREADY:
            return say(language, "already", state=state)
        case OutcomeKind.CHANGED:
            return say(language, "changed")
        case OutcomeKind.CLOSED:
            over = outcome.draft and outcome.draft.incident.state is IncidentState.RESOLVED
            return say(language, "closed", state=say(language, "resolved") if over else state)
        case OutcomeKind.UNKNOWN:
            return say(language, "unknown_incident")


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


def sparkline(counts: Sequence[int]) -> str:
    """Counts as bars; the highest is full, unless all are few."""
    top = max(_FULL_BAR, *counts, 1)
    return "".join(_BARS[-(-n * (len(_BARS) - 1) // top)] for n in counts)


def _draft_state(draft: Draft, language: str, style: str) -> str:
    who = one_line(draft.decided_by or "") or say(language, "somebody")
    return say(language, f"{style}_{draft.state.value}", who=who)


def _reports(incident: Incident, language: str, zone: ZoneInfo, now: datetime) -> str:
    surge = incident.surge
    if not surge.reports:
        return say(language, "no_reports")
    start, end = (
        clock_time(when, language=language, zone=zone, now=now) for when in (surge.interval.start, surge.interval.end)
    )
    seen = say(language, "in_interval", n=surge.reports, start=start, end=end)
    return f"{seen} · {_usual(surge.reports, surge.expected, language)}"


def _usual(reports: int, expected: float, language: str) -> str:
    """What is usual, and how many times that was seen; no ratio to less than one report, which would only impress."""
    if expected < 1:
        return say(language, "usual", expected=say(language, "below_one"))
    usual = say(language, "usual", expected=_figure(expected, language))
    ratio = reports / expected
    return f"{usual} · {say(language, 'times', ratio=_figure(ratio, language))}" if ratio >= 1.5 else usual  # noqa: PLR2004 - below, nothing to shout


def _figure(value: float, language: str) -> str:
    """A number as one writes it: no decimal from 10 on, nor where it is none."""
    text = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")  # noqa: PLR2004 - 9.95 reads 10
    return text.replace(".", ",") if language == "fr" else text


def _services(incident: Incident, language: str) -> str:
    return ", ".join(service_label(service, language) for service in incident.services)


def _places(places: Sequence[PlaceCount], language: str) -> str:
    shown = [f"{one_line(count.place.name)}{_departement(count)} {count.n}" for count in places[:_PLACES_SHOWN]]
    if rest := len(places) - len(shown):
        shown.append(say(language, "and_other" if rest == 1 else "and_others", n=rest))
    return ", ".join(shown)


def _departement(count: PlaceCount) -> str:
    place = count.place
    return f" ({place.departement})" if place.departement and not place.id.startswith("D") else ""


def _operators_word(silence: Silence, statement: Statement | None, language: str, zone: ZoneInfo, now: datetime) -> str:
    """What the operator says, or its silence exactly in its state."""

    def time(when: datetime) -> str:
        return clock_time(when, language=language, zone=zone, now=now)

    since, checked = silence.since, silence.checked_at
    if statement:
        state = say(language, f"entry_{statement.state.value}")
        area = say(language, "spoke_area", area=one_line(statement.area)) if statement.area else ""
        return say(
            language,
            "spoke",
            title=cut(one_line(statement.title), 200),
            time=time(statement.published_at),
            state=f", {state}" if state else "",
            area=area,
        )
    if silence.state is SilenceState.NO_CHANNEL:
        return say(language, "no_channel")
    if silence.state is SilenceState.SPOKE:
        return say(language, "spoke_bare", time=time(since)) if since else say(language, "fact_operator")
    if silence.state is SilenceState.SILENT and since and checked and checked >= since:
        return say(language, "silent", since=time(since), checked=time(checked))
    if silence.state is SilenceState.SILENT:
        return say(language, "silent_last", checked=time(checked)) if checked else say(language, "silent_bare")
    key = silence.state.value
    return say(language, key, checked=time(checked)) if checked else say(language, f"{key}_bare")


def _incident_line(draft: Draft, language: str, zone: ZoneInfo, now: datetime) -> str:
    incident = draft.incident
    n = incident.surge.reports
    reports = {0: say(language, "reports_none"), 1: say(language, "reports_one")}.get(n) or say(
        language, "reports", n=n
    )
    services = f" ({_services(incident, language)})" if incident.services else ""
    return say(
        language,
        "incident_line",
        state=say(language, incident.state.value) + services,
        since=clock_time(incident.first_report_at, language=language, zone=zone, now=now),
        reports=reports,
        draft=_draft_state(draft, language, "short"),
    )


def _source_fact(source: SourceStatus, language: str, now: datetime) -> Fact:
    state = source.health.state if source.health else None
    mark = {None: "⚪", HealthState.OK: "🟢", HealthState.PAUSED: "⚪", HealthState.OFF: "⚪"}.get(state, "🔴")
    words = say(language, f"health_{state.value}" if state else "health_never")
    if source.last_ok:
        words += f", {say(language, 'last_ok', age=age(source.last_ok, language=language, now=now))}"
    elif state:
        words += f", {say(language, 'never_ok')}"
    reason = (source.health and source.health.reason) or source.last_error
    if reason and state not in {None, HealthState.OK}:
        words += f" ({cut(one_line(reason), 120)})"
    return Fact(f"{mark} {one_line(source.name)}", words)


def _is_address(url: str) -> bool:
    """Whether a link may be shown: an http(s) address without blanks, as it came."""
    return url.startswith(("https://", "http://")) and url == one_line(url) and " " not in url
