"""The command line: what each command takes, prints and returns; the work is done elsewhere, imported when needed.

Exit codes: 0 done, 1 done with findings, 2 bad input, configuration or usage (one line on stderr), 70 a defect.
"""

import os
import sys
import traceback
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.exceptions import TyperException

if TYPE_CHECKING:
    from datetime import datetime

    from bot.config import Config

app = typer.Typer(
    name="vigie",
    help="Watches operators' outages for a newsroom and hands editors a sourced draft alert.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_debug = False
_DEFECT, _INTERRUPTED = 70, 130  # as sysexits.h and shells have it
_T = TypeVar("_T")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration; ./config.toml if it is there.")
]


@app.callback()
def _options(
    *, debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and debug logs.")] = False
) -> None:
    global _debug  # noqa: PLW0603 - one switch for the process, read where an error leaves it
    _debug = debug


@app.command()
def run(config: ConfigOption = None) -> None:
    """Run the bot in the foreground; without a config.toml, its demo on a bundled scenario.

    SIGTERM and Ctrl-C stop it within 5 s, losing nothing. Exit 0 when stopped, 2 if it cannot start.
    """
    from bot import commands, logs  # noqa: PLC0415 - `vigie --help` must not wait for them

    settings = _load(config)
    logs.configure(debug=_debug, quiet=settings.file is None)
    _finish(commands.run_until_stopped(settings))


@app.command()
def check(
    config: ConfigOption = None,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Validate the configuration only.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Post a test card to the desk.")] = False,
) -> None:
    """Validate the configuration, then try every source, chat and target by reading only.

    Below stands how a bot that runs (or ran) here finds its sources: since when, the last good answer, the next try.

    Posts nothing (but for --send) and pays nothing. Exit 0 if all works, 1 if anything fails, 2 if the configuration is
    wrong.
    """
    from bot import commands, logs, tables  # noqa: PLC0415

    logs.configure(debug=_debug, quiet=True)
    settings = _load(config)
    rows = _finish(commands.check_everything(settings, offline=offline, send=send))
    typer.echo(f"configuration: {settings.file or 'embedded defaults'}: fine")
    if rows:
        tables.print_checks(rows)
        _finish(commands.print_health(settings))
    if not all(row.check.ok for row in rows):
        raise typer.Exit(1)


@app.command()
def status(
    operator: Annotated[str | None, typer.Argument(metavar="[OPERATOR]", help="Id, name or alias.")] = None,
    place: Annotated[str, typer.Argument(metavar="[PLACE]", help="Commune or département, for mobile sites.")] = "",
    config: ConfigOption = None,
) -> None:
    """What is known about an operator now (or about all of them), from the store; also beside a running bot.

    Exit 0, or 2 if the operator is unknown or there is no store.
    """
    from bot import commands, logs  # noqa: PLC0415

    logs.configure(debug=_debug, quiet=True)
    _finish(commands.print_status(_load(config), operator, place))


