"""The composition root: builds everything, opens it, closes it."""

import asyncio
import gc
import os
import random  # noqa: TID251 - the one place where jitter comes from
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.adapters import (
    build_clock,
    build_destinations,
    build_http,
    build_sources,
    close_all,
    open_chats,
)
from bot.classify import Classifier, NearDuplicates, load_data, load_operators, mask
from bot.clock import Clock, ScenarioClock, SystemClock
from bot.config import Config
from bot.detect import Departments
from bot.drafting.announcements import Announcements
from bot.drafting.wording import TEMPLATES, Wording
from bot.flow.counts import bucket_start
from bot.flow.deliver import Outbox
from bot.flow.desk import NewsroomDesk
from bot.flow.draft import Drafts
from bot.flow.ears import Ears
from bot.flow.ingest import Ingest
from bot.flow.newsroom import Newsroom, Outlets
from bot.flow.roster import Roster
from bot.flow.run import Crew, run
from bot.flow.watch import Observe, Watch
from bot.flow.witness import Witness
from bot.ports import Desk, Destination, Store
from bot.season import calendar_of

_HERE = Path(__file__).parent
# A replay is only the tape; X gives posts during a surge and counts otherwise: neither tells how well we hear people.
_NO_STEADY_EARS = frozenset({"replay", "x"})
_KEY_BYTES = 32
_KEY_LASTS = timedelta(days=30)


def jitter() -> float:
    """0 to 1, uniformly: spreads what would otherwise happen at once."""
    return random.random()


# --- the core ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Core:
    """The newsroom at work, and the desk through which it is reached."""

    newsroom: Newsroom
    desk: NewsroomDesk
    classifier: Classifier
    announcements: Announcements


def read_data(name: str) -> bytes:
    """A data file of the classifier."""
    return (_HERE / "classify" / "data" / name).read_bytes()


def build_map() -> Departments:
    """The départements on which local clusters are looked for."""
    return Departments(read_data("departments.csv").decode())


def build_classifier(config: Config) -> Classifier:
    """The classifier with the configured operators."""
    operators = config.operators(load_operators(read_data("operators.toml").decode()))
    return Classifier(load_data(read_data), operators, home=config.newsroom.home)


def build_core(
    config: Config,
    *,
    store: Store,
    clock: Clock,
    classifier: Classifier,
    outlets: Outlets,
    author_key: bytes,
    sources: Iterable[tuple[str, str, bool]] = (),
    snapshots: bool = True,
    observe: Observe | None = None,
) -> Core:
    """Put the core together.

    Args:
        config: The newsroom's.
        store: Opened by the caller.
        clock: Event time.
        classifier: Reads mentions, knows operators and places.
        outlets: Where drafts go.
        author_key: Key of the authors' hashes.
        sources: (name, kind, whether it hears mentions) of each configured source.
        snapshots: Whether the detectors' state is worth storing.
        observe: See `Watch`.
    """
    sources = tuple(sources)
    kinds = {name: kind for name, kind, _ in sources}
    operators = {operator.id: operator for operator in classifier.operators}
    room = config.newsroom
    templates = {name: read_template(room.language, name) for name in TEMPLATES}
    announcements = Announcements(room.language, room.timezone)
    newsroom = Newsroom(
        store=store,
        clock=clock,
        ingest=Ingest(classifier, NearDuplicates(), mask, author_key),
        watch=Watch(calendar_of(room.timezone), build_map(), operators, budget=room.budget, observe=observe),
        ears=Ears(
            (name for name, kind, hears in sources if hears and kind not in _NO_STEADY_EARS),
            (name for name, kind, _ in sources if kind in _NO_STEADY_EARS),
            (name for name, _, hears in sources if not hears),
        ),
        roster=Roster([(name, kind) for name, kind, _ in sources if kind != "replay"]),
        drafts=Drafts(Wording(templates, language=room.language, zone=room.timezone, operators=classifier.operators)),
        announcements=announcements,
        operators=operators,
        outlets=outlets,
        kind_of=lambda source: kinds.get(source, source),
        region_of=classifier.region_of,
        snapshots=snapshots,
    )
    desk = NewsroomDesk(newsroom, classifier.operator, classifier.place, classifier.classify)
    return Core(newsroom, desk, classifier, announcements)


def read_template(language: str, name: str) -> str:
    """The Jinja source of a text in one of the newsroom's languages."""
    return (_HERE / "drafting" / "templates" / language / f"{name}.j2").read_text(encoding="utf-8")


