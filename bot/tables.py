"""What commands print for people, as tables; rich is imported when there is something to print."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.classify import Explanation, mask
from bot.domain.incidents import Incident, Spike
from bot.domain.signals import HealthState, Mention, Signal, StatusEntry, Tally
from bot.flow.backtest import PEOPLE, Alarm, Findings
from bot.flow.checkup import Row

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_PLACES = 3
_MOST_SHOWN = 200  # characters of a signal
_MONTHLY_FROM = 0.25  # months
_MEANINGS = {
    "outage": "a fault",
    "english": "a fault",
    "recovery": "it is back",
    "social": "others too",
    "noise": "something else",
    "cancel": "no fault after all",
    "chronic": "an old trouble",
    "onset": "since when",
    "duration": "since when",
    "date": "since when",
    "weekday": "since when",
}
_COLOURS = {
    "outage": "bold red",
    "english": "bold red",
    "recovery": "bold green",
    "social": "red",
    "noise": "bright_black",
    "cancel": "bright_black",
    "chronic": "yellow",
    "onset": "yellow",
    "duration": "yellow",
    "date": "yellow",
    "weekday": "yellow",
    "operator": "bold blue",
    "place": "green",
    "service": "magenta",
}


def print_checks(rows: Sequence[Row]) -> None:
    """The table of `vigie check`: what works, what does not, what to do about it."""
    from rich.table import Column, Table  # noqa: PLC0415 - only this command prints a table
    from rich.text import Text  # noqa: PLC0415

    table = Table(*(Column(title, overflow="fold") for title in ("", "name", "what", "found", "what to do")))
    for row in rows:
        mark = Text("ok", "green") if row.check.ok else Text("FAILS", "bold red")
        name = row.name if row.name == row.kind else f"{row.name} ({row.kind})"
        table.add_row(mark, *(Text(cell) for cell in (name, row.check.what, row.check.detail, row.check.remedy)))
    import_module("handlers._console_page").Page(sys.stdout).show(table)


class TrialPage:
    """What `vigie sources try` shows: a line a signal, and how it ended."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._page = import_module("handlers._console_page").Page(sys.stdout)

    def signal(self, signal: Signal) -> None:
        """One signal: its time, what it is, what it says."""
        from rich.text import Text  # noqa: PLC0415

        match signal:
            case Mention():
                at, what, said = signal.published_at, "mention", mask(signal.text)
            case StatusEntry():
                services = ", ".join(service.value for service in signal.services)
                where = " · ".join(part for part in (services, signal.area) if part)
                at, what, said = signal.published_at, signal.state.value, signal.title
                said += f" ({where})" if where else ""
            case Tally():
                at, what, said = signal.start, "tally", f"{signal.operator}: {signal.count} in {signal.seconds} s"
        time = f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"
        self._page.show(Text(f"{time}  {what:13}  {' '.join(said.split())[:_MOST_SHOWN]}"))

    def end(self, state: HealthState, reason: str | None) -> None:
        """How well the source was read."""
        from rich.text import Text  # noqa: PLC0415

        style = "bold green" if state is HealthState.OK else "bold red"
        self._page.show(Text.assemble((state.value, style), f" · {reason}" if reason else ""))


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[float], None]]:
    """A bar on stderr with the time that is left; nothing where stderr is no terminal, or quiet is wanted."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = TextColumn("{task.percentage:>3.0f} %"), BarColumn(), TimeRemainingColumn(elapsed_when_finished=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share: bar.update(task, completed=share)


def title(findings: Findings, language: str, zone: ZoneInfo) -> str:
    """Of the picture: when, with which budget, and what came of it."""
    start, end = (f"{at.astimezone(zone):%d/%m/%Y}" for at in (findings.start, findings.end))
    n, budget = len(findings.alarms), f"{findings.budget:g}"
    if language == "fr":
        drafts = f"{n or 'aucun'} brouillon{'s' * (n > 1)}"
        when = f"Le {start}" if start == end else f"Du {start} au {end}"
        return f"{when}, pour {budget.replace('.', ',')} fausse alerte par mois : {drafts}"
    return f"{start} to {end}, for {budget} false alarms a month: {n or 'no'} draft{'s' * (n != 1)}"


def print_backtest(findings: Findings, zone: ZoneInfo) -> None:
    """The findings as tables, on stdout."""

    def time(at: datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"

    known, unexplained = bool(findings.delays), len(findings.unexplained)
    # a rate of a morning would be nonsense
    monthly = f" ({unexplained / findings.months:.2f} a month)" if findings.months >= _MONTHLY_FROM else ""
    summary = f"{time(findings.start)} to {time(findings.end)}, budget {findings.budget:g} a month: "
    summary += f"{len(findings.alarms)} alarm{'s' * (len(findings.alarms) != 1)}" + (
        f", {unexplained} of no known outage" if known else ""
    )
    rows: list[tuple[str, ...]]
    page: list[RenderableType] = [f"{summary}{monthly}"]
    if findings.alarms:
        rows = [
            (
                str(number),
                time(alarm.at),
                alarm.incident.operator,
                f"{score:.1f}" if (score := _score(alarm.incident)) else "",
                reason(alarm.incident),
                alarm.state.value + (f", {alarm.outage.label or 'known outage'}" if alarm.outage else ""),
            )
            for number, alarm in enumerate(findings.alarms, 1)
        ]
        page.append(_table("Alarms", ("", "at", "operator", "score", "reason", "became"), rows))
    if known:
        rows = [
            (
                outage.operator,
                time(outage.start),
                outage.label,
                f"{(alarm.at - outage.start).total_seconds() / 60:.0f} min" if alarm else "not found",
            )
            for outage, alarm in findings.delays
        ]
        page.append(_table("Known outages", ("operator", "began", "label", "found after"), rows))
    if findings.usual:
        sizes = tuple(f"{people} people" for people in PEOPLE)
        rows = [
            (
                usual.operator,
                f"{usual.reports_a_day:.1f}",
                *(f"{_minutes(size.minutes)} · {size.soon:.0%}" for size in usual.sizes),
            )
            for usual in findings.usual
        ]
        heading = "An outage that so many people report in ten minutes: median delay · found within 30 min"
        page.append(_table(heading, ("operator", "reports a day", *sizes), rows))
    shown = import_module("handlers._console_page").Page(sys.stdout)
    for part in page:
        shown.show(part)


def reason(incident: Incident) -> str:
    """Why an incident was opened, in figures; the wording of `DETECTION`: so many in so long, so many expected."""
    spike = incident.surge.spike
    if spike is None:
        return "the operator's own entry"
    where = f" around département {spike.departements[0]}" if spike.departements else ""
    series = f" on {spike.series}" if spike.series else ""
    minutes = spike.interval.length.total_seconds() / 60
    expected = f"{spike.expected:.1f}" if spike.expected >= 0.1 else f"{spike.expected:.2g}"  # noqa: PLR2004 - two digits
    return f"{spike.reports} in {minutes:.0f} min{where}{series}, {expected} expected; once in {_days(spike)}"


def backtest_lines(findings: Findings) -> Iterator[dict[str, Any]]:
    """The findings as JSON lines: alarms, known outages, what would be seen, and a summary."""
    for alarm in findings.alarms:
        yield {"kind": "alarm", **_alarm_line(alarm)}
    for outage, found in findings.delays:
        yield {
            "kind": "outage",
            "operator": outage.operator,
            "start": outage.start.isoformat(),
            "end": outage.end.isoformat(),
            "label": outage.label,
            "incident": found.incident.id if found else None,
            "delay_minutes": round((found.at - outage.start).total_seconds() / 60, 1) if found else None,
        }
    for usual in findings.usual:
        for size in usual.sizes:
            yield {
                "kind": "detectability",
                "operator": usual.operator,
                "reports_a_day": round(usual.reports_a_day, 2),
                "people_in_10_min": size.people,
                "median_minutes": size.minutes,
                "within_30_min": round(size.soon, 3),
            }
    yield {
        "kind": "summary",
        "start": findings.start.isoformat(),
        "end": findings.end.isoformat(),
        "months": round(findings.months, 3),
        "budget": findings.budget,
        "alarms": len(findings.alarms),
        "unexplained": len(findings.unexplained),
        "unexplained_a_month": round(len(findings.unexplained) / findings.months, 3),
    }


def print_reading(text: str, found: Explanation) -> None:
    """The text with the words that decided in colour, what they were taken for, and what comes of it."""
    from rich.text import Text  # noqa: PLC0415

    shown, rows = Text(text), []
    for start, end, mark in found.placed(text):
        colour = _COLOURS.get(mark.group, "")
        shown.stylize(colour, start, end)
        weight = "" if mark.weight is None else f"{mark.weight:g}"
        rows.append((Text(text[start:end], style=colour), mark.name, _MEANINGS.get(mark.group, mark.group), weight))
    reading = found.reading
    fresh = f", began {reading.onset.value}" if reading.onset else ""
    about = [
        *reading.operators,
        *reading.brands,
        *(s.value for s in reading.services),
        *(p.name for p in reading.places),
    ]
    if reading.professional:
        about.append("professional")
    counts = "counts as a report" if reading.counts else "does not count as a report"
    _print(shown, "")
    if rows:
        _print(_table("", ("words", "rule or name", "evidence for", "weight"), rows))
    _print(
        Text(
            f"{reading.kind.value}{fresh}: {counts} (probability of a fresh outage {min(reading.score, 0.99):.0%})",
            style="bold",
        ),
        Text(" · ".join(about) or "nobody and nothing named"),
    )


def _print(*parts: "RenderableType") -> None:
    from rich.console import Console  # noqa: PLC0415

    Console(highlight=False).print(*parts, sep="\n")


def _alarm_line(alarm: Alarm) -> dict[str, Any]:
    spike = alarm.incident.surge.spike
    return {
        "at": alarm.at.isoformat(),
        "incident": alarm.incident.id,
        "operator": alarm.incident.operator,
        "services": [service.value for service in alarm.incident.services],
        "score": round(spike.score, 2) if spike else None,
        "return_days": round(spike.return_days, 1) if spike else None,
        "reason": reason(alarm.incident),
        "state": alarm.state.value,
        "reports": alarm.reports,
        "outage": alarm.outage.label if alarm.outage else None,
    }


def _score(incident: Incident) -> float:
    return incident.surge.spike.score if incident.surge.spike else 0.0


def _days(spike: Spike) -> str:
    if spike.return_days < 1:
        return "a day"
    return f"{spike.return_days:.0f} days" if spike.return_days < 10_000 else "10,000 days or more"  # noqa: PLR2004


def _minutes(minutes: float | None) -> str:
    return "> 60 min" if minutes is None else f"{minutes:.0f} min"


def _table(heading: str, columns: Sequence[str], rows: Iterable[Sequence["str | Text"]]) -> "RenderableType":
    from rich.table import Column, Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*(Column(column, overflow="fold") for column in columns), title=heading, title_justify="left")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table
