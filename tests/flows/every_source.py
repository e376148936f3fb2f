"""The configuration of a newsroom that listens to every source at once; see `speakers`."""

from typing import TYPE_CHECKING

from tests.emulators.imap import PASSWORD, USER
from tests.emulators.matomo import TOKEN as MATOMO_TOKEN
from tests.emulators.plausible import KEY
from tests.emulators.x import TOKEN as X_TOKEN

if TYPE_CHECKING:
    from tests.flows.speakers import Speakers

SECRET = "a-secret-of-the-newsroom-of-32-b"
TAG = "panneorange"


def blocks(world: "Speakers") -> list[dict[str, object]]:
    """A block for each source, by the shortest interval it takes."""
    often = {"interval": "30s"}
    orange = {"operator": "orange", **often}
    stats = {"kind": "audience", "operators": ["orange"], **often}
    return [
        {"kind": "bluesky", "endpoints": [world.stream.url], "quiet_seconds": 1.0},
        {
            "kind": "mastodon",
            "name": "pushed",
            "instances": [world.pushing.url],
            "hashtags": [TAG],
            "access_token": world.pushing.token,
            **often,
        },
        {"kind": "mastodon", "name": "asked", "instances": [world.asked_only.url], "hashtags": [TAG], **often},
        {"kind": "webhook", "listen": f"127.0.0.1:{world.port}", "secret": SECRET, "speaks_for": ["orange"]},
        {"kind": "readers", "per_person": 100},
        {
            "kind": "x",
            "bearer_token": X_TOKEN,
            "endpoint": world.x.url,
            "operators": ["orange"],
            "counts_interval": "1m",
            "posts_per_search": 100,
            **dict.fromkeys(("daily_eur", "monthly_eur", "calm_search_daily_eur"), 1e6),
            **often,
        },
        {"kind": "feed", "url": world.pages.url("/feed"), **orange},
        {"kind": "statuspage", "url": world.pages.url(""), **orange},
        {"kind": "status_json", "url": world.pages.url("/json"), **orange},
        {"kind": "page", "url": world.pages.url("/page"), **orange},
        {
            "kind": "email",
            "host": "127.0.0.1",
            "port": world.mails.port,
            "tls": False,
            "user": USER,
            "password": PASSWORD,
            "senders": ["orange.example"],
            "require_authentication": False,
            **orange,
        },
        {"kind": "ioda", "url": world.ioda.url, "interval": "1m"},
        {"kind": "mobile_sites", "operator": "orange", "url": world.pages.url("/sites.csv"), "interval": "10m"},
        {**stats, "name": "log", "log": "access.log", "site": "www.journal.example"},
        {**stats, "name": "matomo", "url": world.matomo.url, "site": "3", "token": MATOMO_TOKEN},
        {
            **stats,
            "name": "plausible",
            "engine": "plausible",
            "url": world.plausible.url,
            "site": "journal.example",
            "token": KEY,
        },
    ]
