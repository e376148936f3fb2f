"""What third parties measured or published of the operators: it bears incidents out and answers `/status`, no more."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.incidents import Incident, Observation
from bot.domain.places import Level, Place
from bot.domain.signals import EntryState, StatusEntry
from bot.flow.channels import ACTIVE, fits
from bot.ports import SitesOut

_FRESH = timedelta(hours=24)  # a site that is out for longer is part of a stock, not of an event
_KEPT = timedelta(days=3)  # a measure that began earlier bears out nothing that begins now

_Key = tuple[str, str]  # source, id


class Observers:
    """Their last words that are not over. A site is kept as its place and since when: there are thousands.

    Args:
        region_of: The region (`R27`) of each département, by its code.
    """

    def __init__(self, region_of: Mapping[str, str]) -> None:
        self._region_of = region_of
        self._measures: dict[str, dict[_Key, StatusEntry]] = defaultdict(dict)
        self._lists: dict[str, dict[str, StatusEntry]] = defaultdict(dict)  # operator → source → what dates its list
        self._sites: dict[str, dict[_Key, tuple[str, datetime]]] = defaultdict(dict)

    def add(self, entry: StatusEntry) -> None:
        """An observer said something of an operator, or changed what it had said."""
        key = entry.source, entry.id
        if entry.place is not None and not is_measure(entry):
            if entry.state is EntryState.RESOLVED:
                self._sites[entry.operator].pop(key, None)
            else:
                self._sites[entry.operator][key] = entry.place, entry.published_at
        elif entry.state is EntryState.UNKNOWN:
            self._lists[entry.operator][entry.source] = entry
        else:
            horizon = entry.seen_at - _KEPT
            measures = {k: m for k, m in self._measures[entry.operator].items() if m.seen_at > horizon and k != key}
            if entry.state in ACTIVE:
                measures[key] = entry
            self._measures[entry.operator] = measures

    def bearing_out(self, incident: Incident) -> tuple[Observation, ...]:
        """The measures that are still on and fit an incident, but for those that it knows, oldest first."""
        known = {(observation.source, observation.entry_id) for observation in incident.observations}
        found = (
            Observation(m.observer or m.source, m.source, m.id, m.published_at, m.url)
            for key, m in self._measures.get(incident.operator, {}).items()
            if key not in known and fits(m, incident.services, incident.first_report_at) and self._is_there(m, incident)
        )
        return tuple(sorted(found, key=lambda o: (o.published_at, o.source, o.entry_id)))

    def _is_there(self, measure: StatusEntry, incident: Incident) -> bool:
        """Whether a measure of one region is of where people are: at least half of the places that they name."""
        if measure.place is None:
            return True
        inside = sum(
            count.n
            for count in incident.places
            if measure.place in {count.place.id, self._region_of.get(count.place.departement or "")}
        )
        return inside > 0 and 2 * inside >= sum(count.n for count in incident.places)

    def sites(self, operator: str, place: Place | None) -> tuple[SitesOut, ...]:
        """How many mobile sites of an operator are out of service, a line a list; at `place`, or everywhere."""
        found = []
        for source, dated in sorted(self._lists.get(operator, {}).items()):
            since = [
                begun
                for (of, _), (where, begun) in self._sites.get(operator, {}).items()
                if of == source and (place is None or _lies_in(where, place))
            ]
            fresh = sum(begun > dated.published_at - _FRESH for begun in since)
            observer = dated.observer or source
            found.append(SitesOut(observer, dated.published_at, fresh, len(since) - fresh, dated.url))
        return tuple(found)


def is_measure(entry: StatusEntry) -> bool:
    """Whether an observer's entry is about a network, or its part in a region, and not about a single thing."""
    return entry.place is None or entry.place.startswith("R")


def _lies_in(site: str, place: Place) -> bool:
    if place.level is Level.DEPARTEMENT:
        return site == place.id or _departement(site) == place.departement
    return site == place.id


def _departement(place_id: str) -> str:
    """Of an INSEE or postal code."""
    code = place_id.removeprefix("P")
    return code[:3] if code.startswith(("97", "98")) else code[:2]
