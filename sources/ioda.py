"""Internet outages of whole networks as IODA (Georgia Tech) measures them: a second, independent kind of source.

An entry says what IODA measured, never what the operator says: it bears out what people report and opens nothing.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from pydantic import Field

from bot.domain.operators import Service
from bot.domain.places import Level, Place
from bot.domain.signals import EntryState, HealthState, StatusEntry
from bot.errors import ConfigError, SourceError
from bot.ports import Reading, Response, SourceDeps, SourceSettings
from sources._fetch import Seen, decode_cursor, encode_cursor, fetch, place, unreadable
from sources._json import json_bytes

_NETWORKS = {"orange": (3215,), "free": (12322,), "sfr": (15557,), "bouygues": (5410,), "ovh": (16276,)}
_BACK = timedelta(hours=24)  # IODA itself looks further back for the beginning of what overlaps the window
_PAGE = "https://ioda.inetintel.cc.gatech.edu"
_HOW = {
    "bgp": "routes annoncées",
    "ping-slash24": "sondage actif",
    "gtr": "trafic vers Google",
    "merit-nt": "bruit de fond du réseau",
    "ucsd-nt": "bruit de fond du réseau",
}


class Settings(SourceSettings):
    """Settings of an `ioda` source.

    Attributes:
        url: Where the events are; the query is ours.
        networks: Operator → numbers of its networks (ASN); empty: those that are known of the configured operators.
        regions: Our id of a region (`R27`) → IODA's numbers of it; each network is measured there as well.
    """

    url: str = Field(default="https://api.ioda.inetintel.cc.gatech.edu/v2/outages/events", pattern=r"^https?://\S+$")
    networks: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)
    regions: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)
    interval: timedelta = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1))


_Instant = Annotated[float, msgspec.Meta(ge=1.1e9, le=4e9)]  # of this century, and not before IODA measured
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=4e9)]


class _Event(msgspec.Struct, frozen=True):
    """One outage in IODA's `codf` format; times in seconds since 1970."""

    location: str
    start: _Instant
    duration: _Seconds = 0.0
    datasource: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    method: str | None = None
    score: float | None = None

    @property
    def id(self) -> str:
        """It has none of its own: what measured it where from when on."""
        return f"{self.location}:{self.datasource or ''}:{int(self.start)}"


class _Document(msgspec.Struct, frozen=True):
    data: tuple[_Event, ...] | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Network:
    """What is asked for: a network (ASN) of an operator, as a whole or as far as it lies in a region."""

    operator: str
    number: int
    region: Place | None = None
    code: int = 0  # IODA's of the region

    @property
    def location(self) -> str:
        """As IODA names it."""
        return f"geoasn/{self.number}-{self.code}" if self.region else f"asn/{self.number}"

    @property
    def page(self) -> str:
        """Where IODA shows it, or the region."""
        return f"{_PAGE}/region/{self.code}" if self.region else f"{_PAGE}/asn/{self.number}"


class _Cursor(msgspec.Struct, frozen=True):
    """What was read last by location, and the events that were on then (by id, with their beginning)."""

    seen: dict[str, Seen] = {}
    on: dict[str, int] = {}


def create(settings: Settings, deps: SourceDeps) -> "IodaSource":
    """A source for these settings."""
    known = ", ".join(deps.operators)
    for operator in settings.networks:
        if operator not in deps.operators:
            raise ConfigError(f"source {settings.name}: networks: must be one of {known}; got {operator}")
    networks = settings.networks or {o: numbers for o, numbers in _NETWORKS.items() if o in deps.operators}
    if not any(networks.values()):
        raise ConfigError(f"source {settings.name}: networks: none is known of {known}: name their numbers")
    whole = [_Network(operator, number) for operator, numbers in networks.items() for number in numbers]
    parts = [
        _Network(network.operator, network.number, region, code)
        for region, code in _regions(settings, deps)
        for network in whole
    ]
    return IodaSource(settings, deps, (*whole, *parts))


def _regions(settings: Settings, deps: SourceDeps) -> Iterator[tuple[Place, int]]:
    for name, codes in settings.regions.items():
        region = deps.place(name)
        if region is None or region.level is not Level.REGION:
            raise ConfigError(f"source {settings.name}: regions: must be the id of a region, such as R27; got {name}")
        yield from ((region, code) for code in codes)


