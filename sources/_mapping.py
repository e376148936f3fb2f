"""Reads any JSON list of incidents by a small declaration of where things stand in it, instead of by a parser each."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.domain.signals import EntryState
from sources._json import plain
from sources._statewords import KNOWN, state_of, word
from sources._time import parse_time

Node = Any  # a value of a JSON document
Entry = tuple[dict[str, Node], EntryState | None]  # an object, and the state that its list gives it
MAX_ENTRIES = 300
_STEP = re.compile(r"([^.\[\]]+)(?:\[([^=\]]+)=([^\]]*)\])?")
_MAX_TITLE_CHARS = 300
_SAMPLE_ENTRIES = 20
_SAMPLE_KEYS = 200
_MAX_AREA_CHARS = 200
_PLANNED = re.compile(r"maintenance|travaux|planned|scheduled|planifi|programm")

Paths = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class FieldMap(BaseModel):
    """Where the entries of a document are, and where in each of them its parts are.

    A path is `key.key`; lists on the way are gone through, `*` is every value of an object, `key[type=incident]` keeps
    the objects of a list whose `type` is that, and the empty path is the document itself, where it is a list. A
    reference of a JSON:API document (`{"id", "type"}`) is what it refers to. Of several paths the first that leads
    somewhere counts; `a + b` is both, one after the other.

    Attributes:
        lists: The lists of entries. The document itself is only one where no other path of them exists.
        planned_lists: Lists of maintenances.
        past_lists: Lists of what is over.
        marks: One of them exists in each document of this format that lists something.
        calm: One of them exists in each that lists nothing.
        id: Without one, title and start make it.
        title: Its one line.
        state: A word or code.
        states: What words and codes say; `on` is any trouble, told nearer by the texts. Common words are known.
        started, updated, ended: Times; an end that has passed resolves the entry.
        open_without_end: An entry that has no end is not over, whatever its texts say.
        body: A text, where there are no updates.
        updates: Lists of updates, all of them; the newest decides body, state and time.
        update_text, update_state, update_at: The parts of an update.
        components: Names of what is concerned; services are looked for in them.
        names, named: A list of objects with an `id`, and the path of their names: ids in `components` become names.
        area: Where, in the operator's words.
        url: A link, also a relative one.
        planned: Texts that say « maintenance » or « travaux » where the entry is one.
        zone: Name of the time zone of times without a zone.
        leave_out: Path → values; an entry that has these values only is none (each delayed train of a railway).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lists: Paths
    planned_lists: Paths = ()
    past_lists: Paths = ()
    marks: Paths = ()
    calm: Paths = ()
    id: Paths = ("id",)
    title: Paths
    state: Paths = ()
    states: Mapping[str, EntryState | Literal["on"]] = Field(default_factory=dict)
    started: Paths = ()
    updated: Paths = ()
    ended: Paths = ()
    open_without_end: bool = True
    body: Paths = ()
    updates: Paths = ()
    update_text: Paths = ()
    update_state: Paths = ()
    update_at: Paths = ()
    components: Paths = ()
    names: str = ""
    named: str = ""
    area: Paths = ()
    url: Paths = ()
    planned: Paths = ()
    zone: Paths = ()
    leave_out: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class Said(msgspec.Struct, frozen=True):
    """One entry as the document has it; `times` are tried in turn."""

    id: str
    title: str
    state: EntryState
    times: tuple[datetime | None, ...]
    body: str
    components: tuple[str, ...]
    area: str
    url: str
    telling: bool


