"""What `vigie check` tells about a Telegram chat: who we are there, what we may do, and what to do about it."""

from telegram import ChatMember, ChatMemberAdministrator, ChatMemberRestricted

from bot.errors import DeliveryError
from bot.ports import Check
from handlers._telegram_page import text_page
from handlers._telegram_room import Room

_TEST = ("Essai de Vigie : ce salon reçoit bien ses messages.", "A test by Vigie: this room gets its messages.")


async def check_room(room: Room, *, publish: bool, send: bool, language: str) -> list[Check]:
    """Account, chat and rights, each as far as the one before allows; posts a test message only on `send`.

    Args:
        publish: The chat is a public channel: the bot must be an administrator who may post and edit there.
    """
    rows: list[Check] = []
    what, remedy = "account", "copy the token again from @BotFather, and see that api_base_url can be reached"
    try:
        await room.api.open()
        rows.append(Check(what, ok=True, detail=f"@{room.api.bot.username}"))
        what, remedy = "chat", "add the bot to the chat, and set `chat` to the number that /id answers there"
        chat = await room.look()
        rows.append(Check(what, ok=True, detail=f"{chat.title or chat.username or chat.id} ({chat.type})"))
        await room.open()
        what, remedy = "rights", "make the bot an administrator who may post and edit messages"
        rows.append(_rights(await room.myself(), publish=publish, remedy=remedy))
        if send and rows[-1].ok:
            what = "message"
            words = _TEST[language != "fr"]
            sent = await room.post(text_page(words))
            await room.change(int(sent.partition(":")[2]), text_page(f"{words} ✓"))
            rows.append(Check(what, ok=True, detail="sent and edited"))
    except DeliveryError as error:
        rows.append(Check(what, ok=False, detail=error.reason, remedy=remedy))
    return rows


def _rights(me: ChatMember, *, publish: bool, remedy: str) -> Check:
    if publish:
        ok = isinstance(me, ChatMemberAdministrator) and bool(me.can_post_messages and me.can_edit_messages)
    elif isinstance(me, ChatMemberRestricted):
        ok = me.can_send_messages
    else:
        ok = me.status not in {ChatMember.LEFT, ChatMember.BANNED}
    return Check("rights", ok=ok, detail=str(me.status), remedy="" if ok else remedy)
