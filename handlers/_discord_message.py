"""How a card becomes a Discord message: inert whatever it says, within the platform's limits, with its buttons."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol, cast

import discord

from bot.domain.deliveries import Alert, Delivery, Notice
from bot.domain.incidents import Draft
from bot.ports import DestinationDeps
from handlers._cards import Card, cut, draft_card, notice_text, one_line, plain, say, utf16_len

CONTENT, DESCRIPTION, TITLE = 2000, 4096, 256
_FOOTER = 200  # the limit is 2048; title, description and footer together stay below an embed's 6000
_BODY = 2800  # what of the description the text may take, so that the facts below it always have room
_CUSTOM_ID = 100
_NAME = 60  # of an editor, as the others read it

_COLOURS = {"🟠": 0xE67E22, "🔴": 0xE74C3C, "🟡": 0xF1C40F, "🟢": 0x2ECC71, "✅": 0x2ECC71}
_STYLES = {
    "approve": discord.ButtonStyle.success,
    "confirm": discord.ButtonStyle.success,
    "dismiss": discord.ButtonStyle.danger,
}

# An address is left alone: within one Discord reads no markdown, and a backslash would break it.
_ADDRESS = r"https?://[^\s<>\\\[\]()`|@]+"
_SPECIAL = re.compile(rf"(?P<address>{_ADDRESS})|(?P<special>[\\*_~|`<>@\[\]#]|^[ ]*[-+](?=\s))", re.MULTILINE)
_ESCAPED = re.compile(rf"(?P<address>{_ADDRESS})|\\(?P<special>[\\*_~|`<>@\[\]#]|[ ]*[-+])")


class Pressed(Protocol):
    """The client that takes presses."""

    async def pressed(self, interaction: discord.Interaction[Any], what: str, about: str) -> None:
        """Somebody pressed the button `what` about `about` (see `button`)."""
        ...


class Press(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template="vigie:(?P<what>[a-z]+):(?P<about>.+)"
):
    """A button whose meaning is all in its custom id, so that it works after a restart."""

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "Press":
        """The pressed button again."""
        del interaction, match
        return cls(cast("discord.ui.Button[discord.ui.View]", item))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the press to the client."""
        _, what, about = self.custom_id.split(":", 2)
        await cast("Pressed", interaction.client).pressed(interaction, what, about)


@dataclass(frozen=True, slots=True)
class Message:
    """What to send or to change a message into."""

    content: str = ""
    embed: discord.Embed | None = None
    view: discord.ui.View | None = None


def escape(text: str) -> str:
    """The text as Discord shows it verbatim: no markdown, no mention, no masked link; `unescape` gives it back."""
    return _SPECIAL.sub(lambda m: m["address"] or "\\" + m["special"], text)


def unescape(text: str) -> str:
    """What `escape` was given."""
    return _ESCAPED.sub(lambda m: m["address"] or m["special"], text)


def fitted(text: str, limit: int) -> str:
    """The text, escaped, in at most `limit` UTF-16 units; cut at a sentence where it must be."""
    room = limit
    while utf16_len(done := escape(cut(text, room))) > limit:
        room -= max(1, (utf16_len(done) - limit) // 2)
    return done


def reference(delivery: Delivery) -> str:
    """A short name for a delivery: its nonce, and what a repeat is recognised by among our own messages."""
    return blake2b(delivery.id.encode(), digest_size=8).hexdigest()


def buttons(*pairs: tuple[str, str], about: str) -> discord.ui.View | None:
    """Buttons of (what, label) about one thing (`number:revision`, or a delivery); None if Discord has no room."""
    view = discord.ui.View(timeout=None)
    for what, label in pairs:
        custom_id = f"vigie:{what}:{about}"
        if utf16_len(custom_id) > _CUSTOM_ID:
            return None
        style = _STYLES.get(what, discord.ButtonStyle.secondary)
        view.add_item(Press(discord.ui.Button(label=label, style=style, custom_id=custom_id)))
    return view if pairs else None


def embed_of(card: Card, *, footer: str = "") -> discord.Embed:
    """A card; where there is too much of it, links go first, then facts, last the end of the text."""
    embed = discord.Embed(title=fitted(card.title, TITLE), colour=_COLOURS.get(card.badge[:1]))
    facts = [f"**{escape(fact.label)}** {escape(fact.value)}" for fact in card.facts]
    links = [f"[{escape(link.label)}]({link.url.replace('(', '%28').replace(')', '%29')})" for link in card.links]
    text = fitted(card.body, _BODY if facts or links else DESCRIPTION)
    for parts, within in ((facts, "\n"), (links, " · ")):
        gap = "\n\n" if text else ""
        for part in parts:
            if utf16_len(text + gap + part) <= DESCRIPTION:
                text, gap = text + gap + part, within
    embed.description = text
    if foot := " · ".join(part for part in (card.footer, footer) if part):
        embed.set_footer(text=cut(foot, _FOOTER))
    return embed


def draft_message(draft: Draft, deps: DestinationDeps, *, footer: str = "") -> Message:
    """The live card of an incident."""
    card = draft_card(draft, language=deps.language, zone=deps.zone)
    about = f"{draft.incident.number}:{draft.revision}"
    view = buttons(*((button.action.value, button.label) for button in card.buttons), about=about)
    return Message(fitted(card.badge, CONTENT), embed_of(card, footer=footer), view)


def message_of(delivery: Delivery, deps: DestinationDeps) -> Message:
    """What a delivery says; the reference stands small at its foot."""
    ref, payload = reference(delivery), delivery.payload
    if isinstance(payload, Draft):
        return draft_message(payload, deps, footer=ref)
    if isinstance(payload, Alert):
        card = Card(title=one_line(payload.title), body=plain(payload.text), footer=one_line(deps.newsroom))
        return Message(embed=embed_of(card, footer=ref))
    return _notice(payload, ref, deps)


def _notice(notice: Notice, ref: str, deps: DestinationDeps) -> Message:
    foot = f"\n-# {ref}"  # small print; a notice is plain text, so that a telephone's banner shows it
    view = buttons(("resend", say(deps.language, "resend")), about=notice.resend) if notice.resend else None
    return Message(fitted(notice_text(notice), CONTENT - len(foot)) + foot, view=view)


def name_of(interaction: discord.Interaction[Any]) -> str:
    """How the others are told who it was."""
    return cut(one_line(interaction.user.display_name), _NAME) or str(interaction.user.id)


def shown(message: Message) -> dict[str, Any]:
    """A message as arguments of the library, which tells absent from None."""
    parts = {"content": message.content, "embed": message.embed, "view": message.view}
    return {name: part for name, part in parts.items() if part is not None}


async def tell(interaction: discord.Interaction[Any], message: Message) -> None:
    """Answer in private, or fill in (or change) the answer that is there."""
    if not interaction.response.is_done():
        await interaction.response.send_message(ephemeral=True, **shown(message))
        return
    embeds = [message.embed] if message.embed else []
    await interaction.edit_original_response(content=message.content, embeds=embeds, view=message.view)