class Document:
    """A decoded JSON document, read by one `FieldMap`.

    Args:
        now: An end after it has not come yet.
        zone: Of times without a zone, where the document names none.
    """

    def __init__(self, root: Node, fields: FieldMap, now: datetime, zone: tzinfo = UTC) -> None:
        self._root = root
        self._fields = fields
        self._now = now
        self._included = _included(root)
        self._zone = _zone(self._first(root, fields.zone)) or zone
        known = ((str(item.get("id")), self._first(item, (fields.named,))) for item in self._objects(fields.names))
        self._names = dict(known) if fields.names else {}
        self._declared = {word(key): state for key, state in fields.states.items()}

    def fits(self, *, declared: bool = False) -> bool:
        """Whether the document is of this format, judged by the beginnings of its lists.

        Args:
            declared: The newsroom says so: then entries with a title are enough, or that a list is there.
        """
        fields, sample = self._fields, Document(_beginning(self._root), self._fields, self._now)
        nodes = sample.entries()
        if nodes and not fields.marks:
            said = (sample.said(node, listed) for node, listed in nodes)
            return any(each.title if declared else each.telling for each in said)
        lists = fields.lists + fields.planned_lists + fields.past_lists
        marks = fields.marks if nodes else fields.calm + (lists if declared else ())
        return any(all(sample._exists(sample._root, path) for path in _both(each)) for each in marks)

    def entries(self, only: Mapping[str, Iterable[str]] | None = None) -> list[Entry]:
        """The objects that are entries; of very many, those at both ends (the newest come first, or last).

        Args:
            only: Path → values: those that have one of these values there.
        """
        wanted = [(path, {word(value) for value in values}) for path, values in (only or {}).items()]
        chosen = (
            entry
            for entry in self._nodes()
            if all(any(word(value) in values for value in self._all(entry[0], (path,))) for path, values in wanted)
        )
        first = list(islice(chosen, MAX_ENTRIES))
        return first + list(deque(chosen, MAX_ENTRIES))

    def _nodes(self) -> Iterator[Entry]:
        fields = self._fields
        lists = (path for path in fields.lists + fields.planned_lists + fields.past_lists if path)
        itself = isinstance(self._root, list) or bool(fields.marks)
        within = itself and not any(self._exists(self._root, path) for path in lists)
        for paths, state in (
            (fields.lists, None),
            (fields.planned_lists, EntryState.SCHEDULED),
            (fields.past_lists, EntryState.RESOLVED),
        ):
            for path in paths:
                for node in self._objects(path) if path or within else ():
                    if not any(self._only(node, left, values) for left, values in fields.leave_out.items()):
                        yield node, state

    def said(self, node: dict[str, Node], listed: EntryState | None) -> Said:
        """One entry."""
        fields = self._fields
        title = _headline(self._joined(node, fields.title, " : ", first=True))
        latest, text, update_word = self._latest(node)
        body = plain(text or self._joined(node, fields.body, "\n"))
        started, updated, ended = (self._time(node, paths) for paths in (fields.started, fields.updated, fields.ended))
        state = self._state(node, listed, title, body, update_word, ended)
        over = [at for at in (latest, ended) if at is not None and at <= self._now]
        last = max(over, default=None) if state is EntryState.RESOLVED else latest
        return Said(
            id=self._joined(node, fields.id, ":", first=True),
            title=title,
            state=state,
            times=(last, updated, ended if state is EntryState.RESOLVED else None, started),
            body=body,
            components=tuple(
                dict.fromkeys(self._names.get(name, name) for name in self._union(node, fields.components))
            ),
            area=plain(", ".join(self._all(node, fields.area)), _MAX_AREA_CHARS),
            url=self._first(node, fields.url),
            telling=bool(title) and bool(started or updated or ended or latest) and state is not EntryState.UNKNOWN,
        )

    # --- state ---------------------------------------------------------------------------------------------------

    def _state(
        self,
        node: dict[str, Node],
        listed: EntryState | None,
        title: str,
        body: str,
        update_word: str,
        ended: datetime | None,
    ) -> EntryState:
        fields = self._fields
        own_word = self._first(node, fields.state)
        closed = (ended is not None and ended <= self._now) or self._first(node, fields.ended) == "true"
        if closed or listed is EntryState.RESOLVED or self._said_by(own_word) is EntryState.RESOLVED:
            return EntryState.RESOLVED
        said = [told for told in (self._said_by(update_word), self._said_by(own_word)) if told is not None]
        told = next((each for each in said if isinstance(each, EntryState)), next(iter(said), None))
        unended = bool(fields.ended) and (fields.open_without_end or self._exists_any(node, fields.ended))
        state = state_of(told, title, body, unended=unended)
        planned = listed is EntryState.SCHEDULED or any(
            _PLANNED.search(plain(text).casefold()) for text in self._union(node, fields.planned)
        )
        return EntryState.SCHEDULED if planned and state is not EntryState.RESOLVED else state

    def _said_by(self, text: str) -> EntryState | Literal["on"] | None:
        return self._declared.get(word(text)) or KNOWN.get(word(text))

    def _latest(self, node: dict[str, Node]) -> tuple[datetime | None, str, str]:
        """Time, text and state word of the newest update."""
        fields = self._fields
        updates = [
            (self._time(update, fields.update_at), update)
            for path in fields.updates
            for update in _dicts(self._find(node, path))
        ]
        if not updates:
            return None, "", ""
        at, newest = max(updates, key=lambda update: update[0] or datetime.min.replace(tzinfo=UTC))
        return at, self._joined(newest, fields.update_text, "\n"), self._first(newest, fields.update_state)

    # --- paths ---------------------------------------------------------------------------------------------------

    def _objects(self, path: str) -> Iterator[dict[str, Node]]:
        return _dicts(self._find(self._root, path))

    def _only(self, node: Node, path: str, values: tuple[str, ...]) -> bool:
        found = self._all(node, (path,))
        return bool(found) and set(found) <= set(values)

    def _time(self, node: Node, paths: Paths) -> datetime | None:
        times = (parse_time(value, self._zone) for path in paths for value in self._all(node, (path,)))
        return next((time for time in times if time is not None), None)

    def _exists(self, node: Node, path: str) -> bool:
        return bool(self._find(node, path))

    def _exists_any(self, node: Node, paths: Paths) -> bool:
        return any(self._exists(node, path) for path in paths)

    def _first(self, node: Node, paths: Paths) -> str:
        return next(iter(self._all(node, paths)), "")

    def _all(self, node: Node, paths: Paths) -> list[str]:
        """The values that the first of the paths with any leads to."""
        return next((found for path in paths if (found := _scalars(self._find(node, path)))), [])

    def _union(self, node: Node, paths: Paths) -> list[str]:
        return [value for path in paths for value in _scalars(self._find(node, path))]

    def _joined(self, node: Node, paths: Paths, between: str, *, first: bool = False) -> str:
        for path in paths:
            parts = [_scalars(self._find(node, part)) for part in _both(path)]
            texts = [part[0] if first else "\n".join(part) for part in parts if part]
            if texts:
                return between.join(texts)
        return ""

    def _find(self, node: Node, path: str) -> list[Node]:
        nodes = [node]
        for key, where, value in _steps(path):
            nodes = [found for item in _flat(nodes) for found in self._step(item, key)]
            if where:
                nodes = [item for item in _flat(nodes) if value in self._all(item, (where,))]
        return nodes

    def _step(self, node: Node, key: str) -> Iterable[Node]:
        if not isinstance(node, dict):
            return ()
        if key == "*":
            return node.values()
        if key not in node:
            node = self._included.get((str(node.get("type")), str(node.get("id"))), node)
        return (node[key],) if key in node else ()


