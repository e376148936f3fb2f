"""The one HTTP client of the sources: whatever a server does, a read ends in time, in bounds and in public."""

import asyncio
import socket
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from bot.clock import SystemClock
from bot.domain.signals import HealthState
from bot.errors import SourceError
from bot.net.addresses import refusal
from bot.net.body import BodyError, read_body
from bot.net.circuit import Circuit
from bot.ports import MAX_BODY_BYTES, Response

MAX_REDIRECTS = 3
PER_HOST = 2
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What another host may be told when a redirect leads to it: no token.
_FOR_ANYONE = frozenset({"accept", "accept-language", "if-none-match", "if-modified-since"})
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


class _HostError(SourceError):
    """The host did not answer, or says that it cannot: the next request to it would likely end so, too."""


class _RefusedAddressError(OSError):
    """The socket was not made, on purpose."""


def _public_socket(info: tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, object]) -> socket.socket:
    """Make a socket for one resolved address; called after DNS, so a rebinding name is seen through."""
    family, kind, proto, _, address = info
    why = refusal(str(address[0])) if isinstance(address, tuple) else "ce n’est pas une adresse Internet"
    if why is not None:
        raise _RefusedAddressError(f"adresse refusée : {why}")
    return socket.socket(family, kind, proto)


class SafeHttp:
    """`bot.ports.Http` on aiohttp.

    Two sessions, made when first needed: one whose sockets refuse every address that is not public, one for the hosts
    that the configuration allows to be private. Each hop of a redirect chooses anew.
    """

    def __init__(self, user_agent: str, allow_private: frozenset[str] = frozenset()) -> None:
        plain = unicodedata.normalize("NFKD", user_agent).encode("ascii", "ignore").decode()
        self._headers = {"User-Agent": " ".join(plain.split()), "Accept-Encoding": "gzip"}
        self._allow_private = allow_private
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._circuits: defaultdict[str, Circuit] = defaultdict(Circuit)

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        total_seconds: float = 20.0,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        """See `bot.ports.Http.get`; the time covers redirects, the wait for a free connection and the whole body."""
        return await self._ask(url, None, headers or {}, total_seconds, max_bytes)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        total_seconds: float = 20.0,
    ) -> Response:
        """See `bot.ports.Http.post`."""
        return await self._ask(url, body, headers or {}, total_seconds, MAX_BODY_BYTES)

    async def close(self) -> None:
        """Close both sessions; the client may not be used after."""
        for session in self._sessions.values():
            await session.close()

    async def _ask(
        self, url: str, body: bytes | None, headers: Mapping[str, str], total_seconds: float, max_bytes: int
    ) -> Response:
        circuit = self._circuits[_host(url)]
        loop = asyncio.get_running_loop()
        circuit.enter(loop.time())
        try:
            answer = await self._guarded(url, body, headers, total_seconds, max_bytes)
        except _HostError as error:
            circuit.failed(error, loop.time())
            raise
        except SourceError:  # it answered, with something of no use
            circuit.succeeded()
            raise
        except BaseException:
            circuit.left()
            raise
        circuit.succeeded()
        return answer

    async def _guarded(
        self, url: str, body: bytes | None, headers: Mapping[str, str], total_seconds: float, max_bytes: int
    ) -> Response:
        where = _where(url)
        try:
            async with asyncio.timeout(total_seconds):
                return await self._follow(url, body, headers, max_bytes)
        except TimeoutError as error:
            raise _unreachable(where, f"pas de réponse complète en {total_seconds:g} s") from error
        except BodyError as error:
            raise SourceError(f"HTTP {where}: {error}", state=HealthState.UNREADABLE, reason=str(error)) from error
        except aiohttp.ClientConnectorError as error:
            raise _unreachable(where, _connection_cause(error)) from error
        except aiohttp.ClientPayloadError as error:
            raise _unreachable(where, "réponse interrompue") from error
        except aiohttp.InvalidURL as error:
            raise _unusable(where, "adresse inutilisable") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(where, f"échec de la connexion ({type(error).__name__})") from error

    async def _follow(self, url: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int) -> Response:
        method = "GET" if body is None else "POST"
        for _ in range(MAX_REDIRECTS + 1):
            target = URL(url)
            if target.scheme not in {"http", "https"} or not target.host:
                raise _unusable(_where(url), "seuls http et https sont lus")
            async with self._session(target).request(
                method, target, data=body, headers=headers, allow_redirects=False
            ) as answer:
                location = answer.headers.get("Location")
                if answer.status in _REDIRECTS and location:
                    if body is not None:
                        raise _unusable(_where(url), "redirection refusée")
                    url = urljoin(url, location)
                    if _origin(URL(url)) != _origin(target):
                        headers = {name: value for name, value in headers.items() if name.lower() in _FOR_ANYONE}
                    continue
                _raise_for_status(_where(url), answer)
                content = await read_body(answer, max_bytes)
                named = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, named, content, url)
        raise _unusable(_where(url), f"plus de {MAX_REDIRECTS} redirections")

    def _session(self, target: URL) -> aiohttp.ClientSession:
        private = bool({target.host, f"{target.host}:{target.port}"} & self._allow_private)
        if private not in self._sessions:
            self._sessions[private] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit_per_host=PER_HOST, socket_factory=None if private else _public_socket
                ),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # `read_body` does it, with a cap on what comes out
                timeout=aiohttp.ClientTimeout(total=None),  # `get` keeps the total, over all hops
            )
        return self._sessions[private]


def _origin(url: URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port


def _raise_for_status(where: str, answer: aiohttp.ClientResponse) -> None:
    if answer.status != _TOO_MANY_REQUESTS and answer.status < _SERVER_ERROR:
        return
    limited = answer.status == _TOO_MANY_REQUESTS
    cause = "trop de requêtes (HTTP 429)" if limited else f"erreur du serveur (HTTP {answer.status})"
    raise _HostError(
        f"HTTP {where}: {cause}",
        state=HealthState.FAILING if limited else HealthState.UNREACHABLE,
        reason=cause,
        retry_after=retry_after(answer.headers, SystemClock().now()),
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for (a number or an HTTP date), or None.

    Args:
        headers: Case-insensitive, as aiohttp gives them; their `Date`, the server's own clock, goes before `now`.
        now: Our clock, aware UTC.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until = _http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(headers.get("Date", "")) or now)).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _unreachable(where: str, cause: str) -> _HostError:
    return _HostError(f"HTTP {where}: {cause}", state=HealthState.UNREACHABLE, reason=cause)


def _unusable(where: str, cause: str) -> SourceError:
    return SourceError(f"HTTP {where}: {cause}", state=HealthState.UNREACHABLE, reason=cause)


def _host(url: str) -> str:
    try:
        parsed = URL(url)
    except ValueError:
        return ""
    return f"{parsed.host}:{parsed.port}"


def _connection_cause(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "nom de domaine introuvable"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "certificat ou chiffrement invalide"
    cause = error.os_error
    return str(cause) if isinstance(cause, _RefusedAddressError) else "connexion impossible"


def _where(url: str) -> str:
    """Host and path: a query or user part may hold a secret and is never shown."""
    try:
        parsed = URL(url)
    except ValueError:
        return "(unusable URL)"
    return f"{parsed.host or '(no host)'}{parsed.path}"
