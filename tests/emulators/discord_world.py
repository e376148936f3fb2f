"""What the emulated Discord holds: one guild, its people, channels and messages, and how they read on the wire."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.clock import SystemClock

Json = dict[str, Any]

_EPOCH_MS = 1_420_070_400_000
VIEW, SEND, EMBED, HISTORY = 1 << 10, 1 << 11, 1 << 14, 1 << 16
EVERYTHING_NEEDED = VIEW | SEND | EMBED | HISTORY
EPHEMERAL = 64
MESSAGE_CONTENT = 1 << 15  # as an intent


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the guild."""

    id: int
    name: str
    roles: tuple[int, ...] = ()


@dataclass(slots=True)
class World:
    """One guild as Discord knows it.

    Attributes:
        channels: Channel id to its messages by id, oldest first.
        commands: The application's commands in the guild, as stored.
        permissions: What the bot's role allows.
        privileged: Intents that are switched on in the developer portal.
        nonces: (channel, nonce) to the message that was first sent with it.
    """

    token: str
    guild: int
    editor_role: int
    application: int = 710_000_000_000_000_001
    channels: dict[int, dict[int, Json]] = field(default_factory=dict)
    commands: list[Json] = field(default_factory=list)
    permissions: int = EVERYTHING_NEEDED
    privileged: int = 0
    nonces: dict[tuple[int, str], Json] = field(default_factory=dict)
    _counter: "itertools.count[int]" = field(default_factory=itertools.count)

    def now(self) -> datetime:
        return SystemClock().now()

    def snowflake(self) -> int:
        """A new id; ids grow with time, as Discord's do."""
        return (int(self.now().timestamp() * 1000) - _EPOCH_MS << 22) | next(self._counter) & 0x3FFFFF

    @property
    def flags(self) -> int:
        """The application's: whether Message Content Intent is on, for a bot in few guilds."""
        return 1 << 19 if self.privileged & MESSAGE_CONTENT else 0

    @property
    def bot(self) -> Person:
        return Person(self.application, "vigie", (self.application + 1,))

    def user(self, person: Person) -> Json:
        user: Json = {
            "id": str(person.id),
            "username": person.name,
            "discriminator": "0",
            "global_name": person.name.title(),
            "avatar": None,
            "public_flags": 0,
        }
        return user | {"bot": True} if person.id == self.application else user

    def member(self, person: Person) -> Json:
        return {
            "user": self.user(person),
            "roles": [str(role) for role in person.roles],
            "joined_at": "2023-01-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
            "flags": 0,
            "nick": None,
        }

    def role(self, number: int, name: str, permissions: int = 0) -> Json:
        return {
            "id": str(number),
            "name": name,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "position": 0,
            "permissions": str(permissions),
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }

    def channel(self, number: int) -> Json:
        return {
            "id": str(number),
            "type": 0,
            "guild_id": str(self.guild),
            "name": f"channel-{number % 1000}",
            "position": 0,
            "permission_overwrites": [],
            "nsfw": False,
            "parent_id": None,
            "topic": None,
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "flags": 0,
        }

    def guild_payload(self, *, whole: bool) -> Json:
        """The guild as REST gives it, or whole as GUILD_CREATE does."""
        guild: Json = {
            "id": str(self.guild),
            "name": "Rédaction",
            "owner_id": "1",
            "roles": [
                self.role(self.guild, "@everyone"),
                self.role(self.editor_role, "édition"),
                self.role(self.application + 1, "vigie", self.permissions),
            ],
            "emojis": [],
            "stickers": [],
            "features": [],
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "preferred_locale": "fr",
            "system_channel_flags": 0,
            "afk_timeout": 300,
            "icon": None,
            "premium_progress_bar_enabled": False,
        }
        if whole:
            guild |= {
                "channels": [self.channel(number) for number in self.channels],
                "members": [self.member(self.bot)],
                "member_count": 2,
                "threads": [],
                "voice_states": [],
                "presences": [],
                "stage_instances": [],
                "guild_scheduled_events": [],
                "soundboard_sounds": [],
                "joined_at": "2023-01-01T00:00:00+00:00",
                "large": False,
                "unavailable": False,
            }
        return guild

    def message(
        self, channel: int, body: Json, *, flags: int = 0, type_: int = 0, author: Person | None = None
    ) -> Json:
        """A message of the bot's (or somebody else's), not yet stored."""
        return {
            "id": str(self.snowflake()),
            "type": type_,
            "channel_id": str(channel),
            "author": self.user(author or self.bot),
            "content": body.get("content") or "",
            "embeds": [{"type": "rich", **embed} for embed in body.get("embeds") or []],
            "components": body.get("components") or [],
            "attachments": [],
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "pinned": False,
            "tts": False,
            "timestamp": self.now().isoformat(),
            "edited_timestamp": None,
            "flags": flags,
            "application_id": str(self.application),
        }

    def application_payload(self) -> Json:
        return {
            "id": str(self.application),
            "name": "vigie",
            "icon": None,
            "description": "",
            "bot_public": False,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": self.flags,
            "owner": self.user(Person(1, "owner")),
            "team": None,
            "rpc_origins": [],
            "interactions_endpoint_url": None,
            "hook": True,
        }
