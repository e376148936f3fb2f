"""Services as cards list them and as editors type them."""

import unicodedata

from bot.domain.operators import Service

_SERVICES: dict[Service, tuple[str, str]] = {
    Service.MAIL: ("messagerie", "e-mail"),
    Service.MOBILE: ("mobile", "mobile"),
    Service.INTERNET: ("internet fixe", "fixed internet"),
    Service.TV: ("télévision", "TV"),
    Service.LANDLINE: ("téléphone fixe", "landline"),
    Service.WEB: ("site ou appli", "web site or app"),
    Service.VOICEMAIL: ("répondeur", "voicemail"),
    Service.SMS: ("SMS", "SMS"),
    Service.EMERGENCY: ("numéros d’urgence", "emergency numbers"),
    Service.CUSTOMER_LINE: ("service client", "customer line"),
    Service.PAYMENT: ("paiement", "payment"),
    Service.POWER: ("électricité", "power"),
    Service.RAIL: ("trains", "trains"),
}

# What editors type for a service beside its id and its labels.
_TYPED: dict[str, Service] = {
    "mails": Service.MAIL,
    "email": Service.MAIL,
    "courriel": Service.MAIL,
    "courriels": Service.MAIL,
    "emails": Service.MAIL,
    "boite mail": Service.MAIL,
    "messageries": Service.MAIL,
    "box": Service.INTERNET,
    "fibre": Service.INTERNET,
    "adsl": Service.INTERNET,
    "wifi": Service.INTERNET,
    "internet mobile": Service.MOBILE,
    "4g": Service.MOBILE,
    "5g": Service.MOBILE,
    "portable": Service.MOBILE,
    "tele": Service.TV,
    "teles": Service.TV,
    "fixe": Service.LANDLINE,
    "ligne fixe": Service.LANDLINE,
    "telephone": Service.LANDLINE,
    "messagerie vocale": Service.VOICEMAIL,
    "textos": Service.SMS,
    "site": Service.WEB,
    "appli": Service.WEB,
    "application": Service.WEB,
    "urgences": Service.EMERGENCY,
    "courant": Service.POWER,
    "elec": Service.POWER,
    "train": Service.RAIL,
}


def service_label(service: Service, language: str) -> str:
    """A service as a card lists it."""
    return _SERVICES[service][language != "fr"]


def service_named(word: str) -> Service | None:
    """The service an editor means by a typed word (`mail`, `messagerie`, `box`, `Télé`), or None."""
    asked = _folded(word)
    for service, labels in _SERVICES.items():
        if asked in {service.value, service.value.replace("_", " "), *map(_folded, labels)}:
            return service
    return _TYPED.get(asked)


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.strip().casefold().replace("’", "'"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
