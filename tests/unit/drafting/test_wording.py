"""What an editor would publish: each state and silence in its own words, and no number that is not the incident's."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.incidents import Incident, IncidentState, Observation, Silence, SilenceState, Statement, Surge
from bot.domain.operators import Operator, Service
from bot.domain.places import Level, Place, PlaceCount
from bot.domain.signals import EntryState, Interval
from bot.drafting import TEMPLATES, Wording

PARIS = ZoneInfo("Europe/Paris")
ORANGE = Operator("orange", "Orange", (Service.INTERNET,))
SFR = Operator("sfr", "SFR", (Service.MOBILE,))
SNCF = Operator("sncf", "SNCF", (Service.RAIL,))


def templates(language: str) -> Mapping[str, str]:
    folder = files("bot.drafting") / "templates" / language
    return {name: (folder / f"{name}.j2").read_text(encoding="utf-8") for name in TEMPLATES}


FRENCH = Wording(templates("fr"), language="fr", zone=PARIS)
ENGLISH = Wording(templates("en"), language="en", zone=PARIS)


def at(hour: int, minute: int, day: int = 5) -> datetime:
    """That time of the morning of 5 December 2023, in Paris."""
    return datetime(2023, 12, day, hour - 1, minute, tzinfo=UTC)


def commune(code: str, name: str, n: int = 1, departement: str | None = None) -> PlaceCount:
    return PlaceCount(Place(code, Level.COMMUNE, name, departement or code[:2]), n)


LILLE = commune("59350", "Lille", 5)
CHALON = commune("71076", "Chalon-sur-Saône", 3)
MACON = commune("71270", "Mâcon", 2)
MONT_DE_MARSAN = commune("40192", "Mont-de-Marsan", 2)

INCIDENT = Incident(
    id="orange-20231205-0812",
    number=1,
    operator="orange",
    state=IncidentState.SUSPECTED,
    opened_at=at(8, 12),
    first_report_at=at(8, 5),
    surge=Surge(24, 2.0, Interval(at(8, 5), at(8, 25))),
    services=(Service.MAIL,),
    places=(LILLE, CHALON, MONT_DE_MARSAN),
    silence=Silence(SilenceState.SILENT, at(8, 5), at(9, 41)),
)
STATEMENT = Statement("e1", "orange-etat", "Incident messagerie", EntryState.IDENTIFIED, at(8, 40), "Grand Est")


def spaced(text: str) -> str:
    """With plain spaces, which can be told apart here."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


NOW = at(9, 45)


def french(operator: Operator = ORANGE, now: datetime = NOW, **changes: object) -> tuple[str, list[str]]:
    """Title and paragraphs."""
    title, text = FRENCH.compose(replace(INCIDENT, **changes), operator, now)  # type: ignore[arg-type]
    return spaced(title), spaced(text).split("\n\n")


def test_a_third_partys_measure_is_said_to_be_one() -> None:
    seen = (Observation("ioda", "ioda", "1", at(8, 2)), Observation("ioda", "ioda", "2", at(8, 7)))
    _, paragraphs = french(state=IncidentState.CONFIRMED, services=(Service.INTERNET,), observations=seen)
    assert "Une mesure indépendante (IODA) montre elle aussi une coupure, depuis 8 h 02." in paragraphs[0]
    _, paragraphs = french(state=IncidentState.EASING, observations=seen, eased_at=at(9, 30))
    assert "Une mesure indépendante (IODA) a elle aussi montré une coupure, apparue à 8 h 02." in paragraphs[0]
    confirmed = replace(INCIDENT, state=IncidentState.CONFIRMED, observations=seen)
    assert spaced(FRENCH.notice(INCIDENT, confirmed, ORANGE, NOW) or "") == (
        "Orange : panne confirmée par une mesure indépendante (IODA)."
    )
    assert "An independent measurement (IODA) shows an outage too, since 08:02." in spaced(
        ENGLISH.compose(confirmed, ORANGE, NOW)[1]
    )


def test_suspected_and_silent() -> None:
    title, paragraphs = french(professional=4)
    assert title == "Orange : la messagerie serait en panne, de Lille à Mont-de-Marsan"
    assert paragraphs == [
        (
            "La messagerie d’Orange serait en panne depuis 8 h 05, de Lille (Nord) à Mont-de-Marsan (Landes), d’après "
            "des témoignages d’usagers. La rédaction a relevé 24 signalements distincts, dont 4 venant de clients "
            "professionnels, entre 8 h 05 et 8 h 25, contre 2 habituellement (12 fois plus). La panne est notamment "
            "signalée à Chalon-sur-Saône (Saône-et-Loire)."
        ),
        "Aucune annonce sur la page de suivi d’Orange depuis 8 h 05 (dernière vérification à 9 h 41).",
    ]


