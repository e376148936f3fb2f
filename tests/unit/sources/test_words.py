"""States read from an operator's words: in both languages, in each shape of channel, and never a false « résolu »."""

import pytest

from bot.domain.signals import EntryState
from sources._words import bare_title, read_state, telling_sentence

INVESTIGATING, IDENTIFIED, MONITORING = EntryState.INVESTIGATING, EntryState.IDENTIFIED, EntryState.MONITORING
RESOLVED, SCHEDULED, UNKNOWN = EntryState.RESOLVED, EntryState.SCHEDULED, EntryState.UNKNOWN


@pytest.mark.parametrize(
    ("title", "body", "state"),
    [
        # Titles that carry the state.
        ("[Résolu] Panne mobile", "Nous rencontrons actuellement un incident.", RESOLVED),
        ("Résolu : panne mobile", "", RESOLVED),
        ("Panne mobile (terminée)", "", RESOLVED),
        ("Panne mobile - rétablie", "", RESOLVED),
        ("[Identifié] Panne mobile", "", IDENTIFIED),
        ("Monitoring: mobile outage", "", MONITORING),
        ("Service is operating normally: [RESOLVED] Increased API errors", "We are investigating.", RESOLVED),
        ("Service is operating normally: Instance connectivity", "", RESOLVED),
        ("Service disruption: Instance connectivity", "", INVESTIGATING),
        ("Maintenance programmée du réseau fibre", "Le service sera interrompu puis rétabli.", SCHEDULED),
        ("Scheduled maintenance: database", "", SCHEDULED),
        ("Travaux planifiés", "Coupure prévue cette nuit.", SCHEDULED),
        ("Maintenance du webmail", "La maintenance est terminée.", RESOLVED),
        ("Maintenance", "The scheduled maintenance has been completed.", RESOLVED),
        # The updates of a Statuspage entry, newest first; the title knows nothing.
        ("Panne", "Mar 2, 08:41 UTC\nResolved - Tout fonctionne.\nMar 2, 07:00 UTC\nInvestigating - x", RESOLVED),
        ("Panne", "Mar 2, 08:41 UTC\nResolved -\nOn March 2 errors were seen.", RESOLVED),
        ("Panne", "Update - We continue.\nMonitoring - A fix is in place.\nInvestigating - x", MONITORING),
        ("Panne", "Mise à jour - Nous continuons.\nIdentifié - Un routeur.\nEnquête - x", IDENTIFIED),
        ("Maintenance", "Completed - Done.\nIn progress - Now.\nScheduled - Soon.", RESOLVED),
        ("Maintenance", "In progress - Now.\nScheduled - Soon.", SCHEDULED),
        # A sentence that is hardly more than the word.
        ("Panne de messagerie", "Rétabli à 10 h.", RESOLVED),
        ("Panne de messagerie", "Rétabli d'ici 10 h.", INVESTIGATING),
        ("Mail recovered", "Mail recovered", RESOLVED),
        ("Mail went down", "Mail went down", INVESTIGATING),
        ("Panne", "Not all customers have recovered.", INVESTIGATING),
        ("Dégradation terminée", "", RESOLVED),
        ("Clôture de l'incident 4512", "", RESOLVED),
        ("Reprise du trafic, ligne 4", "", RESOLVED),
        ("Trafic interrompu, ligne 4", "Reprise du trafic estimée à 10 h 30.", INVESTIGATING),
        ("Perturbations, ligne 4", "Le trafic reprend progressivement.", MONITORING),
        ("The issue with mail is now fixed", "", RESOLVED),
        ("Post-mortem: outage of 2 March", "We had an outage.", RESOLVED),
        ("Travaux de nuit du 3 au 5 mars", "", SCHEDULED),
        ("Panne à la suite de travaux", "", INVESTIGATING),
        ("[MàJ] Incident réseau", "12 h : incident terminé. 10 h : incident en cours.", RESOLVED),
        # Who looks for the cause need not name the trouble again.
        ("Portail lent", "Nous cherchons la cause.", INVESTIGATING),
        ("Point de situation", "Nos équipes analysent le ralentissement du portail.", INVESTIGATING),
        ("Portal", "We're actively looking into it.", INVESTIGATING),
        ("La régie recrute", "Nous recherchons des techniciens.", UNKNOWN),
        # Updates that are dated on their own lines, oldest first or newest first, over the turn of the year too.
        ("Panne", "Mar 2, 07:00:10 GMT+0 - Investigating - x\nMar 2, 08:41:00 GMT+0 - Resolved - y", RESOLVED),
        ("Panne", "Mar 2, 08:41 UTC\nMonitoring - y\nMar 2, 07:00 UTC\nInvestigating - x", MONITORING),
        ("Panne", "Jan 1, 00:10 UTC\nResolved - y\nDec 31, 23:00 UTC\nInvestigating - x", RESOLVED),
        ("Elevated errors", "Status: Resolved\nAll services.\nAffected components\nAPI (Operational)", RESOLVED),
        ("Panne mobile", "Statut : Identifié\nNous continuons.", IDENTIFIED),
        # Told in the past, with a begin and an end.
        (
            "VM",
            "Summary of impact: Between 02:50 and 10:37 UTC on 27 Oct, customers may have received errors.",
            RESOLVED,
        ),
        ("VM", "Between 10:16 PM and 10:40 PM PDT we experienced increased error rates.", RESOLVED),
        ("Panne", "Entre 8h10 et 9h40, nos clients de Lille ont rencontré des difficultés.", RESOLVED),
        ("Panne", "Le courant sera rétabli entre 14h et 16h, les clients ont été prévenus.", INVESTIGATING),
        # Prose.
        ("Panne mobile", "Le service est désormais rétabli.", RESOLVED),
        ("Panne mobile", "Retour à la normale à 10 h.", RESOLVED),
        ("Panne mobile", "L'incident est clos.", RESOLVED),
        ("", "The issue has been resolved and the service is operating normally.", RESOLVED),
        ("Panne mobile", "Le service sera rétabli à 18 h.", INVESTIGATING),
        ("Panne mobile", "Retour à la normale prévu vers 18 h.", INVESTIGATING),
        ("Panne mobile", "Le service n'est pas encore rétabli.", INVESTIGATING),
        ("Panne mobile", "Incident non résolu à cette heure.", INVESTIGATING),
        ("Panne mobile", "Le réseau est partiellement rétabli.", MONITORING),
        ("Panne mobile", "Le rétablissement est progressif.", MONITORING),
        ("Panne mobile", "A fix has been implemented and we are monitoring the results.", MONITORING),
        ("Panne mobile", "L'origine de la panne est identifiée.", IDENTIFIED),
        ("Panne mobile", "Nos équipes sont mobilisées.", IDENTIFIED),
        ("Panne mobile", "The issue has been identified and a fix is being implemented.", IDENTIFIED),
        ("Panne mobile", "", INVESTIGATING),
        ("", "We are investigating elevated error rates.", INVESTIGATING),
        ("", "Des clients subissent des coupures depuis 8 h.", INVESTIGATING),
        ("Aucun incident en cours", "", RESOLVED),
        ("All systems operational", "", RESOLVED),
        # The latest of timed updates, whichever way they are listed.
        ("Panne", "08h10 : incident en cours.\n10h20 : le service est rétabli.", RESOLVED),
        ("Panne", "10h20 : le service est rétabli.\n08h10 : incident en cours.", RESOLVED),
        ("Panne", "11h00 : nouvelle coupure en cours.\n10h20 : le service est rétabli.", INVESTIGATING),
        ("Panne", "02/03 à 23:50 : incident en cours.\n03/03 à 00:40 : le service est rétabli.", RESOLVED),
        # Who acts says so, and may still keep an eye on it.
        ("Calls drop", "We've resolved the trouble with calls. Thank you.", RESOLVED),
        ("Calls drop", "We have fixed it for everybody.", RESOLVED),
        ("Panne mobile", "Nous avons rétabli le réseau à Cluny.", RESOLVED),
        ("Calls drop", "We have not yet resolved the outage.", INVESTIGATING),
        ("Calls drop", "Calls have been restored and we are continuing to monitor them.", MONITORING),
        ("Calls drop", "The fault has been resolved. We will continue to monitor.", RESOLVED),
        ("Calls drop", "Some calls failed, and the exchange is now recovering.", MONITORING),
        ("Calls drop", "We are starting to see recovery in one region.", MONITORING),
        # Part of it is over, or its end is only hoped for.
        ("Calls", "We have resolved calls in Cluny, and are continuing to look at those in Tournus.", MONITORING),
        ("Calls", "We've restored the majority of lines.", MONITORING),
        ("Calls", "We have fixed lines in Cluny. We are continuing to mitigate the fault in Tournus.", IDENTIFIED),
        ("Calls", "We have restored lines. We are continuing to monitor for trouble.", MONITORING),
        ("Calls", "We have restored 99% of lines. We're continuing to address the remaining ones.", IDENTIFIED),
        ("Calls", "We've restored lines. A few customers are still affected.", INVESTIGATING),
        ("Calls", "We believe we have fixed it and are waiting for the lines to come back.", MONITORING),
        ("Calls fail", "We are working on it; the team expects to see full recovery by noon.", UNKNOWN),
        ("Panne", "Nous avons rétabli la plupart des lignes.", MONITORING),
        ("Panne", "Nous avons réparé un câble mais des clients restent sans service.", MONITORING),
        # Half days of twelve hours, in either order.
        ("Calls drop", "11:50am PST We're investigating.\n1:15pm PST We have resolved it.", RESOLVED),
        ("Calls drop", "1:15 PM We're investigating again.\n11:50 AM We have resolved it.", INVESTIGATING),
        ("Calls drop", "12:10am We have resolved it.\n1:00am We're investigating again.", INVESTIGATING),
        # A state that stands by itself, or in a field.
        ("Calls", "08:40\nupdate\n- More exchanges.\n08:20\nidentified\n- A broken card.", IDENTIFIED),
        ("Calls drop", "State: Recovering", MONITORING),
        ("Panne de courant", "Statut : Fermé", RESOLVED),
        ("Calls drop", "Status: Closed\nWe are investigating.", RESOLVED),
        ("[Enquête en cours] Appels", "", INVESTIGATING),
        ("New exchange", "Mar 2, 08:40 - Not started yet - Soon.", SCHEDULED),
        ("Calls drop", "Calls failed. [Severity: available Resolved: Mon, 02 Mar 2026 07:32:00 GMT]", RESOLVED),
        # Maintenance is no outage, whatever the label.
        ("Scheduled maintenance", "Monitoring - New cards are in.\nScheduled - Soon.", SCHEDULED),
        ("Calls fail after scheduled maintenance", "Identified - A card.", IDENTIFIED),
        ("Notre nouvelle offre", "La fibre sans coupure ni interruption !", UNKNOWN),
        ("Clients sans internet", "Une panne touche le quartier.", INVESTIGATING),
        # All updates on one line, as Instatus writes them; a day of twelve hours; the turn of a year.
        (
            "Webmail",
            "Type: Incident\nMar 2, 07:00:10 GMT+0 - Investigating - We look. Mar 2, 08:41:00 GMT+0 - Resolved - Ok.",
            RESOLVED,
        ),
        (
            "Webmail",
            "Mar 2, 07:00 GMT+0 - Resolved - Done. Mar 2, 08:41 GMT+0 - Investigating - It is back.",
            INVESTIGATING,
        ),
        ("Webmail", "Mar 2, 08:40:10 GMT+0\nInvestigating -\nx\nMar 2, 08:40:50 GMT+0\nResolved -\ny", RESOLVED),
        ("Webmail", "Mar 2, 1:15 PM UTC\nResolved - Done.\nMar 2, 11:10 AM UTC\nInvestigating - x", RESOLVED),
        ("Webmail", "Mar 2, 11:15 AM UTC\nInvestigating - x\nMar 2, 1:10 PM UTC\nResolved - Done.", RESOLVED),
        ("Webmail", "Dec 31, 23:48 UTC\nInvestigating - x\nJan 1, 02:50 UTC\nResolved - Done.", RESOLVED),
        (
            "Webmail",
            "December 31, 2025 23:48 PST\nInvestigating - x\nJanuary 1, 2026 02:50 PST\nResolved - Done.",
            RESOLVED,
        ),
        ("Webmail", "January 9, 2026 23:48 PST\nResolved - x\nAugust 1, 2025 02:50 PST\nInvestigating - x", RESOLVED),
        # Works that call themselves so, whatever the label; and a planned thing that has begun.
        (
            "New search",
            "Type: Maintenance\nFeb 23, 09:00:00 GMT+0\nIdentified -\nWe bring in the new search.",
            SCHEDULED,
        ),
        ("New search", "Type: Maintenance\nCompleted -\nDone.\nIdentified -\nSoon.", RESOLVED),
        ("New search", "Type: Incident\nIdentified -\nA broken card.", IDENTIFIED),
        (
            "Lyon, 7 April",
            "THIS IS A SCHEDULED EVENT Apr 7, 13:00 - 21:00 UTC\nUpdate - Traffic may be slower.",
            SCHEDULED,
        ),
        (
            "Move",
            "April 18, 2026 01:48 PDT\nPlanned - We move.\nApril 19, 2026 02:50 PDT\nActive - It has begun.",
            SCHEDULED,
        ),
        ("New search", "Status: Maintenance scheduled\nWe bring it in.", SCHEDULED),
        ("New search", "Status: Maintenance in progress\nWe bring it in.", SCHEDULED),
        ("New search", "Status: Maintenance complete\nDone.", RESOLVED),
        ("Nouvelle recherche", "Statut : Maintenance en cours\nElle arrive.", SCHEDULED),
        ("Nouvelle recherche", "Statut : planifiée\nElle arrive.", SCHEDULED),
        ("Calls fail", "Monitoring - A new card is in.\nIn progress - We change the card.", MONITORING),
        # A field that says it is on outweighs prose that says it is over, as in an older update.
        (
            "Calls",
            "Status: ACTIVE\nTue, 03 Mar 11:00 GMT\nThe fault is back.\nTue, 03 Mar 10:00 GMT\nIt is resolved.",
            INVESTIGATING,
        ),
        ("Appels", "Statut : en cours de résolution\nUne carte est à changer.", IDENTIFIED),
        ("Maintenance", "Statut : en cours\nLe service est rétabli par endroits.", SCHEDULED),
        ("Appels", "Statut : résolue\nMise à jour\nStatut : en cours", RESOLVED),
        # The end of a history that rises is read, however long it is.
        (
            "Webmail",
            "Mar 2, 07:00 UTC\nInvestigating - x\n" + "We look. " * 1500 + "\nMar 2, 08:41 UTC\nResolved - Done.",
            RESOLVED,
        ),
        # What is over here and not there is not over.
        ("Panne", "Internet est rétabli à Cluny. Le mobile reste indisponible.", INVESTIGATING),
        ("Panne", "Une partie des lignes est rétablie.", MONITORING),
        ("Panne", "Une partie des lignes est rétablie. Nos équipes travaillent à rétablir les autres.", INVESTIGATING),
        ("Panne", "90 % des clients sont rétablis.", MONITORING),
        ("Panne", "Le réseau a été rétabli à 90 %.", MONITORING),
        ("Panne", "Le réseau a été rétabli à 100 %.", RESOLVED),
        ("Panne", "Incident résolu hier, de nouveau en cours aujourd'hui.", INVESTIGATING),
        ("Calls", "Calls are fully recovered now. We are still working to recover messages.", INVESTIGATING),
        ("Calls", "We believe that the fault is partially resolved.", MONITORING),
        ("Calls", "A new card is in, and error rates are returning to normal.", MONITORING),
        ("Panne", "La situation revient à la normale.", MONITORING),
        # Other words for its end; and what is said to those for whom it has not ended.
        ("Calls fail", "This has been resolved. If you are still experiencing issues, please call us.", RESOLVED),
        ("Panne", "Le service est rétabli. Si le problème persiste, redémarrez votre box.", RESOLVED),
        ("Calls fail", "This has now been fixed.", RESOLVED),
        ("Panne", "La situation est revenue à la normale.", RESOLVED),
        ("Panne", "Tout est rentré dans l'ordre.", RESOLVED),
        ("Panne", "Le webmail est de nouveau accessible.", RESOLVED),
        ("Panne", "Le webmail fonctionne à nouveau.", RESOLVED),
        ("Panne", "Le webmail sera de nouveau accessible à 18 h.", INVESTIGATING),
        ("Perturbations, ligne 4", "Le trafic est redevenu normal.", RESOLVED),
        ("Perturbations, ligne 4", "Le trafic n'est pas normal.", INVESTIGATING),
        ("Maintenance terminée", "", RESOLVED),
        ("Maintenance annulée", "La maintenance prévue est annulée.", RESOLVED),
        ("Maintenance", "La maintenance sera terminée à 6 h.", SCHEDULED),
        # What is about something else.
        ("Notre nouvelle boutique", "Venez nous voir.", UNKNOWN),
        ("Que faire en cas de panne ?", "Comment signaler un incident.", UNKNOWN),
        ("", "", UNKNOWN),
    ],
)
def test_states(title: str, body: str, state: EntryState) -> None:
    assert read_state(title, body) is state


