"""Who looks for an operator on the site: one person once, no machines, and not those whom a link elsewhere brought."""

import re
import secrets
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import urlsplit

from sources._audience_lines import Line

ONCE_MINUTES = 60
"""A person who looks again within so long is one; the core counts authors the same way."""

_MOST_PEOPLE = 200_000
_READ = frozenset({200, 304})

_ASSET = re.compile(
    r"\.(?:css|m?js|map|png|jpe?g|gif|webp|avif|svg|ico|woff2?|ttf|otf|eot|mp[34]|m4[av]|webm|og[gv]|m3u8|pdf|zip|gz"
    r"|xml|json|txt|rss|atom|wasm|webmanifest)$"
    r"|/(?:feed|rss)/?$|^/(?:wp-json|wp-admin|wp-content|wp-includes|\.well-known)/",
    re.IGNORECASE,
)
_OF_A_PAGE = re.compile(r"\.(?:css|m?js|woff2?)$", re.IGNORECASE)  # asked for by the site's own pages only
_BOT = re.compile(
    r"(?<!cu)bot|crawl|spider|slurp|scrap|curl|wget|python|java/|okhttp|go-http|libwww|lwp|perl|ruby|php/|guzzle"
    r"|http-?client|axios|node|undici|headless|phantom|lighthouse|page ?speed|monitor|pingdom|uptime|statuscake"
    r"|preview|facebookexternalhit|facebookcatalog|meta-external|embed|feed|rss|fetch|archiv|scan|valid|checker"
    r"|mediapartners|google(?:other|-)|-google|gpt|claude|perplexity|vigie/|whatsapp/|^mozilla/\d\.\d$",
    re.IGNORECASE,
)
# Browsers inside the apps of social networks often send no referrer: who reads in one has followed a link there.
_SOCIAL_APP = re.compile(
    r"FBA[NV]/|FB_IAB|Instagram|Snapchat|TikTok|Bytedance|musical_ly|LinkedInApp|Twitter|Pinterest"
)
_CAMPAIGN = re.compile(r"[?&](?:utm_\w+|fbclid|gclid|msclkid|twclid|igshid|mc_[ce]id|xtor|at_medium)=", re.IGNORECASE)
_SEARCH_ENGINE = re.compile(
    r"(?:www\.|m\.|images\.|fr\.|cn\.)?(?:google\.[a-z.]{2,6}|bing\.com|duckduckgo\.com|qwant\.com|ecosia\.org"
    r"|startpage\.com|yandex\.[a-z]{2,3}|baidu\.com|ask\.com|swisscows\.com|mojeek\.com|kagi\.com)$"
    r"|(?:\w+\.)*search\.yahoo\.com$|(?:www\.)?(?:search|lite|html)\.(?:brave|duckduckgo|lilo|free)\.\w+$"
    r"|lemoteur\.orange\.fr$"
)


class Way(StrEnum):
    """How a person came to a page."""

    SEARCH = "search"
    DIRECT = "direct"
    SITE = "site"
    LINK = "link"


def host_of(address: str) -> str:
    """Host of a URL (or a bare host), without `www.`; empty if there is none."""
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")


def way_of(line: Line, own: str) -> Way:
    """How the person of this request came.

    Args:
        line: The request.
        own: Host of the site, or empty where it is not known.
    """
    if _CAMPAIGN.search(line.target) or _SOCIAL_APP.search(line.agent or ""):
        return Way.LINK
    if not line.referrer:
        return Way.DIRECT
    host = host_of(line.referrer)
    if own and (host == own or host.endswith(f".{own}")):
        return Way.SITE
    if line.referrer.startswith("http") and _SEARCH_ENGINE.match(host):
        return Way.SEARCH
    return Way.LINK


def is_view(line: Line) -> bool:
    """Whether a person was shown a page."""
    if line.method != "GET" or line.status not in _READ or _ASSET.search(line.target.partition("?")[0]):
        return False
    return line.agent is None or _is_person(line.agent)


@lru_cache(1_024)
def _is_person(agent: str) -> bool:
    return bool(agent) and _BOT.search(agent) is None


