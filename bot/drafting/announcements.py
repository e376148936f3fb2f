"""What the bot says of itself, in the newsroom's language: it is blind, a source is down, a publication failed."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_TEXTS = {
    "fr": {
        "down": "Source muette : « {source} » ne répond plus depuis {since} ({reason}). Je continue avec les autres.",
        "back": "Source rétablie : « {source} » répond de nouveau.",
        "blind": "Je suis aveugle : plus aucune source ne répond depuis {since}. Ma propre connexion est peut-être "
        "en cause. D'ici là, mon silence ne veut rien dire.",
        "sight": "Je vois de nouveau : au moins une source répond. Ce qui manque est rattrapé là où c'est possible.",
        "returned": "De retour après {hours} d'arrêt. Rien n'a été observé entre {since} et {until}, sauf ce que les "
        "sources peuvent encore raconter.",
        "failed": "Envoi impossible vers « {to} » : {reason}. Il ne sera pas retenté.",
        "unsure": "Publication vers « {to} » : je ne sais pas si elle est partie. Vérifiez le canal ; je ne la "
        "répéterai que si vous le demandez.",
        "hour": "{local.hour} h {local:%M}",
    },
    "en": {
        "down": "Source down: “{source}” has not answered since {since} ({reason}). I go on with the others.",
        "back": "Source back: “{source}” answers again.",
        "blind": "I am blind: no source has answered since {since}. It may be my own connection. Until then my silence "
        "means nothing.",
        "sight": "I can see again: at least one source answers. What was missed is caught up where that is possible.",
        "returned": "Back after {hours}. Nothing was observed between {since} and {until}, but for what the sources "
        "can still tell.",
        "failed": "Cannot send to “{to}”: {reason}. It will not be tried again.",
        "unsure": "Publication to “{to}”: I cannot tell whether it went out. Look at the channel; I repeat it only "
        "if you ask me to.",
        "hour": "{local:%H:%M}",
    },
}


class Announcements:
    """Sentences about the bot itself."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self._texts = _TEXTS[language]
        self._zone = zone

    def trouble(self, kind: str, source: str, since: datetime, reason: str) -> str:
        """A source is `down` or `back`, or all of them: `blind`, `sight`."""
        return self._texts[kind].format(source=source, since=self._hour(since), reason=reason)

    def returned(self, since: datetime, until: datetime) -> str:
        """The bot was down in this span."""
        minutes = int((until - since) / timedelta(minutes=1))
        hours = f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes // 60} h {minutes % 60:02d}"
        return self._texts["returned"].format(hours=hours, since=self._hour(since), until=self._hour(until))

    def failed(self, to: str, reason: str) -> str:
        """A destination refuses for good."""
        return self._texts["failed"].format(to=to, reason=reason)

    def unsure(self, to: str) -> str:
        """A publication may or may not be out."""
        return self._texts["unsure"].format(to=to)

    def _hour(self, at: datetime) -> str:
        return self._texts["hour"].format(local=at.astimezone(self._zone))
