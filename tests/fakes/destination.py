"""A destination in memory that does what its script says: the outbox is tested against every way to fail."""

import asyncio
from collections import deque
from collections.abc import Sequence

from bot.domain.deliveries import Delivery
from bot.ports import Check, Pace


class ScriptedDestination:
    """Takes deliveries; each send follows the next word of `script`, then succeeds.

    Attributes:
        script: Exceptions to raise, or seconds to hang.
        got: (delivery, repeated) of every send that arrived.
    """

    kind = "scripted"

    def __init__(self, name: str = "room", pace: Pace | None = None) -> None:
        self.name = name
        self.pace = pace or Pace(per_second=1000, per_minute=60_000)
        self.script: deque[Exception | float] = deque()
        self.got: list[tuple[Delivery, bool]] = []
        self.times: list[float] = []

    async def send(self, delivery: Delivery, *, repeated: bool) -> str:
        """See `Destination.send`."""
        self.got.append((delivery, repeated))
        self.times.append(asyncio.get_running_loop().time())
        if self.script:
            step = self.script.popleft()
            if isinstance(step, Exception):
                raise step
            await asyncio.sleep(step)
        return f"{self.name}:{len(self.got)}"

    async def check(self, *, send: bool) -> Sequence[Check]:
        """See `Destination.check`."""
        return (Check(self.name, ok=True, detail=f"send={send}"),)

    async def open(self) -> None:
        """See `Destination.open`."""

    async def close(self) -> None:
        """See `Destination.close`."""
