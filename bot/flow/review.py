"""Decisions: what an editor may do to a draft, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.incidents import Action, Decision, Draft, DraftKind, DraftState, IncidentState
from bot.domain.operators import Operator
from bot.flow import transitions
from bot.flow.draft import Drafts
from bot.flow.episode import Episode
from bot.ports import OutcomeKind

_UNDECIDED = frozenset({DraftState.PROPOSED, DraftState.CLAIMED, DraftState.HELD})
_UNDOABLE = frozenset({DraftState.CLAIMED, DraftState.HELD, DraftState.DISMISSED})
_PENDING = {Action.CLAIM: DraftState.CLAIMED, Action.HOLD: DraftState.HELD}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a decision came to; `draft` is the new revision when it is `done`."""

    kind: OutcomeKind
    draft: Draft | None = None


def decide(
    decision: Decision, episode: Episode, operator: Operator, drafts: Drafts, *, targets: bool, at: datetime
) -> Verdict:
    """Apply a decision to an episode; the new revision when it is done.

    Where there are `targets`, an approved draft is `published` once they confirm; where there is none, at once: an
    editor copies it.
    """
    draft = episode.draft
    if draft is None:
        return Verdict(OutcomeKind.UNKNOWN)
    if decision.action is Action.UNDO:
        return _undo(decision, episode, operator, drafts, at)
    if draft.state not in _UNDECIDED:
        return Verdict(OutcomeKind.ALREADY if draft.state is not DraftState.EXPIRED else OutcomeKind.CLOSED, draft)
    if decision.action is Action.CLAIM and draft.state is DraftState.CLAIMED and draft.decided_by != decision.who:
        return Verdict(OutcomeKind.ALREADY, draft)
    if decision.revision is not None and decision.revision < draft.changed_in:
        return Verdict(OutcomeKind.CHANGED, draft)
    match decision.action:
        case Action.APPROVE:
            episode.incident = transitions.confirmed(episode.incident)
            state = DraftState.APPROVED if targets else DraftState.PUBLISHED
            kind = DraftKind.PUBLISHED
        case Action.DISMISS:
            episode.incident = transitions.dismissed(episode.incident, at)
            state, kind = DraftState.DISMISSED, DraftKind.DISMISSED
        case Action.EDIT:
            state, kind = DraftState.CLAIMED, DraftKind.DECISION
        case _:
            state, kind = _PENDING[decision.action], DraftKind.DECISION
    text = decision.text if decision.action is Action.EDIT else None
    seen = episode.revisions.get(decision.revision or draft.revision, draft) if kind is DraftKind.PUBLISHED else None
    new = drafts.revise(episode, operator, at, kind, state=state, decided_by=decision.who, text=text, seen=seen)
    return Verdict(OutcomeKind.DONE, new)


def _undo(decision: Decision, episode: Episode, operator: Operator, drafts: Drafts, at: datetime) -> Verdict:
    draft = episode.draft
    if draft is None or draft.state not in _UNDOABLE:
        return Verdict(OutcomeKind.CLOSED, draft)
    kind = DraftKind.DECISION
    if episode.incident.state is IncidentState.DISMISSED:
        episode.incident = transitions.undismissed(episode.incident)
        kind = DraftKind.UPDATE
    new = drafts.revise(episode, operator, at, kind, state=DraftState.PROPOSED, decided_by=decision.who)
    return Verdict(OutcomeKind.DONE, new)
