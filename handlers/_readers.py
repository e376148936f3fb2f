"""What a reader who writes to the newsroom is told: thanks, what was understood, and what may be said of it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.ports import DestinationDeps, ReaderAnswer, Reception, TakingBack, Welcome
from handlers._phrases import typeset
from handlers._services import service_label
from handlers._text import cut, one_line
from handlers._times import clock_time

_TITLE = 200  # of an alert or an entry that is quoted

# French and English by key.
_PHRASES: dict[str, tuple[str, str]] = {
    "welcome": (
        (
            "{newsroom} cherche les pannes avec vous. Écrivez en une phrase quel opérateur, ce qui ne marche pas et "
            "où, par exemple : « plus de mails Orange à Lille ».\n\n"
            "En nous écrivant, vous acceptez que la rédaction compte votre signalement. Ni votre nom ni votre numéro "
            "ne sont gardés ; le texte l’est {days} jours. « Retirer » l’efface, pendant une heure."
        ),
        (
            "{newsroom} looks for outages with you. Write in one sentence which operator, what does not work and "
            "where, for example: “no Orange mail in Lille”.\n\n"
            "By writing you agree that the newsroom counts your report. Neither your name nor your number is kept; "
            "the text is, for {days} days. “Take back” erases it, for an hour."
        ),
    ),
    "counted": ("Merci, c’est noté : {what}.", "Thank you, noted: {what}."),
    "again": ("Merci. Votre signalement est déjà compté : {what}.", "Thank you. You are counted already: {what}."),
    "recovery": (
        "Merci de nous le dire : c’est revenu ({what}).",
        "Thank you for telling us: it works again ({what}).",
    ),
    "recovery_bare": ("Merci de nous le dire : c’est revenu.", "Thank you for telling us: it works again."),
    "old": (
        (
            "Merci. Cela semble durer depuis plus d’un jour ; nous comptons ici les pannes qui commencent. Si c’est "
            "nouveau, écrivez-le : « depuis ce matin »."
        ),
        (
            "Thank you. This seems to have lasted for more than a day; we count outages that begin. If it is new, say "
            "so: “since this morning”."
        ),
    ),
    "unclear": (
        (
            "Nous n’avons pas compris. Quel opérateur, qu’est-ce qui ne marche pas, et où ? En une phrase, par "
            "exemple : « plus de mails Orange à Lille »."
        ),
        (
            "We did not understand. Which operator, what does not work, and where? In one sentence, for example: “no "
            "Orange mail in Lille”."
        ),
    ),
    "failed": (
        "Impossible de le noter pour l’instant. Réessayez dans quelques minutes.",
        "We cannot note it right now. Try again in a few minutes.",
    ),
    "desk": (
        "Vous êtes de la rédaction : ceci n’est pas compté. Pour noter l’appel d’un lecteur, /signaler.",
        "You are of the newsroom: this is not counted. To log a reader’s call, /signaler.",
    ),
    "first": ("C’est le premier signalement que nous recevons.", "It is the first report that we have."),
    "other": (
        "1 autre personne nous l’a signalé à {since}.",
        "1 other person reported it at {since}.",
    ),
    "others": (
        "{n} autres personnes nous l’ont signalé depuis {since}.",
        "{n} other people have reported it since {since}.",
    ),
    "checking": ("La rédaction vérifie.", "The newsroom is checking."),
    "statement": ("{operator} indique ({time}) : « {title} ».", "{operator} says ({time}): “{title}”."),
    "published": ("Notre alerte : « {title} ».", "Our alert: “{title}”."),
    "published_bare": ("La rédaction a publié une alerte.", "The newsroom has published an alert."),
    "kept": ("Texte gardé {days} jours, sans votre nom.", "The text is kept for {days} days, without your name."),
    "back": ("Retirer", "Take back"),
    "back_done": ("Retiré : votre signalement est effacé.", "Taken back: your report is erased."),
    "back_already": ("Il n’y a plus rien à retirer.", "There is nothing left to take back."),
    "back_late": (
        "Trop tard pour le retirer du décompte. Le texte sera effacé au bout de {days} jours.",
        "Too late to take it out of the count. The text will be erased after {days} days.",
    ),
    "back_unknown": ("Ce message n’est pas à vous, ou n’est plus connu.", "This is not yours, or not known any more."),
}


def reader_say(language: str, key: str, **values: object) -> str:
    """The phrase of that key in `fr` or `en`."""
    return typeset(_PHRASES[key][language != "fr"], language).format(**values)


def welcome_text(terms: Welcome, deps: DestinationDeps) -> str:
    """What one should know before writing; below 512 characters, for Telegram's description of a bot."""
    return reader_say(deps.language, "welcome", newsroom=cut(one_line(deps.newsroom), 60), days=terms.keep_days)


def may_take_back(answer: ReaderAnswer) -> bool:
    """Whether something was kept that can be taken back."""
    return answer.kind in {Reception.COUNTED, Reception.RECOVERY}


def taken_back_text(outcome: TakingBack, terms: Welcome | None, language: str) -> str:
    """What became of the wish to take it back."""
    return reader_say(language, f"back_{outcome.value}", days=terms.keep_days if terms else 30)


def answer_text(answer: ReaderAnswer, deps: DestinationDeps) -> str:
    """The answer to a reader's message, in a few short sentences."""
    language, zone, now = deps.language, deps.zone, deps.clock.now()
    what = ", ".join(
        [
            *([one_line(answer.operator)] if answer.operator else []),
            *(service_label(service, language) for service in answer.services),
            *(place.name.replace("'", "’") for place in answer.places),
        ]
    )
    if answer.kind in {Reception.OLD, Reception.UNCLEAR}:
        return reader_say(language, answer.kind.value)
    key = "recovery_bare" if answer.kind is Reception.RECOVERY and not what else answer.kind.value
    lines = [reader_say(language, key, what=what)]
    if answer.kind is not Reception.RECOVERY:
        lines.append(_known(answer, language, zone, now))
    if answer.kind is Reception.COUNTED:
        lines.append(reader_say(language, "kept", days=answer.keep_days))
    return "\n".join(lines)


def _known(answer: ReaderAnswer, language: str, zone: ZoneInfo, now: datetime) -> str:
    """How many others, what the operator says, what we have published; a guess of ours is not among it."""

    def time(when: datetime) -> str:
        return clock_time(when, language=language, zone=zone, now=now)

    known = []
    if answer.others and answer.since:
        key = "other" if answer.others == 1 else "others"
        known.append(reader_say(language, key, n=answer.others, since=time(answer.since)))
    elif answer.kind is Reception.COUNTED:
        known.append(reader_say(language, "first"))
    if said := answer.statement:
        title, at = cut(one_line(said.title), _TITLE), time(said.published_at)
        known.append(reader_say(language, "statement", operator=one_line(answer.operator), time=at, title=title))
    if answer.published is None:
        known.append(reader_say(language, "checking"))
    else:
        key = "published" if answer.published else "published_bare"
        known.append(reader_say(language, key, title=cut(one_line(answer.published), _TITLE)))
    return " ".join(known)
