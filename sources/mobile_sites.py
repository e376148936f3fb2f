"""Mobile sites out of service, as ARCEP and the operators list them once a day: context by commune, never a surge.

A list is an inventory, not what an operator says of an incident: nothing in it opens or confirms one.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo

import msgspec
import structlog
from pydantic import Field

from bot.domain.operators import Service
from bot.domain.places import Level, Place
from bot.domain.signals import EntryState, StatusEntry
from bot.errors import ConfigError
from bot.ports import Reading, Response, SourceDeps, SourceSettings
from sources._channel import MAX_BODY_CHARS
from sources._datedlist import DATED, DatedList
from sources._fetch import Seen, decode_cursor, encode_cursor, unreadable
from sources._sitelists import SiteOut, in_words, join_doubles, local_time, read_list
from sources._siterows import ListError
from sources._time import believable, parse_time
from sources._words import fold

_log = structlog.get_logger()

_PARIS = ZoneInfo("Europe/Paris")
_DAY = timedelta(days=1)
_AT_ONCE = 250  # entries of one Reading: so many are stored without holding up the loop
_HEAD_BYTES = 2_000
_UPDATED = re.compile(r"(?:jour|au|du|date)\s*(?:le)?\s*:?\s*(\d\d/\d\d/\d{4}(?:\D{1,3}\d\d[:h]\d\d)?)", re.IGNORECASE)
_PUBLISHED = "11:00"  # about when ARCEP's list of the day comes out
_COLUMNS = re.compile(r"commune|localit|latitude", re.IGNORECASE)  # one of them every table has
_BOROUGHS = {"751": "75056", "132": "13055", "6938": "69123"}  # Paris, Marseille, Lyon: INSEE codes of arrondissements


class Settings(SourceSettings):
    """Settings of a `mobile_sites` source.

    Attributes:
        url: The list; `{date}` in it stands for a day, and the newest of the last ten is read.
        catalogue: A data.gouv.fr data set (JSON) that is asked where the newest list is, when no day has one.
        operator: Whose list it is; None: it names the operator of each site (ARCEP's), or its address does.
    """

    url: str = Field(pattern=r"^https?://\S+$")
    catalogue: str | None = Field(default=None, pattern=r"^https?://\S+$")
    operator: str | None = None
    interval: timedelta = Field(default=timedelta(hours=1), ge=timedelta(minutes=10))


class _Cursor(msgspec.Struct, frozen=True):
    """The list that was read last, and the sites in it.

    Attributes:
        day: Of a list with a date in its address.
        out: Id of each site → its place and when we first saw it (seconds since 1970).
    """

    seen: Seen = Seen()
    day: str = ""
    out: dict[str, tuple[str, int]] = {}


@dataclass(frozen=True, slots=True)
class _Found:
    """What a list comes to: its entries, the sites to remember, lines on operators that nobody watches."""

    entries: list[StatusEntry]
    out: dict[str, tuple[str, int]]
    unknown: int


def create(settings: Settings, deps: SourceDeps) -> "MobileSitesSource":
    """A source for these settings."""
    if settings.operator is not None and settings.operator not in deps.operators:
        known = ", ".join(deps.operators)
        raise ConfigError(f"source {settings.name}: operator: must be one of {known}; got {settings.operator}")
    return MobileSitesSource(settings, deps)


class MobileSitesSource:
    """Reads one list of mobile sites out of service; see `bot.ports.Source`."""

    kind = "mobile_sites"
    hears = False
    operator: str | None = None  # no channel in which an operator speaks of incidents: it proves no silence

    def __init__(self, settings: Settings, deps: SourceDeps) -> None:
        self.name = settings.name or self.kind
        self.interval = settings.interval
        self._settings = settings
        self._deps = deps
        self._observer = self.kind if settings.operator else "arcep"
        self._dated = DatedList(deps.http, settings.url, settings.catalogue, how=settings.operator or "")
        self._named = _names(deps)
        self._located = lru_cache(maxsize=4096)(deps.place)

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `bot.ports.Source.read`: some hundred entries at a time, the cursor with the last of them."""
        before = decode_cursor(cursor, _Cursor())
        answer, seen, day = await self._dated.newest(before.seen, before.day, self._today())
        if answer is None:
            yield Reading(cursor=encode_cursor(_Cursor(seen, day, before.out)))
            return
        found = await asyncio.to_thread(self._understand, answer, before, self._deps.clock.now())
        if found.unknown:
            _log.info("sites of operators that are not watched", source=self.name, sites=found.unknown)
        *some, last = _chunks(found.entries)
        for entries in some:
            yield Reading(events=entries)
        yield Reading(events=last, cursor=encode_cursor(_Cursor(seen, day, found.out)))

    async def check(self) -> str:
        """See `bot.ports.Source.check`."""
        answer, _, day = await self._dated.newest(Seen(), "", self._today())
        if answer is None:
            return "liste inchangée"
        found = await asyncio.to_thread(self._understand, answer, _Cursor(), self._deps.clock.now())
        of = f" (liste du {day})" if day else ""
        return f"{len(found.out)} antennes hors service{of}, {found.unknown} d’opérateurs non suivis"

    async def close(self) -> None:
        """See `bot.ports.Source.close`; nothing is held."""

    def _today(self) -> date:
        return self._deps.clock.now().astimezone(_PARIS).date()

    # --- what it says: all of this runs in a thread of its own -------------------------------------------------------

    def _understand(self, answer: Response, before: _Cursor, now: datetime) -> _Found:
        try:
            sites = read_list(answer.body)
        except ListError as error:
            raise unreadable(answer.url, str(error)) from error
        owner = self._owner(answer, sites)
        self._observer = self.kind if owner else "arcep"
        lines: dict[str, list[SiteOut]] = defaultdict(list)
        for site in sites:
            if operator := self._operator(site.operator, owner):
                lines[f"{operator}/{site.key or _hash(site)}"].append(site)
        listed_at = _listed_at(answer, sites, now)
        # Without a time of its own, a site is out since we first saw it; in the first list, for a day or more.
        first = int((listed_at if before.seen.digest else listed_at - _DAY).timestamp())
        out: dict[str, tuple[str, int]] = {}
        entries: list[StatusEntry] = []
        for key, doubles in lines.items():
            _, first_seen = before.out.get(key, ("", first))
            entry = self._entry(key, join_doubles(doubles), datetime.fromtimestamp(first_seen, UTC), now)
            out[key] = entry.place or "", first_seen
            entries.append(entry)
        listed = {entry.operator for entry in entries}
        for key, known in before.out.items():
            operator = key.partition("/")[0]
            if key not in out and operator in listed:
                entries.append(self._gone(key, known[0], listed_at, now))
            elif key not in out and operator in self._deps.operators:
                out[key] = known  # a list without any of its sites does not say that all are repaired
        if self._settings.operator is not None and not out:
            listed.add(self._settings.operator)
        totals = [self._total(operator, entries, listed_at, now) for operator in sorted(listed)]
        return _Found([*entries, *totals], out, len(sites) - sum(map(len, lines.values())))

    def _owner(self, answer: Response, sites: list[SiteOut]) -> str | None:
        """Whose list it is: the settings' operator, else the one that its address names; None: it names each site's."""
        if self._settings.operator is not None or not sites or any(site.operator for site in sites):
            return self._settings.operator
        words = set(re.split(r"[^a-z0-9]+", fold(answer.url)))
        named = {operator for name, operator in self._named.items() if name.replace(" ", "") in words}
        if len(named) != 1:
            raise unreadable(answer.url, "la liste ne nomme aucun opérateur : il manque le réglage « operator »")
        return named.pop()

    def _operator(self, name: str, owner: str | None) -> str | None:
        """Id of the operator that a list names; None for one that is not watched, or not the list's."""
        words = fold(name).split()
        named = next((o for end in range(len(words), 0, -1) if (o := self._named.get(" ".join(words[:end])))), None)
        if owner is None:
            return named
        return owner if not words or named == owner else None

    def _entry(self, key: str, site: SiteOut, first_seen: datetime, now: datetime) -> StatusEntry:
        place, area = self._where(site)
        what = "en maintenance" if site.maintenance else "hors service"
        at = f" à {area}" if area else ""
        lost = f" : {site.lost}" if site.lost else ""
        begun = site.begun if site.begun is not None and believable(site.begun, now) else None
        told = (
            site.detail,
            f"début prévu : {in_words(site.begun)}" if site.begun is not None and site.begun > now else "",
            f"rétablissement prévu : {site.ends}" if site.ends else "",
        )
        return self._told(
            key,
            f"Antenne {what}{at}{lost}",
            EntryState.SCHEDULED if site.maintenance else EntryState.IDENTIFIED,
            begun or min(first_seen, now),
            now,
            body=" ; ".join(filter(None, told))[:MAX_BODY_CHARS],
            area=area or None,
            place=place,
        )

    def _gone(self, key: str, place: str, listed_at: datetime, now: datetime) -> StatusEntry:
        found = self._located(place)
        area = _area(found) if found else ""
        title = f"Antenne de nouveau en service{f' à {area}' if area else ''}"
        return self._told(key, title, EntryState.RESOLVED, listed_at, now, area=area or None, place=place)

    def _total(self, operator: str, entries: list[StatusEntry], listed_at: datetime, now: datetime) -> StatusEntry:
        """What dates the list, even where it has not changed a site."""
        out = [e for e in entries if e.operator == operator and e.state is not EntryState.RESOLVED]
        fresh = sum(entry.published_at > listed_at - _DAY for entry in out)
        title = f"Antennes hors service : {fresh} depuis moins de 24 h, {len(out) - fresh} de plus longue date"
        return self._told(f"{operator}/liste", title, EntryState.UNKNOWN, listed_at, now)

    def _told(
        self,
        key: str,
        title: str,
        state: EntryState,
        at: datetime,
        now: datetime,
        *,
        body: str = "",
        area: str | None = None,
        place: str | None = None,
    ) -> StatusEntry:
        return StatusEntry(
            source=self.name,
            operator=key.partition("/")[0],
            id=key,
            title=title,
            state=state,
            published_at=at,
            seen_at=now,
            body=body,
            services=(Service.MOBILE,),
            area=area,
            observer=self._observer,
            place=place,
        )

    def _where(self, site: SiteOut) -> tuple[str, str]:
        """Id of a site's place, and how one says it: the commune, or as near as can be told."""
        insee = next((whole for part, whole in _BOROUGHS.items() if site.insee.startswith(part)), site.insee)
        found = self._located(insee) if insee else None
        if found is not None and found.level is Level.COMMUNE and found.id == insee:
            return found.id, _area(found)
        departement = self._departement(site.departement)
        number = departement.departement if departement is not None else site.departement
        named = f"{site.commune} ({number})" if number else site.commune
        found = self._located(named) if site.commune else None
        if found is not None and found.level is Level.COMMUNE and number in {"", found.departement}:
            return found.id, _area(found)
        if insee and found is None:
            return insee, named
        if site.postcode and (found := self._located(f"P{site.postcode}")):
            return found.id, site.commune or _area(found)
        if departement is not None:
            return departement.id, site.commune or departement.name
        return insee or "FR", named

    def _departement(self, told: str) -> Place | None:
        """A département by its number or its name."""
        found = (self._located(name) for name in (f"D{told}", told) if told)
        return next((place for place in found if place is not None and place.level is Level.DEPARTEMENT), None)


def _names(deps: SourceDeps) -> Mapping[str, str]:
    """Every name of every operator, folded, with its id."""
    found: dict[str, str] = {}
    for operator in deps.operators.values():
        brands = [alias for _, aliases in operator.brands for alias in aliases]
        for name in (operator.id, operator.name, *operator.aliases, *brands):
            found.setdefault(fold(name), operator.id)
    return found


def _listed_at(answer: Response, sites: list[SiteOut], now: datetime) -> datetime:
    """When the list was made: as its server says, else as its lines do, its head or its address."""
    modified = parse_time(answer.headers.get("last-modified"))
    dated = max((site.dated for site in sites if site.dated), default=None)
    head = _UPDATED.search(_COLUMNS.split(answer.body[:_HEAD_BYTES].replace(b"\0", b"").decode("ascii", "ignore"))[0])
    headed = local_time(head[1]) if head else None
    address = DATED.search(answer.url.rpartition("/")[2])
    addressed = local_time(f"{address[0]} {_PUBLISHED}") if address else None
    return next(
        (when for when in (modified, dated, headed, addressed) if when is not None and believable(when, now)), now
    )


def _area(place: Place) -> str:
    return f"{place.name} ({place.departement})" if place.level is Level.COMMUNE else place.name


def _hash(site: SiteOut) -> str:
    """A key for a site that has none: where it stands."""
    where = (
        site.insee or site.postcode or site.departement,
        fold(site.commune),
        site.position and [f"{d:.4f}" for d in site.position],
    )
    return blake2b(repr(where).encode(), digest_size=6).hexdigest()


def _chunks(entries: list[StatusEntry]) -> Iterator[tuple[StatusEntry, ...]]:
    """At least one, perhaps empty."""
    for start in range(0, max(len(entries), 1), _AT_ONCE):
        yield tuple(entries[start : start + _AT_ONCE])
