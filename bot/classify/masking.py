"""Take people's handles, numbers and addresses out of a text before it is stored (design, "People")."""

import re

MASK = "[…]"

# Each is linear: no repeat inside a repeat over the same characters.
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_HANDLE = re.compile(r"(?<![\w@])@[\w.-]{2,64}")
# French numbers in any spacing, and international ones; not a postal code, a price or a date.
_TELEPHONE = re.compile(
    r"(?<![\d+])(?:(?:\+|00)\d{2,3}[ .()-]{0,3}(?:\d[ .()-]{0,2}){7,11}\d|0[1-9](?:[ .-]?\d\d){4})(?!\d)"
)


def mask(text: str) -> str:
    """The text with e-mail addresses, telephone numbers and handles replaced by `MASK`."""
    text = _EMAIL.sub(MASK, text)
    return _TELEPHONE.sub(MASK, _HANDLE.sub(MASK, text))
