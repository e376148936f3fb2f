"""What every test needs: no event loop and no logs but its own, and the same examples every time."""

import asyncio
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# They wait for minutes of the world's clock: begun last, each would have the suite wait for it alone. Longest first.
_BEGUN_FIRST = ("test_real_sources", "test_real_readers", "test_kill", "test_commands_processes", "test_main_line")

# The same examples every time: a change is judged by what it changes. HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)  # how fast a machine is, is no test
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_configure() -> None:
    # looptime asks for the current loop before each synchronous test; unless one was set, asyncio then makes one
    # that nobody closes, and the suite fails with a ResourceWarning at its end.
    asyncio.set_event_loop(None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest first; a stable order, so that every worker has the same."""

    def rank(item: pytest.Item) -> int:
        ranks = (n for n, name in enumerate(_BEGUN_FIRST) if item.path.stem.startswith(name))
        return next(ranks, len(_BEGUN_FIRST))

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """A command that a test calls sets up logging for the whole process, and the next test may look at its logs."""
    yield
    structlog.reset_defaults()
