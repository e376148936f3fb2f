"""Operators whose status page is an Atlassian Statuspage, or speaks its JSON.

`page.status` and its indicator are never read: a page said UP while an incident was open. An open incident is one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from bot.domain.operators import Service
from bot.domain.signals import EntryState, StatusEntry
from bot.ports import Reading, Response, SourceDeps
from sources._channel import MAX_BODY_CHARS, Channel, ChannelSettings
from sources._fetch import Seen, decode_cursor, encode_cursor, fetch, unreadable
from sources._json import both_ends, json_bytes, plain
from sources._sights import Sights, hashed
from sources._time import parse_time
from sources._words import counted, read_state

_STATES = {
    "investigating": EntryState.INVESTIGATING,
    "identified": EntryState.IDENTIFIED,
    "monitoring": EntryState.MONITORING,
    "resolved": EntryState.RESOLVED,
    "completed": EntryState.RESOLVED,
    "postmortem": EntryState.RESOLVED,
    "scheduled": EntryState.SCHEDULED,
    "inprogress": EntryState.SCHEDULED,
    "verifying": EntryState.SCHEDULED,
    "notstartedyet": EntryState.SCHEDULED,
}
_BROKEN = {
    "degraded_performance": "performances dégradées",
    "partial_outage": "panne partielle",
    "major_outage": "panne majeure",
}
_OPERATIONAL = "operational"
_TO_COME = {"scheduled", "NOTSTARTEDYET"}  # works that do not explain what is broken now
_MAX_ENTRIES = 300  # of incidents, and of broken components; the newest incidents come first
_MAX_TITLE_CHARS = 200
_DOCUMENTS = ("/api/v2/summary.json", "/api/v2/incidents.json")


class Settings(ChannelSettings):
    """Settings of a `statuspage` source: the page's base URL, or that of one JSON document in its shape."""


class _Component(msgspec.Struct, frozen=True):
    name: str = ""
    id: str | None = None
    status: str | None = None
    group: bool = False
    group_id: str | None = None
    updated_at: str | None = None


_Parts = Mapping[str | None, _Component]  # all components, by id


class _Update(msgspec.Struct, frozen=True):
    body: str | None = None
    created_at: str | None = None
    affected_components: tuple[_Component, ...] | None = None


class _Incident(msgspec.Struct, frozen=True, rename={"changed": "updatedAt"}):
    """An incident or a maintenance; the fields differ between years and imitators, so that none is required."""

    name: str | None = None
    status: str | None = None
    id: str | int | None = None
    created_at: str | None = None
    updated_at: str | None = None
    resolved_at: str | None = None
    changed: str | None = None  # Instatus, as are the next two
    started: str | None = None
    start: str | None = None
    shortlink: str | None = None
    url: str | None = None
    incident_updates: tuple[_Update, ...] | None = None
    components: tuple[_Component, ...] | None = None

    @property
    def told(self) -> EntryState | None:
        """The state that its status says, if that is a known one."""
        return _STATES.get((self.status or "").replace("_", "").lower())

    @property
    def says_anything(self) -> bool:
        return bool(self.name or self.status or self.incident_updates)


class _Page(msgspec.Struct, frozen=True):
    name: str
    status: str | None = None  # Instatus


class _Document(
    msgspec.Struct,
    frozen=True,
    rename={"active_incidents": "activeIncidents", "active_maintenances": "activeMaintenances"},
):
    """A summary or a list; some imitators say `null` or leave a list out where it has nothing."""

    page: _Page
    incidents: tuple[_Incident, ...] | msgspec.UnsetType | None = msgspec.UNSET
    scheduled_maintenances: tuple[_Incident, ...] | None = None
    components: tuple[_Component, ...] | None = None
    active_incidents: tuple[_Incident, ...] | None = None  # Instatus
    active_maintenances: tuple[_Incident, ...] | None = None

    @property
    def all_incidents(self) -> tuple[_Incident, ...]:
        incidents = (self.active_incidents or ()) + (self.incidents or ())
        listed = incidents[:_MAX_ENTRIES] + self.all_maintenances[:_MAX_ENTRIES]
        return tuple(incident for incident in listed if incident.says_anything)

    @property
    def all_maintenances(self) -> tuple[_Incident, ...]:
        return (self.scheduled_maintenances or ()) + (self.active_maintenances or ())


class _Cursor(msgspec.Struct, frozen=True):
    """What was read last and first sights, by URL; and the broken components that we told of by themselves (ids)."""

    documents: dict[str, Seen] = {}
    broken: frozenset[str] = frozenset()
    sights: dict[str, dict[str, datetime]] = {}


def create(settings: Settings, deps: SourceDeps) -> "StatuspageSource":
    """A source for these settings."""
    return StatuspageSource(settings, deps)


