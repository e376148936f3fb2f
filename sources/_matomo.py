"""Asks Matomo for the visits of the last minutes: which pages, which searches, and how each visit came."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
import structlog

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.ports import Http, Response
from sources._audience_names import Names, Site
from sources._fetch import place, refused, unreadable

_log = structlog.get_logger()

_PAGE_ROWS = 100  # visits a request: one with all its actions is some kilobytes
_MOST_PAGES = 50
_OK = 200
_REFUSED = frozenset({401, 403})
_ABOUT_THE_KEY = ("token", "access", "authenticat")
_WAYS = {"search": "search", "direct": "direct"}


class _Action(msgspec.Struct):
    type: str = ""
    url: str | None = None
    pageTitle: str | float | None = None  # noqa: N815 - their name
    siteSearchKeyword: str | float | None = None  # noqa: N815
    timestamp: Annotated[float, msgspec.Meta(ge=0, le=4e9)] = 0.0


class _Visit(msgspec.Struct):
    idVisit: int  # noqa: N815
    referrerType: str | None = None  # noqa: N815
    actionDetails: list[_Action] = []  # noqa: N815


class _Problem(msgspec.Struct):
    result: Literal["error"]
    message: str = ""


async def count(http: Http, site: Site, names: Names, start: int, end: int) -> Mapping[tuple[int, str], int]:
    """Visits that look for an operator, each once, by the minute in which they first do.

    Args:
        http: The client.
        site: Which.
        names: Who a page or search names.
        start: First minute, since 1970.
        end: First minute that does not count any more.

    Raises:
        SourceError: `failing` for a refused key or request, `unreadable` for what is no answer of Matomo.
    """
    counts: Counter[tuple[int, str]] = Counter()
    seen: set[int] = set()
    for page in range(_MOST_PAGES):
        visits = await _visits(http, site, start * 60, page * _PAGE_ROWS)
        for visit in visits:
            if visit.idVisit in seen:  # a newer visit has pushed it to the next page
                continue
            seen.add(visit.idVisit)
            for operator, minute in _looked_for(visit, site.ways, names).items():
                if start <= minute < end:
                    counts[minute, operator] += 1
        if len(visits) < _PAGE_ROWS:
            return counts
    _log.warning("more visits than are read", site=place(site.url), visits=_MOST_PAGES * _PAGE_ROWS)
    return counts


def _looked_for(visit: _Visit, ways: frozenset[str], names: Names) -> Mapping[str, int]:
    """Operator → minute in which a visit first looks for it.

    A visit that a link elsewhere brought reads what it was shown; it looks for something when it searches the site.
    """
    came = _WAYS.get(visit.referrerType or "") in ways
    found: dict[str, int] = {}
    for number, action in enumerate(sorted(visit.actionDetails, key=lambda action: action.timestamp)):
        if action.type == "search":
            operators = names.text(str(action.siteSearchKeyword or "")) if came or number else ()
        elif action.type == "action" and came:
            operators = names.of(action.url or "").operators or names.text(str(action.pageTitle or ""))
        else:
            continue
        for operator in operators:
            found.setdefault(operator, int(action.timestamp) // 60)
    return found


async def _visits(http: Http, site: Site, since: int, offset: int) -> list[_Visit]:
    """The visits with an action since then, latest first; the token goes in the body, where no log has it."""
    asked = {
        "module": "API",
        "method": "Live.getLastVisitsDetails",
        "format": "JSON",
        "idSite": site.site,
        "period": "range",
        "date": "last2",
        "minTimestamp": str(since),
        "filter_limit": str(_PAGE_ROWS),
        "filter_offset": str(offset),
        "showColumns": "idVisit,referrerType,actionDetails",
        "token_auth": site.token or "anonymous",
    }
    url = site.url if site.url.endswith(".php") else f"{site.url}/index.php"
    answer = await http.post(
        url,
        urlencode(asked).encode(),
        {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
    )
    _judge(answer, site.token)
    try:
        return msgspec.json.decode(answer.body, type=list[_Visit], strict=False)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise unreadable(answer.url, "ce n’est pas une réponse de Matomo") from error


def _judge(answer: Response, token: str) -> None:
    """Refuse an answer that refuses; Matomo says so in the answer, whose status may well be 200."""
    if answer.status in _REFUSED:
        raise _failing(answer, f"clé refusée par Matomo (HTTP {answer.status})")
    if answer.status != _OK:
        raise refused(answer)
    try:
        error = msgspec.json.decode(answer.body, type=_Problem).message
    except (msgspec.DecodeError, ValueError, RecursionError):
        return
    if any(word in error for word in _ABOUT_THE_KEY):
        raise _failing(answer, "clé refusée par Matomo")
    shown = error.replace(token, "…") if token else error
    raise _failing(answer, f"Matomo refuse la demande : {shown[:120]}")


def _failing(answer: Response, cause: str) -> SourceError:
    return SourceError(f"POST {place(answer.url)}: {cause}", state=HealthState.FAILING, reason=cause)
