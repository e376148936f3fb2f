"""A month in which nothing particular happens, to measure what such a month costs; every sentence is ours.

Ten operators at 0.02 to 0.2 mentions a minute on a daily and weekly rhythm, a third of them about no outage, and a
check of each operator's page every half hour.
"""

import json
import random  # noqa: TID251 - it makes its own stream, from a seed
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import pi, sin

_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
_PLACES = (
    "Lille", "Lyon", "Marseille", "Mâcon", "Dijon", "Nantes", "Rennes", "Brest", "Bordeaux", "Toulouse", "Strasbourg",
    "Mont-de-Marsan", "Chalon-sur-Saône", "Grenoble", "Limoges", "Metz", "Troyes", "Caen", "Le Mans", "Besançon",
)  # fmt: skip
_TELECOM = (
    "plus de mail {o} {p} depuis ce matin", "le réseau mobile {o} est tombé {p}", "la box {o} ne se connecte plus {p}",
    "pas d'internet chez {o} {p}, ça dure", "la télé {o} en panne {p}", "téléphone fixe {o} muet {p}",
    "impossible d'ouvrir l'espace client {o} {p}", "fibre {o} coupée {p}, quelqu'un d'autre ?",
)  # fmt: skip
_CALM = (
    "je passe chez {o} le mois prochain", "la facture {o} a encore augmenté", "bonne surprise du service {o} {p}",
    "{o} recrute {p}", "quelqu'un a un avis sur {o} ?", "une boutique {o} ouvre {p}", "publicité {o} partout {p}",
)  # fmt: skip
# operator: (its name, how people complain)
_OPERATORS = {
    "orange": ("Orange", _TELECOM),
    "sfr": ("SFR", _TELECOM),
    "bouygues": ("Bouygues Telecom", _TELECOM),
    "free": ("Free", _TELECOM),
    "enedis": ("Enedis", ("coupure de courant {p}, {o} ne répond pas", "plus d'électricité {p} @{o}")),
    "sncf": ("SNCF", ("train {o} à l'arrêt {p}", "trafic {o} interrompu {p}, aucune annonce")),
    "ovh": ("OVHcloud", ("mon site chez {o} est en panne", "mails {o} en rade depuis une heure")),
    "la_banque_postale": ("La Banque Postale", ("appli {o} en panne", "paiement refusé avec {o} {p}")),
    "credit_mutuel": ("Crédit Mutuel", ("site du {o} inaccessible", "carte {o} refusée {p}, panne ?")),
    "regie": ("Télérégie", _TELECOM),
}
TENTH_OPERATOR = '[[operators]]\nid = "regie"\nname = "Télérégie"\nservices = ["internet", "mobile", "mail"]\n'


def quiet_month(seed: int, days: int) -> Iterator[str]:
    """The lines of a scenario in which nothing particular happens."""
    rng = random.Random(seed)
    events: list[tuple[float, dict[str, object]]] = []
    minutes = days * 1440
    for index, (operator, (name, complaints)) in enumerate(_OPERATORS.items()):
        rate = 0.02 + 0.18 * index / (len(_OPERATORS) - 1)
        at = 0.0
        while (at := at + rng.expovariate(2 * rate)) < minutes:
            if rng.random() > _season(at) / 2:  # thinned from twice the mean rate
                continue
            text = rng.choice(_CALM if rng.random() < 1 / 3 else complaints)
            place = f"à {rng.choice(_PLACES)}" if rng.random() < 1 / 2 else ""
            author = f"a{rng.randrange(20_000)}"
            words = f"{text.format(o=name, p=place).strip()} {'!' * rng.randrange(3)}".strip()
            mention = {"id": f"p{len(events)}", "author": author, "text": words, "source": "bluesky"}
            events.append((at, {"mention": mention}))
        events += [
            (float(at), {"health": {"source": f"{operator}-etat", "operator": operator, "state": "ok"}})
            for at in range(index, minutes, 30)
        ]
    for at, event in sorted(events, key=lambda event: event[0]):
        yield json.dumps({"at": (_MONDAY + timedelta(minutes=at)).isoformat(), **event})


def _season(minute: float) -> float:
    """Mean about 1, below 2: calm nights, calmer week-ends."""
    weekend = minute // 1440 % 7 >= 5  # noqa: PLR2004 - Saturday
    return (1 + 0.8 * sin(2 * pi * (minute / 1440 - 1 / 3))) * (0.8 if weekend else 1.08)
