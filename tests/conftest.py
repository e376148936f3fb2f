"""What every test needs: no event loop but its own."""

import asyncio


def pytest_configure() -> None:
    # looptime asks for the current loop before each synchronous test; unless one was set, asyncio then makes one
    # that nobody closes, and the suite fails with a ResourceWarning at its end.
    asyncio.set_event_loop(None)
