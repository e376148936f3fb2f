"""A past at a glance: what people said of each operator, what was usual, and where the bot spoke.

SVG made by hand: a browser shows it, an editor can pass it on, and no library is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from html import escape
from math import ceil
from zoneinfo import ZoneInfo

_LEFT, _RIGHT, _TOP, _STRIP, _BARS, _FOOT = 150, 20, 78, 92, 60, 34
_WIDTH = 1240
_PLOT = _WIDTH - _LEFT - _RIGHT
_MOST_BINS = 560
_STEPS = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 30, 60, 180, 360, 720, 1440, 2880, 10080))
_LEAST_TOP = 4  # reports a bin of which would fill the strip: a quiet time must look quiet
_TICKS = 8
_TICK_STEPS = (
    *(timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 30, 91, 365)),
)
_MARK_APART = 16.0

_FONT = 'font-family="system-ui, Helvetica, Arial, sans-serif" font-size="13"'
_INK, _FAINT, _BAR, _USUAL, _ALARM, _KNOWN = "#1f2933", "#9aa5b1", "#5b8db8", "#1f2933", "#c81e1e", "#f6c667"
_WORDS = {
    "fr": {"reports": "signalements", "usual": "niveau habituel", "alarm": "brouillon de Vigie",
           "known": "panne connue", "top": "max. {n} en {step}", "min": "min", "h": "h", "d": "j"},
    "en": {"reports": "reports", "usual": "usual level", "alarm": "Vigie's draft",
           "known": "known outage", "top": "max. {n} in {step}", "min": "min", "h": "h", "d": "d"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Strip:
    """One operator.

    Attributes:
        reports: When each report was made.
        expected: (time, usual number) of each bucket.
        alarms: (time, number in the list, what a pointer that rests on it is told).
        known: (start, end, label) of each known outage.
    """

    name: str
    reports: Sequence[datetime]
    expected: Sequence[tuple[datetime, float]]
    alarms: Sequence[tuple[datetime, int, str]]
    known: Sequence[tuple[datetime, datetime, str]]


@dataclass(frozen=True, slots=True)
class _Axis:
    start: datetime
    step: timedelta
    bins: int

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.step * self.bins)
        return _LEFT + _PLOT * min(max(share, 0.0), 1.0)

    def index(self, at: datetime) -> int:
        return min(max((at - self.start) // self.step, 0), self.bins - 1)


def draw(title: str, strips: Sequence[Strip], start: datetime, end: datetime, *, language: str, zone: ZoneInfo) -> str:
    """The picture as SVG text: a strip for each operator, times in the newsroom's zone."""
    step = next((step for step in _STEPS if (end - start) / step <= _MOST_BINS), _STEPS[-1])
    axis = _Axis(start, step, max(ceil((end - start) / step), 1))
    words = _WORDS[language]
    height = _TOP + _STRIP * len(strips) + _FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        _text(_LEFT, 28, title, size=17, bold=True),
        *_legend(words),
    ]
    for row, strip in enumerate(strips):
        parts += _strip(strip, axis, _TOP + row * _STRIP, words)
    parts += _times(axis, end, height - _FOOT, zone)
    return "\n".join((*parts, "</svg>", ""))


def _legend(words: dict[str, str]) -> Iterator[str]:
    x = _LEFT
    for key, mark in (
        ("reports", f'<rect x="{{x}}" y="44" width="10" height="10" fill="{_BAR}"/>'),
        ("usual", f'<path d="M{{x}} 49h12" stroke="{_USUAL}" stroke-width="1.6" stroke-dasharray="3 2"/>'),
        ("alarm", f'<path d="M{{x}} 43v13" stroke="{_ALARM}" stroke-width="2"/>'),
        ("known", f'<rect x="{{x}}" y="44" width="12" height="10" fill="{_KNOWN}" opacity="0.55"/>'),
    ):
        yield mark.format(x=x)
        yield _text(x + 18, 54, words[key])
        x += 34 + 8 * len(words[key])


def _strip(strip: Strip, axis: _Axis, y: float, words: dict[str, str]) -> Iterator[str]:
    counts, usual = [0] * axis.bins, [0.0] * axis.bins
    for at in strip.reports:
        counts[axis.index(at)] += 1
    for at, expected in strip.expected:
        usual[axis.index(at)] += expected
    top = max(*counts, *usual, _LEAST_TOP)
    floor = y + 18 + _BARS
    wide = _PLOT / axis.bins
    yield _text(_LEFT - 12, floor - _BARS / 2 + 4, strip.name, anchor="end", bold=True)
    for begin, end, label in strip.known:
        x, told = axis.x(begin), f"<title>{escape(label)}</title>"
        size = f'width="{max(axis.x(end) - x, 2):.1f}" height="{_BARS}"'
        yield f'<rect x="{x:.1f}" y="{y + 18}" {size} fill="{_KNOWN}" opacity="0.55">{told}</rect>'
    bars = "".join(
        f"M{_LEFT + i * wide:.1f} {floor}v{-_BARS * n / top:.1f}h{max(wide - 0.4, 0.6):.1f}V{floor}z"
        for i, n in enumerate(counts)
        if n
    )
    yield f'<path d="{bars}" fill="{_BAR}"/>'
    line = "L".join(f"{_LEFT + (i + 0.5) * wide:.1f} {floor - _BARS * n / top:.1f}" for i, n in enumerate(usual))
    yield f'<path d="M{line}" fill="none" stroke="{_USUAL}" stroke-width="1.2" stroke-dasharray="3 2"/>'
    yield f'<path d="M{_LEFT} {floor}h{_PLOT}" stroke="{_FAINT}"/>'
    if any(counts):
        seen = words["top"].format(n=max(counts), step=_length(axis.step, words))
        yield _text(_LEFT - 12, floor - _BARS / 2 + 20, seen, anchor="end", size=11, colour="#616e7c")
    yield from _alarms(strip, axis, y, floor)


def _alarms(strip: Strip, axis: _Axis, y: float, floor: float) -> Iterator[str]:
    taken = -_MARK_APART
    for at, number, told in strip.alarms:
        x = axis.x(at)
        line = f'<path d="M{x:.1f} {y + 14}V{floor}" stroke="{_ALARM}" stroke-width="2"/>'
        yield f"<g><title>{escape(told)}</title>{line}"
        taken = max(x, taken + _MARK_APART)
        yield _text(taken, y + 11, str(number), anchor="middle", size=12, colour=_ALARM, bold=True) + "</g>"


def _times(axis: _Axis, end: datetime, y: float, zone: ZoneInfo) -> Iterator[str]:
    step = next((step for step in _TICK_STEPS if (end - axis.start) / step <= _TICKS), _TICK_STEPS[-1])
    at = datetime.combine(axis.start.astimezone(zone).date(), time(), zone)
    while at <= end:
        if at >= axis.start:
            x = axis.x(at)
            yield f'<path d="M{x:.1f} {y + 2}v5" stroke="{_FAINT}"/>'
            told = f"{at:%d/%m/%Y}" if step >= timedelta(days=1) else f"{at:%d/%m %H:%M}"
            anchor = "middle" if x + 4 * len(told) < _WIDTH else "end"
            yield _text(x, y + 22, told, anchor=anchor, size=12, colour="#616e7c")
        at += step  # by the clock on the wall


def _length(step: timedelta, words: dict[str, str]) -> str:
    minutes = int(step.total_seconds() // 60)
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size} {words[unit]}"
    return f"{minutes} {words['min']}"


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 13, colour: str = _INK, bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{weight}>'
        f"{escape(text)}</text>"
    )