def _beginning(node: Node, depth: int = 8) -> Node:
    """A document with little of each of its lists."""
    if isinstance(node, list):
        return [_beginning(item, depth - 1) for item in node[:_SAMPLE_ENTRIES]] if depth else []
    if isinstance(node, dict):
        some = islice(node.items(), _SAMPLE_KEYS if depth else 0)
        return {key: _beginning(value, depth - 1) for key, value in some}
    return node


def _both(path: str) -> list[str]:
    return [part.strip() for part in path.split(" + ")]


@lru_cache(maxsize=1000)
def _steps(path: str) -> tuple[tuple[str, str, str], ...]:
    return tuple(_STEP.findall(path))


def _flat(nodes: Iterable[Node]) -> Iterator[Node]:
    """What is in lists, however deep (a stack, since a stranger may nest more of them than Python calls)."""
    levels = [iter(nodes)]
    while levels:
        for node in levels[-1]:
            if isinstance(node, list):
                levels.append(iter(node))
                break
            yield node
        else:
            levels.pop()


def _dicts(nodes: Iterable[Node]) -> Iterator[dict[str, Node]]:
    return (node for node in _flat(nodes) if isinstance(node, dict) and node)


def _scalars(nodes: Iterable[Node]) -> list[str]:
    found = []
    for node in _flat(nodes):
        if isinstance(node, bool):
            found.append(str(node).lower())
        elif isinstance(node, str | int | float) and str(node).strip():
            found.append(str(node).strip())
    return found


def _included(root: Node) -> dict[tuple[str, str], dict[str, Node]]:
    items = root.get("included") if isinstance(root, dict) else None
    return {
        (str(item.get("type")), str(item.get("id"))): item for item in _dicts(items if isinstance(items, list) else ())
    }


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # no such zone, or no name at all
        return None


def _headline(text: str) -> str:
    """The first line that says something (Google's begins with « Title: »)."""
    lines = plain(text).split("\n")
    return next((line for line in lines if not line.endswith(":")), lines[0])[:_MAX_TITLE_CHARS]