def test_suspected_and_silent_in_english() -> None:
    title, text = ENGLISH.compose(replace(INCIDENT, professional=1), ORANGE, NOW)
    assert title == "Orange: e-mail appears to be down, from Lille to Mont-de-Marsan"
    assert text == (
        "E-mail at Orange appears to have been down since 08:05, from Lille (Nord) to Mont-de-Marsan (Landes), "
        "according to accounts from users. The newsroom counted 24 distinct reports, one of them from a business "
        "customer, between 08:05 and 08:25, compared with 2 usually (12 times as many). The outage is notably reported "
        "in Chalon-sur-Saône (Saône-et-Loire).\n\n"
        "Nothing on Orange’s status page since 08:05 (last checked at 09:41)."
    )


def test_confirmed_is_affirmed_and_quotes_the_operator() -> None:
    spoke = Silence(SilenceState.SPOKE, at(8, 40), at(9, 41))
    title, paragraphs = french(state=IncidentState.CONFIRMED, statement=STATEMENT, silence=spoke, places=())
    assert title == "Orange : la messagerie en panne"
    assert paragraphs[0].startswith(
        "La messagerie d’Orange est en panne depuis 8 h 05, d’après des témoignages d’usagers. La rédaction a "
    )
    assert paragraphs[1] == (
        "Orange a indiqué à 8 h 40 sur sa page de suivi : « Incident messagerie » (zone annoncée : Grand Est)."
    )


def test_easing_keeps_the_doubt_there_was() -> None:
    title, paragraphs = french(state=IncidentState.EASING, eased_at=at(10, 30), places=())
    assert title == "Orange : vers un retour à la normale pour la messagerie"
    assert paragraphs[0].startswith(
        "La panne qui toucherait la messagerie d’Orange semble se résorber : les signalements d’usagers, apparus à "
        "8 h 05, refluent depuis 10 h 30. La rédaction a relevé 24 signalements distincts entre"
    )


def test_resolved() -> None:
    title, paragraphs = french(
        state=IncidentState.RESOLVED, before=IncidentState.CONFIRMED, eased_at=at(10, 30), ended_at=at(11, 30)
    )
    assert title == "Orange : la panne paraît terminée pour la messagerie"
    assert paragraphs[0].startswith(
        "La panne qui a touché la messagerie d’Orange, de Lille (Nord) à Mont-de-Marsan (Landes), paraît terminée : "
        "les signalements d’usagers, apparus à 8 h 05, sont revenus à leur niveau habituel depuis 10 h 30."
    )
    assert paragraphs[0].endswith("La panne a notamment été signalée à Chalon-sur-Saône (Saône-et-Loire).")


def test_an_operator_that_speaks_first() -> None:
    nobody = Surge(0, 0.3, Interval(at(8, 20), at(8, 40)))
    spoke = Silence(SilenceState.SPOKE, at(8, 40), at(8, 41))
    title, paragraphs = french(
        state=IncidentState.CONFIRMED, surge=nobody, places=(), statement=STATEMENT, silence=spoke
    )
    assert title == "Orange annonce un incident touchant la messagerie"
    assert paragraphs == [
        (
            "Orange a indiqué à 8 h 40 sur sa page de suivi : « Incident messagerie » (zone annoncée : Grand Est). "
            "À ce stade, la rédaction n’a relevé aucun signalement d’usager."
        )
    ]


@pytest.mark.parametrize(
    ("silence", "words", "english"),
    [
        (
            Silence(SilenceState.SILENT, at(8, 5), at(8, 0)),
            "Aucune annonce sur la page de suivi d’Orange à notre dernière vérification, à 8 h 00.",
            "Nothing on Orange’s status page at our last check, at 08:00.",
        ),
        (
            Silence(SilenceState.UNREACHABLE, at(8, 0), at(8, 0)),
            (
                "Nous ne parvenons pas à joindre la page de suivi d’Orange (dernière lecture à 8 h 00) : impossible de "
                "dire si une annonce y figure."
            ),
            "We cannot reach Orange’s status page (last read at 08:00), so we cannot say whether it has said anything.",
        ),
        (
            Silence(SilenceState.UNREADABLE),
            (
                "La page de suivi d’Orange répond, mais nous ne parvenons pas à la lire : impossible de dire si une "
                "annonce y figure."
            ),
            "Orange’s status page answers, but we cannot read it, so we cannot say whether it has said anything.",
        ),
        (
            Silence(SilenceState.NO_CHANNEL),
            "Nous ne connaissons pas de page publique d’Orange sur l’état de ce service.",
            "We know of no public page of Orange’s that tells the state of this service.",
        ),
        (
            Silence(SilenceState.SPOKE, at(8, 40)),
            "Une annonce a paru sur la page de suivi d’Orange à 8 h 40.",
            "An entry appeared on Orange’s status page at 08:40.",
        ),
    ],
)
def test_each_silence_in_its_own_words(silence: Silence, words: str, english: str) -> None:
    assert french(silence=silence)[1][-1] == words
    assert ENGLISH.compose(replace(INCIDENT, silence=silence), ORANGE, NOW)[1].endswith("\n\n" + english)


