"""Reads an operator's state from its own words, French or English, for channels that give none in a field.

Where texts contradict themselves the trouble wins: a false "resolved" would tell editors that a story is over.
"""

import re
import unicodedata

from bot.domain.signals import EntryState
from sources._labels import NAMES, OVER, read_labels, twelve

_MAX_CHARS = 8_000

_TITLE_OVER = re.compile(rf"[\[(]\s*{OVER}\s*[\])]|^\W*{OVER}\s*[-–—:|]|[-–—:|]\s*{OVER}\W*$|^\W*{OVER}\W*$")
_MARK_WORD = (
    rf"(?:{NAMES}|{OVER}|mise a jour|maj|update|en cours|ongoing"
    r"|service is operating normally|informational message|performance issues|service (?:degradation|disruption))"
)
_MARK = re.compile(rf"[\[(]\s*{_MARK_WORD}\s*[\])]|^\W*{_MARK_WORD}\s*[-–—:|]|[-–—:|]\s*{_MARK_WORD}\W*$")

_TROUBLE = re.compile(
    r"\b(?:pannes?|incidents?|perturb\w+|coupures?|coupee?s?|indisponib\w+|interruptions?|interrompue?s?"
    r"|dysfonctionn\w+|degrad\w+|ralenti\w*|hors service|difficultes?|problemes?|anomalies?"
    r"|outages?|disrupt\w+|unavailab\w+|impaired|elevated|errors?|failures?|failing|latency|issues?|delays?|down)\b"
)
_WITHOUT = re.compile(r"\b(?:sans|ni|without)(?: aucune?| any)? \w+")
_CLEAR = re.compile(
    r"\b(?:aucune? |pas d'|pas de |no )(?:\w+ ){0,2}(?:incident|panne|perturbation|coupure|interruption"
    r"|dysfonctionnement|anomalie|probleme|issue|outage|disruption|problem)s?\b"
    r"|\b(?:fonctionne(?:nt)?|operating|operate) normal(?:ement|ly)\b"
    r"|\btrafic (?:est )?(?:redevenu |de nouveau )?normal\b"
    r"|\ball (?:systems|services)(?: are)? (?:operational|available|up)\b"
)
_RESOLVED = re.compile(
    r"\b(?:est|sont|ete|desormais|maintenant|entierement|totalement|completement|pleinement)(?: \w+){0,2}? "
    rf"(?:{OVER}|operationnel(?:le)?s?)\b"
    r"|^\W*(?:resolu|retabli|repare|resolved|restored)(?:e|s|es)?\b|\b(?:has|have) recovered\b"
    r"|^[^.]{1,80}\b(?:recovered|is back (?:up|online)|back to normal)\W*$"
    r"|\b(?:incident|probleme|panne|perturbation|coupure|interruption|degradation|ralentissement|dysfonctionnement"
    rf"|anomalie|ticket|service|trafic|reseau|courant)s? {OVER}\b"
    r"|\bretour a la normale\b|\b(?:fin|cloture) (?:de |du |d'|de l'|de la )?(?:incident|panne|perturbation|coupure)\b"
    r"|^\W*reprise (?:du trafic|du service|de la circulation|des circulations)\b"
    r"|\b(?:has|have)(?: \w+)? been (?:\w+ )?(?:resolved|restored|fixed|completed)\b"
    r"|\b(?:we|we've|we have)(?: \w+)? (?:resolved|restored|fixed)\b"
    r"|\bnous avons(?: \w+)? (?:resolu|retabli|repare|corrige)\b"
    rf"|\b{OVER}\s?:\s?(?:[a-z]{{3,9}}[.,]* )?(?:\d{{1,2}}(?:[/.-]\d| [a-z]{{3}})|\d{{4}}-\d)"
    r"|\bfully (?:recovered|restored|operational)\b|\b(?:has|have) returned to normal\b"
    r"|\b(?:est|sont) (?:revenue?s? a la normale|rentree?s? dans l'ordre)\b"
    r"|\bde nouveau (?:accessible|disponible|operationnel(?:le)?|fonctionnel(?:le)?)s?\b"
    r"|\bfonctionne(?:nt)? (?:a|de) nouveau\b"
    r"|\b(?:maintenance|travaux|intervention)s?(?: \w+){0,2}? "
    r"(?:terminee?s?|achevee?s?|annulee?s?|finished|cancell?ed)\b"
    r"|\b(?:is|are|was|were) (?:now |fully |all )*(?:resolved|restored|fixed|solved|over|back to normal|operational)\b"
)
# What has a begin and an end and is told in the past is over, though no word says so.
_SPAN = re.compile(
    r"\bbetween (?:\w+,? ){0,6}\d{1,2}:\d{2}\b[^.]{0,40}\band (?:\w+,? ){0,6}\d{1,2}:\d{2}\b.{0,200}?"
    r"\b(?:may have|might have|were|was|had|experienced|received|encountered|failed|saw)\b"
    r"|\bentre (?:le )?\d{1,2}(?:\s?[h:]|/)[^.]{0,30}\bet (?:le )?\d{1,2}(?:\s?[h:]|/).{0,200}?"
    r"\b(?:ont (?:pu|ete|rencontre|subi|connu)|a (?:ete|connu|subi)|avons (?:rencontre|connu|subi)|etai(?:t|ent))\b"
)
_NOT_YET = re.compile(
    r"\b(?:sera|seront|serait|devrai(?:t|ent)|prevue?s?|estimee?s?|attendue?s?|esperons|d'ici|avant|des que|lorsque"
    r"|quand|jusqu'\w*|en cours de|pas|non|will|should|expected|until|once|not"
    r"|de nouveau (?:en cours|perturb\w+|indisponib\w+|coupee?s?|interrompue?s?))\b"
)
_IN_PART = r"partiel\w*|progressi\w+|partially|gradual\w*"
_MEND = r"retabli\w*|retour|repris\w*|repren\w*|restor\w+|recover\w*|resol\w+|corrig\w+|mitigated"
_PARTLY = re.compile(
    rf"\b(?:{_IN_PART})\b.{{0,40}}\b(?:{_MEND})\b|\b(?:{_MEND})\b.{{0,40}}\b(?:{_IN_PART})\b"
    rf"|\bune partie d.{{1,60}}\b(?:retabli\w*|repare\w*)\b|\bpour (?:une (?:\w+ )?partie|certaine?s)\b"
    r"|\b[1-9]?\d ?%.{0,60}\b(?:retabli\w*|restored|recovered)\b"
    r"|\b(?:retabli\w*|restored|recovered)\b.{0,20}\b[1-9]?\d ?%"
)
# What is over in a part only, or is still being looked at.
_NOT_ALL = re.compile(
    r"\bcontinu(?:e|ing) (?:to|our)\b|\b(?:are|currently) monitoring\b|\bstill\b|\bwaiting for\b"
    r"|\b(?:majority|most) of\b|\bla (?:plupart|majorite)\b|\brest(?:e|ent) (?:sans|a|en)\b|\bencore\b"
    r"|\bcontinu(?:ons|ent) (?:a|de|nos)\b"
)
_MONITORING = re.compile(
    r"\bsous surveillance\b|\bnous (?:surveillons|restons vigilants)\b|\bcorrectif (?:a ete )?(?:deploye|applique)\b"
    r"|\bfix (?:has been|was) (?:implemented|deployed|applied)\b|\bmonitoring\b|\bmitigated\b"
    r"|\b(?:signs of|seeing|(?:start|begin|begun|continu)\w* to see) (?:\w+ )?recovery\b|\brecovery is in progress\b"
    r"|\b(?:now|is|are) recovering\b|\bcontinuing to monitor\b|\breturning to normal\b"
    r"|\brevien(?:t|nent)(?: \w+)? a la normale\b"
)
_IDENTIFIED = re.compile(
    r"\b(?:ete|est|avons|ont)(?: \w+)? identifiee?s?\b|\borigine(?: \w+){0,4} (?:connue|identifiee)\b"
    r"|\b(?:been|have|has|is) identified\b|\ben cours de (?:resolution|reparation|retablissement)\b"
    r"|\bnos (?:equipes|techniciens)(?: \w+){0,2} (?:interviennent|mobilisee?s|a pied d'oeuvre|sur place)\b"
    r"|\bworking on a fix\b|\bfix is being\b|\bcontinu(?:e|ing) to (?:mitigate|address|work on)\b"
)
_INVESTIGATING = re.compile(
    r"\b(?:cherch|recherch)(?:ons|ent) (?:les? causes?|la cause|l'origine|a comprendre|une solution)\b"
    r"|\b(?:analysons|analysent|investiguons|enquetons) (?:le|la|l'|les|sur|ce|cette)\b"
    r"|\brecherche (?:de la cause|de l'origine|des causes)\b|\bdiagnostic (?:est )?en cours\b"
    r"|\b(?:still|remains?) (?:affected|impacted|unavailable|degraded|down)\b"
    r"|\b(?:reste(?:nt)?|demeure(?:nt)?|toujours) (?:\w+ )?"
    r"(?:indisponib|inaccessib|perturb|coupe|interromp|degrade|ralenti|hors service|touche|affecte)"
    r"|\b(?:is|are|'re|been|currently|still|continu\w+ to) (?:actively |now )?(?:investigat\w+|looking into)\b"
    r"|\b(?:still|are|currently|actively|continu\w+ to) work(?:ing)? (?:hard )?(?:to|towards?|on) (?:\w+ ){0,2}?"
    r"(?:recover|restor|resol|fix|repair|remediat)"
    r"|\btravaill(?:ons|ent)(?: \w+){0,3}? (?:a|au|pour)(?: \w+){0,2}? (?:resol|resoudre|retabli|retour|repar|corrig)"
)
_SCHEDULED = re.compile(
    r"\b(?:maintenance|travaux|coupures?|interruptions?|interventions?|operations?)(?: \w+){0,2} "
    r"(?:programmee?s?|planifiee?s?|prevue?s?)\b|\b(?:scheduled|planned) (?:\w+ )?(?:maintenance|upgrade|work)\b"
    r"|\boperations? de maintenance\b|\bmaintenance (?:en cours|window)\b"
)
_NOW = re.compile(
    r"\b(?:en cours|actuellement|en ce moment|depuis"
    r"|rencontrons|rencontrent|subissent|subit|touchee?s?|affectee?s?"
    r"|est|sont|currently|investigating|aware of|seeing|experiencing|ongoing)\b"
)
# Sentences that speak of troubles in general: how to report one, what to do.
_GENERAL = re.compile(
    r"\ben cas d|\bsignale[rz]\b|\bvous (?:constatez|rencontrez|avez)\b"
    r"|\bsi (?:vous|les? problemes?)\b|\b(?:if|should) you\b|\bcomment\b|\breport an?\b|\?\s*$"
)

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_LINE = re.compile(
    r"\n|(?<=[.!?])\s+(?=\d{1,2}\s?[h:]\s?(?:\d{2})?\s?[:–—-]\s)"
)  # « 12 h : terminé. 10 h : en cours. »
_STAMP = re.compile(
    r"\W{0,3}(?:(?:mise a jour|maj|point|update|le|du|de|a)\W{1,3}){0,4}"
    r"(?:(\d{1,2})[/.](\d{1,2})(?:[/.]\d{2,4})?\W{1,3}(?:a\W{1,2})?)?(\d{1,2})\s?[h:]\s?(\d{2})?(?:\s?([ap])m\b)?(?![a-z])"
)

