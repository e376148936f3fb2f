"""An editor looks at a dozen posts, not at five hundred: these should show the whole of it."""

from collections import Counter
from collections.abc import Sequence

from bot.domain.incidents import Evidence
from bot.domain.signals import Report


def select_evidence(reports: Sequence[Report], limit: int = 12) -> tuple[Evidence, ...]:
    """The reports to show, at most one an author, best first; the order of `reports` is irrelevant.

    The first is the earliest. Each next one is from the source shown least, if possible with a link, no duplicate,
    from a place not shown yet, and as far in time from those shown as can be: who shows fewer keeps the spread.
    """
    left = sorted(reports, key=lambda report: (report.duplicate, report.at, report.source, report.id))
    chosen: list[Report] = []
    shown_of: Counter[str] = Counter()
    places: set[str] = set()
    while left and len(chosen) < limit:
        best = max(left, key=lambda report: _worth(report, chosen, shown_of, places)) if chosen else left[0]
        chosen.append(best)
        shown_of[best.source] += 1
        places.update(place.id for place in best.places)
        left = [report for report in left if report.author != best.author]
    return tuple(Evidence(report.source, report.id, report.at, report.url) for report in chosen)


def _worth(
    report: Report, chosen: Sequence[Report], shown_of: Counter[str], places: set[str]
) -> tuple[bool, bool, bool, bool, float]:
    """How much a report adds to those chosen; on a tie the earliest is taken."""
    apart = min(abs((report.at - other.at).total_seconds()) for other in chosen)
    new_place = any(place.id not in places for place in report.places)
    return not shown_of[report.source], report.url is not None, not report.duplicate, new_place, apart
