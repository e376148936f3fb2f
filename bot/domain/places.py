"""Places, because where an outage is felt is half of the story."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How wide a place is; the values are the contract's."""

    COMMUNE = "commune"
    DEPARTEMENT = "departement"
    REGION = "region"
    POSTCODE = "postcode"


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the gazetteer.

    Attributes:
        id: INSEE commune code (`71076`), `D71`, `R27`, or `P77860` for a postal code shared by several communes.
        level: What the id stands for.
        name: The gazetteer's spelling.
        departement: Bare code of its département (`71`, `2A`, `971`); None for a region.
    """

    id: str
    level: Level
    name: str
    departement: str | None


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """How many distinct authors named a place."""

    place: Place
    n: int
