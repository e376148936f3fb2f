"""The facts of a card in words: every figure with its interval, its usual level or its age."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.incidents import Draft, Incident, IncidentState, Observation, Silence, SilenceState, Spike, Statement
from bot.domain.operators import Service
from bot.domain.places import Level, Place, PlaceCount
from bot.domain.signals import EntryState, HealthState
from bot.ports import SitesOut, SourceStatus
from handlers._phrases import say, source_label
from handlers._services import service_label
from handlers._text import cut, one_line
from handlers._times import age, clock_time

_PLACES_SHOWN = 6
_WORTH_A_RATIO = 1.5  # below, "× 1,3" would make much of little
_YEAR_DAYS = 365
_OBSERVERS = frozenset({"arcep", "ioda", "mobile_sites"})  # those whose names have a phrase
_BARS = "▁▂▃▄▅▆▇█"
_FULL_BAR = 8  # below so many reports an hour no bar is full: a quiet day must look quiet


@dataclass(frozen=True, slots=True)
class Facts:
    """Words facts in one language; times of `now`'s day need no date."""

    language: str
    zone: ZoneInfo
    now: datetime

    def say(self, key: str, **values: object) -> str:
        """See `handlers._phrases.say`."""
        return say(self.language, key, **values)

    def time(self, when: datetime) -> str:
        """The newsroom's time of day."""
        return clock_time(when, language=self.language, zone=self.zone, now=self.now)

    def age(self, when: datetime) -> str:
        """How long ago."""
        return age(when, language=self.language, now=self.now)

    def draft_state(self, draft: Draft, style: str) -> str:
        """Where a draft stands and by whom, as a badge (`state`) or within a line (`short`)."""
        who = one_line(draft.decided_by or "") or self.say("somebody")
        return self.say(f"{style}_{draft.state.value}", who=who)

    def reports(self, incident: Incident) -> str:
        """`24 entre 8 h 05 et 8 h 25, dont 4 de professionnels · habituellement 2 (× 12)`."""
        surge, professional = incident.surge, incident.professional
        if not surge.reports:
            return self.say("no_reports" if incident.statement else "no_reports_left")
        seen = self.say(
            "in_interval",
            n=surge.reports,
            start=self.time(surge.interval.start),
            end=self.time(surge.interval.end),
        )
        if professional:
            seen += self.say("professional_one" if professional == 1 else "professional", n=professional)
        return f"{seen} · {self.usual(surge.reports, surge.expected)}"

    def usual(self, reports: int, expected: float) -> str:
        """What is usual and how many times that it is; no ratio to less than one report, which would only impress."""
        if expected < 1:
            return self.say("usual", expected=self.say("below_one"))
        usual = self.say("usual", expected=self._figure(expected))
        ratio = reports / expected
        return f"{usual} ({self.say('times', ratio=self._figure(ratio))})" if ratio >= _WORTH_A_RATIO else usual

    def number(self, reports: int, *, none: str) -> str:
        """`24 signalements`; `none` is the phrase for none at all."""
        return self.say({0: none, 1: "reports_one"}.get(reports, "reports"), n=reports)

    def spike(self, spike: Spike) -> str:
        """`9 en 5 min dans le 71, contre moins de 1 d’ordinaire · un tel pic revient tous les 65 jours environ`."""
        where = ""
        if spike.departements:
            key = "spike_in" if len(spike.departements) == 1 else "spike_around"
            where = self.say(key, code=spike.departements[0])
        seen = self.say(
            "spike",
            n=spike.reports,
            minutes=max(round(spike.interval.length.total_seconds() / 60), 1),
            where=where,
            expected=self._figure(spike.expected) if spike.expected >= 1 else self.say("below_one"),
        )
        return f"{seen} · {self._rarity(spike.return_days)}"

    def _rarity(self, days: float) -> str:
        """How often a peak like this comes."""
        whole = round(days)
        if whole > _YEAR_DAYS:
            return self.say("rarity_years")
        return self.say("rarity", days=whole) if whole > 1 else self.say("rarity_one")

    def services(self, incident: Incident) -> str:
        """The services, as labels."""
        return self._labels(incident.services)

    def places(self, places: Sequence[PlaceCount]) -> str:
        """`Lille (59) : 9, Mont-de-Marsan (40) : 4, et 12 autres`."""
        return self._some([self.say("named", name=_place(count.place), value=count.n) for count in places])

    def sources(self, by_source: Sequence[tuple[str, int]]) -> str:
        """`x : 14, bluesky : 10`."""
        return ", ".join(self.say("named", name=source_label(name, self.language), value=n) for name, n in by_source)

    def belief(self, incident: Incident, operator: str) -> str:
        """What we believe, and who bears it out."""
        if incident.state is not IncidentState.CONFIRMED:
            return self.say(incident.state.value)
        if incident.statement and incident.statement.state not in {EntryState.SCHEDULED, EntryState.UNKNOWN}:
            return self.say("confirmed_by", who=operator)
        if incident.observations:
            return self.say("confirmed_by", who=self.observer(incident.observations[0].observer))
        sources = len(incident.surge.by_source)
        return self.say("confirmed_sources", n=sources) if sources > 1 else self.say("confirmed")

    def observer(self, name: str) -> str:
        """A third party as a journalist writes it."""
        return self.say(f"observer_{name}") if name in _OBSERVERS else one_line(name)

    def observations(self, observations: Sequence[Observation]) -> str:
        """`IODA : coupure mesurée à partir de 8 h 12`, the first of each."""
        first = {o.observer: o for o in reversed(observations)}
        measured = [
            self.say(
                "named", name=self.observer(o.observer), value=self.say("measured", time=self.time(o.published_at))
            )
            for o in reversed(first.values())
        ]
        return ", ".join(measured)

    def sites(self, sites: SitesOut, place: Place | None) -> tuple[str, str]:
        """Where, and `3 depuis moins de 24 h, 1 de plus longue date · liste de l’ARCEP, 23 nov. 11 h 02, …`."""
        label = self.say("fact_sites_at", place=_place(place)) if place else self.say("fact_sites")
        key = "sites" if sites.fresh or sites.older else "sites_none"
        counted = self.say(key, fresh=sites.fresh, older=sites.older)
        listed = self.say(
            "sites_list",
            observer=self.observer(sites.observer),
            time=self.time(sites.listed_at),
            age=self.age(sites.listed_at),
        )
        return label, f"{counted} · {listed}"

    def changes(self, before: Draft, after: Draft) -> str:
        """Why an incident is shown again: what is new in it, on one line; empty when only figures' ages are."""
        old, new, operator = before.incident, after.incident, one_line(after.operator_name)
        news = []
        if new.state is not old.state:
            news.append(self.belief(new, operator))
        if new.statement and new.statement != old.statement:
            spoke = self.say("spoke_bare", time=self.time(new.statement.published_at))
            news.append(self.say("named", name=operator, value=spoke))
        elif new.silence.state is not old.silence.state:
            news.append(self.say("named", name=operator, value=self._silence(new.silence)))
        if new.surge.reports > old.surge.reports:
            key = "doubled" if 0 < 2 * old.surge.reports <= new.surge.reports else "rose"
            news.append(self.say(key, old=old.surge.reports, new=new.surge.reports))
        if services := [service for service in new.services if service not in old.services]:
            news.append(self.say("new_services", names=self._labels(services)))
        known = {count.place for count in old.places}
        if places := [_place(count.place) for count in new.places if count.place not in known]:
            news.append(self.say("new_place" if len(places) == 1 else "new_places", names=self._some(places)))
        text = " · ".join(news)
        return text[:1].upper() + text[1:]

    def operators_word(self, silence: Silence, statement: Statement | None) -> str:
        """What the operator says, and its silence exactly in its state."""
        if statement is None:
            return self._silence(silence)
        state = self.say(f"entry_{statement.state.value}")
        said = self.say(
            "spoke",
            title=cut(_typeset(statement.title), 200),
            time=self.time(statement.published_at),
            state=f", {state}" if state else "",
            area=self.say("spoke_area", area=cut(_typeset(statement.area), 100)) if statement.area else "",
        )
        return said if silence.state is SilenceState.SPOKE else f"{said} · {self._silence(silence)}"

    def incident(self, draft: Draft) -> str:
        """One incident of a list: state, services, since when, reports, where its draft stands."""
        incident = draft.incident
        services = f" ({self.services(incident)})" if incident.services else ""
        return self.say(
            "incident_line",
            state=self.say(incident.state.value) + services,
            since=self.time(incident.first_report_at),
            reports=self.number(incident.surge.reports, none="reports_none"),
            draft=self.draft_state(draft, "short"),
        )

    def source(self, source: SourceStatus) -> tuple[str, str]:
        """A source's name with its light, and how well it hears since when and why."""
        state = source.health.state if source.health else None
        mark = {None: "⚪", HealthState.OK: "🟢", HealthState.PAUSED: "⚪", HealthState.OFF: "⚪"}.get(state, "🔴")
        health = source.health
        words = [self.say(f"health_{state.value}" if state else "health_never")]
        if source.since and state is not HealthState.OK:
            words[0] += f" {self.say('since_span', span=self._span(source.since))}"
        if source.last_ok:
            words.append(self.say("last_ok", age=self.age(source.last_ok)))
        elif state:
            words.append(self.say("never_ok"))
        reason = (health and health.reason) or source.last_error
        if reason and state not in {None, HealthState.OK}:
            words[-1] += f" ({cut(one_line(reason), 120)})"
        if health and health.next_try and state is not HealthState.OK and health.next_try > self.now:
            words.append(self.say("next_try", span=self._span(health.next_try)))
        if health and health.note:
            words.append(cut(one_line(health.note), 120))
        return f"{mark} {source_label(source.name, self.language)}", ", ".join(words)

    def _span(self, when: datetime) -> str:
        """How far a time is from now (`25 min`)."""
        minutes = max(1, round(abs((self.now - when).total_seconds()) / 60))
        if minutes < 120:  # noqa: PLR2004 - as in `age`
            return self.say("span_minutes", n=minutes)
        hours = minutes // 60
        return self.say("span_hours", n=hours) if hours < 48 else self.say("span_days", n=hours // 24)  # noqa: PLR2004

    def _labels(self, services: Sequence[Service]) -> str:
        return ", ".join(service_label(service, self.language) for service in services)

    def _some(self, items: Sequence[str]) -> str:
        """The first items, and how many others."""
        rest = len(items) - _PLACES_SHOWN
        more = [self.say("and_other" if rest == 1 else "and_others", n=rest)] if rest > 0 else []
        return ", ".join([*items[:_PLACES_SHOWN], *more])

    def _silence(self, silence: Silence) -> str:
        since, checked, key = silence.since, silence.checked_at, silence.state.value
        if silence.state is SilenceState.NO_CHANNEL:
            return self.say(key)
        if silence.state is SilenceState.SPOKE:
            return self.say("spoke_bare", time=self.time(since)) if since else self.say("spoke_sometime")
        if checked is None:
            return self.say(f"{key}_bare")
        if silence.state is SilenceState.SILENT:
            if since is None or checked < since:
                return self.say("silent_last", checked=self.time(checked))
            return self.say("silent", since=self.time(since), checked=self.time(checked))
        return self.say(key, checked=self.time(checked))

    def _figure(self, value: float) -> str:
        """A number as one writes it: no decimal from 10 on, nor where it is none."""
        text = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")  # noqa: PLR2004 - 9.95 reads 10
        return text.replace(".", ",") if self.language == "fr" else text


def sparkline(counts: Sequence[int]) -> str:
    """Counts as bars; the highest is full, unless all are few."""
    top = max(_FULL_BAR, *counts, 0)
    return "".join(_BARS[-(-n * (len(_BARS) - 1) // top)] for n in counts)


def _place(place: Place) -> str:
    beside = f"\u00a0({place.departement})" if place.departement and place.level is not Level.DEPARTEMENT else ""
    return _typeset(place.name) + beside


def _typeset(text: str) -> str:
    """Somebody else's words on one line, with our apostrophes."""
    return one_line(text).replace("'", "’")
