"""What each command of `vigie` does once its options are read: the way in and out of a terminal."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path

from bot import adapters, dossier, past, tables, trial, wiring
from bot.classify import classify_lines
from bot.clock import SystemClock
from bot.config import Config
from bot.domain.captures import distinct
from bot.domain.incidents import Draft
from bot.domain.operators import Operator
from bot.domain.signals import HealthState, Signal
from bot.errors import ConfigError, InputError, StoreError
from bot.flow import publish
from bot.flow.checkup import Row, check_all
from bot.flow.replay import contract_line
from bot.storage.lock import WriterLock

_ROOM = "console"


def environment() -> Mapping[str, str]:
    """The process's environment, read here and nowhere else."""
    return dict(os.environ)


async def run_until_stopped(config: Config) -> None:
    """Run the bot until SIGTERM or Ctrl-C; the demo without a terminal ends with its scenario."""
    _refuse_wrong_settings(config)
    demo = config.file is None
    if demo:
        _forget_demo(config.store.path)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await wiring.run_bot(config, stop, ends=demo and not (sys.stdin.isatty() and sys.stdout.isatty()))


def _refuse_wrong_settings(config: Config) -> None:
    """Raise ConfigError with all that is wrong in the adapters' blocks, a line each."""
    wrong = adapters.check_settings(config)
    if wrong:
        raise ConfigError("\n".join(wrong))


def _forget_demo(path: Path) -> None:
    """The demo's store is its own and made anew at each start, unless another demo is at it."""
    lock = WriterLock.take(path)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    lock.free()


async def check_everything(config: Config, *, offline: bool, send: bool) -> list[Row]:
    """Build every source and destination and, unless `offline`, try them; nothing is stored, or posted unless `send`.

    Raises:
        ConfigError: all that is wrong with the configuration, a line each.
    """
    _refuse_wrong_settings(config)
    clock = SystemClock()
    classifier = wiring.build_classifier(config)
    async with AsyncExitStack() as stack:
        http = adapters.build_http(config)
        stack.push_async_callback(http.close)
        sources = adapters.build_sources(
            config,
            classifier=classifier,
            clock=clock,
            http=http,
            surging=lambda _operator: False,
            chats=adapters.open_chats(config),
        )
        handlers, targets = adapters.build_destinations(config, clock)
        stack.push_async_callback(adapters.close_all, [*sources, *handlers, *targets])
        if offline:
            return []
        desk, public = await asyncio.gather(
            check_all(sources, handlers, send=send),
            check_all([], targets, send=False),  # readers get no test card
        )
        return desk + public


async def print_health(config: Config) -> None:
    """How the running bot (or the last one) found its sources; nothing where none has run."""
    cards, layout = import_module("handlers._cards"), import_module("handlers._console_page")
    try:
        async with wiring.reading(config) as (desk, now):
            card = cards.sources_card(await desk.sources(), language=config.newsroom.language, now=now)
    except StoreError:
        return
    layout.Page(sys.stdout).show(layout.card_panel(card))


async def print_status(config: Config, operator: str | None, place: str) -> None:
    """The answer to `/status`, for one operator (perhaps at a place) or all.

    Raises:
        InputError: no such operator.
        StoreError: there is no store, or it cannot be read.
    """
    cards, layout = import_module("handlers._cards"), import_module("handlers._console_page")
    language, zone = config.newsroom.language, config.newsroom.timezone
    async with wiring.reading(config) as (desk, now):
        if operator is None:
            drafts = await desk.open_drafts()
            card = cards.operators_overview(desk.operators(), drafts, language=language, zone=zone, now=now)
        elif known := await desk.status(operator, place):
            card = cards.status_card(known, language=language, zone=zone)
        else:
            raise InputError(cards.unknown_operator(operator, desk.operators(), language=language))
    layout.Page(sys.stdout).show(layout.card_panel(card))


async def capture_to_folder(config: Config, name: str, folder: Path | None) -> None:
    """Write what an operator's channels answered during an incident into a folder.

    Raises:
        InputError: no such incident, or there is something in the folder.
        StoreError: there is no store, or it cannot be read.
    """
    room = config.newsroom
    async with wiring.at_rest(config) as (core, now):
        store = core.newsroom.store
        incident = await store.incident(name)
        if incident is None:
            raise InputError(f"{name}: no such incident: its number or id stands on its card")
        operator = core.newsroom.operators.get(incident.operator) or Operator(incident.operator, incident.operator, ())
        binder = dossier.Binder(operator, room.language, room.timezone, wiring.read_template(room.language, "proof"))
        folder = folder or Path(f"capture-{incident.id}")
        proof = await dossier.gather(store, incident, now)
        await dossier.write(store, proof, binder, folder, SystemClock().now())
    checks = sum(len(channel.visits) for channel in proof.channels)
    print(f"{folder}: {checks} checks, {len(distinct(proof.visits))} captures")  # noqa: T201 - printing is this command's work


