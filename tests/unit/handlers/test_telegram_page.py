from hypothesis import given
from hypothesis import strategies as st

from bot.domain.incidents import Action
from handlers._cards import Button, Card, Fact, Link
from handlers._telegram_page import alert_page, card_keyboard, card_page, keyboard, text_page
from tests.emulators.telegram_html import mentions, parse, utf16

ANY = st.text(max_size=400)
LONG = st.builds(lambda text, times: text * times, st.text(max_size=60), st.integers(1, 300))


@given(
    st.builds(
        Card,
        title=LONG,
        badge=LONG,
        body=LONG,
        facts=st.lists(st.builds(Fact, ANY, LONG), max_size=30).map(tuple),
        links=st.lists(st.builds(Link, ANY, ANY.map("https://x.example/".__add__)), max_size=6).map(tuple),
        footer=LONG,
    )
)
def test_any_card_is_readable_html_within_the_limit_and_rings_nobody(card: Card) -> None:
    page = card_page(card, "🔁 envoi répété")
    text, _ = parse(page.html)
    assert 0 < utf16(text) <= 4096
    assert utf16(page.plain) <= 4096
    assert mentions(text) == mentions(page.plain) == []


@given(LONG, LONG)
def test_any_text_and_any_alert_fit(title: str, text: str) -> None:
    for page in (text_page(text), alert_page(title, text)):
        parsed, _ = parse(page.html)
        assert parsed == page.plain.strip()
        assert utf16(parsed) <= 4096


def test_a_card_is_laid_out_in_reading_order() -> None:
    card = Card(
        title="Orange : la messagerie",
        badge="🟠 À DÉCIDER",
        body="De Lille à Dax.",
        facts=(Fact("Signalements", "24 < 30"), Fact("Lieux", "Lille 9")),
        links=(Link("bluesky · 8 h 05", "https://x.example/?a=1&b=2"),),
        footer="N° 1",
    )
    assert card_page(card).html == (
        "🟠 À DÉCIDER\n<b>Orange : la messagerie</b>\n\nDe Lille à Dax.\n\n"
        "<b>Signalements</b> 24 &lt; 30\n<b>Lieux</b> Lille 9\n\n"
        '<a href="https://x.example/?a=1&amp;b=2">bluesky · 8 h 05</a>\n\n<i>N° 1</i>'
    )


def test_the_body_is_kept_readable_when_facts_are_too_many() -> None:
    card = Card("T", body="Une phrase. " * 500, facts=tuple(Fact(f"F{n}", "x" * 400) for n in range(30)), footer="fin")
    page = card_page(card)
    assert page.plain.count("Une phrase.") > 20
    assert "F0" in page.plain
    assert page.plain.endswith("fin")


def test_buttons_carry_all_they_need_and_none_is_too_long_for_telegram() -> None:
    card = Card("T", buttons=(Button(Action.APPROVE, "Approuver"),))
    markup = card_keyboard(card, 123456789, 1234)
    assert markup is not None
    assert markup.inline_keyboard[0][0].callback_data == "approve:123456789:1234"
    assert keyboard([("Encore", "r:" + "é" * 32)]) is None
    assert keyboard([]) is None