def test_a_mere_word_is_not_enough_on_a_page() -> None:
    assert read_state("", "Assistance\nPannes et incidents\nSignaler une panne", nouns=False) is UNKNOWN
    assert read_state("", "Assistance\nUn incident est en cours", nouns=False) is INVESTIGATING
    assert read_state("", "Nos équipes restent à l'affût des coupures, toujours à vos côtés.", nouns=False) is UNKNOWN


def test_accents_case_and_typography_do_not_matter() -> None:
    assert read_state("", "L’ORIGINE DE LA PANNE EST IDENTIFIEE") is IDENTIFIED


def test_the_telling_sentence_is_the_one_with_the_news() -> None:
    text = "État du réseau\nBonjour. Un incident est en cours à Mâcon. Merci de votre patience."
    assert telling_sentence(text) == "Un incident est en cours à Mâcon."
    assert telling_sentence("Bienvenue. Bonne visite.") == "Bienvenue."
    assert telling_sentence("") == ""


def test_the_telling_sentence_does_not_contradict_the_state() -> None:
    text = "All systems operational.\nWebmail\nUn incident est en cours à Mâcon. Nos équipes sont mobilisées."
    assert telling_sentence(text, IDENTIFIED) == "Un incident est en cours à Mâcon."
    assert telling_sentence(text, RESOLVED) == "All systems operational."
    assert telling_sentence(text, SCHEDULED) == "All systems operational."


def test_reading_a_long_text_takes_no_time() -> None:
    for unit in ("est ", "a ete ", "nos equipes ", "maintenance ", "1/1/", "retabli ", "\n", "[", "10h"):
        read_state(unit * 200, unit * 50_000)  # a pattern that backtracks would hang here (the suite has a timeout)


@pytest.mark.parametrize(
    "title",
    [
        "Panne mobile à Mâcon",
        "[Résolu] Panne mobile à Mâcon",
        "Résolu : panne mobile à Mâcon",
        "Panne mobile à Mâcon (rétablie)",
        "MAJ - Panne mobile à Mâcon - terminée",
        "Service is operating normally: [RESOLVED] Panne mobile à Mâcon",
    ],
)
def test_a_bare_title_is_the_same_for_all_states(title: str) -> None:
    assert bare_title(title) == "panne mobile a macon"


def test_a_title_that_is_all_state_stays() -> None:
    assert bare_title("Résolu") == "resolu"
