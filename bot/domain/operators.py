"""Operators and their services, because a surge is always somebody's."""

from dataclasses import dataclass
from enum import StrEnum


class Service(StrEnum):
    """Something an operator runs that can fail (closed list of the contract)."""

    MAIL = "mail"
    MOBILE = "mobile"
    INTERNET = "internet"
    TV = "tv"
    LANDLINE = "landline"
    WEB = "web"
    VOICEMAIL = "voicemail"
    SMS = "sms"
    EMERGENCY = "emergency"
    CUSTOMER_LINE = "customer_line"
    PAYMENT = "payment"
    POWER = "power"
    RAIL = "rail"


@dataclass(frozen=True, slots=True)
class Operator:
    """An organisation that runs services.

    Attributes:
        id: Stable key, `[a-z0-9_]+` (`orange`).
        name: As a journalist writes it (`Bouygues Telecom`).
        services: What it runs; the first is what people mean when they name none.
        aliases: Other ways to write the network itself, normalised by the classifier.
        brands: Brand or MVNO name → its aliases (`Sosh` → `("sosh",)`); they count for this network.
        homonym: The name is also an ordinary word or a place (Orange, Free), so it needs a cue.
    """

    id: str
    name: str
    services: tuple[Service, ...]
    aliases: tuple[str, ...] = ()
    brands: tuple[tuple[str, tuple[str, ...]], ...] = ()
    homonym: bool = False
