"""Finds the newest of the lists that are published day by day, each at an address with its date in it."""

import re
from datetime import date, timedelta

import msgspec

from bot.ports import Http, Response
from sources._fetch import RefusedError, Seen, fetch, unreadable

_DAYS_BACK = 10
DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAX_BYTES = 24 * 1024 * 1024  # a storm's 20,000 sites are some 14 MB of GeoJSON


class _Resource(msgspec.Struct, frozen=True):
    url: str
    title: str | None = None
    format: str | None = None


class _Catalogue(msgspec.Struct, frozen=True):
    resources: tuple[_Resource, ...]


class DatedList:
    """A list with `{date}` in its address, or one that is always at the same.

    Args:
        http: The client.
        url: Its address.
        catalogue: A data set of data.gouv.fr that knows where the newest is, when no day has one; or None.
        how: See `fetch`.
    """

    def __init__(self, http: Http, url: str, catalogue: str | None, *, how: str) -> None:
        self._http = http
        self._url = url
        self._catalogue = catalogue
        self._how = how

    async def newest(self, seen: Seen, known: str, today: date) -> tuple[Response | None, Seen, str]:
        """The newest list if it is another than before, what to remember of it, and its day.

        Args:
            seen: Of the list that was read last.
            known: Its day (ISO), or empty: older ones tell nothing.
            today: Where the lists are made.

        Raises:
            SourceError: as `fetch`; for today's list where there is none at all.
        """
        if "{date}" not in self._url:
            return *await self._fetch(self._url, seen), ""
        refused: RefusedError | None = None
        for back in range(_DAYS_BACK + 1):
            day = (today - timedelta(days=back)).isoformat()
            try:
                return *await self._fetch(self._url.replace("{date}", day), seen), day
            except RefusedError as error:
                refused = refused or error
            if day == known:
                break
        if self._catalogue is not None:
            url, day = await self._catalogued(self._catalogue)
            return *await self._fetch(url, seen), day
        raise refused or AssertionError

    async def _fetch(self, url: str, seen: Seen) -> tuple[Response | None, Seen]:
        return await fetch(self._http, url, seen, how=self._how, max_bytes=_MAX_BYTES)

    async def _catalogued(self, catalogue: str) -> tuple[str, str]:
        """Address and day of the newest GeoJSON of the data set."""
        answer, _ = await fetch(self._http, catalogue, Seen())
        try:
            resources = msgspec.json.decode(answer.body if answer else b"", type=_Catalogue).resources
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise unreadable(catalogue, "ce n’est pas un jeu de données de data.gouv.fr") from error
        dated = [
            (found.group(), resource.url)
            for resource in resources
            if (resource.format or "").casefold() == "geojson" and resource.url.startswith(("https://", "http://"))
            if (found := DATED.search(resource.title or "") or DATED.search(resource.url))
        ]
        if not dated:
            raise unreadable(catalogue, "aucune liste d’antennes dans le jeu de données")
        day, url = max(dated)
        return url, day
