"""Whether an e-mail is an operator's, and which of its words are its own: anybody can write any sender."""

import re
from collections.abc import Iterable

import msgspec

_METHOD = re.compile(r"\s*(dmarc|dkim)\s*(?:/\s*\d+\s*)?=\s*(\w+)", re.IGNORECASE)
_DOMAIN = re.compile(r"\bheader\.(d|i|from)\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_REASON = re.compile(r"\breason\s*=\s*(?:\"[^\"]*\"|\S+)", re.IGNORECASE)  # free text
_REPLY = re.compile(r"^(?:\s*(?:re|réf?|tr|fw|fwd|rv)\s*:)+\s*", re.IGNORECASE)
_PASSED_ON = re.compile(r"^(?:\s*(?:re|réf?)\s*:)*\s*(?:tr|fw|fwd|rv)\s*:", re.IGNORECASE)
_FROM = r"\*?(?:De|From)\s?:"
_FIELD = (
    r"\*?(?:De|From|Envoyé|Envoyé le|Sent|Date|À|A|Pour|To|Cc|Objet|Sujet|Subject|Répondre à|Reply-To)\s?:[^\n]*"
    r"(?:\n<[^\n]*>)?"
)
_HEADERS = rf"\n(?=(?:{_FIELD}\n){{0,4}}{_FROM})(?:{_FIELD}(?:\n|$)){{3,}}"
_LINE = (
    r"\n(?:_{10,}|-{3,} ?(?:Message d['’]origine|Message original|Original Message|Message transféré|Message réexpédié"
    r"|Forwarded message) ?-{3,}|Début du message (?:réexpédié|transféré)\s?:|Begin forwarded message:)(?=\n|$)"
)
# Where the mail begins that this one answers or passes on.
_OTHER = re.compile(rf"{_LINE}(?:{_HEADERS})?|{_HEADERS}", re.IGNORECASE)
_WROTE = (  # on as many as four lines
    r"\n(?:(?:Le|On) .{5,250}|(?:Le (?:[a-zéû]{3,8}[.,]? )?\d{1,2}|On [a-z]{3},?) [^\n]{0,150}"
    r"(?:\n(?!Le |On )[^\n]{0,150}){1,3}?) ?(?:a écrit ?|wrote):(?=\n|$)"
)
# What follows is not new: a signature, or the mail that this one answers.
_OLD = re.compile(rf"\n--(?=\n|$)|{_OTHER.pattern}|{_WROTE}", re.IGNORECASE)


class Mail(msgspec.Struct, frozen=True):
    """An e-mail as the parsing process read it.

    Attributes:
        sender: The one address in `From`; empty where there is none, or several.
        results: `Authentication-Results`, topmost first.
    """

    sender: str
    subject: str
    id: str
    date: str
    results: tuple[str, ...]
    text: str

    @property
    def domain(self) -> str:
        """The sender's domain, in lower case."""
        return self.sender.rpartition("@")[2].lower()

    @property
    def title(self) -> str:
        """The subject without `Re:` and `Fwd:`."""
        return _REPLY.sub("", self.subject).strip()

    @property
    def own_text(self) -> str:
        """The text without signature and quotations; what it passes on is its own."""
        text = f"\n{self.text}"
        other = _OTHER.search(text)
        if other is None:
            return _new(text)
        before, after = text[: other.start()], f"\n{text[other.end() :]}"
        is_answer = _REPLY.match(self.subject) is not None or bool(before.strip())
        parts = [before, after] if _PASSED_ON.match(self.subject) or not is_answer else [before]
        return "\n".join(filter(None, map(_new, parts)))


def _new(text: str) -> str:
    """What is new in a text: above what it answers, or below it where that is marked line by line."""
    old = _OLD.search(text)
    above, below = (text, "") if old is None else (text[: old.start()], text[old.end() :])
    own = "\n".join(line for line in above.split("\n") if not line.startswith(">")).strip()
    return "\n".join(filter(None, (own, _new(below) if below.startswith("\n>") else "")))


def may_be_listed(body: bytes, senders: Iterable[str]) -> bool:
    """Whether the headers hold one of these senders at all, without reading them."""
    headers = re.split(rb"\r?\n\r?\n", body, maxsplit=1)[0].lower()
    return any(sender.lower().lstrip("@").encode() in headers for sender in senders)


def is_listed(mail: Mail, senders: Iterable[str]) -> bool:
    """Whether an e-mail says that it comes from one of these addresses or domains (or a part of one)."""
    address = mail.sender.lower()
    if not address.partition("@")[2]:
        return False
    return any(
        address == sender if "@" in sender.lstrip("@") else _within(mail.domain, sender.lstrip("@"))
        for sender in (sender.lower() for sender in senders)
    )


def is_authentic(mail: Mail, authserv_id: str) -> bool:
    """Whether our own mail server found that the sender's domain sent this: DMARC, or an aligned DKIM signature.

    Servers put their results on top (RFC 8601), so only the topmost one in our server's name is believed.
    """
    for header in mail.results:
        server, _, results = _without_comments(header).partition(";")
        if server.strip() and server.split()[0].strip('"').rstrip(".").lower() == authserv_id.lower():
            return any(_proves(result, mail.domain) for result in results.split(";"))
    return False


def _proves(result: str, domain: str) -> bool:
    method = _METHOD.match(result)
    if method is None or method[2].lower() != "pass" or not domain:
        return False
    named: dict[str, str] = {
        key.lower(): value.rpartition("@")[2].lower().rstrip(".")
        for key, value in _DOMAIN.findall(_REASON.sub("", result))
    }
    if method[1].lower() == "dmarc":
        return named.get("from", domain) == domain
    signer = named.get("d") or named.get("i", "")
    return _within(domain, signer) or _within(signer, domain)


def _within(domain: str, of: str) -> bool:
    return bool(of) and (domain == of or domain.endswith(f".{of}"))


def _without_comments(header: str) -> str:
    """A header without what stands in parentheses, which anybody may have had a part in."""
    kept, depth, quoted, escaped = [], 0, False, False
    for c in header:
        if escaped or c == "\\":
            escaped = not escaped
        elif c == '"' and not depth:
            quoted = not quoted
        elif c == "(" and not quoted:
            depth += 1
        elif c == ")" and depth:
            depth -= 1
            continue
        if not depth:
            kept.append(" " if quoted and c == ";" else c)
    return "".join(kept)
