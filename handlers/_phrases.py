"""The words of the desk, French and English side by side, so that no chat has a wording of its own."""

from handlers._text import one_line

# key: (French, English); `say` puts in the no-break spaces of French.
_PHRASES: dict[str, tuple[str, str]] = {
    # buttons
    "claim": ("Je m’en occupe", "I’ll take it"),
    "edit": ("Modifier", "Edit"),
    "hold": ("Mettre en attente", "Hold"),
    "approve": ("Approuver", "Approve"),
    "dismiss": ("Écarter", "Dismiss"),
    "undo": ("Rétablir", "Restore"),
    "confirm": ("Confirmer", "Confirm"),
    "cancel": ("Annuler", "Cancel"),
    "resend": ("Envoyer de nouveau", "Send again"),
    # where a draft stands
    "state_proposed": ("🟠 À DÉCIDER", "🟠 TO DECIDE"),
    "state_claimed": ("✋ PRIS EN CHARGE par {who}", "✋ TAKEN by {who}"),
    "state_held": ("⏸ EN ATTENTE, par {who}", "⏸ ON HOLD, by {who}"),
    "state_approved": ("✅ APPROUVÉ par {who}, publication en cours", "✅ APPROVED by {who}, being published"),
    "state_published": ("✅ PUBLIÉ, approuvé par {who}", "✅ PUBLISHED, approved by {who}"),
    "state_dismissed": ("🗑 ÉCARTÉ par {who}", "🗑 DISMISSED by {who}"),
    "state_expired": ("⌛ EXPIRÉ, sans décision", "⌛ EXPIRED, no decision"),
    "state_over": ("🟢 TERMINÉ, sans décision", "🟢 OVER, no decision"),
    "short_proposed": ("à décider", "to decide"),
    "short_claimed": ("pris en charge par {who}", "taken by {who}"),
    "short_held": ("en attente, par {who}", "on hold, by {who}"),
    "short_approved": ("approuvé par {who}", "approved by {who}"),
    "short_published": ("publié, approuvé par {who}", "published, approved by {who}"),
    "short_dismissed": ("écarté par {who}", "dismissed by {who}"),
    "short_expired": ("expiré", "expired"),
    "somebody": ("la rédaction", "the desk"),
    # what we believe
    "suspected": ("panne suspectée", "suspected outage"),
    "confirmed": ("panne confirmée", "confirmed outage"),
    "confirmed_by": ("panne confirmée par {who}", "outage confirmed by {who}"),
    "confirmed_sources": ("panne confirmée par {n} sources", "outage confirmed by {n} sources"),
    "easing": ("retour à la normale en cours", "easing"),
    "resolved": ("terminé", "over"),
    "dismissed": ("écarté", "dismissed"),
    "badge_suspected": ("🟠 PANNE SUSPECTÉE", "🟠 SUSPECTED OUTAGE"),
    "badge_confirmed": ("🔴 PANNE CONFIRMÉE", "🔴 CONFIRMED OUTAGE"),
    "badge_easing": ("🟡 RETOUR À LA NORMALE EN COURS", "🟡 EASING"),
    "badge_resolved": ("🟢 TERMINÉ", "🟢 OVER"),
    "badge_dismissed": ("⚪ ÉCARTÉ", "⚪ DISMISSED"),
    "badge_calm": ("🟢 CALME", "🟢 CALM"),
    "badge_blind": ("⚪ NOUS NE SAVONS PAS : aucune source ne répond", "⚪ WE CANNOT TELL: no source answers"),
    "badge_new": ("⚪ NOUS NE SAVONS PAS ENCORE : première mesure en cours", "⚪ NOT YET KNOWN: first count under way"),
    # facts
    "fact_reports": ("Signalements", "Reports"),
    "fact_spike": ("Déclencheur", "Trigger"),
    "fact_since": ("Depuis", "Since"),
    "fact_services": ("Services", "Services"),
    "fact_places": ("Lieux", "Places"),
    "fact_operator": ("L’opérateur", "Operator"),
    "fact_sources": ("Sources", "Sources"),
    "fact_measured": ("Mesure", "Measured"),
    "fact_place": ("Lieu", "Place"),
    "fact_sites": ("Antennes hors service", "Mobile sites down"),
    "fact_sites_at": ("Antennes hors service, {place}", "Mobile sites down, {place}"),
    "fact_hour": ("Dernière heure", "Last hour"),
    "fact_day": ("24 heures", "24 hours"),
    "fact_incident": ("Incident", "Incident"),
    "no_reports_left": ("plus aucun : ils ont été retirés", "none left: they were taken back"),
    "in_interval": ("{n} entre {start} et {end}", "{n} between {start} and {end}"),
    "usual": ("habituellement {expected}", "usually {expected}"),
    "times": ("× {ratio}", "×{ratio}"),
    "below_one": ("moins d’un", "under 1"),
    "no_reports": ("aucun : l’opérateur l’a dit le premier", "none: the operator said it first"),
    "spike": (
        "{n} en {minutes} min{where}, contre {expected} d’ordinaire",
        "{n} in {minutes} min{where}, usually {expected}",
    ),
    "spike_in": (" dans le {code}", " in {code}"),
    "spike_around": (" autour du {code}", " around {code}"),
    "rarity": ("un tel pic revient tous les {days} jours environ", "a peak like this comes every {days} days or so"),
    "rarity_one": ("un tel pic revient presque tous les jours", "a peak like this comes nearly every day"),
    "rarity_years": ("un tel pic se voit moins d’une fois par an", "a peak like this comes less than once a year"),
    "first_report": ("premier signalement à {time}", "first report at {time}"),
    "first_entry": ("annonce de l’opérateur à {time}", "operator’s entry at {time}"),
    "named": ("{name} :\u00a0{value}", "{name}:\u00a0{value}"),
    "and_others": ("et {n} autres", "and {n} more"),
    "and_other": ("et 1 autre", "and 1 more"),
    "professional": (", dont {n} de professionnels", ", {n} of them business"),
    "professional_one": (", dont 1 d’un professionnel", ", 1 of them business"),
    "spoke": ("« {title} » ({time}{state}{area})", "“{title}” ({time}{state}{area})"),
    "spoke_sometime": ("annonce sur sa page", "entry on its page"),
    "spoke_area": (", zone annoncée : {area}", ", area given: {area}"),
    "spoke_bare": ("annonce sur sa page à {time}", "entry on its page at {time}"),
    "silent": (
        "rien sur sa page depuis {since} (vérifié à {checked})",
        "nothing on its page since {since} (checked {checked})",
    ),
    "silent_last": (
        "rien sur sa page à notre dernière vérification ({checked})",
        "nothing on its page at our last check ({checked})",
    ),
    "silent_bare": ("rien sur sa page", "nothing on its page"),
    "unreachable": ("page injoignable (lue à {checked})", "page unreachable (last read {checked})"),
    "unreachable_bare": ("page injoignable, jamais lue", "page unreachable, never read"),
    "unreadable": ("page illisible (lue à {checked})", "page unreadable (last read {checked})"),
    "unreadable_bare": ("page illisible, jamais lue", "page unreadable, never read"),
    "no_channel": ("pas de page de suivi que nous sachions lire", "no status page that we can read"),
    "entry_investigating": ("diagnostic en cours", "investigating"),
    "entry_identified": ("cause identifiée", "identified"),
    "entry_monitoring": ("sous surveillance", "monitoring"),
    "entry_resolved": ("donné pour résolu", "given as resolved"),
    "entry_scheduled": ("travaux prévus", "scheduled work"),
    "entry_unknown": ("", ""),
    "operator_page": ("page de l’opérateur,\u00a0{time}", "operator’s page,\u00a0{time}"),
    "footer": ("N° {number} · version {revision} · {time}", "No. {number} · version {revision} · {time}"),
    "footer_edited": ("texte de la rédaction", "text by the desk"),
    "repeated": ("envoi répété", "sent again"),
    "published_as": ("PUBLIÉ", "PUBLISHED"),
    # what third parties say
    "observer_arcep": ("l’ARCEP", "ARCEP"),
    "observer_ioda": ("IODA", "IODA"),
    "observer_mobile_sites": ("l’opérateur", "the operator"),
    "measured": ("coupure mesurée à partir de {time}", "outage measured from {time} on"),
    "sites": (
        "{fresh} depuis moins de 24 h, {older} de plus longue date",
        "{fresh} for less than 24 h, {older} for longer",
    ),
    "sites_none": ("aucune", "none"),
    "sites_list": ("liste de {observer}, {time}, {age}", "listed by {observer}, {time}, {age}"),
    "unknown_place": ("« {name} » : ni commune ni département connu", "“{name}”: no commune or département we know"),
    # ages
    "age_now": ("à l’instant", "just now"),
    "age_minutes": ("il y a {n} min", "{n} min ago"),
    "age_hours": ("il y a {n} h", "{n} h ago"),
    "age_days": ("il y a {n} j", "{n} d ago"),
    # status, incidents, sources
    "hour_value": (
        "{reports} · {usual} · compté jusqu’à {time}, {age}",
        "{reports} · {usual} · counted up to {time}, {age}",
    ),
    "hour_unknown": ("pas encore compté", "not counted yet"),
    "day_peak": ("{line}  maximum {peak} en une heure", "{line}  at most {peak} in an hour"),
    "incident_value": ("n° {number}, {state}, depuis {since}", "no. {number}, {state}, since {since}"),
    "incidents": ("Incidents en cours", "Open incidents"),
    "incidents_none": ("Aucun incident en cours.", "No open incident."),
    "incident_number": ("N° {number} · {operator}", "No. {number} · {operator}"),
    "incident_line": ("{state} depuis {since} · {reports} · {draft}", "{state} since {since} · {reports} · {draft}"),
    "reports": ("{n} signalements", "{n} reports"),
    "reports_one": ("1 signalement", "1 report"),
    "reports_zero": ("aucun signalement", "no report"),
    "reports_none": ("annonce de l’opérateur", "operator’s entry"),
    "sources": ("Sources", "Sources"),
    "sources_none": ("Aucune source configurée.", "No source configured."),
    "sources_all_ok": ("Toutes répondent.", "All of them answer."),
    "sources_bad": ("{n} sur {total} ne répondent pas.", "{n} of {total} do not answer."),
    "sources_bad_one": ("1 sur {total} ne répond pas.", "1 of {total} does not answer."),
    "health_ok": ("à l’écoute", "listening"),
    "health_stale": ("muette depuis trop longtemps", "silent for too long"),
    "health_failing": ("en échec", "failing"),
    "health_unreachable": ("injoignable", "unreachable"),
    "health_unreadable": ("illisible", "unreadable"),
    "health_paused": ("en pause", "paused"),
    "health_off": ("arrêtée", "off"),
    "health_never": ("pas encore lue", "not read yet"),
    "last_ok": ("lue {age}", "last read {age}"),
    "since_span": ("depuis {span}", "for {span}"),
    "next_try": ("nouvel essai dans {span}", "next try in {span}"),
    "span_minutes": ("{n}\u00a0min", "{n} min"),
    "span_hours": ("{n}\u00a0h", "{n} h"),
    "span_days": ("{n}\u00a0j", "{n} d"),
    "never_ok": ("jamais lue", "never read"),
    "operators": ("Opérateurs", "Operators"),
    "operators_calm": ("Calmes", "Calm"),
    "operators_how": ("Détail : /status OPÉRATEUR", "Detail: /status OPERATOR"),
    # what became of a decision
    "done_claim": ("C’est noté : vous vous en occupez.", "Noted: you are on it."),
    "done_edit": ("Texte modifié. Il reste à l’approuver.", "Text changed. It still has to be approved."),
    "done_hold": ("Mis en attente.", "On hold."),
    "done_approve": ("Approuvé : l’alerte part.", "Approved: the alert is on its way."),
    "done_dismiss": ("Écarté.", "Dismissed."),
    "done_undo": ("Rétabli : le brouillon est de nouveau à décider.", "Restored: the draft is to be decided again."),
    "already": ("Déjà décidé : {state}.", "Already decided: {state}."),
    "changed": (
        "Le brouillon a changé depuis que vous l’avez vu. Relisez-le, puis décidez de nouveau.",
        "The draft has changed since you saw it. Read it again, then decide.",
    ),
    "closed": ("Trop tard : ce brouillon ne se décide plus ({state}).", "Too late: this draft is closed ({state})."),
    "unknown_incident": ("Aucun incident de ce numéro.", "No incident of that number."),
    # refusals and prompts
    "not_editor": (
        "Seules les personnes désignées par la rédaction peuvent décider.",
        "Only the newsroom’s editors may decide.",
    ),
    "wrong_place": (
        "Ce bouton n’agit que dans le salon de la rédaction.",
        "This button only works in the newsroom’s room.",
    ),
    "unknown_operator": (
        "Opérateur inconnu : « {name} ». Connus : {known}.",
        "Unknown operator: “{name}”. Known: {known}.",
    ),
    "unknown_service": (
        "Service inconnu : « {name} ». Connus : {known}.",
        "Unknown service: “{name}”. Known: {known}.",
    ),
    "unknown_command": ("Commande inconnue. /aide les liste.", "Unknown command. /help lists them."),
    "usage_draft": ("Précisez le numéro, par exemple : /draft 3", "Give its number, for example: /draft 3"),
    "usage_call": (
        "Écrivez par exemple : /signaler orange mail Lille (ajoutez « pro » pour un professionnel)",
        "For example: /signaler orange mail Lille (add “pro” for a business customer)",
    ),
    "call_logged": (
        "Appel noté : {operator}, {service}, {place}. Merci.",
        "Call logged: {operator}, {service}, {place}. Thank you.",
    ),
    "call_done": ("↩︎ Annulé par {who} : cet appel ne compte plus.", "↩︎ Undone by {who}: this call counts no more."),
    "call_already": ("Cet appel était déjà annulé.", "This call had been undone already."),
    "call_late": (
        "Trop tard : un appel s’annule dans l’heure. Il reste compté ; corrigez l’alerte s’il le faut.",
        "Too late: a call can be undone within the hour. It still counts; edit the alert if need be.",
    ),
    "call_unknown": ("Cet appel n’est pas connu.", "There is no such call."),
    "ids": ("Salon : {chat}\nVous : {user}", "Chat: {chat}\nYou: {user}"),
    "edit_prompt": (
        "Répondez à ce message avec le nouveau texte (n° {number}, version {revision}).",
        "Reply to this message with the new text (no. {number}, version {revision}).",
    ),
    "edit_title": ("Texte de l’alerte n° {number}", "Text of alert no. {number}"),
    "edit_preview": ("Voici le texte qui partira :\n\n{text}", "This is the text that will go out:\n\n{text}"),
    "edit_cancelled": ("Rien n’a changé.", "Nothing has changed."),
    "edit_empty": ("Le texte est vide : rien n’a changé.", "The text is empty: nothing has changed."),
    "resend_done": ("C’est reparti.", "On its way again."),
    "resend_closed": ("Cet envoi n’est plus en suspens.", "That delivery is no longer in doubt."),
    "key_approve": ("[a]pprouver", "[a]pprove"),
    "key_edit": ("[m]odifier", "[m]odify"),
    "key_dismiss": ("[é]carter", "[d]ismiss"),
    "key_undo": ("[r]établir", "[u]ndo"),
    "ask": ("{keys}   n° {number} ? ", "{keys}   no. {number}? "),
    "ask_text": ("Nouveau texte (ligne vide pour renoncer) : ", "New text (empty line to give up): "),
    "ask_sure": ("[o]ui / [n]on ? ", "[y]es / [n]o? "),
    # why a card came again
    "rose": ("de {old} à {new} signalements", "from {old} to {new} reports"),
    "doubled": ("doublé : de {old} à {new} signalements", "doubled: from {old} to {new} reports"),
    "new_services": ("touché aussi : {names}", "also affected: {names}"),
    "new_place": ("nouveau lieu : {names}", "new place: {names}"),
    "new_places": ("nouveaux lieux : {names}", "new places: {names}"),
    "console_terminal": ("terminal : décisions et commandes", "terminal: decisions and commands"),
    "console_file": ("pas de terminal : affichage seul", "no terminal: shows only"),
    "console_help": (
        (
            "a, m, e : approuver, modifier, écarter le dernier brouillon ; « a 3 » : le n° 3 ; « r 3 » : le rétablir\n"
            "/status [opérateur] [lieu] : panne ou calme, chiffres à l’appui\n"
            "/incidents : les incidents en cours\n"
            "/draft N : le texte de l’alerte seul, prêt à copier\n"
            "/sources : l’état des sources\n"
            "/aide : cette aide"
        ),
        (
            "a, m, d: approve, modify, dismiss the last draft; “a 3”: no. 3; “u 3”: restore it\n"
            "/status [operator] [place]: outage or calm, with the figures\n"
            "/incidents: the open incidents\n"
            "/draft N: the alert’s text alone, ready to copy\n"
            "/sources: the state of the sources\n"
            "/help: this help"
        ),
    ),
    "nothing_to_decide": ("Rien à décider pour l’instant.", "Nothing to decide right now."),
    "help": (
        (
            "/status [opérateur] [lieu] : panne ou calme, chiffres à l’appui\n"
            "/incidents : les incidents en cours\n"
            "/draft N : le texte de l’alerte seul, prêt à copier\n"
            "/signaler OPÉRATEUR SERVICE LIEU [pro] : noter l’appel d’un lecteur\n"
            "/sources : l’état des sources\n"
            "/id : les identifiants de ce salon et de vous\n"
            "/help : cette aide\n\n"
            "La vigie propose, la rédaction décide : rien n’est publié sans un « Approuver »."
        ),
        (
            "/status [operator] [place]: outage or calm, with the figures\n"
            "/incidents: the open incidents\n"
            "/draft N: the alert’s text alone, ready to copy\n"
            "/signaler OPERATOR SERVICE PLACE [pro]: log a reader’s call\n"
            "/sources: the state of the sources\n"
            "/id: the ids of this room and of you\n"
            "/help: this help\n\n"
            "The bot drafts, an editor decides: nothing is published without an “Approve”."
        ),
    ),
}


# Sources that are the newsroom's own are called by what they are; others by the name in the configuration.
_SOURCES = {"desk_log": ("appels notés", "calls logged"), "readers": ("lecteurs", "readers")}


def source_label(name: str, language: str) -> str:
    """A source as an editor is told of it."""
    label = _SOURCES.get(name)
    return label[language != "fr"] if label else one_line(name)


def say(language: str, key: str, **values: object) -> str:
    """The phrase of that key in `fr` or `en`, with its values filled in."""
    return typeset(_PHRASES[key][language != "fr"], language).format(**values)


def typeset(phrase: str, language: str) -> str:
    """The phrase with the no-break spaces of French."""
    if language == "fr":
        phrase = phrase.replace(" :", "\u00a0:").replace("« ", "«\u00a0").replace(" »", "\u00a0»")
        phrase = phrase.replace(" ?", "\u202f?").replace(" ;", "\u202f;").replace("× ", "×\u202f")
    return phrase