@app.command()
def capture(
    incident: Annotated[str, typer.Argument(help="Its number, as on the card, or its id.")],
    to: Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="New or empty; else ./capture-ID.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write what an operator's own channels answered during an incident into a folder: every check, every content.

    Reads the store beside a running bot. Exit 0, or 2 if there is no such incident or store, or the folder holds
    something.
    """
    from bot import commands, logs  # noqa: PLC0415

    logs.configure(debug=_debug, quiet=True)
    _finish(commands.capture_to_folder(_load(config), incident, to))


@app.command()
def replay(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of a bundled one (orange-mail).")],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Instead of the built-in one.")
    ] = None,
    speed: Annotated[str, typer.Option(metavar="N|max", help="Scenario seconds a second.")] = "max",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line for each thing the desk received.")] = False,
) -> None:
    """Run a recorded scenario through the whole pipeline, in memory, without network.

    Exit 0, or 2 if the scenario is wrong.
    """
    from bot import commands, logs  # noqa: PLC0415
    from bot.config import load  # noqa: PLC0415

    logs.configure(debug=_debug, quiet=True)
    pace = _speed(speed)
    settings = load(config, commands.environment() if config else {})
    _finish(commands.replay_to_stdout(settings, scenario, speed=pace, as_json=as_json))


@app.command()
def classify(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="JSON lines with a text each.")] = "-",
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE")] = None,
) -> None:
    """Read mentions (JSON lines) and print how each is understood.

    Exit 0, 1 if a line was no object with a text, 2 if the file cannot be read.
    """
    from bot import commands  # noqa: PLC0415
    from bot.config import load  # noqa: PLC0415

    settings = load(config, commands.environment() if config else {})
    with _lines(file) as lines:
        wrong = commands.classify_to_stdout(settings, lines)
    if wrong:
        typer.echo(f"{file}: lines that are no object with a string `text`: {wrong}", err=True)
        raise typer.Exit(1)


@app.command()
def explain(
    text: Annotated[str, typer.Argument(help="A post, in quotes; - reads it from standard input.")],
    hint: Annotated[
        str | None, typer.Option(metavar="OPERATOR", help="It was found by a search for that operator.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE")] = None,
) -> None:
    """Read one post and show which words decided.

    Exit 0, or 2 if the operator is unknown.
    """
    from bot import commands  # noqa: PLC0415
    from bot.config import load  # noqa: PLC0415

    settings = load(config, commands.environment() if config else {})
    if text == "-":
        with _lines("-") as lines:
            text = b"".join(lines).decode("utf-8", "replace").rstrip("\n")
    commands.explain_to_stdout(settings, text, hint)


@app.command()
def detect(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="CSV: timestamp, count or value, [exposure].")] = "-",
    budget: Annotated[float, typer.Option(help="False alarms a month for this one series.")] = 1.0,
    tz: Annotated[str, typer.Option(help="Time zone of the season.")] = "Europe/Paris",
) -> None:
    """Run the spike detector over one series of counts.

    Exit 0, or 2 if a row is wrong.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415

    from bot.detect.csvio import detect_csv  # noqa: PLC0415
    from bot.errors import InputError  # noqa: PLC0415
    from bot.season import calendar_of  # noqa: PLC0415

    try:
        calendar = calendar_of(ZoneInfo(tz))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InputError(f"--tz: {tz}: no such time zone") from error
    _budget(budget)
    with _lines(file) as lines:
        for row in detect_csv(
            (line.decode("utf-8", "replace") for line in lines), name=file, budget=budget, calendar=calendar
        ):
            sys.stdout.write(row.rstrip("\n") + "\n")


@app.command()
def backtest(
    scenario: Annotated[
        str | None, typer.Argument(help="A scenario file or bundled name; without one, what the store has kept.")
    ] = None,
    config: ConfigOption = None,
    budget: Annotated[float | None, typer.Option(help="False drafts a month, instead of the configured.")] = None,
    known: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Known outages: operator,start,end[,label].")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Leave out what was seen before.")] = None,
    chart: Annotated[Path | None, typer.Option(metavar="SVG", help="Write a picture of it.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of tables.")] = False,
) -> None:
    """Would it have fired? Live a past again with other settings: alarms, delays, what else would be seen.

    Reads the store beside a running bot; writes nothing but the picture. Exit 0, or 2 if something cannot be read.
    """
    from bot import commands, logs  # noqa: PLC0415
    from bot.config import load  # noqa: PLC0415

    logs.configure(debug=_debug, quiet=True)
    settings = load(config, commands.environment() if config else {}) if scenario else _load(config)
    if budget is not None:
        settings = settings.with_budget(_budget(budget))
    when = _date(since) if since else None
    commands.backtest_to_stdout(settings, scenario, known=known, since=when, chart=chart, as_json=as_json)


sources_app = typer.Typer(help="Try a source before it is trusted, and add it.", no_args_is_help=True)
app.add_typer(sources_app, name="sources")
_Kind = Annotated[str, typer.Argument(help="feed, statuspage, status_json, page, mastodon …")]
_Target = Annotated[str, typer.Argument(metavar="URL|FILE")]
_Operator = Annotated[str | None, typer.Option("--operator", metavar="ID", help="Whose channel it is.")]
_Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Another key of its block; may be repeated.")
]