class OwnHost:
    """The site's host where nobody has told it: the one whose pages ask for style sheets and scripts."""

    _MOST_HOSTS = 50

    def __init__(self, host: str = "") -> None:
        self.host = host
        self._asked: dict[str, int] = {}

    def learn(self, line: Line) -> None:
        """Look at a request."""
        if line.referrer and line.status in _READ and _OF_A_PAGE.search(line.target.partition("?")[0]):
            host = host_of(line.referrer)
            if host in self._asked or len(self._asked) < self._MOST_HOSTS:
                self._asked[host] = self._asked.get(host, 0) + 1
                self.host = max(self._asked, key=self._asked.__getitem__)


class People:
    """Who was here within the hour, as hashes under a key that this process alone has and that it never stores."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._seen: dict[tuple[str, bytes], tuple[int, bool]] = {}  # oldest first → latest minute, and was it counted

    def counts(self, operator: str, line: Line, address: str, *, counted: bool, again: bool = False) -> bool:
        """Whether a view is a person's first of an operator.

        Args:
            operator: Whom the page names.
            line: The request.
            address: Whose it was.
            counted: It is of a kind that counts; a person whom a link brought is not counted for reading on.
            again: It counts even so: the person now searches.
        """
        who = blake2b(f"{address}\0{line.agent}".encode("utf-8", "replace"), key=self._key, digest_size=8).digest()
        minute, was_counted = self._seen.pop((operator, who), (None, False))
        here = minute is not None and line.minute - minute < ONCE_MINUTES
        first = counted and (not here or (again and not was_counted))
        self._seen[operator, who] = (max(line.minute, minute or 0), first or (here and was_counted))
        self._forget(line.minute)
        return first

    def _forget(self, now: int) -> None:
        while self._seen:
            oldest = next(iter(self._seen))
            if len(self._seen) <= _MOST_PEOPLE and now - self._seen[oldest][0] < ONCE_MINUTES:
                return
            del self._seen[oldest]


class Minutes:
    """Counts by minute and operator; a minute is told when it is over, and again where a late line changes it.

    Args:
        operators: Those that are counted; each has a count for every minute that is told.
        told_to: The first minute not told yet; None: nothing was read so far.
        alive: The latest minute of which anything at all was read.
        counts: Minute → operator → count, of the last minutes.
    """

    LATE_MINUTES = 10  # servers write in batches
    QUIET_MINUTES = 60  # without any line for so long, nobody knows whether the log is still written

    def __init__(
        self,
        operators: Iterable[str],
        told_to: int | None = None,
        alive: int = 0,
        counts: Mapping[int, Mapping[str, int]] | None = None,
    ) -> None:
        self._operators = tuple(operators)
        self.told_to = told_to
        self.alive = alive
        self.counts = {minute: dict(count) for minute, count in (counts or {}).items()}
        self.late = 0
        self._changed: set[int] = set()

    def hear(self, minute: int) -> None:
        """The log has a line of this minute."""
        if self.told_to is None:
            self.told_to = minute
        self._close(minute)
        self.alive = max(self.alive, minute)

    def add(self, minute: int, operator: str) -> None:
        """A view that counts; one that is too late for its minute is lost."""
        if self.told_to is not None and minute < self.told_to - self.LATE_MINUTES:
            self.late += 1
            return
        count = self.counts.setdefault(minute, {})
        count[operator] = count.get(operator, 0) + 1
        if self.told_to is not None and minute < self.told_to:
            self._changed.add(minute)

    def pass_time(self, minute: int) -> None:
        """All lines there are have been read, and it is this minute now."""
        silent = minute - self.alive > self.QUIET_MINUTES
        self._close(self.alive + 1 if silent else minute)

    def _close(self, end: int) -> None:
        """Every minute before this one is over; a long silence is not told as calm."""
        if self.told_to is None or end <= self.told_to:
            return
        first = self.told_to if end - self.alive <= self.QUIET_MINUTES else end
        self._changed.update(range(self.told_to, min(end, self.alive + 1)), range(first, end))
        self.told_to = end

    def due(self) -> int:
        """How many counts are to be told."""
        return len(self._changed) * len(self._operators)

    def told(self) -> list[tuple[int, str, int]]:
        """(minute, operator, count) of what is new, in order of time; each once."""
        found = [
            (minute, operator, self.counts.get(minute, {}).get(operator, 0))
            for minute in sorted(self._changed)
            for operator in self._operators
        ]
        self._changed.clear()
        kept = (self.told_to or 0) - self.LATE_MINUTES
        self.counts = {minute: count for minute, count in self.counts.items() if minute >= kept}
        return found
