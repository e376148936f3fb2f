"""Which operators a page's address, its title or a search on the site name, so that a view can be somebody's."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

SEARCH_PARAMS = ("q", "s", "query", "search", "recherche", "mot", "mots", "keywords")
_MOST_CHARS = 2_000
_REMEMBERED = 4_096  # addresses: a rush is one of the same few pages
_EXTENSION = re.compile(r"\.\w{2,5}$")
_NO_WORD = re.compile(r"[\W_]+")


class Named(NamedTuple):
    """The operators that an address names, and whether a search on the site does."""

    operators: tuple[str, ...]
    searched: bool


class Site(NamedTuple):
    """Which site is counted, and how.

    Attributes:
        url: Where Matomo or Plausible is.
        site: Its name for the site.
        token: Key of its API, or empty.
        ways: Ways to the site that count.
    """

    url: str
    site: str
    token: str
    ways: frozenset[str]


class Names:
    """Reads addresses.

    Args:
        names: The operators that a text names; see `bot.ports.SourceDeps`.
        operators: Those that are counted.
        search_params: Parameters of the query that hold what was searched.
        pages: How a path begins → operator (or empty: none), where its words do not tell.
    """

    def __init__(
        self,
        names: Callable[[str], tuple[str, ...]],
        operators: Iterable[str],
        search_params: Iterable[str] = SEARCH_PARAMS,
        pages: Mapping[str, str] | None = None,
    ) -> None:
        self._names = names
        self._operators = frozenset(operators)
        self._params = frozenset(param.casefold() for param in search_params)
        self._pages = sorted(((_plain(path), to) for path, to in (pages or {}).items()), key=lambda page: -len(page[0]))
        self.of = lru_cache(_REMEMBERED)(self._of)

    def text(self, words: str) -> tuple[str, ...]:
        """The operators that a search or a title names."""
        return tuple(name for name in self._names(words[:_MOST_CHARS]) if name in self._operators)

    def _of(self, address: str) -> Named:
        """Who a path or URL names."""
        try:
            parts = urlsplit(address[:_MOST_CHARS])
            pairs = parse_qsl(parts.query, errors="replace")
        except ValueError:  # brackets that are no address, a thousand fields
            return Named((), searched=False)
        searches = [value for key, value in pairs if key.casefold() in self._params and value.strip()]
        searched = tuple(dict.fromkeys(name for value in searches for name in self.text(value)))
        if searched:
            return Named(searched, searched=True)
        path = _plain(parts.path)
        for begins, operator in self._pages:
            if path.startswith(begins):
                return Named((operator,) if operator in self._operators else (), searched=False)
        return Named(self.text(_words(path)), searched=False)


def _plain(path: str) -> str:
    return unquote(path, errors="replace").casefold()


def _words(path: str) -> str:
    """A slug as words; numbers are those of articles and dates, not of an operator's telephone."""
    words = _NO_WORD.sub(" ", _EXTENSION.sub("", path.rstrip("/"))).split()
    return " ".join(word for word in words if not word.isdigit())
