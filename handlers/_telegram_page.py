"""Cards as Telegram shows them: HTML that cannot break, within its limits, with buttons that need no memory."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from handlers._cards import Card, cut, utf16_len

LIMIT = 4096  # UTF-16 units after the markup is read
_BODY_MIN = 400
_DATA_LIMIT_BYTES = 64
_HANDLE = re.compile(r"(?<!\w)@(?=\w)")


@dataclass(frozen=True, slots=True)
class Page:
    """A message's text twice: as HTML, and plain for when Telegram cannot read our HTML."""

    plain: str = ""
    html: str = ""

    @classmethod
    def of(cls, text: str, tag: str = "", href: str = "") -> Self:
        """Text from anywhere: escaped, and inert."""
        text = inert(text)
        escaped = html.escape(text, quote=False)
        if href:
            return cls(f"{text} ({href})", f'<a href="{html.escape(href)}">{escaped}</a>')
        return cls(text, f"<{tag}>{escaped}</{tag}>" if tag and text else escaped)

    def __add__(self, other: "Page") -> "Page":
        return Page(self.plain + other.plain, self.html + other.html)


def inert(text: str) -> str:
    """Text whose @names ring nobody's bell: an invisible joiner after the sign; e-mail addresses stay as they are."""
    return _HANDLE.sub("@\u2060", text)


def joined(pages: Iterable[Page], separator: str) -> Page:
    """All pages that say something, with the separator between them."""
    total = Page()
    for page in pages:
        if page.plain:
            total = total + Page(separator, separator) + page if total.plain else page
    return total


def card_page(card: Card, label: str = "") -> Page:
    """A whole card; what does not fit is taken from the body first, then from the last facts."""
    facts, rest = list(card.facts), _laid_out(card, "", len(card.facts), label)
    while facts and utf16_len(rest.plain) + min(_BODY_MIN, utf16_len(card.body)) > LIMIT - 2:
        facts.pop()
        rest = _laid_out(card, "", len(facts), label)
    body = cut(inert(card.body), LIMIT - 2 - utf16_len(rest.plain))
    return _laid_out(card, body, len(facts), label)


def _laid_out(card: Card, body: str, facts: int, label: str) -> Page:
    head = joined((Page.of(label, "i"), Page.of(cut(card.badge, 200)), Page.of(cut(card.title, 300), "b")), "\n")
    lines = [Page.of(fact.label, "b") + Page.of(f" {cut(fact.value, 400)}") for fact in card.facts[:facts]]
    links = joined((Page.of(cut(link.label, 80), href=link.url) for link in card.links), " · ")
    return joined((head, Page.of(body), joined(lines, "\n"), links, Page.of(cut(card.footer, 200), "i")), "\n\n")


def alert_page(title: str, text: str) -> Page:
    """An alert as the public reads it."""
    head = Page.of(cut(title, 300), "b")
    return joined((head, Page.of(cut(inert(text), LIMIT - 2 - utf16_len(head.plain)))), "\n\n")


def text_page(text: str, tag: str = "") -> Page:
    """Words alone, cut to the limit."""
    return Page.of(cut(inert(text), LIMIT), tag)


def card_keyboard(card: Card, number: int, revision: int) -> InlineKeyboardMarkup | None:
    """The card's buttons; what they mean is in their data, so they work after any restart."""
    return keyboard((button.label, f"{button.action.value}:{number}:{revision}") for button in card.buttons)


def keyboard(buttons: Iterable[tuple[str, str]]) -> InlineKeyboardMarkup | None:
    """One row of (label, data); data too long for Telegram has no button."""
    row = [
        InlineKeyboardButton(label, callback_data=data)
        for label, data in buttons
        if len(data.encode()) <= _DATA_LIMIT_BYTES
    ]
    return InlineKeyboardMarkup([row]) if row else None
