"""The readers' block: on which terms they are welcome, and whether any chat can hear them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.ports import Welcome
from sources.readers import ReadersSource, Settings, create
from tests.fakes.source_world import SourceWorld


def made(chats: dict[str, str], **settings: object) -> ReadersSource:
    deps = replace(SourceWorld().deps, chats=chats)
    return create(Settings.model_validate({"kind": "readers", "name": "readers", **settings}), deps)


def test_the_block_alone_says_on_which_terms() -> None:
    source = made({"telegram": ""})
    assert source.welcome == Welcome("readers", (), hourly=5, daily=5000)
    assert (source.hears, source.operator, source.interval) == (True, None, timedelta(0))
    other = made({}, name="lecteurs", handlers=["discord"], per_person=3, daily_max=200)
    assert other.welcome == Welcome("lecteurs", ("discord",), hourly=3, daily=200)


@pytest.mark.parametrize("wrong", [{"per_person": 0}, {"daily_max": 0}, {"url": "https://example.org"}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"kind": "readers"} | wrong)


async def test_one_chat_that_hears_is_enough_and_each_look_is_a_good_check() -> None:
    source = made({"telegram": "connexion perdue", "discord": ""})
    reading = await anext(source.read(None))
    assert (reading.events, reading.cursor) == ((), None)
    assert await source.check() == "telegram, discord"


@pytest.mark.parametrize(
    ("chats", "state", "reason"),
    [
        ({"telegram": "connexion perdue"}, HealthState.UNREACHABLE, "telegram : connexion perdue"),
        ({"discord": ""}, HealthState.OFF, "aucun salon"),
        ({}, HealthState.OFF, "aucun salon"),
    ],
)
async def test_without_a_chat_it_is_not_calm_but_deaf(chats: dict[str, str], state: HealthState, reason: str) -> None:
    source = made(chats, handlers=["telegram"])
    for look in (anext(source.read(None)), source.check()):
        with pytest.raises(SourceError) as caught:
            await look
        assert caught.value.state is state
        assert reason in (caught.value.reason or "")


async def test_a_chat_that_is_back_is_heard_again() -> None:
    chats = {"telegram": "connexion perdue"}
    source = made(chats)
    with pytest.raises(SourceError):
        await anext(source.read(None))
    chats["telegram"] = ""
    assert await anext(source.read(None))