class StatuspageSource(Channel[Settings]):
    """Reads one status page; see `bot.ports.Source`."""

    kind = "statuspage"

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        super().__init__(settings, deps)
        base = settings.url.rstrip("/")
        self._urls = (base,) if base.endswith(".json") else tuple(base + path for path in _DOCUMENTS)

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: one Reading with the entries of the documents that changed."""
        before = decode_cursor(cursor, _Cursor())
        documents: dict[str, Seen] = {}
        broken = before.broken
        sights = {url: before.sights.get(url, {}) for url in self._urls}
        entries: dict[str, StatusEntry] = {}
        for url in self._urls:
            answer, documents[url] = await fetch(self._deps.http, url, before.documents.get(url, Seen()))
            if answer is None:
                continue
            document = _decode(answer)
            parts = {part.id: part for part in document.components or ()}
            first = Sights(self.name, sights.get(url, {}), self._deps.clock.now())
            found = []
            for incident in document.all_incidents:
                await asyncio.sleep(0)  # reading the words of one takes milliseconds; others want the loop, too
                found.append(self._incident(incident, parts, first))
            if document.components is not None:
                changed, broken = _changed(document, broken)
                for part, said, state in changed:
                    await asyncio.sleep(0)
                    found.append(self._component(part, said, state, parts, first))
            sights[url] = first.known
            for entry in found:
                known = entries.get(entry.id)
                if known is None or known.published_at < entry.published_at:
                    entries[entry.id] = entry
        yield Reading(events=tuple(entries.values()), cursor=encode_cursor(_Cursor(documents, broken, sights)))

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        told = []
        name = ""
        for url in self._urls:
            answer, _ = await fetch(self._deps.http, url, Seen())
            if answer is not None:
                document = _decode(answer)
                name = document.page.name
                told.append(counted(len(document.all_incidents), "entrée"))
        return f"{name} : {', '.join(told)}"

    def _incident(self, incident: _Incident, parts: _Parts, sights: Sights) -> StatusEntry:
        updates = both_ends(incident.incident_updates or (_Update(),))
        latest = max(updates, key=lambda update: _instant(update.created_at))
        body = plain(latest.body or "")
        name = incident.name or body.partition("\n")[0]
        state = incident.told
        if state is None:
            state = EntryState.RESOLVED if incident.resolved_at else read_state(name, body)
        affected = (incident.components or ()) + (latest.affected_components or ())
        return self._entry(
            entry_id=str(incident.id or hashed(name, incident.started or "")),
            title=name,
            state=state,
            times=(
                latest.created_at,
                incident.updated_at,
                incident.changed,
                incident.created_at,
                incident.started,
                incident.start,
            ),
            sights=sights,
            body=body[:MAX_BODY_CHARS],
            services=self._settings.services_of(name, *_names(affected, parts)),
            url=incident.shortlink or incident.url,
        )

    def _component(self, part: _Component, said: str, state: EntryState, parts: _Parts, sights: Sights) -> StatusEntry:
        return self._entry(
            entry_id=f"component:{part.id}",
            title=f"{part.name} : {said}",
            state=state,
            times=(part.updated_at,),
            sights=sights,
            services=self._settings.services_of(*_names((part,), parts)),
        )

    def _entry(
        self,
        *,
        entry_id: str,
        title: str,
        state: EntryState,
        times: Iterable[str | None],
        sights: Sights,
        services: tuple[Service, ...],
        body: str = "",
        url: str | None = None,
    ) -> StatusEntry:
        return StatusEntry(
            source=self.name,
            operator=self._settings.operator,
            id=entry_id,
            title=plain(title, _MAX_TITLE_CHARS).replace("\n", " ") or "(sans titre)",
            state=state,
            published_at=sights.time_of(map(parse_time, times), entry_id, title, state, body),
            seen_at=sights.seen_at,
            body=body,
            services=services,
            area=self._settings.area,
            url=url if url and url.startswith(("http://", "https://")) else self._settings.url.partition("?")[0],
        )


def _decode(answer: Response) -> _Document:
    try:
        document = msgspec.json.decode(json_bytes(answer), type=_Document)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise unreadable(answer.url, "ce n’est pas le JSON d’une page d’état") from error
    lists = (document.active_incidents, document.scheduled_maintenances, document.components, document.page.status)
    told_of = document.incidents or ()
    missing = document.incidents is msgspec.UNSET and all(part is None for part in lists)
    if missing or (told_of and not any(incident.says_anything for incident in told_of)):
        raise unreadable(answer.url, "page d’état sans ses incidents")
    return document


def _changed(
    document: _Document, told: frozenset[str]
) -> tuple[list[tuple[_Component, str, EntryState]], frozenset[str]]:
    """Components that broke without an incident, or are whole again; and the ones to remember."""
    speaking = (incident for incident in document.all_incidents if incident.status not in _TO_COME)
    spoken_of = {part.id for incident in speaking for part in incident.components or ()}
    changed = []
    broken: set[str] = set()
    for part in document.components or ():
        if part.id is None or part.group:
            continue
        wrong = _BROKEN.get(part.status or "")
        if wrong and part.id not in spoken_of and (part.id in told or len(broken) < _MAX_ENTRIES):
            broken.add(part.id)
            changed.append((part, wrong, EntryState.INVESTIGATING))
        elif part.id in told and part.status == _OPERATIONAL:
            changed.append((part, "opérationnel", EntryState.RESOLVED))
        elif part.id in told:
            broken.add(part.id)
    return changed, frozenset(broken)


def _names(affected: Iterable[_Component], parts: _Parts) -> list[str]:
    """Names of components, each with its group's."""
    names = []
    for part in affected:
        group = parts.get(part.group_id or getattr(parts.get(part.id), "group_id", None))
        names.append(f"{group.name} {part.name}" if group else part.name)
    return names


def _instant(text: str | None) -> datetime:
    return parse_time(text) or datetime.min.replace(tzinfo=UTC)
