"""Who may post: signatures in the way of Standard Webhooks, each good once and for a few minutes.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

MIN_KEY_BYTES = 24
MAX_REMEMBERED = 2_000
_PREFIX = "whsec_"
_MAX_ID_CHARS = 256
_MAX_SIGNATURES = 10  # a sender that changes its secret signs with both
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SHORT = 16  # base64 characters (96 bits) that we remember of a signature


class RefusedError(Exception):
    """A request that is not to be believed; the text is for its sender and tells nothing of the secret."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a good signature says.

    Attributes:
        signature: The beginning of it; another attempt has another one.
        at: When it was signed, in Unix seconds.
    """

    signature: str
    at: int


def key_of(secret: str) -> bytes:
    """The key of a secret: `whsec_` and base64, as the standard writes it, or any other text as it stands.

    Raises:
        ValueError: It is too short, or no base64.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True) if secret.startswith(_PREFIX) else b""
    except binascii.Error:
        raise ValueError(f"after {_PREFIX} must come base64") from None
    key = key or secret.encode()
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"must have at least {MIN_KEY_BYTES} bytes: make one with `openssl rand -base64 32`")
    return key


def verify(headers: Mapping[str, str], body: bytes, key: bytes) -> Stamp:
    """Judge the signature alone, in constant time.

    Raises:
        RefusedError: A header is missing or odd, or no signature fits.
    """
    sent_id, sent_at, sent = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (sent_id and sent_at and sent):
        raise RefusedError("webhook-id, webhook-timestamp and webhook-signature are needed")
    if len(sent_id) > _MAX_ID_CHARS or not _TIMESTAMP.fullmatch(sent_at):
        raise RefusedError("webhook-timestamp must be Unix seconds, webhook-id at most 256 characters")
    signed = f"{sent_id}.{sent_at}.".encode("utf-8", "surrogateescape") + body
    expected = base64.b64encode(hmac.digest(key, signed, "sha256"))
    given = [f"{part}" for part in sent.split(" ")[:_MAX_SIGNATURES]]
    fits = [hmac.compare_digest(b"v1," + expected, part.encode("utf-8", "surrogateescape")) for part in given]
    if not any(fits):
        raise RefusedError("webhook-signature is wrong")
    return Stamp(expected.decode()[:_SHORT], int(sent_at))


class Seen(msgspec.Struct, frozen=True):
    """The signatures that were accepted, as a cursor keeps them.

    Bounded: where there are too many, the oldest are forgotten and nothing as old as they is believed any more.

    Attributes:
        floor: What was signed then or before is too old, whatever the clock says (Unix seconds).
        stamps: Signature → when it was signed.
    """

    floor: int = 0
    stamps: dict[str, int] = {}

    def check(self, stamp: Stamp, now: datetime, max_age: timedelta) -> None:
        """Refuse what is not fresh.

        Raises:
            RefusedError: Too old, too new, or accepted before.
        """
        age = now.timestamp() - stamp.at
        if age > max_age.total_seconds() or stamp.at <= self.floor:
            raise RefusedError("webhook-timestamp is too old")
        if -age > max_age.total_seconds():
            raise RefusedError("webhook-timestamp is in the future")
        if stamp.signature in self.stamps:
            raise RefusedError("this request was accepted before: sign each attempt anew")

    def with_more(self, stamps: Iterable[Stamp], now: datetime, max_age: timedelta) -> "Seen":
        """What to remember after these, too."""
        too_old = now.timestamp() - max_age.total_seconds()
        known = {**self.stamps, **{stamp.signature: stamp.at for stamp in stamps}}
        newest_first = sorted(((at, name) for name, at in known.items() if at >= too_old), reverse=True)
        forgotten = newest_first[MAX_REMEMBERED:]
        return Seen(
            floor=max(self.floor, forgotten[0][0] if forgotten else 0),
            stamps={name: at for at, name in newest_first[:MAX_REMEMBERED]},
        )
