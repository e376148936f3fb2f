"""Reads any JSON list of incidents by a small declaration of where things stand in it, instead of by a parser each."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.domain.signals import EntryState
from sources._json import both_ends, plain
from sources._statewords import KNOWN, state_of, word
from sources._time import parse_time
from sources._tree import Node, Paths, Tree, beginning, dicts
from sources._words import fold

Entry = tuple[dict[str, Node], EntryState | None]  # an object, and the state that its list gives it
MAX_ENTRIES = 300
_MAX_TITLE_CHARS = 300
_MAX_AREA_CHARS = 200
_ANNOUNCED = timedelta(days=1)  # what begins later is to come; less may be a time whose zone nobody told
_FLAGS: dict[str, EntryState | Literal["on"]] = {"false": EntryState.RESOLVED, "true": "on"}
_PLANNED = re.compile(r"maintenance|travaux|\b(?:planned|scheduled|planifie|programme)")

_Declared = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


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
        started, updated, ended: Times; an end that has passed resolves the entry, and so does a mere « true » there.
        going: Flags: without a known state, one that is false says that the entry is over.
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
        timezone: That name itself, where the format has one and the document does not say it.
        leave_out: Path → values; an entry that has these values only is none (each delayed train of a railway).
        any_spelling: Capitals, dashes and underscores in keys do not matter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lists: _Declared
    planned_lists: _Declared = ()
    past_lists: _Declared = ()
    marks: _Declared = ()
    calm: _Declared = ()
    id: _Declared = ("id",)
    title: _Declared
    state: _Declared = ()
    states: Mapping[str, EntryState | Literal["on"]] = Field(default_factory=dict)
    started: _Declared = ()
    updated: _Declared = ()
    ended: _Declared = ()
    going: _Declared = ()
    open_without_end: bool = True
    body: _Declared = ()
    updates: _Declared = ()
    update_text: _Declared = ()
    update_state: _Declared = ()
    update_at: _Declared = ()
    components: _Declared = ()
    names: str = ""
    named: str = ""
    area: _Declared = ()
    url: _Declared = ()
    planned: _Declared = ()
    zone: _Declared = ()
    timezone: str = ""
    leave_out: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    any_spelling: bool = False


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
        self._tree = Tree(root, any_spelling=fields.any_spelling)
        self._fields = fields
        self._now = now
        self._zone = _zone(self._tree.value(root, fields.zone)) or _zone(fields.timezone) or zone
        known = (
            (str(item.get("id")), self._tree.value(item, (fields.named,))) for item in self._tree.objects(fields.names)
        )
        self._names = dict(known) if fields.names else {}
        self._declared = {word(key): state for key, state in fields.states.items()}

    def fits(self, *, declared: bool = False) -> bool:
        """Whether the document is of this format, judged by the beginnings of its lists.

        Args:
            declared: The newsroom says so: then entries with a title are enough, or that a list is there.
        """
        fields, sample = self._fields, Document(beginning(self._tree.root), self._fields, self._now)
        nodes = sample.entries()
        if nodes and not fields.marks:
            said = (sample.said(node, listed) for node, listed in nodes)
            return any(each.title if declared else each.telling for each in said)
        lists = fields.lists + fields.planned_lists + fields.past_lists
        marks = fields.marks if nodes else fields.calm + (lists if declared else ())
        marked = any(sample._tree.exists(sample._tree.root, mark) for mark in marks)
        return marked and (not nodes or any(sample.said(node, listed).title for node, listed in nodes))

    def entries(self, only: Mapping[str, Iterable[str]] | None = None) -> list[Entry]:
        """The objects that are entries; of very many, those at both ends (the newest come first, or last).

        Args:
            only: Path → values: those that have one of these values there.
        """
        wanted = [(path, {word(value) for value in values}) for path, values in (only or {}).items()]
        chosen = (
            entry
            for entry in self._nodes()
            if all(
                any(word(value) in values for value in self._tree.values(entry[0], (path,))) for path, values in wanted
            )
        )
        first = list(islice(chosen, MAX_ENTRIES))
        return first + list(deque(chosen, MAX_ENTRIES))

    def _nodes(self) -> Iterator[Entry]:
        fields = self._fields
        lists = (path for path in fields.lists + fields.planned_lists + fields.past_lists if path)
        itself = isinstance(self._tree.root, list) or bool(fields.marks)
        within = itself and not any(self._tree.exists(self._tree.root, path) for path in lists)
        for paths, state in (
            (fields.lists, None),
            (fields.planned_lists, EntryState.SCHEDULED),
            (fields.past_lists, EntryState.RESOLVED),
        ):
            for path in paths:
                for node in self._tree.objects(path) if path or within else ():
                    if not self._left_out(node):
                        yield node, state

    def _left_out(self, node: dict[str, Node]) -> bool:
        found = ((set(self._tree.values(node, (path,))), values) for path, values in self._fields.leave_out.items())
        return any(values and values <= set(left) for values, left in found)

    def said(self, node: dict[str, Node], listed: EntryState | None) -> Said:
        """One entry."""
        fields = self._fields
        entry_id = self._tree.joined(node, fields.id, ":", first=True)
        if listed is EntryState.SCHEDULED and fields.lists and entry_id.isdecimal():
            entry_id = f"planned:{entry_id}"  # numbers are counted list by list: incident 1 is not maintenance 1
        latest, text, update_words = self._latest(node)
        body = plain(text or self._tree.joined(node, fields.body, "\n"))
        own_title = _headline(self._tree.joined(node, fields.title, " : ", first=True))
        title = own_title or _headline(body)
        started, updated = self._time(node, fields.started), self._time(node, fields.updated)
        ended = self._time(node, fields.ended, last=True)
        if listed is None and started is not None and started - self._now > _ANNOUNCED:
            listed = EntryState.SCHEDULED
        state = self._state(node, listed, title, body, update_words, ended)
        over = [at for at in (latest, ended) if at is not None and at <= self._now]
        last = max(over, default=None) if state is EntryState.RESOLVED else latest
        return Said(
            id=entry_id,
            title=title,
            state=state,
            times=(last, updated, ended if state is EntryState.RESOLVED else None, started),
            body=body,
            components=tuple(self._names.get(name, name) for name in self._tree.union(node, fields.components)),
            area=plain(", ".join(dict.fromkeys(self._tree.values(node, fields.area))), _MAX_AREA_CHARS),
            url=self._tree.value(node, fields.url),
            telling=bool(own_title) and bool(started or updated or ended or latest) and state is not EntryState.UNKNOWN,
        )

    # --- state ---------------------------------------------------------------------------------------------------

    def _state(
        self,
        node: dict[str, Node],
        listed: EntryState | None,
        title: str,
        body: str,
        update_words: list[str],
        ended: datetime | None,
    ) -> EntryState:
        fields = self._fields
        planned = listed is EntryState.SCHEDULED or any(
            _PLANNED.search(fold(text)) for text in self._tree.union(node, fields.planned)
        )
        own = self._said_by(self._tree.union(node, fields.state))
        if own is None and not planned:  # works to come are not going on, either
            own = _FLAGS.get(self._tree.value(node, fields.going))
        closed = (ended is not None and ended <= self._now) or "true" in self._tree.union(node, fields.ended)
        if closed or listed is EntryState.RESOLVED or own is EntryState.RESOLVED:
            return EntryState.RESOLVED
        said = [told for told in (self._said_by(update_words), own) if told is not None]
        told = next((each for each in said if isinstance(each, EntryState)), next(iter(said), None))
        unended = bool(fields.ended) and (
            fields.open_without_end or any(self._tree.exists(node, path) for path in fields.ended)
        )
        state = state_of(told, title, body, unended=unended)
        return EntryState.SCHEDULED if planned and state is not EntryState.RESOLVED else state

    def _said_by(self, texts: Iterable[str]) -> EntryState | Literal["on"] | None:
        """What the first word or code that is known says: beside a word in any language there may be its code."""
        told = (self._declared.get(word(text)) or KNOWN.get(word(text)) for text in texts)
        return next((each for each in told if each is not None), None)

    def _latest(self, node: dict[str, Node]) -> tuple[datetime | None, str, list[str]]:
        """Time, text and state words of the newest update."""
        fields = self._fields
        listed = [update for path in fields.updates for update in dicts(self._tree.find(node, path))]
        updates = [(self._time(update, fields.update_at), update) for update in both_ends(listed)]
        if not updates:
            return None, "", []
        at, newest = max(updates, key=lambda update: update[0] or datetime.min.replace(tzinfo=UTC))
        return at, self._tree.joined(newest, fields.update_text, "\n"), self._tree.union(newest, fields.update_state)

    def _time(self, node: Node, paths: Paths, *, last: bool = False) -> datetime | None:
        """The first time at the paths; or `last` of those at the first path that has any (periods end one by one)."""
        for path in paths:
            times = (parse_time(value, self._zone) for value in self._tree.values(node, (path,)))
            found = [time for time in times if time is not None]
            if found:
                return max(found) if last else found[0]
        return None


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # no such zone, or no name at all
        return None


def _headline(text: str) -> str:
    """The first line that says something (Google's begins with « Title: »); one that breaks goes on in lower case."""
    lines = re.sub(r"\n(?=[a-zà-ÿ])", " ", plain(text)).split("\n")
    return next((line for line in lines if not line.endswith(":")), lines[0])[:_MAX_TITLE_CHARS]
