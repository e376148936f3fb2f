"""Hands markup to one parsing process beside the bot, and ends that process when a document takes too long."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

import msgspec

from sources._parseworker import FRAME

DEADLINE_SECONDS = 10.0  # CPU time is limited in the process itself; this one ends what waits or swaps
IDLE_SECONDS = 600.0  # unchanged documents never come here, so most of the time the 25 MiB can be given back
Answer = TypeVar("Answer")
_SCRIPT = Path(__file__).with_name("_parseworker.py")
# What Python needs to find its libraries; secrets of the environment stay here.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE")


class ParseError(Exception):
    """The document could not be parsed; the text is for an editor."""


class Parser:
    """One process, one job at a time; made when needed, replaced when it had to be killed."""

    def __init__(self, *, deadline_seconds: float = DEADLINE_SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        self._deadline_seconds = deadline_seconds
        self._idle_seconds = idle_seconds
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._idle: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """Id of the process, or None while there is none."""
        return self._process.pid if self._process is not None else None

    async def run(self, job: dict[str, str], body: bytes, answer: type[Answer]) -> Answer:
        """Parse a document.

        Args:
            job: `do` is `feed`, `page` or `mail`; see `sources._parseworker`.
            body: The document.
            answer: Type to read the answer as.

        Raises:
            ParseError: The parser failed on it, or was killed over it.
        """
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            try:
                if self._process is None or self._process.returncode is not None:
                    self._process = await _start()
                async with asyncio.timeout(self._deadline_seconds):
                    data = await _exchange(self._process, msgspec.json.encode(job), body)
            except (asyncio.IncompleteReadError, OSError) as error:  # killed, too late, or not even started
                await self.close()
                raise ParseError("document trop lourd à analyser") from error
            except BaseException:
                await self.close()  # its answer would be taken for the next job's
                raise
            self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._kill)
        try:
            return msgspec.json.decode(data, type=answer)
        except msgspec.ValidationError as error:
            raise ParseError("document impossible à analyser") from error

    async def close(self) -> None:
        """End the process; a later job starts another."""
        process = self._process
        self._kill()
        if process is not None and process.stdout is not None:
            await process.wait()
            await process.stdout.read()  # lets asyncio close the pipe

    def _kill(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        process, self._process = self._process, None
        if process is None or process.returncode is not None or process.stdout is None or process.stdout.at_eof():
            return  # `kill` on a process that is ending by itself would steal its exit status from asyncio
        process.kill()


# All sources of one bot share one process. They know nothing of each other, only of the event loop they run in.
_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, Parser] = WeakKeyDictionary()


def shared_parser() -> Parser:
    """The running loop's parser."""
    return _shared.setdefault(asyncio.get_running_loop(), Parser())


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the script's folder holds modules named like libraries
        str(_SCRIPT),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,  # Ctrl-C is for the bot, which ends its children in order
    )


async def _exchange(process: Process, job: bytes, body: bytes) -> bytes:
    assert process.stdin is not None  # noqa: S101 - made with pipes
    assert process.stdout is not None  # noqa: S101 - same
    process.stdin.write(FRAME.pack(len(job), len(body)) + job + body)
    await process.stdin.drain()
    answer_bytes, _ = FRAME.unpack(await process.stdout.readexactly(FRAME.size))
    return await process.stdout.readexactly(answer_bytes)