def author_key(folder: Path) -> bytes:
    """The key of the authors' hashes, in a file of its own, replaced every 30 days."""
    path = folder / "author.key"
    folder.mkdir(parents=True, exist_ok=True)
    age = SystemClock().now().timestamp() - path.stat().st_mtime if path.exists() else None
    if age is None or age > _KEY_LASTS.total_seconds():
        fresh = folder / "author.key.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        fresh.replace(path)
    return path.read_bytes()


def _resume(clock: Clock, newsroom: Newsroom) -> None:
    """A scenario's time goes on from where the last run had come to; the world's needs nobody's help."""
    if isinstance(clock, ScenarioClock) and newsroom.watch.last_closed is not None:
        clock.resume(bucket_start(newsroom.watch.last_closed + 1))


def build_outbox(destination: Destination, core: Core) -> Outbox:
    """The outbox of one destination."""
    return Outbox(destination, core.newsroom, SystemClock(), jitter, core.announcements)


# --- the bot -----------------------------------------------------------------------------------------------------


async def run_bot(config: Config, stop: asyncio.Event, *, ends: bool) -> None:
    """Open everything, run until `stop` (or, if `ends`, until a scenario is over), close everything.

    Raises:
        ConfigError: an adapter's block is wrong.
        StoreError: the store cannot be opened.
    """
    from bot.storage.sql import SqlStore  # noqa: PLC0415 - SQLAlchemy is dear, and a replay needs none

    classifier = build_classifier(config)
    clock = build_clock(config)
    store = SqlStore(config.store.path)
    http = build_http(config)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(http.close)
        surging: list[Callable[[str], bool]] = []
        chats = open_chats(config)
        witnesses: dict[str, Witness] = {}
        sources = build_sources(
            config,
            classifier=classifier,
            clock=clock,
            http=http,
            surging=lambda operator: any(look(operator) for look in surging),
            chats=chats,
            witnesses=witnesses,
        )
        handlers, targets = build_destinations(config, clock)
        stack.push_async_callback(close_all, [*sources, *handlers, *targets])
        await store.open()
        stack.push_async_callback(store.close)
        core = build_core(
            config,
            store=store,
            clock=clock,
            classifier=classifier,
            outlets=Outlets(tuple(room.name for room in handlers), tuple(target.name for target in targets)),
            author_key=author_key(config.store.path.parent),
            sources=[(source.name, source.kind, source.hears) for source in sources],
        )
        surging.append(core.newsroom.surging)
        for source in sources:
            if terms := getattr(source, "welcome", None):
                core.desk.open_to_readers(replace(terms, keep_days=config.store.keep_days))
        cursors = await core.newsroom.wake()
        _resume(clock, core.newsroom)
        crew = Crew(
            newsroom=core.newsroom,
            desk=core.desk,
            clock=clock,
            sources=sources,
            handlers=handlers,
            targets=targets,
            outboxes={to.name: build_outbox(to, core) for to in (*handlers, *targets)},
            jitter=jitter,
            keep=timedelta(days=config.store.keep_days),
            chats=chats,
            witnesses=witnesses,
            ends=ends,
        )
        # The classifier's data lives as long as the bot: looking through it for garbage stopped the loop for 0.1 s.
        gc.freeze()
        stack.callback(gc.unfreeze)
        await run(crew, cursors, stop)


@asynccontextmanager
async def at_rest(config: Config) -> AsyncIterator[tuple[Core, datetime]]:
    """The newsroom of a store that is only read, beside a running bot or without one; and its time.

    Raises:
        StoreError: there is no store, or it cannot be read.
    """
    from bot.storage.sql import SqlStore  # noqa: PLC0415 - see above

    classifier = build_classifier(config)
    clock = build_clock(config)
    store = SqlStore(config.store.path, read_only=True)
    await store.open()
    try:
        core = build_core(
            config,
            store=store,
            clock=clock,
            classifier=classifier,
            outlets=Outlets(),
            author_key=b"status only reads",
            sources=[(block.name, block.kind, False) for block in config.sources],
            snapshots=False,
        )
        await core.newsroom.wake()
        _resume(clock, core.newsroom)
        yield core, clock.now()
    finally:
        await store.close()


@asynccontextmanager
async def reading(config: Config) -> AsyncIterator[tuple[Desk, datetime]]:
    """The desk of a store that is only read; see `at_rest`."""
    async with at_rest(config) as (core, now):
        yield core.desk, now
