"""The composition root: the only module that knows adapters; builds everything, opens it, closes it.

Adapters are imported when they are configured, so a Telegram-only newsroom does not pay for Discord.
"""

import asyncio
import gc
import importlib
import io
import os
import pkgutil
import random  # noqa: TID251 - the one place where jitter comes from
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast
from unicodedata import normalize

import structlog

from bot.classify import Classifier, NearDuplicates, load_data, load_operators, mask
from bot.clock import Clock, ScenarioClock, SystemClock
from bot.config import Block, Config
from bot.detect import Departments
from bot.drafting.announcements import Announcements
from bot.drafting.wording import TEMPLATES, Wording
from bot.errors import ConfigError
from bot.flow.counts import MINUTE, bucket_of, bucket_start
from bot.flow.deliver import Outbox
from bot.flow.desk import NewsroomDesk
from bot.flow.draft import Drafts
from bot.flow.ears import MAX_LAG, Ears
from bot.flow.ingest import Ingest
from bot.flow.newsroom import Newsroom, Outlets
from bot.flow.replay import Line
from bot.flow.roster import Roster
from bot.flow.run import Crew, run
from bot.flow.watch import Observe, Watch
from bot.flow.witness import Witness
from bot.net.addresses import refusal
from bot.ports import Desk, Destination, DestinationDeps, Handler, Http, Source, SourceDeps, Store
from bot.season import calendar_of

if TYPE_CHECKING:
    from bot.net.http import SafeHttp

_log = structlog.get_logger()

_HERE = Path(__file__).parent
# A replay is only the tape; X gives posts during a surge and counts otherwise: neither tells how well we hear people.
_NO_STEADY_EARS = frozenset({"replay", "x"})
_KEY_BYTES = 32
_CLOSE_SECONDS = 2.0
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


# --- adapters ----------------------------------------------------------------------------------------------------


def kinds(package: str) -> tuple[str, ...]:
    """The kinds of adapter a package holds: its public modules."""
    found = pkgutil.iter_modules(importlib.import_module(package).__path__)
    return tuple(module.name for module in found if not module.ispkg and not module.name.startswith("_"))


def _module(package: str, block: Block) -> ModuleType:
    if block.kind not in kinds(package):
        raise block.unknown_kind(kinds(package))
    return importlib.import_module(f"{package}.{block.kind}")


def _create(package: str, block: Block, deps: object) -> Any:  # noqa: ANN401 - the caller knows which port it is
    module = _module(package, block)
    settings = block.settings(module.Settings)
    try:
        return module.create(settings, deps)
    except ConfigError as error:  # an adapter does not know where its settings were written
        raise ConfigError(f"{block.file}: {error}") from error


def settings_class(package: str, block: Block) -> Any:  # noqa: ANN401 - the caller knows which port it is
    """The settings of an adapter's kind, a class.

    Raises:
        ConfigError: there is no such kind.
    """
    return _module(package, block).Settings


def check_settings(config: Config) -> list[str]:
    """What is wrong with the adapters' blocks, a line each; imports the adapters, opens nothing."""
    found = []
    for package, blocks in (
        ("sources", config.sources),
        ("handlers", config.handlers),
        ("handlers.targets", config.targets),
    ):
        for block in blocks:
            try:
                block.settings(_module(package, block).Settings)
            except ConfigError as error:
                found.extend(str(error).splitlines())
    return found


def build_http(config: Config) -> "SafeHttp":
    """The HTTP client of the sources."""
    from bot.net.http import SafeHttp  # noqa: PLC0415 - aiohttp is dear, and a replay needs none

    return SafeHttp(user_agent(config), config.http.allow_private)


def user_agent(config: Config) -> str:
    """Who reads, and whom to ask about it."""
    contact = f"; +{config.newsroom.contact}" if config.newsroom.contact else ""
    name = normalize("NFKD", config.newsroom.name).encode("ascii", "ignore").decode()  # a header is ASCII
    return f"Vigie/{version('vigie')} ({name}{contact})"