_ON_NOW = frozenset({EntryState.INVESTIGATING, EntryState.IDENTIFIED, EntryState.MONITORING})


_ACCENT = re.compile("[\u0300-\u036f]")  # all that Latin letters are taken apart into; quicker than each one's category
_SPACES = re.compile(r"[^\S\n]+")


def fold(text: str) -> str:
    """Lower case without accents, single spaces, lines kept."""
    plain = unicodedata.normalize("NFKD", text[:_MAX_CHARS]).replace("’", "'").casefold()
    return _SPACES.sub(" ", _ACCENT.sub("", plain))


def counted(number: int, noun: str) -> str:
    """`1 entrée`, `2 entrées`."""
    return f"{number} {noun}{'s' if number > 1 else ''}"


def is_trouble(state: EntryState) -> bool:
    """Whether a state says that something is wrong now."""
    return state in _ON_NOW


def read_state(title: str, body: str = "", *, nouns: bool = True) -> EntryState:
    """The state that the latest update of a text tells.

    Args:
        title: Headline, or empty.
        body: Plain text, its paragraphs on lines of their own.
        nouns: Whether the mere word (« Panne mobile ») is enough: yes where each entry is about one event, no for the
            text of a whole page, which may only say how to report one.
    """
    title, body = fold(title), fold(_ends(body))
    labels = read_labels(body)
    if labels.state is None:
        labels = read_labels(title)._replace(works=labels.works)
    works = labels.works and nouns  # a whole page may speak of works and of a trouble
    if isinstance(labels.state, EntryState):
        planned = works or (_SCHEDULED.match(title) and not _TROUBLE.search(title))
        return EntryState.SCHEDULED if planned and is_trouble(labels.state) else labels.state
    state = _in_prose(title, body, works=works, nouns=nouns)
    if labels.state == "on" and state in {EntryState.RESOLVED, EntryState.UNKNOWN}:
        return EntryState.SCHEDULED if works or _is_of_works(title) else EntryState.INVESTIGATING
    return state


