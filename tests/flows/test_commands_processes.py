"""The commands as processes: pipes, terminals, signals, and two of them on one store."""

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest

from tests.flows.bot_process import DESK, EDITOR, house
from tests.flows.test_main_line import card_of, morning

pytestmark = pytest.mark.slow

VIGIE = (sys.executable, "-m", "bot")
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("VIGIE_")} | {
    "PYTHONPATH": str(Path.cwd())
}
_MANY = 20_000  # lines; far more than a pipe holds


def vigie(folder: Path, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*VIGIE, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=90,
        check=False,
    )


def everything_in(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_classify_and_detect_read_standard_input(tmp_path: Path) -> None:
    text = json.dumps({"id": 1, "text": "plus de mail orange à Lille"})
    series = "timestamp,count\n2024-01-01T00:00:00Z,1\n2024-01-01T00:01:00Z,0\n"
    for dash in ([], ["-"]):
        done = vigie(tmp_path, "classify", *dash, stdin=text)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["operators"] == ["orange"]
        done = vigie(tmp_path, "detect", *dash, stdin=series)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 3
    done = vigie(tmp_path, "detect", stdin="timestamp,count\nsoon,1\n")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "-:2: timestamp: not a time: 'soon'\n")


@pytest.mark.parametrize(
    "command",
    [
        "classify many.jsonl",
        "classify odd.jsonl",
        "detect many.csv",
        "replay orange-mail --json",
        "check --offline",
        "--help",
    ],
)
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, command: str) -> None:
    (tmp_path / "many.jsonl").write_text('{"text": "panne de mail orange"}\n' * _MANY, encoding="utf-8")
    (tmp_path / "odd.jsonl").write_text("[]\n", encoding="utf-8")
    rows = (f"2024-01-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z,0" for n in range(_MANY))
    (tmp_path / "many.csv").write_text("\n".join(["timestamp,count", *rows]), encoding="utf-8")
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as closed:  # noqa: PTH123 - a descriptor
        done = subprocess.run(
            [*VIGIE, *command.split()],
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_closed_streams_are_no_error(tmp_path: Path) -> None:
    for command, closed in (("classify", "<&-"), ("replay orange-mail --json", ">&-"), ("check --offline", "<&- >&-")):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" -m bot {command} {closed}', sys.executable],  # noqa: S607 - whichever shell there is
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_demo_without_a_terminal_tells_the_story_and_ends(tmp_path: Path) -> None:
    begun = monotonic()
    done = vigie(tmp_path, "run")
    assert monotonic() - begun < 60
    assert (done.returncode, done.stderr) == (0, "")
    assert "Démonstration" in done.stdout
    assert "de Lille à Mont-de-Marsan" in done.stdout
    assert "messagerie" in done.stdout
    assert re.search(r"\d+ signalements distincts", done.stdout)
    assert "Aucune annonce sur la page de suivi d’Orange" in done.stdout
    assert "[a]pprouver" in done.stdout
    assert everything_in(tmp_path) == {"var/demo.db", "var/demo.db.lock", "var/author.key"}
    status = vigie(tmp_path, "status", "orange")
    assert status.returncode == 0
    assert "panne" in status.stdout.casefold()
    assert " j)" not in status.stdout  # ages are told in the scenario's time
    capture = vigie(tmp_path, "capture", "1")  # a tape's channel answers nothing: there is no proof, and it says so
    assert (capture.returncode, capture.stderr) == (0, "")
    [folder] = tmp_path.glob("capture-orange-*")
    assert "ne prouve\ndonc aucun silence" in (folder / "LISEZMOI.txt").read_text(encoding="utf-8")


# Makes the terminal it is given its own, so that Ctrl-C reaches it, and becomes `vigie run`.
_SIT_DOWN = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "bot", "run"])
"""


class Terminal:
    """`vigie run` on a pseudo-terminal, as somebody sits before it."""

    def __init__(self, folder: Path) -> None:
        self.seen = ""
        self.descriptor, side = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SIT_DOWN],
            cwd=folder,
            env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "110"},
            stdin=side,
            stdout=side,
            stderr=side,
            start_new_session=True,
        )
        os.close(side)

    def wait_for(self, words: str, seconds: float) -> None:
        """Read until these words stand on the screen."""
        end = monotonic() + seconds
        while words not in self.plain():
            assert monotonic() < end, f"{words!r} never came; last of what did:\n{self.plain()[-2000:]}"
            self.read()

    def read(self) -> None:
        with suppress(OSError):  # the other side is closed
            if select.select([self.descriptor], [], [], 0.05)[0]:
                self.seen += os.read(self.descriptor, 65536).decode("utf-8", "replace")

    def plain(self) -> str:
        """What was shown, without colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.seen)

    def type(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)

    def code(self, seconds: float) -> int:
        """Wait for the end; a terminal that nobody reads would hold the process."""
        end = monotonic() + seconds
        while (code := self.process.poll()) is None:
            assert monotonic() < end, f"still running after {seconds} s"
            self.read()
        return code


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    shown = Terminal(folder)
    try:
        yield shown
    finally:
        shown.process.kill()
        shown.process.wait()
        os.close(shown.descriptor)


def test_the_demo_on_a_terminal_publishes_on_a_key_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    with terminal(tmp_path) as shown:
        shown.wait_for("[a]pprouver", 40)
        assert "PUBLIÉ" not in shown.plain()
        shown.type(b"a\n")
        shown.wait_for("PUBLIÉ", 5)
        shown.type(b"/status orange\n")
        shown.wait_for("24 heures", 5)
        shown.type(b"\x03")
        assert shown.code(5) == 0
        assert "Traceback" not in shown.plain()


async def test_status_answers_beside_a_running_bot_and_a_second_bot_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as newsroom:
        newsroom.scenario(morning().lines())
        newsroom.configure(speed=600, discord=False)
        bot = await newsroom.start()
        await newsroom.telegram.wait_message(card_of, timeout=30)

        beside = await asyncio.to_thread(vigie, tmp_path, "status", "Sosh")
        assert (beside.returncode, beside.stderr) == (0, "")
        assert "Orange" in beside.stdout
        assert "n° 1" in beside.stdout
        overview = await asyncio.to_thread(vigie, tmp_path, "status")
        assert overview.returncode == 0
        assert "à décider" in overview.stdout

        environment = {"VIGIE_TELEGRAM_TOKEN": newsroom.telegram.token}
        second = await asyncio.create_subprocess_exec(
            *VIGIE,
            "run",
            cwd=tmp_path,
            env=ENVIRONMENT | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(second.communicate(), 10)
        assert (second.returncode, out) == (2, b"")
        said = err.decode()
        assert said.startswith("store: var/vigie.db: another bot (pid ")
        assert said.count("\n") == 1

        newsroom.telegram.say(DESK, EDITOR, "/status orange")  # and the first one works on
        await newsroom.telegram.wait_message(lambda message: "24 heures" in message.text, timeout=5)
        assert await bot.stop(signal.SIGINT) == 0
        after = await asyncio.to_thread(vigie, tmp_path, "status", "orange")
        assert after.returncode == 0
        assert "n° 1" in after.stdout
        stranger = await asyncio.to_thread(vigie, tmp_path, "status", "nobody")
        assert (stranger.returncode, stranger.stdout) == (2, "")
        assert "Orange, SFR" in stranger.stderr
        assert stranger.stderr.count("\n") == 1
