"""Follows a log that is renamed, copied and truncated, or both, without losing a line or reading one twice."""

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import msgspec
import structlog

from sources._audience_lines import MAX_LINE_BYTES

_log = structlog.get_logger()

CHUNK_BYTES = 512 * 1024
BACKFILL_BYTES = 16 * 1024 * 1024
"""So much of a log is read the first time: what was usual in the last hours is known at once."""

_HEAD_BYTES = 256
_ROTATED = re.compile(r"[.-](?:\d[\d.-]*|old)")


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where reading goes on.

    Attributes:
        inode: Of the file that was read.
        offset: Of the first byte that was not.
        head: Hash of the file's first bytes, of as many as `head_bytes` says: a truncated log has another one.
    """

    inode: int = 0
    offset: int = 0
    head: str = ""
    head_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of a log.

    Attributes:
        lines: Without their ends, each with the offset behind it.
        position: In front of the first of them.
        at_end: There is no more for now.
    """

    lines: tuple[tuple[bytes, int], ...]
    position: Position
    at_end: bool

    def after(self, lines: int) -> Position:
        """Where reading goes on behind so many of the lines."""
        if not lines:
            return self.position
        return msgspec.structs.replace(self.position, offset=self.lines[lines - 1][1])


def read_chunk(path: Path, position: Position | None, chunk_bytes: int = CHUNK_BYTES) -> Chunk:
    """Read the lines that follow a position, of a rotated file first; blocking.

    Raises:
        OSError: the log is not there, or may not be read.
    """
    files = _files(path)
    at = _find(files, position)
    if at is None:
        if position is not None and position.offset:
            _log.warning("log was rotated out of reach", log=str(path))
        start = 0 if position is not None else max(0, path.stat().st_size - BACKFILL_BYTES)
        return _read_file(path, start, chunk_bytes, skip=start > 0)
    offset = position.offset if position is not None else 0
    while True:
        chunk = _read_file(files[at], offset, chunk_bytes)
        if files[at] == path:
            return chunk
        if chunk.lines:
            return replace(chunk, at_end=False)
        # A rotated file is written until the server opens the new one.
        if not any(file.stat().st_size for file in files[at + 1 :]):
            if files[-1] != path:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            return chunk
        chunk = _read_file(files[at], offset, chunk_bytes, whole=True)
        if chunk.lines:
            return replace(chunk, at_end=False)
        at, offset = at + 1, 0


def lines_before(path: Path, position: Position, most_bytes: int) -> tuple[bytes, ...]:
    """The last lines before a position, those of rotated files too, for what has to be known again after a restart."""
    files = _files(path)
    at = _find(files, position)
    if at is None:
        return ()
    parts: list[list[bytes]] = []
    end: int | None = position.offset
    for file in reversed(files[: at + 1]):
        try:
            with file.open("rb") as log:
                end = os.fstat(log.fileno()).st_size if end is None else end
                start = max(0, end - most_bytes)
                log.seek(start)
                data = log.read(end - start)
        except OSError:  # rotated out of reach
            break
        parts.append(data.splitlines()[1 if start else 0 :])
        most_bytes -= len(data)
        if start or most_bytes <= 0:
            break
        end = None
    return tuple(line for part in reversed(parts) for line in part)


def _files(path: Path) -> list[Path]:
    """The log and its rotated files (packed ones aside), oldest first."""
    rotated = []
    for other in path.parent.iterdir():
        if other.name.startswith(path.name) and _ROTATED.fullmatch(other.name[len(path.name) :]):
            try:
                rotated.append((other.stat().st_mtime_ns, other))
            except OSError:
                continue  # it has just been renamed again
    found = [other for _, other in sorted(rotated)]
    return [*found, path] if path.exists() or not found else found


def _find(files: list[Path], position: Position | None) -> int | None:
    """Which of the files holds the position: the same one under whatever name, else a copy of it.

    One that was empty has nothing by which a copy could be known.
    """
    if position is None:
        return None
    copy = None
    for at in range(len(files) - 1, -1, -1):
        try:
            with files[at].open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size < position.offset or _hash(file.read(position.head_bytes)) != position.head:
                    continue
        except OSError:
            if at == len(files) - 1:
                raise
            continue
        if status.st_ino == position.inode:
            return at
        copy = at if copy is None and position.head_bytes else copy
    return copy


def _read_file(path: Path, start: int, chunk_bytes: int, *, skip: bool = False, whole: bool = False) -> Chunk:
    """Lines from an offset on.

    Args:
        path: Which file.
        start: Of the first byte.
        chunk_bytes: At most so many.
        skip: The first one has begun before.
        whole: Nothing is added to the file any more: what has no end is a line, too.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        head = file.read(_HEAD_BYTES)
        file.seek(start)
        data = file.read(chunk_bytes)
    more = start + len(data) < status.st_size
    end = data.rfind(b"\n") + 1
    if not end and (whole or len(data) > MAX_LINE_BYTES):  # or it never ends
        end = len(data)
    lines = tuple(_lines(data[:end], start))
    if skip and lines:
        start, lines = lines[0][1], lines[1:]
    return Chunk(lines, Position(status.st_ino, start, _hash(head), len(head)), at_end=not more)


def _lines(data: bytes, start: int) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        yield data[at:end], start + min(end + 1, len(data))
        at = end + 1


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()
