"""A web server that writes its access log: the lines of a small newsroom's site, as several servers write them."""

import json
from datetime import datetime, timedelta
from pathlib import Path

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SITE = "https://www.journal.example/"
GOOGLE = "https://www.google.fr/"
ARTICLE = "/actualites/2026/03/02/panne-orange-mail-lille-4711.html"


def address(number: int) -> str:
    """Somebody's address, of those that are nobody's."""
    return f"198.51.{number // 250 % 250}.{number % 250 + 1}"


def combined(
    at: datetime,
    target: str = ARTICLE,
    *,
    who: int = 0,
    referrer: str = "-",
    agent: str = FIREFOX,
    status: int = 200,
    method: str = "GET",
) -> str:
    """A line as nginx and Apache write it."""
    return f'{common(at, target, who=who, status=status, method=method)} "{referrer}" "{agent}"'


def common(at: datetime, target: str = ARTICLE, *, who: int = 0, status: int = 200, method: str = "GET") -> str:
    """A line in the common log format."""
    stamp = at.strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{address(who)} - - [{stamp}] "{method} {target} HTTP/1.1" {status} 5123'


def nginx_json(at: datetime, target: str = ARTICLE, *, who: int = 0, referrer: str = "", agent: str = FIREFOX) -> str:
    """A line as an nginx with `escape=json` writes it."""
    return json.dumps(
        {
            "time_iso8601": at.isoformat(),
            "remote_addr": address(who),
            "request": f"GET {target} HTTP/2.0",
            "status": "200",
            "http_referer": referrer,
            "http_user_agent": agent,
        }
    )


def caddy_json(at: datetime, target: str = ARTICLE, *, who: int = 0, referrer: str = "", agent: str = FIREFOX) -> str:
    """A line as Caddy writes it."""
    headers = {"User-Agent": [agent]} | ({"Referer": [referrer]} if referrer else {})
    request = {
        "remote_ip": address(who),
        "client_ip": address(who),
        "proto": "HTTP/2.0",
        "method": "GET",
        "host": "www.journal.example",
        "uri": target,
        "headers": headers,
    }
    return json.dumps(
        {"level": "info", "ts": at.timestamp(), "msg": "handled request", "request": request, "status": 200}
    )


class AccessLog:
    """The log, at a path, by a server that writes whole lines unless told otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    def write(self, *lines: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def write_part(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def rotate(self) -> Path:
        """Rename it and begin a new one."""
        old = self.path.with_name(f"{self.path.name}.1")
        for number in range(9, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                older.rename(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self.path.rename(old)
        self.path.touch()
        return old

    def copy_and_truncate(self) -> Path:
        """Copy it and cut it to nothing; the file stays the same one."""
        old = self.path.with_name(f"{self.path.name}.1")
        old.write_bytes(self.path.read_bytes())
        with self.path.open("r+b") as file:
            file.truncate(0)
        return old

    def rush(self, at: datetime, people: int, *, referrer: str = "-", first: int = 0, target: str = ARTICLE) -> None:
        """So many people look at a page within a minute."""
        step = timedelta(seconds=59) / people
        self.write(
            *(
                combined(at + step * index, target, who=first + index, referrer=referrer, agent=f"{FIREFOX} {index}")
                for index in range(people)
            )
        )
