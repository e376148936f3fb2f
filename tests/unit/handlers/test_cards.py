"""What every chat shows: figures with their interval and age, four silences apart, text that is what it looks like."""

import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.incidents import (
    Action,
    Draft,
    DraftState,
    Evidence,
    IncidentState,
    Observation,
    Silence,
    SilenceState,
    Statement,
)
from bot.domain.operators import Service
from bot.domain.places import Level, Place, PlaceCount
from bot.domain.signals import EntryState, Health, HealthState
from bot.ports import OperatorStatus, Outcome, OutcomeKind, SitesOut, SourceStatus
from handlers import _phrases
from handlers._cards import (
    Card,
    alert_text,
    changes_text,
    draft_card,
    help_text,
    incidents_card,
    one_line,
    operators_overview,
    outcome_text,
    plain,
    service_label,
    service_named,
    sources_card,
    status_card,
    unknown_operator,
)
from handlers._facts import sparkline
from tests.fakes.desk import BOUYGUES, MORNING, ORANGE, SFR, make_draft

PARIS = ZoneInfo("Europe/Paris")
ALL_TEXT = st.text(st.characters(codec=None), max_size=80)  # lone surrogates too


def at(hour: int, minute: int) -> datetime:
    """That time on the morning of 5 December, in Paris."""
    return datetime(2023, 12, 5, hour - 1, minute, tzinfo=UTC)


def facts(card: Card) -> dict[str, str]:
    """Values by label, with plain spaces: easier to read here."""
    return {spaced(fact.label): spaced(fact.value) for fact in card.facts}


