"""What `vigie check` asks of Discord, and what to do when the answer is no; reads only, unless told to send."""

import discord

from bot.errors import HandlerError, TargetError
from bot.ports import Check, DestinationDeps
from handlers._discord_message import Message
from handlers._discord_room import Access, Room

# step: (French name, English name, French remedy, English remedy)
_STEPS = {
    "bot": (
        "bot",
        "bot",
        "vérifier le jeton : portail développeur, page « Bot », « Reset Token »",
        "check the token: developer portal, “Bot” page, “Reset Token”",
    ),
    "guild": (
        "serveur",
        "guild",
        "inviter le bot sur le serveur, ou corriger `guild` (/id le donne)",
        "invite the bot to the server, or correct `guild` (/id tells it)",
    ),
    "channel": (
        "salon",
        "channel",
        "corriger `channel` (/id le donne), ou ouvrir le salon au bot",
        "correct `channel` (/id tells it), or let the bot see the channel",
    ),
    "permissions": (
        "droits",
        "permissions",
        "donner ces droits au bot dans le salon",
        "grant the bot these permissions in the channel",
    ),
    "roles": (
        "rôles d’édition",
        "editor roles",
        "corriger `editor_roles` : clic droit sur le rôle, « Copier l’identifiant »",
        "correct `editor_roles`: right-click the role, “Copy Role ID”",
    ),
    "commands": (
        "commandes",
        "commands",
        "inviter de nouveau le bot avec la portée applications.commands",
        "invite the bot again with the applications.commands scope",
    ),
    "readers": (
        "salon des lecteurs",
        "readers’ channel",
        (
            "corriger `readers_channel`, y donner au bot les mêmes droits, et activer « Message Content Intent » "
            "(portail développeur, page « Bot »)"
        ),
        (
            "correct `readers_channel`, grant the bot the same permissions there, and switch on “Message Content "
            "Intent” (developer portal, “Bot” page)"
        ),
    ),
    "send": ("envoi", "sending", "voir les droits du bot dans le salon", "see the bot's permissions in the channel"),
}
# permission: its name in Discord's French and English settings
_NEEDED = {
    "view_channel": ("Voir le salon", "View Channel"),
    "send_messages": ("Envoyer des messages", "Send Messages"),
    "embed_links": ("Intégrer des liens", "Embed Links"),
    "read_message_history": ("Voir les anciens messages", "Read Message History"),
}


async def check_room(
    room: Room, access: Access, deps: DestinationDeps, *, editor_roles: tuple[int, ...] | None, send: bool
) -> list[Check]:
    """One row a step, up to the first that cannot be done.

    Args:
        editor_roles: None for a target: nobody decides there, and it has no commands.
    """
    french = deps.language == "fr"
    rows: list[Check] = []
    step = "bot"

    def add(detail: str, *, ok: bool = True) -> None:
        name, remedy = _STEPS[step][not french], _STEPS[step][2 + (not french)]
        rows.append(Check(name, ok=ok, detail=detail, remedy="" if ok else remedy))

    try:
        client = await room.open()
        add(str(client.user))
        step = "guild"
        async with room.calling(step):
            guild = await client.fetch_guild(access.guild, with_counts=False)
        add(guild.name)
        step = "channel"
        async with room.calling(step):
            channel = next((c for c in await guild.fetch_channels() if c.id == access.channel), None)
        if channel is None:
            add("absent du serveur" if french else "not in the guild", ok=False)
            return rows
        add(f"#{channel.name}")
        step = "permissions"
        async with room.calling(step):
            may = channel.permissions_for(await guild.fetch_member(client.user.id if client.user else 0))
        missing = [names[not french] for name, names in _NEEDED.items() if not getattr(may, name)]
        lacking = ("manquent : " if french else "missing: ") + ", ".join(missing)
        add(lacking if missing else "lire et écrire" if french else "read and write", ok=not missing)
        if editor_roles is not None:
            step = "roles"
            found = [(number, guild.get_role(number)) for number in editor_roles]
            add(", ".join(role.name if role else f"{number} ?" for number, role in found), ok=all(r for _, r in found))
            step = "commands"
            async with room.calling(step):
                known = await client.http.get_guild_commands(client.application_id or 0, guild.id)
            add(f"{len(known)} installées" if french else f"{len(known)} installed")
        if send:
            step = "send"
            text = "Essai de la vigie : ce message prouve qu’elle peut écrire ici."
            add(await room.post(Message(text if french else "A test: this proves that the bot can write here.")))
    except (HandlerError, TargetError) as error:
        add(error.reason, ok=False)
    except discord.DiscordException as error:  # what the library finds in its answers, not in the network
        add(type(error).__name__, ok=False)
    return rows


async def check_readers(room: Room, access: Access, number: int, deps: DestinationDeps) -> Check:
    """Whether the bot can see, read and answer in the readers' channel."""
    french = deps.language == "fr"
    name, remedy = _STEPS["readers"][not french], _STEPS["readers"][2 + (not french)]
    try:
        client = await room.open()
        async with room.calling("readers"):
            guild = await client.fetch_guild(access.guild, with_counts=False)
            channel = next((c for c in await guild.fetch_channels() if c.id == number), None)
            me = await guild.fetch_member(client.user.id if client.user else 0)
        missing = []
        if channel is None:
            missing.append("absent du serveur" if french else "not in the guild")
        else:
            may = channel.permissions_for(me)
            missing += [names[not french] for key, names in _NEEDED.items() if not getattr(may, key)]
        flags = client.application.flags if client.application else None
        if flags is None or not (flags.gateway_message_content or flags.gateway_message_content_limited):
            missing.append("Message Content Intent")
    except (HandlerError, TargetError) as error:
        return Check(name, ok=False, detail=error.reason, remedy=remedy)
    lacking = ("manquent : " if french else "missing: ") + ", ".join(missing)
    detail = lacking if missing else f"#{channel.name}" if channel else ""
    return Check(name, ok=not missing, detail=detail, remedy=remedy if missing else "")
