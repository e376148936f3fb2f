"""When the desk hears of an incident again, and in which words: not too often, and never too late."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.incidents import Draft, DraftKind, DraftState, Incident, IncidentState
from bot.domain.operators import Operator
from bot.drafting.wording import Wording
from bot.flow.episode import Episode

_AT_MOST_EVERY = timedelta(minutes=10)
_FROM_NOTHING = 4  # what then counts as a doubling: as many reports as a spike needs


def due(shown: Incident, shown_at: datetime, now: Incident, at: datetime) -> DraftKind | None:
    """Which line the desk is owed about an incident it was last shown as `shown`, if any.

    State and the operator's entry are told at once; services, silence, places and doubled reports at most once in ten
    minutes, the last change never swallowed: it stays different from what was shown until its turn comes.
    """
    if now.state is IncidentState.DISMISSED:
        return None
    if now.state is not shown.state:
        return DraftKind.RESOLVED if now.state is IncidentState.RESOLVED else DraftKind.UPDATE
    if now.statement != shown.statement:
        return DraftKind.UPDATE
    if now.state is IncidentState.RESOLVED:
        return None
    return DraftKind.UPDATE if at - shown_at >= _AT_MOST_EVERY and _differs(shown, now) else None


def _differs(shown: Incident, now: Incident) -> bool:
    return (
        now.services != shown.services
        or now.silence.state is not shown.silence.state
        or {count.place.id for count in now.places} != {count.place.id for count in shown.places}
        or doubled(shown, now)
    )


def doubled(shown: Incident, now: Incident) -> bool:
    """Whether the reports have doubled since the desk was last told."""
    return now.surge.reports >= (2 * shown.surge.reports or _FROM_NOTHING)


class Drafts:
    """Writes revisions of drafts."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def owed(self, episode: Episode, operator: Operator, at: datetime) -> Draft | None:
        """The next line for the desk, if one is owed; the episode then counts as shown."""
        if episode.draft is None or episode.shown is None:
            return self.revise(episode, operator, at, DraftKind.DRAFT)
        kind = due(episode.shown, episode.shown_at, episode.incident, at)
        if kind is None:
            return None
        lifted = episode.draft.state is DraftState.DISMISSED  # the incident is not: a dismissal was overruled by facts
        state = DraftState.PROPOSED if lifted else episode.draft.state
        notice = self._wording.notice(episode.shown, episode.incident, operator, at)
        return self.revise(episode, operator, at, kind, state=state, notice=notice)

    def revise(
        self,
        episode: Episode,
        operator: Operator,
        at: datetime,
        kind: DraftKind,
        *,
        state: DraftState = DraftState.PROPOSED,
        decided_by: str | None = None,
        text: str | None = None,
        notice: str | None = None,
        seen: Draft | None = None,
    ) -> Draft:
        """Write the next revision; an editor's text stays until an editor changes it.

        Args:
            text: The editor's new text, or None.
            seen: The revision whose facts and words this one keeps: what is published is what was approved.
        """
        before = episode.draft
        if seen is None:
            incident = episode.documented()
        else:
            incident = replace(seen.incident, state=episode.incident.state, before=episode.incident.before)
        title, ours = self._wording.compose(incident, operator, at)
        edited = text is not None or (before is not None and before.edited)
        if kept := seen or (before if before is not None and before.edited else None):
            title, ours = kept.title, kept.text
        revision = before.revision + 1 if before else 1
        changed = before is None or text is not None or before.incident.state is not incident.state
        # Reports fall only when some were taken back: who saw them must look again before deciding.
        changed |= before is not None and seen is None and incident.surge.reports < before.incident.surge.reports
        draft = Draft(
            revision=revision,
            at=at,
            kind=kind,
            incident=incident,
            operator_name=operator.name,
            title=title,
            text=text if text is not None else ours,
            state=state,
            decided_by=decided_by or (before.decided_by if before and state is before.state else None),
            edited=edited,
            notice=notice,
            changed_in=revision if changed or before is None else before.changed_in,
        )
        episode.keep(draft)
        return draft
