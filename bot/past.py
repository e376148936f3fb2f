"""The past, lived again in memory: replays of a scenario, and backtests of it or of what the store has kept."""

import random  # noqa: TID251 - who reports an outage that is only tried: from a seed
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot import adapters, wiring
from bot.charts.timeline import Strip, draw
from bot.classify import Classifier
from bot.clock import ManualClock
from bot.config import Config
from bot.domain.incidents import Draft
from bot.domain.signals import Report
from bot.errors import InputError
from bot.flow.backtest import Backtest, Findings
from bot.flow.counts import bucket_start
from bot.flow.history import remembered
from bot.flow.newsroom import Outlets
from bot.flow.outages import parse_outages
from bot.flow.replay import Line, replay
from bot.season import calendar_of
from bot.storage.memory import MemoryStore

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_SEED = 1

Progress = Callable[[float], None]
"""Told which share of the past has been lived through, 0 to 1."""


async def replay_scenario(
    config: Config, scenario: str, on_line: Callable[[Draft], None], *, speed: float | None
) -> None:
    """Run a scenario through the whole pipeline, in memory, and leave nothing behind.

    Raises:
        InputError: the scenario is wrong; nothing was handed over if it can be told by reading it.
    """
    path, lines = adapters.scenario(scenario)
    start, _ = _ends(lines())  # a bad line far down must be told before the first line is out
    clock = ManualClock(start)
    core = await _core(config, clock, wiring.build_classifier(config), Outlets(on_line=on_line))
    await replay(lines(), str(path), core.newsroom, clock, speed=speed)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a backtest found, and the picture of it."""

    findings: Findings
    picture: Callable[[str], str]  # of a title


async def backtest(
    config: Config,
    scenario: str | None,
    known: tuple[str, Iterable[str]] | None,
    since: datetime | None,
    tell: Progress,
) -> Looked:
    """Live a past again with these settings.

    Args:
        config: Settings; its store is the past where there is no scenario.
        scenario: A file, or the name of a bundled one.
        known: Name and lines of a table of known outages.
        since: Leave out what was seen before.
        tell: Told how far it is.

    Raises:
        InputError: the scenario or the table is wrong, or there is nothing to look at.
        StoreError: there is no store, or it cannot be read.
    """
    classifier = wiring.build_classifier(config)
    operators = {operator.id: operator.name for operator in classifier.operators}
    outages = parse_outages(known[1], known[0], operators) if known else []
    name, lines = await _lines(config, scenario, operators, since or _EVER)
    start, end = _ends(lines())
    test = Backtest(start, end, outages)
    clock = ManualClock(start)
    core = await _core(config, clock, classifier, Outlets(on_line=test.on_line), test)
    await replay(_told(lines(), start, end, tell), name, core.newsroom, clock, other_settings=True)
    reports = await core.newsroom.store.reports(start)
    calendar, chance = calendar_of(config.newsroom.timezone), random.Random(_SEED)
    watch = core.newsroom.watch
    findings = test.findings(
        reports,
        calendar,
        lambda operator: watch.share((operator, "")),
        config.newsroom.budget,
        lambda mean: _poisson(chance, mean),
    )

    def picture(title: str) -> str:
        strips = _strips(test, findings, reports, operators, config.newsroom.timezone)
        return draw(title, strips, start, end, language=config.newsroom.language, zone=config.newsroom.timezone)

    return Looked(findings, picture)


async def _core(
    config: Config, clock: ManualClock, classifier: Classifier, outlets: Outlets, test: Backtest | None = None
) -> wiring.Core:
    store = MemoryStore()
    await store.open()
    return wiring.build_core(
        config,
        store=store,
        clock=clock,
        classifier=classifier,
        outlets=outlets,
        author_key=b"a replay hides nobody",
        sources=[(block.name, block.kind, False) for block in config.sources] if test else (),
        snapshots=False,
        observe=test.observe if test else None,
    )


async def _lines(
    config: Config, scenario: str | None, operators: Iterable[str], since: datetime
) -> tuple[str, Callable[[], Iterator[Line]]]:
    if scenario is not None:
        path, read = adapters.scenario(scenario)
        return str(path), lambda: (line for line in read() if line.at >= since)
    from bot.storage.sql import SqlStore  # noqa: PLC0415 - SQLAlchemy is dear, and a replay needs none

    store = SqlStore(config.store.path, read_only=True)
    await store.open()
    try:
        kept = await remembered(store, operators, since)
    finally:
        await store.close()
    return str(config.store.path), lambda: iter(kept)


def _ends(lines: Iterator[Line]) -> tuple[datetime, datetime]:
    """Times of the first and of the last line; reads them all."""
    first = next(lines, None)
    if first is None:
        raise InputError("nothing to look at: no line in that time")
    last = first
    for line in lines:
        last = line
    return first.at, last.at


def _told(lines: Iterator[Line], start: datetime, end: datetime, tell: Progress) -> Iterator[Line]:
    whole = max((end - start).total_seconds(), 1.0)
    for line in lines:
        yield line
        tell((line.at - start).total_seconds() / whole)


def _poisson(chance: random.Random, mean: float) -> int:
    """By exponential waiting times; means here are small."""
    count, waited = 0, chance.expovariate(1.0)
    while waited < mean:
        waited += chance.expovariate(1.0)
        count += 1
    return count


def _strips(
    test: Backtest, findings: Findings, reports: Iterable[Report], operators: dict[str, str], zone: ZoneInfo
) -> list[Strip]:
    """One for each operator of whom something was said or known."""
    heard: dict[str, list[datetime]] = {operator: [] for operator in operators}
    for report in reports:
        if not report.duplicate and report.operator in heard:
            heard[report.operator].append(report.at)
    strips = []
    for operator, name in operators.items():
        alarms = [
            (alarm.at, number, f"{number}. {alarm.at.astimezone(zone):%d/%m/%Y %H:%M}")
            for number, alarm in enumerate(findings.alarms, 1)
            if alarm.incident.operator == operator
        ]
        known = [(o.start, o.end, o.label) for o, _ in findings.delays if o.operator == operator]
        if heard[operator] or alarms or known:
            expected = [(bucket_start(bucket), n) for bucket, n in test.expected(operator).items()]
            strips.append(Strip(name, heard[operator], expected, alarms, known))
    return strips
