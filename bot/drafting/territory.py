"""Départements and regions in prose need a name, a preposition and a rough position, which no rule can guess.

Names and positions are those of the gazetteer (etalab/decoupage-administratif, MIT); a position is the centre of the
département's population, to a tenth of a degree.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from bot.domain.places import Level, Place, PlaceCount

_FAR_KM = 400.0  # Paris to Lyon: from there on "de … à …" says "across the country"
_FEW_COMMUNES = 3  # two dots are no spread


@dataclass(frozen=True, slots=True)
class Territory:
    """A département or a region.

    Attributes:
        preposition: What French puts before its name (`dans le`, `en`, `dans l'`).
        centre: Latitude and longitude, or None overseas and for regions.
    """

    preposition: str
    name: str
    centre: tuple[float, float] | None = None

    @property
    def located(self) -> str:
        """The name with its preposition: `dans le Nord`, `en Isère`, `dans l'Ain`."""
        elided = self.preposition.endswith("'")
        return self.preposition + self.name if elided else f"{self.preposition} {self.name}"


# code|preposition|name|latitude longitude
_TABLE = """
01|dans l'|Ain|46.1 5.3
02|dans l'|Aisne|49.6 3.4
03|dans l'|Allier|46.3 3.2
04|dans les|Alpes-de-Haute-Provence|44.0 6.0
05|dans les|Hautes-Alpes|44.6 6.2
06|dans les|Alpes-Maritimes|43.7 7.2
07|en|Ardèche|44.8 4.6
08|dans les|Ardennes|49.7 4.7
09|en|Ariège|43.0 1.6
10|dans l'|Aube|48.3 4.1
11|dans l'|Aude|43.2 2.6
12|dans l'|Aveyron|44.3 2.6
13|dans les|Bouches-du-Rhône|43.4 5.3
14|dans le|Calvados|49.2 -0.3
15|dans le|Cantal|45.0 2.5
16|en|Charente|45.7 0.1
17|en|Charente-Maritime|45.9 -0.9
18|dans le|Cher|47.1 2.4
19|en|Corrèze|45.3 1.7
2A|en|Corse-du-Sud|41.8 8.9
2B|en|Haute-Corse|42.5 9.3
21|en|Côte-d'Or|47.3 5.0
22|dans les|Côtes-d'Armor|48.5 -2.8
23|dans la|Creuse|46.2 1.9
24|en|Dordogne|45.1 0.7
25|dans le|Doubs|47.3 6.4
26|dans la|Drôme|44.8 4.9
27|dans l'|Eure|49.1 1.1
28|en|Eure-et-Loir|48.5 1.4
29|dans le|Finistère|48.3 -4.2
30|dans le|Gard|43.9 4.3
31|en|Haute-Garonne|43.6 1.4
32|dans le|Gers|43.7 0.6
33|en|Gironde|44.8 -0.6
34|dans l'|Hérault|43.5 3.7
35|en|Ille-et-Vilaine|48.2 -1.7
36|dans l'|Indre|46.8 1.6
37|en|Indre-et-Loire|47.3 0.7
38|en|Isère|45.3 5.5
39|dans le|Jura|46.8 5.6
40|dans les|Landes|43.8 -1.0
41|dans le|Loir-et-Cher|47.6 1.4
42|dans la|Loire|45.6 4.3
43|en|Haute-Loire|45.2 4.0
44|en|Loire-Atlantique|47.3 -1.7
45|dans le|Loiret|47.9 2.1
46|dans le|Lot|44.6 1.6
47|dans le|Lot-et-Garonne|44.3 0.5
48|en|Lozère|44.6 3.5
49|dans le|Maine-et-Loire|47.4 -0.6
50|dans la|Manche|49.1 -1.4
51|dans la|Marne|49.1 4.1
52|en|Haute-Marne|48.3 5.1
53|en|Mayenne|48.1 -0.7
54|en|Meurthe-et-Moselle|48.8 6.1
55|dans la|Meuse|49.0 5.4
56|dans le|Morbihan|47.8 -2.9
57|en|Moselle|49.2 6.4
58|dans la|Nièvre|47.1 3.3
59|dans le|Nord|50.5 3.2
60|dans l'|Oise|49.3 2.5
61|dans l'|Orne|48.6 -0.0
62|dans le|Pas-de-Calais|50.5 2.4
63|dans le|Puy-de-Dôme|45.8 3.2
64|dans les|Pyrénées-Atlantiques|43.4 -0.9
65|dans les|Hautes-Pyrénées|43.2 0.1
66|dans les|Pyrénées-Orientales|42.7 2.8
67|dans le|Bas-Rhin|48.6 7.7
68|dans le|Haut-Rhin|47.8 7.3
69|dans le|Rhône|45.8 4.8
70|en|Haute-Saône|47.6 6.2
71|en|Saône-et-Loire|46.6 4.6
72|dans la|Sarthe|48.0 0.2
73|en|Savoie|45.6 6.1
74|en|Haute-Savoie|46.1 6.3
75|à|Paris|48.9 2.3
76|en|Seine-Maritime|49.5 0.8
77|en|Seine-et-Marne|48.7 2.8
78|dans les|Yvelines|48.9 2.0
79|dans les|Deux-Sèvres|46.5 -0.4
80|dans la|Somme|49.9 2.3
81|dans le|Tarn|43.8 2.1
82|dans le|Tarn-et-Garonne|44.0 1.3
83|dans le|Var|43.3 6.2
84|dans le|Vaucluse|44.0 5.0
85|en|Vendée|46.7 -1.4
86|dans la|Vienne|46.6 0.4
87|en|Haute-Vienne|45.8 1.2
88|dans les|Vosges|48.2 6.6
89|dans l'|Yonne|47.9 3.5
90|dans le|Territoire de Belfort|47.6 6.9
91|dans l'|Essonne|48.6 2.3
92|dans les|Hauts-de-Seine|48.9 2.3
93|en|Seine-Saint-Denis|48.9 2.5
94|dans le|Val-de-Marne|48.8 2.4
95|dans le|Val-d'Oise|49.0 2.3
971|en|Guadeloupe
972|en|Martinique
973|en|Guyane
974|à|La Réunion
975|à|Saint-Pierre-et-Miquelon
976|à|Mayotte
977|à|Saint-Barthélemy
978|à|Saint-Martin
986|à|Wallis-et-Futuna
987|en|Polynésie française
988|en|Nouvelle-Calédonie
R84|en|Auvergne-Rhône-Alpes
R27|en|Bourgogne-Franche-Comté
R53|en|Bretagne
R24|en|Centre-Val de Loire
R94|en|Corse
R44|dans le|Grand Est
R32|dans les|Hauts-de-France
R11|en|Île-de-France
R28|en|Normandie
R75|en|Nouvelle-Aquitaine
R76|en|Occitanie
R52|dans les|Pays de la Loire
R93|en|Provence-Alpes-Côte d'Azur
R01|en|Guadeloupe
R02|en|Martinique
R03|en|Guyane
R04|à|La Réunion
R06|à|Mayotte
"""


def _territory(row: str) -> tuple[str, Territory]:
    code, preposition, name, *centre = row.split("|")
    if not centre:
        return code, Territory(preposition, name)
    latitude, longitude = map(float, centre[0].split())
    return code, Territory(preposition, name, (latitude, longitude))


TERRITORIES = dict(map(_territory, _TABLE.split("\n")[1:-1]))


def beside(place: Place) -> str:
    """What tells a commune from its namesakes: ` (Nord)`; nothing for Paris, in Paris."""
    territory = TERRITORIES.get(place.departement or "")
    return f" ({territory.name})" if territory and territory.name != place.name else ""


def far_apart(places: Iterable[PlaceCount]) -> tuple[PlaceCount, PlaceCount] | None:
    """The two named communes farthest apart, the northern one first; None when they are few or not far.

    Communes that at least two people name count first: one odd report must not stretch the map.
    """
    communes = [(count, centre) for count in places if (centre := _centre(count))]
    if len(communes) < _FEW_COMMUNES:
        return None
    for least in (2, 1):
        known = [(count, centre) for count, centre in communes if count.n >= least]
        pairs = [(_kilometres(one[1], other[1]), one, other) for one, other in combinations(known, 2)]
        # On a tie the pair that comes first, so that the same places give the same words.
        distance, one, other = max(pairs, key=lambda pair: pair[0], default=(0.0, None, None))
        if one and other and distance >= _FAR_KM:
            north, south = sorted((one, other), key=lambda place: -place[1][0])
            return north[0], south[0]
    return None


def _centre(count: PlaceCount) -> tuple[float, float] | None:
    """Where a commune is, as closely as its département tells; None for wider places."""
    territory = TERRITORIES.get(count.place.departement or "") if count.place.level is Level.COMMUNE else None
    return territory.centre if territory else None


def _kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance on a flat map of the country, good to a few kilometres."""
    north = math.radians(one[0] - other[0])
    east = math.radians(one[1] - other[1]) * math.cos(math.radians((one[0] + other[0]) / 2))
    return 6371 * math.hypot(north, east)
