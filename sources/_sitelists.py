"""Lists of mobile sites out of service, in the shapes that ARCEP and four operators have given them over the years.

CSV or GeoJSON; a column is known by its name, whatever its accents, case and place. See docs/sources/mobile_sites.md.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from sources._siterows import folded, read_rows
from sources._time import parse_time

_PARIS = ZoneInfo("Europe/Paris")
_FIELDS = {
    "operator": ("operateur", "nom_op", "op_code"),
    "station": ("station_anfr", "id_anfr", "id_station_anfr", "num_station_anfr"),
    "code": ("code_site_op", "code_si", "code_site"),
    "insee": ("code_insee", "code_insee_commune", "insee"),
    "postcode": ("code_postal", "cp"),
    "departement": ("departement", "dpt", "code_departement"),
    "commune": ("commune", "localite", "ville"),
    "lat": ("lat", "latitude", "x_wgs84_gps"),
    "lon": ("lon", "long", "lng", "longitude", "y_wgs84_gps"),
    "voice": ("voix", "voix_sms", "service_voix_sms"),
    "data": ("data", "internet_mobile", "service_de_donnees"),
    "reason": ("raison",),
    "detail": ("detail",),
    "date": ("date",),
}
_FIELD_OF = {name: field for field, names in _FIELDS.items() for name in names}
# What a column is about where its name is not one of those; for a service, of which generation of mobile networks.
_ROLES = {
    "begin": re.compile(r"(?:date_(?:et_heure_)?(?:de_|du_)?)?(?:debut)()"),
    "end": re.compile(r"(?:date_(?:et_heure_)?(?:de_|du_)?)?(?:fin(?:_|$)|(?:retour|retablissement)(?:_|$))()"),
    "voix": re.compile(r"([2-5])gvoix$|voix([2-5])g$|service_voix_sms_([2-5])g$"),
    "données": re.compile(r"([2-5])gdata$|data([2-5])g$|service_de_donnees_([2-5])g$"),
}
_OUT = ("HS", "KO", "HORS SERVICE", "INDISPONIBLE", "NON DISPONIBLE", "INTERROMPU")
_WORKS = ("OK", "EN SERVICE", "DISPONIBLE")
_NOTHING = {"", "NULL", "NONE", "NAN", "-"}
_INSEE = re.compile(r"\d{5}|2[AB]\d{3}")
_DEPARTEMENT = re.compile(r"\d{2,3}|2[AB]")
_CLOCK = re.compile(r"\d\s*[h:]\s*\d")
_DEGREES = re.compile(r"(\d{1,3})\s*[°d]\s*(\d{1,2})\s*['’′]\s*(?:(\d{1,2}(?:[.,]\d+)?)\s*(?:\"|”|″|''))?\s*([NSEWO]?)")
_CELL_CHARS = 500


@dataclass(frozen=True, slots=True)
class SiteOut:
    """One line: a mobile site of one operator that is out of service.

    Attributes:
        operator: As the list names it, or empty: its name before its code, which may be a number.
        key: The site: its ANFR number, else the operator's own code; empty where there is neither.
        insee: INSEE code of the commune, or empty.
        out: What is out: of `voix` and `données` the generations of mobile networks, or an empty text for all of them.
        maintenance: It is out on purpose.
        begun: Since when, or None.
        ends: Until when, as the operator expects, in words.
        dated: Date of the list, if the line gives it.
    """

    operator: str
    key: str
    insee: str
    postcode: str
    departement: str
    commune: str
    position: tuple[float, float] | None
    out: frozenset[tuple[str, str]]
    maintenance: bool
    detail: str
    begun: datetime | None
    ends: str
    dated: datetime | None

    @property
    def lost(self) -> str:
        """What is out, as one says it: `voix et données`, `données 4G et 5G`; empty where it is not said."""
        parts = []
        for name in ("voix", "données"):
            generations = sorted(generation for service, generation in self.out if service == name)
            named = "" if "" in generations else f" {' et '.join(f'{generation}G' for generation in generations)}"
            parts += [f"{name}{named}"] if generations else []
        return " et ".join(parts)


def read_list(body: bytes) -> list[SiteOut]:
    """Every site of a list, in its order; doubles included, lines that are no site left out.

    Raises:
        ListError: It is none.
    """
    rows, csv_lines = read_rows(body, _FIELD_OF)
    return [site for row in rows if (site := _site(row, strict=csv_lines)) is not None]


def local_time(text: str) -> datetime | None:
    """An instant in UTC of a time as it is written in France; a zone in it is heeded."""
    return parse_time(text, _PARIS)


def _site(row: Mapping[str, str], *, strict: bool) -> SiteOut | None:
    """What a row says; None for one that is no site: a legend, an empty line.

    Args:
        row: By normalised column.
        strict: It may be anything: it must say where the site is.
    """
    cells = ((name, " ".join(value.replace("\0", "").split())[:_CELL_CHARS]) for name, value in row.items())
    said = {name: text for name, text in cells if text.upper() not in _NOTHING}
    field = {what: next((said[name] for name in names if name in said), "") for what, names in _FIELDS.items()}
    code = field["code"]
    # Free's own codes begin with the INSEE code, and its `code_insee` has held postal codes.
    insee, postcode = _code(field["insee"]), _code(field["postcode"])
    if "_" in code and (prefix := _code(code.partition("_")[0])):
        insee, postcode = prefix, postcode or insee
    departement = _departement(field["departement"])
    position = _position(field["lat"], field["lon"])
    out, works = _services(field["voice"], field["data"], said)
    if works and not out:
        return None
    located = insee or postcode or position or (field["commune"] and (out or _DEPARTEMENT.fullmatch(departement)))
    if not located and (strict or not (field["commune"] or field["station"] or code)):
        return None
    begun = [when for name, text in said.items() if _role(name)[0] == "begin" and (when := local_time(text))]
    ends = [(when, text) for name, text in said.items() if _role(name)[0] == "end" and (when := local_time(text))]
    return SiteOut(
        operator=field["operator"],
        key=_station(field["station"]) or code,
        insee=insee,
        postcode=postcode,
        departement=departement,
        commune=field["commune"],
        position=position,
        out=out,
        maintenance=folded(field["reason"]).startswith("MAINT"),
        detail=field["detail"],
        begun=min(begun, default=None),
        ends=in_words(max(ends)[0], clock=_CLOCK.search(max(ends)[1]) is not None) if ends else "",
        dated=local_time(field["date"]) if field["date"] else None,
    )


def _services(voice: str, data: str, said: Mapping[str, str]) -> tuple[frozenset[tuple[str, str]], bool]:
    """The services that are out (see `SiteOut.out`), and whether all that are told work.

    Some operators call a service out where one generation of networks is: what is told of each wins.
    """
    out: set[tuple[str, str]] = set()
    told = []
    for name, whole in (("voix", voice), ("données", data)):
        each = {_role(column)[1]: text for column, text in said.items() if _role(column)[0] == name}
        generations = {generation for generation, text in each.items() if _is_out(text)}
        if generations and ((whole and not _is_out(whole)) or any(map(_is_up, each.values()))):
            out |= {(name, generation) for generation in generations}
        elif generations or _is_out(whole):
            out.add((name, ""))
        told += [text for text in (whole, *each.values()) if text]
    return frozenset(out), bool(told) and all(map(_is_up, told))


@lru_cache(maxsize=1024)  # the names of columns are few, the lines many
def _role(name: str) -> tuple[str, str]:
    """What a column is about, if it is one of `_ROLES`, and the generation in its name."""
    found = ((role, pattern.match(name)) for role, pattern in _ROLES.items())
    return next(((role, match[match.lastindex or 0]) for role, match in found if match), ("", ""))


def _is_out(text: str) -> bool:
    return folded(text).startswith(_OUT)


def _is_up(text: str) -> bool:
    return folded(text).startswith(_WORKS)


def _departement(text: str) -> str:
    """Its number, where it is told (`01 `, `1`, `71 - Saône-et-Loire`); else the text in upper case."""
    text = text.upper().removesuffix(".0")
    number = re.match(r"(2[AB]|\d{1,3})(?!\w)", text)
    return number[1].zfill(2) if number else text


def _code(text: str) -> str:
    """An INSEE or postal code; a leading zero that a spreadsheet has eaten comes back."""
    code = text.upper().removesuffix(".0").zfill(5) if text else ""
    return code if _INSEE.fullmatch(code) else ""


def _station(text: str) -> str:
    return text.zfill(10) if text.isdigit() else text


def _position(lat: str, lon: str) -> tuple[float, float] | None:
    try:
        position = _degrees(lat), _degrees(lon)
    except ValueError:
        return None
    return position if all(-180 <= degrees <= 180 for degrees in position) else None  # noqa: PLR2004 - and no NaN


def _degrees(text: str) -> float:
    """Decimal degrees, or degrees, minutes and seconds."""
    found = _DEGREES.fullmatch(text.upper().replace("º", "°"))
    if found is None:
        return float(text.replace(",", "."))
    degrees, minutes, seconds, side = found.groups()
    value = int(degrees) + int(minutes) / 60 + float((seconds or "0").replace(",", ".")) / 3600
    return -value if side in {"S", "W", "O"} else value


def in_words(when: datetime, *, clock: bool = True) -> str:
    """A time in France as one writes it."""
    at = when.astimezone(_PARIS)
    return f"{at:%d/%m/%Y} à {at:%H h %M}" if clock else f"{at:%d/%m/%Y}"


def join_doubles(sites: Iterable[SiteOut]) -> SiteOut:
    """One site of several lines on it: all that is out, since the earliest time; an incident counts before works."""
    lines = list(sites)
    told = max(lines, key=lambda site: (not site.maintenance, len(site.lost)))
    return replace(
        told,
        insee=next((site.insee for site in lines if site.insee), ""),
        commune=next((site.commune for site in lines if site.commune), ""),
        out=frozenset().union(*(site.out for site in lines)),
        begun=min((site.begun for site in lines if site.begun and site.maintenance == told.maintenance), default=None),
    )