class IodaSource:
    """Reads the outage events of some networks; see `bot.ports.Source`.

    Args:
        settings: Of the source.
        deps: What it may use.
        networks: What is asked for.
    """

    kind = "ioda"
    hears = False
    operator: str | None = None  # nobody's own channel: it proves no silence

    def __init__(self, settings: Settings, deps: SourceDeps, networks: tuple[_Network, ...]) -> None:
        self.name = settings.name or self.kind
        self.interval = settings.interval
        self._settings = settings
        self._deps = deps
        self._networks = networks

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: the events of the last day, and those that are listed no more as over."""
        before = decode_cursor(cursor, _Cursor())
        now = self._deps.clock.now()
        seen: dict[str, Seen] = {}
        on = dict(before.on)
        entries: list[StatusEntry] = []
        for network in self._networks:
            where = network.location
            answer, seen[where] = await fetch(self._deps.http, self._url(where, now), before.seen.get(where, Seen()))
            if answer is None:
                continue
            listed = _events(answer)
            events = {event.id: event for event in listed if event.location == where}
            mine = {key: since for key, since in on.items() if key.startswith(f"{where}:")}
            if mine and listed and not events:  # by what is said of others, nothing is over
                raise unreadable(answer.url, f"aucun des événements n’est de « {where} »")
            for key in mine:
                del on[key]
            for event in events.values():
                entry = self._entry(event, network, now)
                entries.append(entry)
                if entry.state is EntryState.IDENTIFIED:
                    on[event.id] = int(event.start)
            entries += [self._gone(key, since, network, now) for key, since in mine.items() if key not in events]
        yield Reading(events=tuple(entries), cursor=encode_cursor(_Cursor(seen, on)))

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        now = self._deps.clock.now()
        found = 0
        for network in self._networks:
            answer, _ = await fetch(self._deps.http, self._url(network.location, now), Seen())
            found += len(_events(answer)) if answer else 0
        return f"réseaux : {len(self._networks)} ; événements en 24 h : {found}"

    async def close(self) -> None:
        """See `bot.ports.Source.close`; nothing is held."""

    def _url(self, location: str, now: datetime) -> str:
        parts = urlsplit(self._settings.url)
        kind, _, code = location.partition("/")
        asked = {"entityType": kind, "entityCode": code}
        asked |= {"from": str(int((now - _BACK).timestamp())), "until": str(int(now.timestamp()))}
        return urlunsplit(parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | asked)))

    def _entry(self, event: _Event, network: _Network, now: datetime) -> StatusEntry:
        # IODA lets an event that goes on end with the window that was asked for.
        over = event.start + event.duration < int(now.timestamp())
        how = _HOW.get(event.datasource or "", event.datasource or "mesure inconnue")
        told = [f"durée : {event.duration / 60:.0f} min"] if over else []
        told += [f"score : {event.score:.0f}"] if over and event.score is not None else []  # it grows while it lasts
        return self._told(
            event.id,
            network,
            f"baisse de connectivité mesurée par IODA ({how})",
            state=EntryState.RESOLVED if over else EntryState.IDENTIFIED,
            at=min(datetime.fromtimestamp(event.start + (event.duration if over else 0), UTC), now),
            start=int(event.start),
            now=now,
            body=" ; ".join(told),
        )

    def _gone(self, key: str, since: int, network: _Network, now: datetime) -> StatusEntry:
        """IODA has taken an event back: whatever it was, it is not on."""
        title = "baisse de connectivité que IODA ne signale plus"
        return self._told(key, network, title, state=EntryState.RESOLVED, at=now, start=since, now=now)

    def _told(
        self,
        key: str,
        network: _Network,
        title: str,
        *,
        state: EntryState,
        at: datetime,
        start: int,
        now: datetime,
        body: str = "",
    ) -> StatusEntry:
        operator, region = network.operator, network.region
        where = f"AS{network.number}, {region.name}" if region else f"AS{network.number}"
        return StatusEntry(
            source=self.name,
            operator=operator,
            id=key,
            title=f"{self._deps.operators[operator].name} ({where}) : {title}",
            state=state,
            published_at=at,
            seen_at=now,
            body=body,
            services=(Service.INTERNET,),
            area=region.name if region else None,
            url=f"{network.page}?from={start - 3600}&until={start + 86_400}",
            observer=self.kind,
            place=region.id if region else None,
        )


def _events(answer: Response) -> tuple[_Event, ...]:
    try:
        document = msgspec.json.decode(json_bytes(answer), type=_Document)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise unreadable(answer.url, "ce n’est pas le JSON des événements d’IODA") from error
    if document.error:
        where = place(answer.url)
        raise SourceError(
            f"GET {where}: {document.error[:200]}", state=HealthState.FAILING, reason="IODA répond par une erreur"
        )
    if document.data is None:
        raise unreadable(answer.url, "réponse d’IODA sans ses événements")
    return document.data