def build_sources(
    config: Config,
    *,
    classifier: Classifier,
    clock: Clock,
    http: Http,
    surging: Callable[[str], bool],
    chats: Mapping[str, str],
    witnesses: dict[str, Witness] | None = None,
) -> list[Source]:
    """Every configured source.

    Args:
        config: Whose sources.
        classifier: Knows operators, and which texts name one.
        clock: Event time.
        http: For plain reads.
        surging: See `SourceDeps`.
        witnesses: Takes, by the source's name, what each operator's own channel is read through; None: none is kept.
    """
    deps = SourceDeps(
        http=http,
        clock=clock,
        operators={operator.id: operator for operator in classifier.operators},
        gate=classifier.gate,
        surging=surging,
        user_agent=user_agent(config),
        refusal=refusal,
        allow_private=config.http.allow_private,
        names=lambda text: classifier.classify(text).operators if classifier.gate(text) else (),
        chats=chats,
        place=classifier.located,
    )
    sources = []
    for block in config.sources:
        witness = Witness(http)
        source = cast("Source", _create("sources", block, replace(deps, http=witness)))
        if witnesses is not None and source.operator is not None:
            witness.keeps = True
            witnesses[source.name] = witness
        sources.append(source)
    return sources


def open_chats(config: Config) -> dict[str, str]:
    """The chats in which people may write to the bot, none of them in trouble yet; see `SourceDeps.chats`."""
    found = {}
    for block in config.handlers:
        settings = block.settings(_module("handlers", block).Settings)
        if getattr(settings, "hears_readers", False):
            found[block.name] = ""
    return found


def build_destinations(config: Config, clock: Clock) -> tuple[list[Handler], list[Destination]]:
    """Every configured handler and target."""
    room = config.newsroom
    deps = DestinationDeps(clock=clock, language=room.language, zone=room.timezone, newsroom=room.name)
    handlers = [cast("Handler", _create("handlers", block, deps)) for block in config.handlers]
    targets = [cast("Destination", _create("handlers.targets", block, deps)) for block in config.targets]
    return handlers, targets


def scenario(name: str) -> tuple[Path, Callable[[], Iterator[Line]]]:
    """A scenario by its file or bundled name, and what reads its lines.

    Raises:
        InputError: there is none.
    """
    module = importlib.import_module("sources.replay")
    path = module.scenario_path(name)
    return path, lambda: cast("Iterator[Line]", module.parse_file(path))


def build_console(config: Config) -> Handler:
    """A console that only shows: what a replay prints for people."""
    module = importlib.import_module("handlers.console")
    room = config.newsroom
    deps = DestinationDeps(clock=SystemClock(), language=room.language, zone=room.timezone, newsroom=room.name)
    nobody = io.StringIO()  # no terminal: it asks nothing
    return cast("Handler", module.create(module.Settings(kind="console"), deps, keyboard=nobody))


async def close_all(adapters: Iterable[Source | Destination]) -> None:
    """Let go of all adapters at once; one that hangs or breaks holds nobody up."""

    async def close(adapter: Source | Destination) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await adapter.close()
        except Exception as error:  # noqa: BLE001 - the others must be closed all the same
            _log.warning("not closed", adapter=adapter.name, error=type(error).__name__)

    await asyncio.gather(*(close(adapter) for adapter in adapters))


def build_clock(config: Config) -> Clock:
    """The world's time, or a scenario's while one is replayed."""
    tape = next((block for block in config.sources if block.kind == "replay"), None)
    if tape is None:
        return SystemClock()
    module = _module("sources", tape)
    settings = tape.settings(module.Settings)
    times = [line.at for line in module.parse_file(module.scenario_path(str(settings.path or settings.scenario)))]
    end = bucket_start(bucket_of(times[-1]) + 1) + MAX_LAG + MINUTE
    return ScenarioClock(times[0], end, config.run.scenario_speed)


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