def bare_title(title: str) -> str:
    """A title without the state in it: the same for all versions of an entry."""
    bare = _MARK.sub(" ", _MARK.sub(" ", fold(title)))
    return " ".join(re.findall(r"\w+", bare)) or fold(title)


def telling_sentence(text: str, state: EntryState | None = None) -> str:
    """The first sentence of a text that tells its state (any trouble, if it is one); else any state; else its first."""
    told = [(part.strip(), _strong(fold(part))) for part in _SENTENCE.split(text) if part.strip()]
    fitting = (
        part for part, said in told if said and (said is state or (state and is_trouble(said) and is_trouble(state)))
    )
    telling = (part for part, said in told if said)
    return next(fitting, None) or next(telling, None) or (told[0][0] if told else "")


def _sentences(text: str) -> list[str]:
    return [part for part in _SENTENCE.split(text) if part]


def _in_prose(title: str, body: str, *, works: bool, nouns: bool) -> EntryState:
    told = _strong(title)
    if told is EntryState.RESOLVED or _TITLE_OVER.search(title):
        return EntryState.RESOLVED
    latest = _latest(body)
    if works or told is EntryState.SCHEDULED or _is_of_works(title):
        return EntryState.RESOLVED if latest is EntryState.RESOLVED else EntryState.SCHEDULED
    if latest is not None or told is not None:
        return latest or told or EntryState.UNKNOWN
    told_of = _WITHOUT.sub(" ", f"{title}\n{body}")
    if nouns and any(_TROUBLE.search(part) and not _GENERAL.search(part) for part in _sentences(told_of)):
        return EntryState.INVESTIGATING
    return EntryState.UNKNOWN


