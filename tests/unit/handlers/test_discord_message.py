import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import ManualClock
from bot.domain.deliveries import Delivery, DeliveryKind, Notice
from bot.ports import DestinationDeps
from handlers._cards import Card, Fact, Link, plain
from handlers._discord_commands import agree
from handlers._discord_message import buttons, embed_of, escape, fitted, message_of, reference, unescape
from tests.emulators import discord_limits
from tests.fakes.desk import MORNING, make_draft

DEPS = DestinationDeps(ManualClock(MORNING), "fr", ZoneInfo("Europe/Paris"), "Le Journal")
# Text as people write it, with what Discord would act on much more often than by chance.
PIECES = [
    "\\",
    "*",
    "_",
    "~",
    "|",
    "`",
    "<@1>",
    "@everyone",
    "[a](b)",
    "#",
    "> ",
    "- ",
    "-#",
    "\n",
    "https://a.b/c_d*e",
    " ",
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=30).map("".join)


@given(TEXTS)
def test_escaping_loses_nothing(text: str) -> None:
    assert unescape(escape(text)) == text


@given(TEXTS)
def test_nothing_special_is_left_bare(text: str) -> None:
    bare = re.sub(r"https?://[^\s<>\\\[\]()`|@]+", "", re.sub(r"\\.", "", escape(text)))
    assert not set(bare) & set("\\*_~|`<>@[]#")


def test_an_address_stays_whole() -> None:
    assert escape("Voir https://example.org/a_b*c_d.") == "Voir https://example.org/a_b*c_d."


def test_prose_is_left_alone() -> None:
    prose = "Orange : 24 signalements (Nord, Landes) – « rien d’anormal », dit l’opérateur ; panne à 8 h 05 ?"
    assert escape(prose) == prose


@given(TEXTS, st.integers(min_value=20, max_value=300))
def test_a_fitted_text_fits(text: str, limit: int) -> None:
    assert len(fitted(plain(text), limit).encode("utf-16-le")) // 2 <= limit


def test_a_full_card_keeps_its_text_and_drops_links_first() -> None:
    card = Card(
        title="t" * 300,
        badge="🟠 À DÉCIDER",
        body="Une phrase. " * 400,
        facts=tuple(Fact(f"Fait {n}", "v" * 90) for n in range(8)),
        links=tuple(Link("lien", f"https://example.org/{'x' * 90}{n}") for n in range(30)),
        footer="pied",
    )
    embed = embed_of(card, footer="ref")
    assert discord_limits.message({"embeds": [embed.to_dict()]}) == []
    description = embed.description or ""
    assert description.startswith("Une phrase. Une phrase.")
    assert all(f"Fait {n}" in description for n in range(8))
    assert "https://example.org" in description
    assert embed.footer.text == "pied · ref"


def test_a_link_cannot_break_out() -> None:
    card = Card("t", links=(Link("a](https://evil.example) [b", "https://ok.example/x)y(z"),))
    assert embed_of(card).description == "[a\\](https://evil.example) \\[b](https://ok.example/x%29y%28z)"


def test_a_reference_names_the_delivery_and_fits_a_nonce() -> None:
    first, second = (
        Delivery(key, "discord", DeliveryKind.CARD, make_draft(), MORNING) for key in ("card:o:1", "card:o:2")
    )
    assert reference(first) != reference(second)
    assert len(reference(first)) <= 25


def test_a_delivery_too_long_for_a_button_gets_none_but_is_told() -> None:
    notice = Delivery("n", "discord", DeliveryKind.NOTICE, Notice("Peut-être publié.", resend="x" * 120), MORNING)
    message = message_of(notice, DEPS)
    assert message.view is None
    assert message.content.startswith("Peut-être publié.")


def test_a_card_without_buttons_has_no_view() -> None:
    assert buttons(about="1:1") is None


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ({"name": "a", "options": []}, {"name": "a", "id": "1"}, True),
        ({"nsfw": False, "dm_permission": True}, {"nsfw": None}, True),
        ({"options": [{"name": "o", "required": True}]}, {"options": [{"name": "o"}]}, False),
        ({"options": [{"name": "o"}]}, {"options": [{"name": "o"}, {"name": "p"}]}, False),
        ({"description": "a"}, {"description": "b"}, False),
        ([{"name": "a"}], [{"name": "a"}, {"name": "b"}], False),
    ],
)
def test_commands_are_compared_by_what_we_say(ours: object, theirs: object, *, same: bool) -> None:
    assert agree(ours, theirs) is same
