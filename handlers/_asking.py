"""What editors type after `/status`, read alike in every chat: an operator, then perhaps a place."""

from bot.ports import Desk, OperatorStatus

_OPERATOR_WORDS = 6


async def ask_status(desk: Desk, typed: str) -> OperatorStatus | None:
    """The status of `OPERATOR [PLACE]`; both may have several words, and the longest operator that is known wins."""
    words = typed.split()
    for end in range(min(len(words), _OPERATOR_WORDS), 0, -1):
        status = await desk.status(" ".join(words[:end]), " ".join(words[end:]))
        if status is not None:
            return status
    return None
