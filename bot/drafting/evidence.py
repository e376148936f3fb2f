"""An editor looks at a dozen posts, not at five hundred: these should show the whole of it."""

import math
from collections.abc import Sequence

from bot.domain.incidents import Evidence
from bot.domain.signals import Report


def select_evidence(reports: Sequence[Report], limit: int = 12) -> tuple[Evidence, ...]:
    """The reports to show, at most one an author, best first; the order of `reports` is irrelevant.

    The first is the earliest. Each next one is from a source not shown yet, if possible with a link, no duplicate,
    from a place not shown yet, and as far in time from those shown as can be: who shows fewer keeps the spread.
    """
    left = sorted(reports, key=lambda report: (report.duplicate, report.at, report.source, report.id))
    apart = [math.inf] * len(left)  # seconds to the nearest report chosen so far
    chosen: list[Report] = []
    sources: set[str] = set()
    places: set[str] = set()

    def worth(candidate: tuple[Report, float]) -> tuple[bool, bool, bool, bool, float]:
        """Compared in this order; on a tie the earliest report is taken."""
        report, seconds = candidate
        new_place = any(place.id not in places for place in report.places)
        return report.source not in sources, report.url is not None, not report.duplicate, new_place, seconds

    while left and len(chosen) < limit:
        best = max(zip(left, apart, strict=True), key=worth)[0] if chosen else left[0]
        chosen.append(best)
        sources.add(best.source)
        places.update(place.id for place in best.places)
        kept = [(report, seconds) for report, seconds in zip(left, apart, strict=True) if report.author != best.author]
        left = [report for report, _ in kept]
        apart = [min(seconds, abs((report.at - best.at).total_seconds())) for report, seconds in kept]
    return tuple(Evidence(report.source, report.id, report.at, report.url) for report in chosen)
