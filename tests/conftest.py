"""What every test needs: no event loop but its own, and the same examples every time."""

import asyncio
import os

from hypothesis import settings

# The same examples every time: a change is judged by what it changes. HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)  # how fast a machine is, is no test
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_configure() -> None:
    # looptime asks for the current loop before each synchronous test; unless one was set, asyncio then makes one
    # that nobody closes, and the suite fails with a ResourceWarning at its end.
    asyncio.set_event_loop(None)
