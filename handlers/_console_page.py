"""How the console lays out what the desk shows: panels on a terminal, the same in plain characters in a file.

Text from outside is put in `Text`, never in markup: whatever it contains is shown as it is.
"""

import io
from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from handlers._cards import Card, one_line, plain

_WIDTH = 100  # longer lines are hard to read
# rich breaks lines at no-break spaces too; while it lays out, this blank, which `plain` lets nobody use, is theirs.
_STIFF = "\u2800"
_COLOURS = {"🟠": "dark_orange", "🔴": "red", "🟡": "yellow", "🟢": "green", "✅": "green", "✋": "cyan", "⏸": "cyan"}


class _Console(Console):
    """A console whose reader may go away without ending the whole bot, as rich would have it."""

    def on_broken_pipe(self) -> None:
        """See rich: called while the BrokenPipeError is handled; it goes on to who printed."""
        raise  # noqa: PLE0704 - rich calls this in its except clause


class Page:
    """A stream to print on; colours only where it is a terminal that can."""

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot write "🟠" gets "?", not an exception
        width = None if stream.isatty() else _WIDTH
        self._stream = stream
        self._console = _Console(file=stream, width=width, highlight=False, emoji=False, markup=False)

    def show(self, shown: RenderableType) -> None:
        """Print a panel."""
        with self._console.capture() as capture:
            self._console.print(shown, width=min(self._console.width, _WIDTH))
        self._stream.write(capture.get().replace(_STIFF, "\u00a0"))
        self._stream.flush()

    def line(self, text: str, *, end: str = "\n") -> None:
        """Print text as it is, without breaking its lines: ready to copy."""
        self._console.print(Text(text), end=end, soft_wrap=True)

    def rule(self, text: str) -> None:
        """Print a line across, with a word on it."""
        self._console.print()
        self._console.rule(Text(text, style="bold"), align="left", style="bright_black")


def card_panel(card: Card, *, over: str = "") -> Panel:
    """A card; `over` stands before its badge (the time it came)."""
    rows: list[RenderableType] = [_text(card.title, "bold")]
    if card.body:
        rows += [Text(), _text(card.body)]
    if card.facts:
        rows += [Text(), _table([(fact.label, _text(fact.value)) for fact in card.facts])]
    if card.links:
        rows += [Text(), _table([(link.label, _text(link.url, "underline")) for link in card.links])]
    return _framed(rows, over, card)


def update_panel(old: Card, new: Card, *, over: str, why: str, whole: bool) -> Panel:
    """What changed between two versions of a card, and first `why` it came again.

    The facts say what changed more briefly than the text, which is shown only when the `whole` is asked for.
    """
    rows: list[RenderableType] = [_text(why, "bold yellow"), Text()] if why else []
    rows.append(_text(new.title, "bold"))
    if whole:
        rows += [Text(), _text(new.body)]
    changed = [(fact.label, _text(fact.value)) for fact in new.facts if fact not in old.facts]
    if changed:
        rows += [Text(), _table(changed)]
    return _framed(rows, over, new)


def alert_panel(title: str, text: str, *, stamp: str) -> Panel:
    """A published alert, as the public sees it."""
    rows = Group(_text(one_line(title), "bold"), Text(), _text(plain(text)))
    head = Text(f" {stamp} ", style="bold white on green")
    return Panel(rows, box=box.DOUBLE, title=head, border_style="green", padding=(1, 2))


def _framed(rows: Sequence[RenderableType], over: str, card: Card) -> Panel:
    colour = _COLOURS.get(card.badge[:1], "bright_black")
    head = _text(f"{over} · " if over and card.badge else over, "dim").append_text(_text(card.badge, f"bold {colour}"))
    return Panel(
        Group(*rows),
        title=head or None,
        title_align="left",
        subtitle=_text(card.footer, "dim") if card.footer else None,
        subtitle_align="right",
        border_style=colour,
        padding=(1, 2),
    )


def _text(text: str, style: str = "") -> Text:
    return Text(text.replace("\u00a0", _STIFF).replace("\u202f", _STIFF), style=style)


def _table(rows: Sequence[tuple[str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bright_black", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(_text(label), value)
    return table