@pytest.mark.parametrize(
    ("places", "scope"),
    [
        ((commune("72181", "Le Mans", 20),), " au Mans (Sarthe)"),
        ((commune("85194", "Les Sables-d'Olonne", 20),), " aux Sables-d’Olonne (Vendée)"),
        ((commune("75056", "Paris", 20),), " à Paris"),
        ((CHALON, commune("71270", "Mâcon", 12)), " en Saône-et-Loire"),
        ((PlaceCount(Place("D59", Level.DEPARTEMENT, "Nord", "59"), 12),), " dans le Nord"),
        ((PlaceCount(Place("R32", Level.REGION, "Hauts-de-France", None), 12),), " dans les Hauts-de-France"),
        ((commune("01053", "Bourg-en-Bresse", 9), PlaceCount(Place("D01", Level.DEPARTEMENT, "Ain", "01"), 9)), ""),
        ((LILLE,), ""),
        ((LILLE, MONT_DE_MARSAN), ""),
        (
            (commune("72181", "Le Mans"), commune("69123", "Lyon"), commune("13055", "Marseille")),
            ", du Mans à Marseille",
        ),
        ((CHALON, commune("21231", "Dijon")), ""),
    ],
)
def test_the_title_says_where_only_when_the_reports_do(places: tuple[PlaceCount, ...], scope: str) -> None:
    title, _ = french(places=places)
    assert title == f"Orange : la messagerie serait en panne{scope}"


def test_one_odd_report_does_not_stretch_the_map() -> None:
    brest = commune("29019", "Brest")
    assert french(places=(LILLE, MONT_DE_MARSAN, brest))[0].endswith(", de Lille à Mont-de-Marsan")


def test_other_days_are_dated() -> None:
    _, paragraphs = french(now=at(9, 0, day=6))
    assert paragraphs[0].startswith("La messagerie d’Orange serait en panne depuis le 5 décembre à 8 h 05, de")
    assert "a relevé 24 signalements distincts le 5 décembre entre 8 h 05 et 8 h 25, contre" in paragraphs[0]
    assert paragraphs[1].endswith("(dernière vérification le 5 décembre à 9 h 41).")


def test_articles_and_services() -> None:
    assert french(SFR, services=(Service.MOBILE, Service.SMS, Service.WEB), places=())[1] == [
        (
            "Le réseau mobile, le service de SMS et le site ou l’application de SFR seraient en panne depuis 8 h 05, "
            "d’après des témoignages d’usagers. La rédaction a relevé 24 signalements distincts entre 8 h 05 et "
            "8 h 25, contre 2 habituellement (12 fois plus)."
        ),
        "Aucune annonce sur la page de suivi de SFR depuis 8 h 05 (dernière vérification à 9 h 41).",
    ]
    title, paragraphs = french(SNCF, services=(Service.RAIL,), places=(), silence=Silence(SilenceState.NO_CHANNEL))
    assert title == "SNCF : la circulation des trains serait perturbée"
    assert paragraphs[0].startswith("La circulation des trains de la SNCF serait perturbée depuis 8 h 05, d’après")
    assert paragraphs[1].startswith("Nous ne connaissons pas de page publique de la SNCF")
    title, paragraphs = french(services=(), places=())
    assert title == "Orange : une panne serait en cours"
    assert paragraphs[0].startswith("Orange connaîtrait une panne depuis 8 h 05, d’après")


@pytest.mark.parametrize(
    ("expected", "words"),
    [(0.04, "alors qu’il n’y en a habituellement aucun. La"), (0.7, "contre un tout au plus habituellement. La")],
)
def test_less_than_one_report_is_no_yardstick(expected: float, words: str) -> None:
    _, paragraphs = french(surge=replace(INCIDENT.surge, expected=expected))
    assert words in paragraphs[0]


