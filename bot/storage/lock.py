"""Keeps a second bot off a store: two detectors on one file would say everything twice."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from bot.errors import StoreError


class WriterLock:
    """Held from `take` to `free`; the system frees it when the process dies, however it dies."""

    def __init__(self, file: int) -> None:
        self._file = file

    @classmethod
    def take(cls, store: Path) -> Self:
        """Lock the file beside the store, which tells the holder's pid.

        Raises:
            StoreError: another process has it, or its folder cannot be written.
        """
        try:
            store.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(store.with_name(store.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"store: {store}: cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(file, 20).decode().strip() or "unknown"
            os.close(file)
            raise StoreError(f"store: {store}: another bot (pid {pid}) is using it") from None
        except OSError as error:
            os.close(file)
            raise StoreError(f"store: {store}: cannot be locked: {error.strerror}") from error
        with suppress(OSError):  # on a full disk the lock holds all the same, but cannot tell whose it is
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
        return cls(file)

    def free(self) -> None:
        """Let go; the file stays, since removing it would let two processes lock two files of one name."""
        os.close(self._file)