def spaced(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def french(draft: Draft) -> Card:
    return draft_card(draft, language="fr", zone=PARIS)


def with_silence(silence: Silence, statement: Statement | None = None) -> str:
    draft = make_draft()
    changed = replace(draft, incident=replace(draft.incident, silence=silence, statement=statement))
    return facts(french(changed))["Orange"]


class TestDraftCard:
    def test_says_where_it_stands_and_what_it_rests_on(self) -> None:
        card = french(make_draft(3))
        assert spaced(card.badge) == "🟠 À DÉCIDER · panne suspectée"
        assert facts(card) == {
            "Signalements": "24 entre 8 h 05 et 8 h 25 · habituellement 2 (× 12)",
            "Lieux": "Lille (59) : 9, Mont-de-Marsan (40) : 4",
            "Orange": "rien sur sa page depuis 8 h 05 (vérifié à 8 h 24)",
            "Sources": "bluesky : 24",
        }
        assert spaced(card.footer) == "N° 3 · version 1 · 8 h 25"
        assert [(button.action, button.label) for button in card.buttons] == [
            (Action.APPROVE, "Approuver"),
            (Action.EDIT, "Modifier"),
            (Action.DISMISS, "Écarter"),
        ]

    def test_in_english(self) -> None:
        card = draft_card(make_draft(3), language="en", zone=PARIS)
        assert card.badge == "🟠 TO DECIDE · suspected outage"
        assert facts(card)["Reports"] == "24 between 08:05 and 08:25 · usually 2 (×12)"
        assert card.footer == "No. 3 · version 1 · 08:25"

    @pytest.mark.parametrize(
        ("state", "badge", "actions"),
        [
            (DraftState.CLAIMED, "✋ PRIS EN CHARGE par Camille", [Action.APPROVE, Action.EDIT, Action.DISMISS]),
            (DraftState.HELD, "⏸ EN ATTENTE, par Camille", [Action.APPROVE, Action.EDIT, Action.DISMISS]),
            (DraftState.APPROVED, "✅ APPROUVÉ par Camille, publication en cours", []),
            (DraftState.PUBLISHED, "✅ PUBLIÉ, approuvé par Camille", []),
            (DraftState.DISMISSED, "🗑 ÉCARTÉ par Camille", [Action.UNDO]),
            (DraftState.EXPIRED, "⌛ EXPIRÉ, sans décision", []),
        ],
    )
    def test_names_who_decided_and_offers_what_is_left(
        self, state: DraftState, badge: str, actions: list[Action]
    ) -> None:
        card = french(make_draft(state=state, decided_by="Camille"))
        assert card.badge.startswith(badge)
        assert [button.action for button in card.buttons] == actions

    def test_a_resolved_incident_has_nothing_to_decide(self) -> None:
        draft = make_draft()
        draft = replace(draft, incident=replace(draft.incident, state=IncidentState.RESOLVED))
        assert french(draft).buttons == ()
        assert french(draft).badge == "🟢 TERMINÉ, sans décision"
        published = replace(draft, state=DraftState.PUBLISHED, decided_by="Camille")
        assert french(published).badge == "✅ PUBLIÉ, approuvé par Camille · terminé"

    def test_says_who_confirms(self) -> None:
        draft = make_draft()
        confirmed = replace(draft.incident, state=IncidentState.CONFIRMED)
        heard = replace(confirmed, surge=replace(confirmed.surge, by_source=(("x", 14), ("lecteurs", 10))))
        spoke = replace(heard, statement=Statement("1", "s", "Incident", EntryState.IDENTIFIED, at(8, 40)))
        badges = [french(replace(draft, incident=incident)).badge for incident in (confirmed, heard, spoke)]
        assert [badge.partition(" · ")[2] for badge in badges] == [
            "panne confirmée",
            "panne confirmée par 2 sources",
            "panne confirmée par Orange",
        ]

    def test_counts_business_customers_and_names_services_beside_an_editors_title(self) -> None:
        draft = make_draft()
        shown = facts(french(replace(draft, edited=True, incident=replace(draft.incident, professional=4))))
        assert shown["Signalements"].startswith("24 entre 8 h 05 et 8 h 25, dont 4 de professionnels · ")
        assert shown["Services"] == "messagerie"

    def test_shortens_places_but_counts_them(self) -> None:
        draft = make_draft()
        places = tuple(PlaceCount(Place(f"5{n:04}", Level.COMMUNE, f"Ville-{n}", "50"), 1) for n in range(18))
        shown = facts(french(replace(draft, incident=replace(draft.incident, places=places))))["Lieux"]
        assert shown.startswith("Ville-0 (50) : 1, ")
        assert shown.endswith(", et 12 autres")

    def test_no_ratio_to_less_than_one_report(self) -> None:
        draft = make_draft()
        surge = replace(draft.incident.surge, expected=0.04)
        shown = facts(french(replace(draft, incident=replace(draft.incident, surge=surge))))["Signalements"]
        assert shown == "24 entre 8 h 05 et 8 h 25 · habituellement moins d’un"

    def test_dates_what_is_not_of_today(self) -> None:
        draft = make_draft()
        early = replace(draft, incident=replace(draft.incident, first_report_at=at(8, 0)))
        card = draft_card(early, language="fr", zone=PARIS, now=MORNING + timedelta(days=1))
        assert facts(card)["Depuis"] == "premier signalement à 8 h 00 le 5 décembre"

    @pytest.mark.parametrize(
        ("silence", "words"),
        [
            (Silence(SilenceState.NO_CHANNEL), "pas de page de suivi que nous sachions lire"),
            (
                Silence(SilenceState.SILENT, at(8, 5), at(9, 41)),
                "rien sur sa page depuis 8 h 05 (vérifié à 9 h 41)",
            ),
            (
                Silence(SilenceState.SILENT, at(8, 5), at(8, 0)),
                "rien sur sa page à notre dernière vérification (8 h 00)",
            ),
            (
                Silence(SilenceState.UNREACHABLE, at(7, 50), at(7, 50)),
                "page injoignable (lue à 7 h 50)",
            ),
            (Silence(SilenceState.UNREACHABLE), "page injoignable, jamais lue"),
            (
                Silence(SilenceState.UNREADABLE, at(8, 5), at(7, 50)),
                "page illisible (lue à 7 h 50)",
            ),
            (Silence(SilenceState.SPOKE, at(8, 40), at(8, 45)), "annonce sur sa page à 8 h 40"),
        ],
    )
    def test_keeps_the_silences_apart(self, silence: Silence, words: str) -> None:
        assert with_silence(silence) == words

    def test_quotes_the_operator_with_the_area_it_gives(self) -> None:
        statement = Statement("1", "s", "Incident messagerie", EntryState.IDENTIFIED, at(8, 40), "Côte-d'Or")
        said = with_silence(Silence(SilenceState.SPOKE, at(8, 40), at(8, 45)), statement)
        assert said == "« Incident messagerie » (8 h 40, cause identifiée, zone annoncée : Côte-d’Or)"

    def test_links_only_what_is_an_address(self) -> None:
        draft = make_draft()
        urls = [
            "https://x.com/i/status/1",
            "javascript:alert(1)",
            "https://a.example/ b",
            "https://b.example/\u202e",
            None,
        ]
        evidence = tuple(Evidence("x", str(n), at(8, n), url) for n, url in enumerate(urls))
        statement = Statement("1", "s", "t", EntryState.UNKNOWN, at(8, 40), url="https://operator.example/1")
        card = french(replace(draft, incident=replace(draft.incident, evidence=evidence, statement=statement)))
        assert [(spaced(link.label), link.url) for link in card.links] == [
            ("page de l’opérateur, 8 h 40", "https://operator.example/1"),
            ("x, 8 h 00", "https://x.com/i/status/1"),
        ]

    @given(ALL_TEXT, ALL_TEXT, ALL_TEXT)
    def test_any_text_leaves_every_line_clean(self, title: str, text: str, who: str) -> None:
        draft = replace(make_draft(title=title, text=text, decided_by=who), operator_name=title)
        card = french(draft)
        assert card.title == one_line(card.title)
        assert card.body == plain(card.body)
        assert all("\n" not in fact.label + fact.value for fact in card.facts)
        (alert_text(draft) + card.badge).encode()  # nothing a platform's JSON cannot carry


def make_status(**changes: object) -> OperatorStatus:
    draft = make_draft(3)
    ear = SourceStatus("bluesky", "bluesky", Health("bluesky", HealthState.OK, at(8, 25)), last_ok=at(8, 25))
    status = OperatorStatus(
        at=at(8, 27),
        operator=ORANGE,
        state=IncidentState.SUSPECTED,
        incident=draft,
        reports=24,
        expected=2.25,
        hourly=(0,) * 22 + (2, 24),
        silence=draft.incident.silence,
        statement=None,
        closed_to=at(8, 25),
        sources=(ear,),
    )
    return replace(status, **changes)  # type: ignore[arg-type]  # the callers know the fields


class TestChanges:
    """Why a card came again, in the order in which an editor wants to know it."""

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({}, ""),
            ({"surge": replace(make_draft().incident.surge, reports=30)}, "De 24 à 30 signalements"),
            ({"surge": replace(make_draft().incident.surge, reports=48)}, "Doublé : de 24 à 48 signalements"),
            ({"services": (Service.MAIL, Service.TV)}, "Touché aussi : télévision"),
            (
                {"silence": Silence(SilenceState.UNREACHABLE, at(8, 0), at(8, 0))},
                "Orange : page injoignable (lue à 8 h 00)",
            ),
            (
                {
                    "state": IncidentState.CONFIRMED,
                    "statement": Statement("1", "s", "Incident", EntryState.IDENTIFIED, at(8, 24)),
                    "silence": Silence(SilenceState.SPOKE, at(8, 24), at(8, 25)),
                },
                "Panne confirmée par Orange · Orange : annonce sur sa page à 8 h 24",
            ),
        ],
    )
    def test_says_what_is_new(self, changes: dict[str, object], words: str) -> None:
        draft = make_draft()
        after = replace(draft, incident=replace(draft.incident, **changes))  # type: ignore[arg-type]
        assert spaced(changes_text(draft, after, language="fr", zone=PARIS)) == words

    def test_says_who_measured_it(self) -> None:
        draft = make_draft()
        seen = (
            Observation("ioda", "ioda", "1", at(8, 5), "https://example.org/asn/3215"),
            Observation("ioda", "ioda", "2", at(8, 9)),
        )
        after = replace(draft, incident=replace(draft.incident, state=IncidentState.CONFIRMED, observations=seen))
        assert spaced(changes_text(draft, after, language="fr", zone=PARIS)) == "Panne confirmée par IODA"
        assert facts(french(after))["Mesure"] == "IODA : coupure mesurée à partir de 8 h 05"
        assert "par IODA" in french(after).badge

    def test_names_new_places(self) -> None:
        draft = make_draft()
        more = tuple(PlaceCount(Place(f"5{n:04}", Level.COMMUNE, f"Ville-{n}", "50"), 1) for n in range(7))
        one = replace(draft, incident=replace(draft.incident, places=(*draft.incident.places, more[0])))
        every = replace(draft, incident=replace(draft.incident, places=(*draft.incident.places, *more)))
        assert spaced(changes_text(draft, one, language="fr", zone=PARIS)) == "Nouveau lieu : Ville-0 (50)"
        assert changes_text(draft, every, language="en", zone=PARIS).endswith("Ville-5\u00a0(50), and 1 more")