def test_sources_that_agree_are_said_to() -> None:
    two = replace(INCIDENT.surge, by_source=(("x", 20), ("lecteurs", 4)))
    _, paragraphs = french(state=IncidentState.CONFIRMED, surge=two, places=(commune("21231", "Dijon"), CHALON, MACON))
    assert "est en panne depuis 8 h 05, d’après des témoignages concordants d’usagers." in paragraphs[0]
    assert paragraphs[0].endswith(
        "notamment signalée à Dijon (Côte-d’Or), à Chalon-sur-Saône et à Mâcon (Saône-et-Loire)."
    )


def test_french_spaces_do_not_break() -> None:
    title, text = FRENCH.compose(replace(INCIDENT, statement=STATEMENT), ORANGE, NOW)
    assert "Orange\u00a0: la" in title
    assert "8\u00a0h\u00a005" in text
    assert "«\u00a0Incident messagerie\u00a0»" in text


class TestNotice:
    def test_nothing_to_notice(self) -> None:
        assert FRENCH.notice(None, INCIDENT, ORANGE, NOW) is None
        assert FRENCH.notice(INCIDENT, replace(INCIDENT, places=()), ORANGE, NOW) is None

    @pytest.mark.parametrize(
        ("before", "after", "words", "english"),
        [
            (
                {},
                {"state": IncidentState.CONFIRMED, "statement": STATEMENT},
                "Orange a indiqué à 8 h 40 : « Incident messagerie » (zone annoncée : Grand Est).",
                "Orange said at 08:40: “Incident messagerie” (area given: Grand Est).",
            ),
            (
                {"statement": STATEMENT},
                {"statement": replace(STATEMENT, state=EntryState.RESOLVED), "state": IncidentState.EASING},
                (
                    "Orange a indiqué à 8 h 40 : « Incident messagerie » (zone annoncée : Grand Est) ; l’incident "
                    "est donné pour résolu. Les signalements refluent."
                ),
                (
                    "Orange said at 08:40: “Incident messagerie” (area given: Grand Est); it gives the incident as "
                    "resolved. Reports have been easing."
                ),
            ),
            (
                {},
                {"state": IncidentState.CONFIRMED},
                "Orange : panne confirmée.",
                "Orange: outage confirmed.",
            ),
            (
                {},
                {
                    "state": IncidentState.CONFIRMED,
                    "surge": Surge(48, 3.0, Interval(at(8, 5), at(8, 40)), by_source=(("x", 40), ("lecteurs", 8))),
                },
                (
                    "Orange : panne confirmée par plusieurs sources ; les signalements ont doublé (48 entre 8 h 05 et "
                    "8 h 40, contre 24 auparavant)."
                ),
                (
                    "Orange: outage confirmed by several sources; reports have doubled (48 between 08:05 and 08:40, "
                    "against 24 before)."
                ),
            ),
            (
                {},
                {"surge": Surge(48, 3.0, Interval(at(8, 5), at(8, 40)))},
                "Orange : les signalements ont doublé (48 entre 8 h 05 et 8 h 40, contre 24 auparavant).",
                "Orange: reports have doubled (48 between 08:05 and 08:40, against 24 before).",
            ),
            (
                {"surge": Surge(0, 3.0, Interval(at(8, 5), at(8, 40)))},
                {},
                "Orange : des usagers le signalent aussi (24 entre 8 h 05 et 8 h 25).",
                "Orange: users report it too (24 between 08:05 and 08:25).",
            ),
            (
                {},
                {"state": IncidentState.EASING, "eased_at": at(10, 30)},
                "Orange : les signalements refluent depuis 10 h 30.",
                "Orange: reports have been easing since 10:30.",
            ),
            (
                {"state": IncidentState.EASING},
                {"state": IncidentState.RESOLVED, "eased_at": at(10, 30)},
                "Orange : la panne paraît terminée, les signalements sont à leur niveau habituel depuis 10 h 30.",
                "Orange: the outage looks over, reports have been at their usual level since 10:30.",
            ),
            (
                {"state": IncidentState.RESOLVED},
                {},
                "Orange : les signalements reprennent (24 entre 8 h 05 et 8 h 25).",
                "Orange: reports are rising again (24 between 08:05 and 08:25).",
            ),
        ],
    )
    def test_what_an_editor_must_notice(
        self, before: dict[str, object], after: dict[str, object], words: str, english: str
    ) -> None:
        old = replace(INCIDENT, **before)  # type: ignore[arg-type]
        new = replace(INCIDENT, **after)  # type: ignore[arg-type]
        assert spaced(FRENCH.notice(old, new, ORANGE, NOW) or "") == words
        assert ENGLISH.notice(old, new, ORANGE, NOW) == english