def _is_of_works(title: str) -> bool:
    return bool(re.search(r"\bmaintenance\b", title)) or ("travaux" in title.split() and not _TROUBLE.search(title))


def _ends(text: str) -> str:
    """A long text's begin and end: the newest update is at either."""
    half = _MAX_CHARS // 2
    return text if len(text) <= _MAX_CHARS else f"{text[:half]}\n{text[1 - half :]}"


def _latest(body: str) -> EntryState | None:
    """State of the newest update, by the times the updates begin with; without times, of the last telling sentence."""
    updates: list[tuple[tuple[int, ...], list[str]]] = []
    for line in _LINE.split(body):
        stamp = _STAMP.match(line)
        if stamp is not None:
            day, month, hour, minute = (int(part or 0) for part in stamp.groups()[:4])
            updates.append(((month, day, twelve(hour, stamp.group(5)), minute), [line]))
        elif updates:
            updates[-1][1].append(line)
    for _, lines in sorted(updates, key=lambda update: update[0], reverse=True):
        state = _strong("\n".join(lines))
        if state is not None:
            return state
    return _strong(body)


def _strong(text: str) -> EntryState | None:
    """State of the last sentence that tells one beyond a mere noun."""
    for sentence in reversed(_sentences(text)):
        state = _of_sentence(sentence)
        if state is not None:
            return state
    return None


def _of_sentence(sentence: str) -> EntryState | None:
    if _GENERAL.search(sentence):
        return None
    over = (_RESOLVED.search(sentence) or _SPAN.search(sentence)) and not _NOT_YET.search(sentence)
    if _PARTLY.search(sentence) or (over and _NOT_ALL.search(sentence)):
        return EntryState.MONITORING
    if _CLEAR.search(sentence) or over:
        return EntryState.RESOLVED
    for pattern, state in (
        (_MONITORING, EntryState.MONITORING),
        (_SCHEDULED, EntryState.SCHEDULED),
        (_IDENTIFIED, EntryState.IDENTIFIED),
        (_INVESTIGATING, EntryState.INVESTIGATING),
    ):
        if pattern.search(sentence):
            return state
    if _NOW.search(sentence) and _TROUBLE.search(sentence):
        return EntryState.INVESTIGATING
    return None
