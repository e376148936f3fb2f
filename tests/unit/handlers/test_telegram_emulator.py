"""The emulator refuses what Telegram refuses: otherwise the tests that stand on it prove nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, TelegramError

from tests.emulators.telegram import TelegramEmulator, User
from tests.emulators.telegram_html import ParseError, parse

ROOM = -1001


@asynccontextmanager
async def world(token: str | None = None) -> AsyncIterator[tuple[TelegramEmulator, Bot]]:
    async with TelegramEmulator() as tg:
        tg.group(ROOM)
        async with Bot(token or tg.token, base_url=f"{tg.base_url}/bot") as bot:
            yield tg, bot


@pytest.mark.parametrize(
    "markup", ["a < b", "<x>a</x>", "<b>a", "a</b>", "<b><i>a</b></i>", "<b", "<script>a</script>"]
)
def test_html_that_telegram_cannot_parse_is_refused(markup: str) -> None:
    with pytest.raises(ParseError):
        parse(markup)


def test_html_is_read_into_text_and_entities() -> None:
    text, entities = parse('  🧑 <b>a &amp; &lt;b&gt;</b> <a href="https://x.example/?a=1&amp;b">là</a> ')
    assert text == "🧑 a & <b> là"
    assert entities == [
        {"type": "bold", "offset": 3, "length": 7},
        {"type": "text_link", "offset": 11, "length": 2, "url": "https://x.example/?a=1&b"},
    ]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda bot: bot.send_message(ROOM, "<b>a", parse_mode="HTML"), BadRequest, "can't parse entities"),
        (lambda bot: bot.send_message(ROOM, "🧑" * 2049), BadRequest, "too long"),
        (lambda bot: bot.send_message(ROOM, "  "), BadRequest, "empty"),
        (lambda bot: bot.send_message(-5, "a"), BadRequest, "chat not found"),
        (lambda bot: bot.send_message(ROOM, "a", reply_parameters=ReplyParameters(9)), BadRequest, "not found"),
        (
            lambda bot: bot.send_message(
                ROOM, "a", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("b", callback_data="é" * 33)]])
            ),
            BadRequest,
            "button_data_invalid",
        ),
        (lambda bot: bot.send_photo(ROOM, "file", caption="a" * 1025), BadRequest, "caption is too long"),
        (lambda bot: bot.edit_message_text("a", ROOM, 9), BadRequest, "to edit not found"),
        (lambda bot: bot.answer_callback_query("9"), BadRequest, "too old"),
        (lambda bot: bot.copy_message(ROOM, ROOM, 9), BadRequest, "to copy not found"),
    ],
)
async def test_what_breaks_a_rule_is_refused(
    call: Callable[[Bot], Awaitable[object]], error: type[TelegramError], words: str
) -> None:
    async with world() as (_, bot):
        with pytest.raises(error, match=f"(?i){words}"):
            await call(bot)


async def test_messages_can_be_edited_copied_pinned_and_deleted() -> None:
    async with world() as (tg, bot):
        sent = await bot.send_message(ROOM, "12")
        assert sent.text == "12"
        with pytest.raises(BadRequest, match="not modified"):
            await sent.edit_text("12")
        await sent.edit_text("13")
        await bot.send_photo(ROOM, "file", caption="légende")
        await bot.edit_message_caption(ROOM, tg.messages(ROOM)[1].id, caption="autre")
        await bot.copy_message(ROOM, ROOM, sent.message_id)
        await bot.pin_chat_message(ROOM, sent.message_id)
        await bot.delete_message(ROOM, tg.messages(ROOM)[1].id)
        assert [(m.text, m.pinned) for m in tg.messages(ROOM)] == [("13", True), ("13", False)]


async def test_updates_stay_until_they_are_confirmed() -> None:
    async with world() as (tg, bot):
        tg.group(ROOM, members=[User(1, "A")])
        tg.say(ROOM, User(1, "A"), "a")
        tg.say(ROOM, User(1, "A"), "b")
        first, second = await bot.get_updates()
        assert await bot.get_updates(offset=first.update_id + 1) == (second,)
        assert await bot.get_updates(offset=second.update_id + 1) == ()


async def test_moved_left_and_foreign_rooms() -> None:
    async with world() as (tg, bot):
        tg.migrate(ROOM, -1002)
        with pytest.raises(ChatMigrated):
            await bot.send_message(ROOM, "a")
        tg.group(ROOM).bot = "kicked"
        with pytest.raises(Forbidden):
            await bot.send_message(ROOM, "a")
    with pytest.raises(InvalidToken):
        async with world("1:wrong"):
            pass


async def test_an_unknown_method_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="not emulated"):  # noqa: PT012 - the failure is in leaving the block
        async with world() as (_, bot):
            with pytest.raises(TelegramError):
                await bot.send_dice(ROOM)
