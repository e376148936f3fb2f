"""A source that does what its script says: the loop around it is tested against every way to fail."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta

from bot.ports import Reading


class ScriptedSource:
    """Each read follows the next step of `script`, then finds nothing new.

    Attributes:
        script: Readings to hand over, exceptions to raise, or seconds to hang before the next step of the same read.
        times: When each read began, in loop time.
        cursors: What each read was given to go on from.
    """

    kind = "scripted"

    def __init__(
        self, name: str = "scripted", *, operator: str | None = None, interval: timedelta = timedelta(minutes=5)
    ) -> None:
        self.name = name
        self.operator = operator
        self.hears = operator is None
        self.interval = interval
        self.script: deque[Reading | Exception | float] = deque()
        self.times: list[float] = []
        self.cursors: list[str | None] = []

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """See `Source.read`."""
        self.times.append(asyncio.get_running_loop().time())
        self.cursors.append(cursor)
        while self.script:
            step = self.script.popleft()
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
                continue
            yield step
            if self.interval:
                return
        if not self.interval:
            await asyncio.Event().wait()
        yield Reading()

    async def check(self) -> str:
        """See `Source.check`."""
        return "scripted"

    async def close(self) -> None:
        """See `Source.close`."""
