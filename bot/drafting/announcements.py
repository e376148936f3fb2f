"""What the bot says of itself and of what it cannot do: it is blind, a source is down, a call names no known place."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.signals import HealthState, Interval
from bot.drafting.english import English
from bot.drafting.french import French

_NAME_CHARS = 40
_TEXTS = {
    "fr": {
        "down": "Source muette : « {source} » ne répond plus depuis {since} ({reason}). Je continue avec les autres.",
        "down_stale": "Source silencieuse : « {source} » {reason}. Elle est peut-être cassée : vérifiez-la.",
        "down_paused": "Source en pause : « {source} » ({reason}). Je continue avec les autres.",
        "back": "Source rétablie : « {source} » répond de nouveau.",
        "deaf": "Je suis aveugle : plus aucune source où le public s'exprime ne répond depuis {since}. "
        "Ma propre connexion est peut-être en cause. D'ici là, mon silence ne veut rien dire.",
        "blind": "Je suis aveugle : plus aucune source ne répond depuis {since}. "
        "Ma propre connexion est peut-être en cause. D'ici là, mon silence ne veut rien dire.",
        "sight": "Je vois de nouveau : au moins une source répond. Ce qui manque est rattrapé là où c'est possible.",
        "returned": "De retour après {span} d'arrêt. Rien n'a été observé {interval}, sauf ce que les sources peuvent "
        "encore raconter.",
        "flood": "Afflux exceptionnel sur {operator} : je ne compte plus qu'une partie des signalements. "
        "À partir de maintenant, mes chiffres sont un minimum.",
        "flood_over": "Fin de l'afflux sur {operator} : {dropped} signalements n'ont pas été comptés.",
        "failed": "Envoi impossible vers « {to} » : {reason}. Il ne sera pas retenté.",
        "unsure": "Publication vers « {to} » : je ne sais pas si elle est partie. Vérifiez le canal ; je ne la "
        "répéterai que si vous le demandez.",
        "operator": "Opérateur inconnu : « {name} ». Connus : {known}.",
        "place": "Lieu inconnu : « {name} ». Donnez une commune, un code postal ou un département.",
    },
    "en": {
        "down": "Source down: “{source}” has not answered since {since} ({reason}). I go on with the others.",
        "down_stale": "Source silent: “{source}” {reason}. It may be broken: have a look.",
        "down_paused": "Source paused: “{source}” ({reason}). I go on with the others.",
        "back": "Source back: “{source}” answers again.",
        "deaf": "I am blind: no source where the public speaks has answered since {since}. "
        "It may be my own connection. Until then my silence means nothing.",
        "blind": "I am blind: no source has answered since {since}. "
        "It may be my own connection. Until then my silence means nothing.",
        "sight": "I can see again: at least one source answers. What was missed is caught up where that is possible.",
        "returned": "Back after {span}. Nothing was observed {interval}, but for what the sources can still tell.",
        "flood": "Exceptional rush about {operator}: I count only part of the reports. "
        "From now on my figures are a minimum.",
        "flood_over": "The rush about {operator} is over: {dropped} reports were not counted.",
        "failed": "Cannot send to “{to}”: {reason}. It will not be tried again.",
        "unsure": "Publication to “{to}”: I cannot tell whether it went out. Look at the channel; I repeat it only "
        "if you ask me to.",
        "operator": "Unknown operator: “{name}”. Known: {known}.",
        "place": "Unknown place: “{name}”. Give a commune, a postal code or a département.",
    },
}


class Announcements:
    """Sentences about the bot itself."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self._texts = _TEXTS[language]
        self._tongue = French if language == "fr" else English
        self._zone = zone

    def trouble(self, kind: str, source: str, since: datetime, reason: str, state: HealthState | None = None) -> str:
        """A source is `down` or `back`, all that hear people are `deaf`, all are `blind`; or there is `sight` again.

        It is said within the day, so undated.
        """
        tongue = self._told(since)
        text = self._texts.get(f"{kind}_{state.value}" if state else kind) or self._texts[kind]
        return self._tongue.finish(text.format(source=source, since=tongue.time(since), reason=reason))

    def returned(self, since: datetime, until: datetime) -> str:
        """The bot was down in this span."""
        tongue = self._told(until)
        hours, minutes = divmod(int((until - since) / timedelta(minutes=1)), 60)
        span = f"{hours} h {minutes:02d}" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
        interval = tongue.interval(Interval(since, until))
        return self._tongue.finish(self._texts["returned"].format(span=span, interval=interval))

    def flood(self, operator: str, dropped: int) -> str:
        """There are more reports than are counted; afterwards, how many were not."""
        text = self._texts["flood_over" if dropped else "flood"]
        return self._tongue.finish(text.format(operator=operator, dropped=f"{dropped:_}".replace("_", "\u202f")))

    def failed(self, to: str, reason: str) -> str:
        """A destination refuses for good."""
        return self._tongue.finish(self._texts["failed"].format(to=to, reason=reason))

    def unsure(self, to: str) -> str:
        """A publication may or may not be out."""
        return self._tongue.finish(self._texts["unsure"].format(to=to))

    def unknown(self, what: str, name: str, known: str = "") -> str:
        """An `operator` or a `place` that an editor typed and that is none."""
        return self._tongue.finish(self._texts[what].format(name=name[:_NAME_CHARS], known=known))

    def _told(self, at: datetime) -> French | English:
        """The language, told on that day."""
        return self._tongue(self._zone, at.astimezone(self._zone).date())