async def replay_to_stdout(config: Config, scenario: str, *, speed: float | None, as_json: bool) -> None:
    """Replay a scenario; at full speed nothing is printed before all of it is known to be good."""
    if as_json:
        lines: list[str] = []

        def on_line(draft: Draft) -> None:
            line = json.dumps(contract_line(draft), separators=(", ", ": "))
            if speed is None:
                lines.append(line)
            else:
                print(line, flush=True)  # noqa: T201 - printing is this command's work

        await past.replay_scenario(config, scenario, on_line, speed=speed)
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return
    drafts: list[Draft] = []
    await past.replay_scenario(config, scenario, drafts.append, speed=speed)
    console = adapters.build_console(config)
    before: dict[str, Draft] = {}
    for draft in drafts:
        fresh = publish.is_fresh(before.get(draft.incident.id), draft)
        for delivery in publish.for_draft(replace(draft, notice=None), (_ROOM,), fresh_card=fresh):
            await console.send(delivery, repeated=False)
        before[draft.incident.id] = draft
    if not drafts:
        print("Rien à signaler." if config.newsroom.language == "fr" else "Nothing to report.")  # noqa: T201


def classify_to_stdout(config: Config, lines: Iterable[bytes]) -> int:
    """Classify JSON lines; how many were no object with a text."""
    classifier = wiring.build_classifier(config)
    reading = classify_lines(lines, classifier)
    sys.stdout.writelines(f"{line}\n" for line in reading)
    return reading.wrong


def explain_to_stdout(config: Config, text: str, hint: str | None) -> None:
    """Print how one text is read, with the words that decided.

    Raises:
        InputError: `hint` is no operator.
    """
    classifier = wiring.build_classifier(config)
    operator = classifier.operator(hint) if hint else None
    if hint and operator is None:
        raise InputError(f"--hint: {hint}: no such operator: {', '.join(o.id for o in classifier.operators)}")
    found = classifier.explain(text, operator_hint=operator.id if operator else None, at=SystemClock().now())
    tables.print_reading(text, found)


async def try_source(config: Config, asked: trial.Trial, *, as_json: bool) -> bool:
    """Read a source once and print what it says, line by line; whether it is well.

    Raises:
        InputError: no such kind or operator, or a key is missing.
    """
    show = tables.TrialPage(config.newsroom.timezone)

    def tell(signal: Signal) -> None:
        if as_json:
            print(json.dumps(trial.signal_line(signal, operator_known=asked.operator is not None)))  # noqa: T201
        else:
            show.signal(signal)

    ended = await trial.try_source(config, asked, tell)
    if as_json:
        print(json.dumps(ended.line))  # noqa: T201
    else:
        show.end(ended.state, ended.reason)
    return ended.state is HealthState.OK


async def add_source(config: Config, asked: trial.Trial) -> bool:
    """Try a source, print its block and, if there is a configuration, write it there; whether it is well.

    Raises:
        InputError: see `try_source`, or the source is there already.
        ConfigError: the configuration would not hold with the block; it is left as it was.
    """
    text = trial.block_text(config, asked)
    if not await try_source(config, asked, as_json=False):
        return False
    if config.file is not None:
        trial.append_block(config.file, text, environment())
    print(text)  # noqa: T201
    print(f"added to {config.file}" if config.file else "no config.toml here: put this block into yours")  # noqa: T201
    return True


def backtest_to_stdout(
    config: Config,
    scenario: str | None,
    *,
    known: Path | None,
    since: datetime | None,
    chart: Path | None,
    as_json: bool,
) -> None:
    """Live a past again and print what it comes to; how far it is goes to stderr.

    Raises:
        InputError: the scenario or the table of known outages is wrong; nothing was written.
    """
    try:
        table = (str(known), known.read_text(encoding="utf-8").splitlines()) if known else None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{known}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    with tables.progress(quiet=as_json) as tell:
        looked = asyncio.run(past.backtest(config, scenario, table, since, tell))
    if chart:
        title = tables.title(looked.findings, config.newsroom.language, config.newsroom.timezone)
        chart.write_text(looked.picture(title), encoding="utf-8")
    if as_json:
        sys.stdout.writelines(f"{json.dumps(line)}\n" for line in tables.backtest_lines(looked.findings))
    else:
        tables.print_backtest(looked.findings, config.newsroom.timezone)
