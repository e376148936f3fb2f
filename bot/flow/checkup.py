"""`vigie check`: try everything by reading only, side by side, and say what to do about what does not work."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import BotError, SourceError
from bot.ports import Check, Destination, Source

_CHECK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: whose check, and what it found."""

    name: str
    kind: str
    check: Check


async def check_all(sources: Sequence[Source], destinations: Sequence[Destination], *, send: bool) -> list[Row]:
    """Check every source and destination at the same time; rows in the configuration's order."""
    found = await asyncio.gather(
        *(_source(source) for source in sources),
        *(_destination(destination, send=send) for destination in destinations),
    )
    return [row for rows in found for row in rows]


async def _source(source: Source) -> list[Row]:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            check = Check("read", True, await source.check())
    except SourceError as error:
        check = Check("read", False, f"{error.state.value}: {error.reason}")
    except TimeoutError:
        check = Check("read", False, f"unreachable: no answer within {_CHECK_SECONDS:.0f} s")
    return [Row(source.name, source.kind, check)]


async def _destination(destination: Destination, *, send: bool) -> list[Row]:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            checks = await destination.check(send=send)
    except BotError as error:
        checks = [Check("reach", False, getattr(error, "reason", str(error)))]
    except TimeoutError:
        checks = [Check("reach", False, f"no answer within {_CHECK_SECONDS:.0f} s")]
    return [Row(destination.name, destination.kind, check) for check in checks]
