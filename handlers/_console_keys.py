"""Lines from a terminal without a thread: one that waits for a key could not be stopped."""

import asyncio
import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def typed_lines(keyboard: TextIO) -> Iterator[asyncio.Queue[str]]:
    """The lines typed on a terminal while in this context, read by the running event loop."""
    loop, descriptor = asyncio.get_running_loop(), keyboard.fileno()
    queue: asyncio.Queue[str] = asyncio.Queue()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""

    def take() -> None:
        nonlocal rest
        if not _in_front(descriptor):
            return
        try:
            data = os.read(descriptor, 4096)
        except OSError:  # the terminal was closed
            data = b""
        if not data:
            loop.remove_reader(descriptor)
        *whole, rest = (rest + decoder.decode(data)).split("\n")
        for line in whole:
            queue.put_nowait(line)

    loop.add_reader(descriptor, take)
    try:
        yield queue
    finally:
        loop.remove_reader(descriptor)


def _in_front(descriptor: int) -> bool:
    """Whether this process may read the terminal: one in the background would be stopped for trying."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:  # not our controlling terminal: nothing stops us
        return True
