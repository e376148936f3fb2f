"""Asks Plausible for the visitors of each page, minute by minute: its API groups by nothing finer than the hour."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.ports import Http, Response
from sources._audience_names import Names, Site
from sources._fetch import place, refused, unreadable

MOST_MINUTES = 10
"""Requests at a time: it allows 600 an hour, and a minute is one (two, as the last one is asked again)."""

_OK = 200
_REFUSED = frozenset({401, 402, 403})
_CHANNELS = {"search": "Organic Search", "direct": "Direct"}


class _Row(msgspec.Struct):
    metrics: list[Annotated[int, msgspec.Meta(ge=0, le=2**53)]]
    dimensions: list[str]


class _Answer(msgspec.Struct):
    results: list[_Row]


async def count(http: Http, site: Site, names: Names, start: int, end: int) -> Mapping[tuple[int, str], int]:
    """Visitors of pages that name an operator, who came to the site by themselves; see `_matomo.count`."""
    counts: Counter[tuple[int, str]] = Counter()
    channels = [name for way, name in _CHANNELS.items() if way in site.ways]
    for minute in range(start, end):
        for row in await _rows(http, site, minute, channels):
            for operator in names.of(row.dimensions[0]).operators:
                counts[minute, operator] += row.metrics[0]
    return counts


async def _rows(http: Http, site: Site, minute: int, channels: list[str]) -> list[_Row]:
    begin, end = (datetime.fromtimestamp(minute * 60 + second, UTC).isoformat() for second in (0, 59))
    asked = {
        "site_id": site.site,
        "metrics": ["visitors"],
        "date_range": [begin, end],
        "dimensions": ["event:page"],
        "filters": [["is", "visit:channel", channels]],
    }
    answer = await http.post(
        f"{site.url}/api/v2/query",
        msgspec.json.encode(asked),
        {"Content-Type": "application/json", "Authorization": f"Bearer {site.token}"},
    )
    if answer.status != _OK:
        raise _refusal(answer)
    try:
        rows = msgspec.json.decode(answer.body, type=_Answer).results
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise unreadable(answer.url, "ce n’est pas une réponse de Plausible") from error
    if any(not row.metrics or not row.dimensions for row in rows):
        raise unreadable(answer.url, "une ligne de la réponse de Plausible est vide")
    return rows


def _refusal(answer: Response) -> SourceError:
    if answer.status not in _REFUSED:
        return refused(answer)
    cause = f"clé refusée par Plausible (HTTP {answer.status})"
    return SourceError(f"POST {place(answer.url)}: {cause}", state=HealthState.FAILING, reason=cause)
