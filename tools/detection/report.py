"""The benchmark's results as the tables that docs/detection.md holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tools.detection import intervals
from tools.detection.ours import PATIENCE, SIZES, Month

SOON = 10
_DELAY_TIMES, _DELAY_MORE = 1.5, 2  # the bar: at most so many times the limit, or so many minutes more
_FOUND_BARS = {(0.2, 5.0): 0.97, (1.0, 20.0): 0.95, (0.2, 2.0): 0.75, (1.0, 10.0): 0.90}


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def rate(events: int, months: float) -> str:
    """Alarms a month with their interval."""
    low, high = intervals.rate(events, months)
    return f"{events / months:.2f} ({low:.2f} to {high:.2f})"


def share(hits: int, tries: int) -> str:
    """A share with its interval."""
    if not tries:
        return "not tried"
    low, high = intervals.share(hits, tries)
    return f"{hits / tries:.1%} ({low:.1%} to {high:.1%}) of {tries}"


def delays(months: Iterable[Month], *, bars: bool = True) -> Iterator[str]:
    """Median delay beside the limit, and what is found soon; `bars`: beside what is asked for at a whole budget."""
    seen: dict[tuple[float, float], list[tuple[int, int]]] = {
        (base, size): [] for base, sizes in SIZES.items() for size in sizes
    }
    for month in months:
        for size, found in month.delays.items():
            seen[month.base, size] += found
    rows = []
    for (base, size), found in seen.items():
        middle, low, high = intervals.median([delay for delay, _ in found])
        limit = intervals.median([limit for _, limit in found])[0]
        most = max(_DELAY_TIMES * limit, limit + _DELAY_MORE)
        bar = f"≤ {most:g}" if bars and size >= 10 * base else ""
        soon = sum(delay <= SOON for delay, _ in found)
        possible = sum(limit <= SOON for _, limit in found)
        wanted = _FOUND_BARS.get((base, size)) if bars else None
        rows.append(
            (
                f"{base:g}, {size:g}",
                f"{limit:g}",
                f"{minutes(middle)} ({minutes(low)} to {minutes(high)})",
                bar,
                f"{middle / limit:.2f}",
                share(soon, len(found)),
                f"≥ {wanted:.0%}" if wanted else "",
                f"{possible / len(found):.0%}",
            )
        )
    columns = (
        "base, outage a minute",
        "limit",
        "median delay, min",
        "bar",
        "× limit",
        "found within 10 min",
        "bar",
        "limit within 10 min",
    )
    yield from table(columns, rows)


def minutes(value: float) -> str:
    """A delay; what was not found is said so."""
    return f"{value:g}" if value <= PATIENCE else f"> {PATIENCE}"


def fooled(months: Sequence[Month]) -> Iterator[str]:
    """What is no outage, and how often it raises."""
    names = list(dict.fromkeys(name for month in months for name in month.fooled))
    bases = list(SIZES)
    rows = []
    for name in names:
        cells = []
        for base in bases:
            tries = [month.fooled[name] for month in months if month.base == base and name in month.fooled]
            cells.append(share(sum(alarms for alarms, _ in tries), sum(tried for _, tried in tries)))
        rows.append((name, *cells))
    yield from table(("alarms, at a base of", *(f"{base:g} a minute" for base in bases)), rows)


def by_base(heading: str, lines: Mapping[str, Mapping[float, str]]) -> Iterator[str]:
    """One row a measure, one column a base."""
    rows = ((name, *(cells[base] for base in SIZES)) for name, cells in lines.items())
    yield from table((heading, *(f"{base:g} a minute" for base in SIZES)), rows)