class TestStatusCard:
    def test_gives_every_figure_its_age(self) -> None:
        card = status_card(make_status(), language="fr", zone=PARIS)
        assert (card.title, card.badge) == ("Orange", "🟠 PANNE SUSPECTÉE")
        assert facts(card) == {
            "Dernière heure": "24 signalements · habituellement 2,2 (× 11) · compté jusqu’à 8 h 25, il y a 2 min",
            "24 heures": "▁" * 22 + "▂█  maximum 24 en une heure",
            "Incident": "n° 3, à décider, depuis 8 h 05",
            "L’opérateur": "rien sur sa page depuis 8 h 05 (vérifié à 8 h 24)",
            "🟢 bluesky": "à l’écoute, lue il y a 2 min",
        }

    def test_sites_out_of_service_are_told_by_list_and_place(self) -> None:
        chalon = Place("71076", Level.COMMUNE, "Chalon-sur-Saône", "71")
        lists = (
            SitesOut("arcep", at(8, 2), 3, 1, "https://example.org/list"),
            SitesOut("mobile_sites", at(8, 27) - timedelta(days=2), 0, 0),
        )
        shown = facts(
            status_card(make_status(asked="chalon", place=chalon, sites=lists[:1]), language="fr", zone=PARIS)
        )
        assert shown["Antennes hors service, Chalon-sur-Saône (71)"] == (
            "3 depuis moins de 24 h, 1 de plus longue date · liste de l’ARCEP, 8 h 02, il y a 25 min"
        )
        shown = facts(status_card(make_status(sites=lists[1:]), language="fr", zone=PARIS))
        assert shown["Antennes hors service"].startswith("aucune · liste de l’opérateur, ")
        assert shown["Antennes hors service"].endswith(", il y a 2 j")
        english = facts(status_card(make_status(sites=lists[:1]), language="en", zone=PARIS))
        assert english["Mobile sites down"] == "3 for less than 24 h, 1 for longer · listed by ARCEP, 08:02, 25 min ago"

    def test_a_place_that_is_unknown_is_said_to_be(self) -> None:
        shown = facts(status_card(make_status(asked="Nulle-Part"), language="fr", zone=PARIS))
        assert shown["Lieu"] == "« Nulle-Part » : ni commune ni département connu"
        assert "Lieu" not in facts(status_card(make_status(), language="fr", zone=PARIS))

    def test_calm_is_said_only_of_what_was_heard(self) -> None:
        calm = make_status(state=None, incident=None, reports=0, hourly=(0,) * 24)
        deaf = SourceStatus("x", "x", Health("x", HealthState.UNREACHABLE, at(8, 25)), last_error="timeout")
        badges = [
            status_card(status, language="fr", zone=PARIS).badge
            for status in (calm, replace(calm, sources=(deaf,)), replace(calm, closed_to=None))
        ]
        assert badges[0] == "🟢 CALME"
        assert all(badge.startswith("⚪ NOUS NE SAVONS PAS") for badge in badges[1:])

    def test_a_deaf_source_says_why(self) -> None:
        health = Health("x", HealthState.FAILING, at(8, 25), reason="quota épuisé", next_try=at(8, 32))
        deaf = SourceStatus("x", "x", health, since=at(8, 0), last_ok=at(6, 0))
        shown = facts(sources_card([deaf], language="fr", now=at(8, 27)))
        words = "en échec depuis 27 min, lue il y a 2 h (quota épuisé), nouvel essai dans 5 min"
        assert {key: said.replace("\u00a0", " ") for key, said in shown.items()} == {"🔴 x": words}

    def test_a_source_that_hears_tells_what_else_there_is(self) -> None:
        health = Health("x", HealthState.OK, at(8, 25), next_try=at(8, 40), note="0,48 € dépensés aujourd’hui")
        shown = facts(sources_card([SourceStatus("x", "x", health, last_ok=at(8, 25))], language="fr", now=at(8, 27)))
        assert shown == {"🟢 x": "à l’écoute, lue il y a 2 min, 0,48 € dépensés aujourd’hui"}

    @given(st.lists(st.integers(0, 10_000), max_size=24))
    def test_a_bar_for_each_hour(self, counts: list[int]) -> None:
        bars = sparkline(counts)
        assert len(bars) == len(counts)
        assert all((bar == "▁") == (count == 0) for bar, count in zip(bars, counts, strict=True))