CODES = st.sampled_from(["59", "71", "40", "971", "99", None])
IDS = st.sampled_from(["59350", "71076", "D40", "R27", "X"])
# What is missing must not be worded "None"; nobody else says it here.
ANY = st.text(st.characters(codec=None), max_size=200).filter(lambda text: "None" not in text)
PLACES = st.builds(PlaceCount, st.builds(Place, IDS, st.sampled_from(Level), ANY, CODES), st.integers(1, 50))
TIMES = st.datetimes(datetime(2023, 12, 1), datetime(2023, 12, 9)).map(lambda when: when.replace(tzinfo=UTC))  # noqa: DTZ001
STATEMENTS = st.builds(Statement, ANY, ANY, ANY, st.sampled_from(EntryState), TIMES, st.none() | ANY)
INCIDENTS = st.builds(
    Incident,
    id=st.just("x"),
    number=st.integers(1, 9),
    operator=st.just("orange"),
    state=st.sampled_from(IncidentState),
    opened_at=TIMES,
    first_report_at=TIMES,
    surge=st.builds(
        Surge,
        st.integers(0, 5000),
        st.floats(0, 5000),
        st.builds(lambda start: Interval(start, start + timedelta(hours=1)), TIMES),
    ),
    services=st.lists(st.sampled_from(Service), unique=True, max_size=4).map(tuple),
    places=st.lists(PLACES, max_size=8).map(tuple),
    silence=st.builds(Silence, st.sampled_from(SilenceState), st.none() | TIMES, st.none() | TIMES),
    statement=st.none() | STATEMENTS,
    before=st.sampled_from([IncidentState.SUSPECTED, IncidentState.CONFIRMED]),
    eased_at=st.none() | TIMES,
    ended_at=st.none() | TIMES,
    professional=st.integers(0, 50),
)


@given(INCIDENTS, INCIDENTS, st.sampled_from([FRENCH, ENGLISH]))
def test_any_incident_reads_as_whole_sentences(before: Incident, incident: Incident, wording: Wording) -> None:
    title, text = wording.compose(incident, ORANGE, NOW)
    notice = wording.notice(before, incident, ORANGE, NOW)
    assert "\n" not in title + (notice or "")
    assert title
    for line in (title, *text.split("\n\n"), *([notice] if notice else [])):
        assert "  " not in line
        assert line == line.strip()
        assert "None" not in line
    assert text.endswith(".")


@given(INCIDENTS)
def test_every_number_is_one_of_the_incidents(incident: Incident) -> None:
    # What others wrote may hold any number: leave it out.
    incident = replace(incident, places=(), statement=None)
    title, text = FRENCH.compose(incident, ORANGE, NOW)
    surge = incident.surge
    times = [surge.interval.start, surge.interval.end, incident.first_report_at, incident.eased_at, incident.ended_at]
    times += [incident.silence.since, incident.silence.checked_at]
    allowed = {str(surge.reports), str(incident.professional)}
    for value in (surge.expected, surge.reports / max(surge.expected, 1)):
        allowed |= {f"{value:.0f}", f"{value:.1f}".removesuffix(".0").replace(".", ",")}
    for when in filter(None, times):
        local = when.astimezone(PARIS)
        allowed |= {str(local.hour), f"{local.minute:02}", str(local.day), "1"}
    assert set(re.findall(r"\d+(?:,\d+)?", title + text)) <= allowed


def test_templates_cannot_reach_out() -> None:
    hostile = dict.fromkeys(TEMPLATES, "{{ operator.__class__.__mro__[1].__subclasses__() }}")
    wording = Wording(hostile, language="fr", zone=PARIS)
    with pytest.raises(Exception, match="unsafe"):
        wording.compose(INCIDENT, ORANGE, NOW)


def test_where_most_reports_come_from_another_network_the_text_says_so() -> None:
    surge = replace(INCIDENT.surge, by_network=(("free", 15), ("orange", 9)))
    free = Operator("free", "Free", (Service.MOBILE,))
    wording = {
        language: Wording(templates(language), language=language, zone=PARIS, operators=(ORANGE, free))
        for language in ("fr", "en")
    }
    texts = {name: made.compose(replace(INCIDENT, surge=surge), ORANGE, NOW)[1] for name, made in wording.items()}
    assert "La plupart (15 sur 24) viennent de clients de Free." in texts["fr"].replace("\u00a0", " ")
    assert "Most of them (15 of 24) come from customers of Free." in texts["en"]
    few = replace(INCIDENT, surge=replace(surge, by_network=(("orange", 14), ("free", 10))))
    assert "clients" not in wording["fr"].compose(few, ORANGE, NOW)[1]
