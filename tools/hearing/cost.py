"""What a program costs while it works: processor time of others, memory, and how long its event loop does not turn."""

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

_STEP_SECONDS = 0.005


def cpu_seconds_of(pid: int) -> float:
    """Processor time of a process with one thread."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def cpu_seconds_of_all(pid: int) -> float:
    """Processor time of all threads of a process, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Memory that a process has in use."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many are not above; 0 of none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


class LoopLag:
    """How long what is due every 5 ms has to wait: a loop that stands still for a second makes 200 wait.

    Attributes:
        waits: Seconds.
        own: The part in which this process worked; the rest is other programs' on a busy machine.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.own: list[float] = []

    async def watch(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + _STEP_SECONDS
        worked = time.process_time()
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            now, before = loop.time(), worked
            worked = time.process_time()
            while due <= now:
                self.waits.append(now - due)
                self.own.append(min(now - due, worked - before))
                due += _STEP_SECONDS

    def forget(self) -> None:
        """Begin anew."""
        self.waits, self.own = [], []


@asynccontextmanager
async def watched_loop() -> AsyncIterator[LoopLag]:
    """Watch the running loop in the block."""
    lag = LoopLag()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(lag.watch())
        yield lag
        task.cancel()