@sources_app.command("try")
def try_source(
    kind: _Kind,
    target: _Target,
    operator: _Operator = None,
    more: _Set = None,
    config: ConfigOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a signal, then one on health.")] = False,
) -> None:
    """Read a source once and show what it says; stores and posts nothing, but reads of X cost what they cost.

    A block of the configuration with the same kind and address lends its other keys. Exit 0 if it is well, 1 if not, 2
    if the command is wrong.
    """
    from bot import commands, logs, trial  # noqa: PLC0415

    logs.configure(debug=_debug, quiet=True)
    asked = trial.Trial(kind, target, operator, trial.keys(more or ()))
    if not _finish(commands.try_source(_load(config), asked, as_json=as_json)):
        raise typer.Exit(1)


@sources_app.command("add")
def add_source(
    kind: _Kind, target: _Target, operator: _Operator = None, more: _Set = None, config: ConfigOption = None
) -> None:
    """Try a source; if it is well, print its block, and write it to the configuration where there is one.

    Exit 0 if it was added, 1 if it is not well (nothing is written), 2 if the command is wrong.
    """
    from bot import commands, logs, trial  # noqa: PLC0415

    logs.configure(debug=_debug, quiet=True)
    asked = trial.Trial(kind, target, operator, trial.keys(more or ()))
    if not _finish(commands.add_source(_load(config), asked)):
        raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Start `vigie`; whatever goes wrong is one line on stderr, and a traceback only if asked for."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us: as good as /dev/null
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for all our life
    try:
        code = _invoke(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last one to hear of it says it
        code = _told(error)
    sys.exit(code)


def _invoke(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context("vigie", arguments) as context:
            command.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    return 0


def _told(error: Exception) -> int:
    """Say what went wrong; the exit code."""
    from bot.errors import BotError  # noqa: PLC0415

    if isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
        # The reader has seen enough; Python would complain once more when it empties stdout on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if _debug:
        traceback.print_exception(error)
    if isinstance(error, TyperException):  # on usage: its own way of saying so takes four lines
        typer.echo(error.format_message(), err=True)
        return 2
    if isinstance(error, BotError | OSError):
        typer.echo(str(error), err=True)
        return 2
    typer.echo(f"vigie: a defect: {type(error).__name__}: {error} (--debug shows where)", err=True)
    return _DEFECT


def _finish(work: Coroutine[Any, Any, _T]) -> _T:
    import asyncio  # noqa: PLC0415 - a third of what `vigie --help` would wait for

    return asyncio.run(work)


def _load(path: Path | None) -> "Config":
    """The named configuration, else ./config.toml, else the embedded defaults."""
    from bot import commands  # noqa: PLC0415
    from bot.config import DEFAULT_PATH, load  # noqa: PLC0415

    return load(path or (DEFAULT_PATH if DEFAULT_PATH.exists() else None), commands.environment())


def _speed(text: str) -> float | None:
    from bot.errors import InputError  # noqa: PLC0415

    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise InputError(f"--speed: {text}: must be a number above 0, or max")
    return speed


def _budget(budget: float) -> float:
    from bot.errors import InputError  # noqa: PLC0415

    if not 0 < budget <= 1000:  # noqa: PLR2004 - as in the configuration
        raise InputError(f"--budget: {budget}: must be above 0 and at most 1000")
    return budget


def _date(text: str) -> "datetime":
    from datetime import UTC, datetime  # noqa: PLC0415

    from bot.errors import InputError  # noqa: PLC0415

    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"--since: {text}: not a date") from error


@contextmanager
def _lines(file: str) -> Iterator[Iterator[bytes]]:
    from bot.errors import InputError  # noqa: PLC0415

    if file == "-":
        yield iter(sys.stdin.buffer)
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115 - closed below, and only opening it is guarded
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    with opened:
        yield iter(opened)
