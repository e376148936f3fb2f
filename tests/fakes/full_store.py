"""A store whose disk can be full: nothing is lost by that, and nobody else is blamed for it."""

from bot.errors import StoreError
from bot.ports import Changes
from bot.storage.memory import MemoryStore


class FullStore(MemoryStore):
    """Refuses to write while `full`; reading works."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False

    async def apply(self, changes: Changes) -> None:
        """See `Store.apply`."""
        if self.full:
            raise StoreError("store: disk full", retryable=True)
        await super().apply(changes)
