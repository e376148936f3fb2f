"""The only module that knows adapters: finds them by their kind, and builds what a configuration asks for.

They are imported when they are configured, so a Telegram-only newsroom does not pay for Discord.
"""

import asyncio
import importlib
import io
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast
from unicodedata import normalize

import structlog

from bot.classify import Classifier
from bot.clock import Clock, ScenarioClock, SystemClock
from bot.config import Block, Config
from bot.errors import ConfigError
from bot.flow.counts import MINUTE, bucket_of, bucket_start
from bot.flow.ears import MAX_LAG
from bot.flow.replay import Line
from bot.flow.witness import Witness
from bot.net.addresses import refusal
from bot.ports import Destination, DestinationDeps, Handler, Http, Source, SourceDeps

if TYPE_CHECKING:
    from bot.net.http import SafeHttp

_log = structlog.get_logger()

_CLOSE_SECONDS = 2.0


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
    alone: set[str] = set()
    for package, blocks in (
        ("sources", config.sources),
        ("handlers", config.handlers),
        ("handlers.targets", config.targets),
    ):
        for block in blocks:
            try:
                settings = block.settings(_module(package, block).Settings)
                if block.kind in alone:
                    raise block.second()
                if getattr(settings, "alone", False):
                    alone.add(block.kind)
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


async def close_all(adapters: Iterable[Source | Destination]) -> None:
    """Let go of all adapters at once; one that hangs or breaks holds nobody up."""

    async def close(adapter: Source | Destination) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await adapter.close()
        except Exception as error:  # noqa: BLE001 - the others must be closed all the same
            _log.warning("not closed", adapter=adapter.name, error=type(error).__name__)

    await asyncio.gather(*(close(adapter) for adapter in adapters))