def test_lists_of_incidents_sources_and_operators() -> None:
    draft = make_draft(3)
    incidents = incidents_card([draft], language="fr", zone=PARIS, now=MORNING)
    line = "panne suspectée (messagerie) depuis 8 h 05 · 24 signalements · à décider"
    assert facts(incidents) == {"N° 3 · Orange": line}
    assert incidents_card([], language="fr", zone=PARIS, now=MORNING).body == "Aucun incident en cours."
    assert sources_card([], language="fr", now=MORNING).body == "Aucune source configurée."
    overview = operators_overview([SFR, ORANGE, BOUYGUES], [draft], language="fr", zone=PARIS, now=MORNING)
    assert facts(overview) == {"Orange": line, "Calmes": "SFR, Bouygues Telecom"}
    assert spaced(unknown_operator("Numéricable", [ORANGE, SFR], language="fr")) == (
        "Opérateur inconnu : « Numéricable ». Connus : Orange, SFR."
    )


def test_outcomes_say_who_decided_before() -> None:
    published = make_draft(state=DraftState.PUBLISHED, decided_by="Camille")
    resolved = make_draft()
    resolved = replace(resolved, incident=replace(resolved.incident, state=IncidentState.RESOLVED))
    outcomes = {
        Outcome(OutcomeKind.DONE, published): "Approuvé : l’alerte part.",
        Outcome(OutcomeKind.ALREADY, published): "Déjà décidé : publié, approuvé par Camille.",
        Outcome(OutcomeKind.CLOSED, resolved): "Trop tard : ce brouillon ne se décide plus (terminé).",
        Outcome(OutcomeKind.UNKNOWN): "Aucun incident de ce numéro.",
    }
    for outcome, words in outcomes.items():
        assert spaced(outcome_text(outcome, Action.APPROVE, language="fr")) == words


def test_every_phrase_has_both_languages_and_the_same_values() -> None:
    def fields(phrase: str) -> set[str | None]:
        return {field for _, field, _, _ in string.Formatter().parse(phrase)} - {None}

    assert all(fields(french) == fields(english) for french, english in _phrases._PHRASES.values())
    assert {service_label(service, "fr") for service in Service}
    assert "rien n’est publié sans" in help_text("fr")


@pytest.mark.parametrize(
    ("word", "service"),
    [
        ("mail", Service.MAIL),
        ("Messagerie", Service.MAIL),
        ("TÉLÉ", Service.TV),
        ("box", Service.INTERNET),
        ("customer line", Service.CUSTOMER_LINE),
        ("électricité", Service.POWER),
        ("fromage", None),
    ],
)
def test_services_as_editors_type_them(word: str, service: Service | None) -> None:
    assert service_named(word) is service
