"""`vigie sources try` and `add`: read a source once, before it is trusted, and write its block."""

import asyncio
import ipaddress
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any, get_origin
from urllib.parse import urlsplit

from bot import adapters, wiring
from bot.classify import Classifier, mask
from bot.clock import SystemClock
from bot.config import Block, Config, Http, load
from bot.domain.signals import HealthState, Mention, Signal, StatusEntry, Tally
from bot.errors import ConfigError, InputError, SourceError
from bot.net.file import BASE, FileHttp
from bot.ports import Source, SourceSettings

_READ_SECONDS = 120.0  # a polled source comes to its end
_LISTEN_SECONDS = 20.0  # one that is pushed to says something, or that it is there


@dataclass(frozen=True, slots=True)
class Trial:
    """What to read: a kind of source, and where.

    Attributes:
        target: An URL, or the path of a file.
        operator: Whose channel it is; None: nobody said.
        more: Other keys of the block.
    """

    kind: str
    target: str
    operator: str | None = None
    more: Mapping[str, Any] | None = None

    @property
    def is_url(self) -> bool:
        """Whether the target is an address, of whatever scheme."""
        scheme = urlsplit(self.target).scheme
        return len(scheme) > 1 and (":/" in self.target or scheme == "file")  # one letter is a drive of Windows


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the reading ended."""

    state: HealthState
    reason: str | None = None

    @property
    def line(self) -> dict[str, Any]:
        """As the contract prints it."""
        return {"health": self.state.value, "reason": self.reason}


def keys(pairs: Iterable[str]) -> dict[str, Any]:
    """Keys of a block as `KEY=VALUE`; a value is read as TOML where it is some, else as text.

    Raises:
        InputError: one has no `=`.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InputError(f"--set: {pair}: must be KEY=VALUE")
        try:
            found |= tomllib.loads(f"{key} = {value}")
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
    return found


async def try_source(config: Config, trial: Trial, tell: Callable[[Signal], None]) -> Outcome:
    """Read a source once.

    Args:
        config: Its operators and settings; a block of this kind and address lends its other keys.
        trial: What to read.
        tell: Called with each signal, as it is read.

    Raises:
        InputError: no such kind or operator, or a key that the kind needs is missing.
    """
    classifier = wiring.build_classifier(config)
    trial = replace(trial, operator=_operator_id(trial, classifier))
    if trial.is_url and urlsplit(trial.target).scheme not in {"http", "https", "ws", "wss"}:
        return Outcome(HealthState.UNREACHABLE, "seuls http et https sont lus ; pour un fichier, donnez son chemin")
    settings = _settings(config, trial)
    file = None if _is_address(trial, settings) or settings.file_key else FileHttp(Path(trial.target))
    table = _table(config, trial, settings, classifier, file.url if file else trial.target)
    config = replace(config, sources=(config.source_block(trial.kind, table),), http=_allowing(config, trial))
    async with AsyncExitStack() as stack:
        http = file or adapters.build_http(config)
        stack.push_async_callback(http.close)
        try:
            sources = adapters.build_sources(
                config, classifier=classifier, clock=SystemClock(), http=http, surging=lambda _operator: False, chats={}
            )
        except ConfigError as error:
            raise InputError(str(error).replace("None: sources[0]", trial.kind)) from error
        stack.push_async_callback(adapters.close_all, sources)
        try:
            return await _read(sources[0], tell)
        except SourceError as error:
            return Outcome(error.state, error.reason)


async def _read(source: Source, tell: Callable[[Signal], None]) -> Outcome:
    pushed = not source.interval
    heard = False
    try:
        async with asyncio.timeout(_LISTEN_SECONDS if pushed else _READ_SECONDS):
            readings = source.read(None)
            async for reading in readings:
                heard = True
                for event in reading.events:
                    if isinstance(event, Mention | StatusEntry | Tally):
                        tell(event)
                if pushed and reading.events:
                    break
    except TimeoutError:
        if not pushed:
            return Outcome(HealthState.UNREACHABLE, "trop lent")
        if not heard:
            return Outcome(HealthState.STALE, f"rien reçu en {_LISTEN_SECONDS:.0f} s")
    return Outcome(HealthState.OK)


def _table(
    config: Config, trial: Trial, settings: type[SourceSettings], classifier: Classifier, where: str
) -> dict[str, Any]:
    """The block to read: what is known of this address from the configuration, and what was asked for."""
    known = _known(config, trial)
    table = dict(known.table if known else {}) | _target(trial, settings, where)
    operator = trial.operator
    field = settings.model_fields.get("operator")
    if operator is None and "operator" not in table and field is not None and field.is_required():
        operator = classifier.operators[0].id  # stands for whoever it is, and is not shown
    if operator is not None:
        table |= _operator(operator, settings)
    return table | dict(trial.more or {})


def _known(config: Config, trial: Trial) -> Block | None:
    """The configuration's block of the same kind and address."""

    def reads_it(block: Block) -> bool:
        values = (value if isinstance(value, list) else [value] for value in block.table.values())
        return block.kind == trial.kind and any(trial.target in value for value in values)

    return next(filter(reads_it, config.sources), None)


def _is_address(trial: Trial, settings: type[SourceSettings]) -> bool:
    """Whether the target is no file; a host or `host:port` is an address, too, where a kind is told such a one."""
    return trial.is_url or (settings.url_key != "url" and not Path(trial.target).exists())


def _target(trial: Trial, settings: type[SourceSettings], where: str) -> dict[str, Any]:
    key = settings.url_key if trial.is_url or not settings.file_key else settings.file_key
    if key not in settings.model_fields:
        raise InputError(f"{trial.kind}: is not read from an address or a file")
    several = get_origin(settings.model_fields[key].annotation) is tuple
    return {key: [where] if several else where}


def _operator_id(trial: Trial, classifier: Classifier) -> str | None:
    """The id of the operator that was typed: by id, name or alias."""
    if trial.operator is None:
        return None
    operator = classifier.operator(trial.operator)
    if operator is None:
        known = ", ".join(operator.id for operator in classifier.operators)
        raise InputError(f"--operator: {trial.operator}: no such operator: {known}")
    return operator.id


def _operator(operator: str, settings: type[SourceSettings]) -> dict[str, Any]:
    """The operator under the key that this kind has for it."""
    keys: dict[str, Any] = {"operator": operator, "operators": [operator]}
    return {key: value for key, value in keys.items() if key in settings.model_fields}


def _settings(config: Config, trial: Trial) -> type[SourceSettings]:
    try:
        found: type[SourceSettings] = adapters.settings_class("sources", config.source_block(trial.kind, {}))
    except ConfigError as error:
        raise InputError(str(error).replace("None: sources[0].", "")) from error
    return found


def _allowing(config: Config, trial: Trial) -> Http:
    """Whoever types an address may read it on their own network, but for machines' own services; a redirect may not."""
    typed = urlsplit(trial.target)
    try:
        host, port = typed.hostname or "", typed.port
    except ValueError:
        return config.http
    try:
        local = ipaddress.ip_address(host).is_link_local
    except ValueError:
        local = False
    if local or not host:
        return config.http
    allowed = config.http.allow_private | {f"{host}:{port}" if port else host}
    return config.http.model_copy(update={"allow_private": allowed})


def signal_line(signal: Signal, *, operator_known: bool) -> dict[str, Any]:
    """A signal in the contract's keys: those of a scenario's line.

    Args:
        signal: As the source gave it.
        operator_known: Somebody said whose channel it is; else an entry's operator is null.
    """
    match signal:
        case Mention():
            line: dict[str, Any] = {
                "signal": "mention",
                "id": signal.id,
                "author": blake2b(
                    f"{signal.source}\0{signal.author}".encode("utf-8", "replace"), digest_size=12
                ).hexdigest(),
                "text": mask(signal.text),
                "url": signal.url,
                "published_at": signal.published_at.isoformat(),
                "operator_hint": signal.operator_hint,
                "source": signal.source,
            }
        case StatusEntry():
            line = {
                "signal": "status",
                "operator": signal.operator if operator_known or signal.observer else None,
                "id": signal.id,
                "title": signal.title,
                "body": signal.body or None,
                "state": signal.state.value,
                "services": [service.value for service in signal.services],
                "area": signal.area,
                "url": None if signal.url and signal.url.startswith(BASE) else signal.url,
                "published_at": signal.published_at.isoformat(),
                "observer": signal.observer,
                "place": signal.place,
            }
            return {key: value for key, value in line.items() if value is not None or key == "operator"}
        case Tally():
            line = {
                "signal": "tally",
                "operator": signal.operator,
                "start": signal.start.isoformat(),
                "seconds": signal.seconds,
                "count": signal.count,
                "source": signal.source,
            }
    return {key: value for key, value in line.items() if value is not None}


def block_text(config: Config, trial: Trial) -> str:
    """The source's block as the configuration has it; its name is made of operator and kind, and free.

    Raises:
        InputError: the kind needs an operator, or this address is read already.
    """
    settings = _settings(config, trial)
    trial = replace(trial, operator=_operator_id(trial, wiring.build_classifier(config)))
    if not _is_address(trial, settings) and not settings.file_key:
        raise InputError(f"{trial.kind}: {trial.target}: a file is only tried: what is added needs an address")
    if _known(config, trial) is not None:
        raise InputError(f"{trial.kind}: {trial.target}: is in the configuration already")
    table = _target(trial, settings, trial.target) | dict(trial.more or {})
    if trial.operator is not None:
        table |= _operator(trial.operator, settings)
    elif settings.model_fields.get("operator") and settings.model_fields["operator"].is_required():
        raise InputError(f"{trial.kind}: --operator: is required: whose channel is it?")
    taken = {block.name for block in config.sources}
    stem = f"{trial.operator}-{trial.kind}" if trial.operator else trial.kind
    name = next(name for name in (stem if n == 1 else f"{stem}-{n}" for n in count(1)) if name not in taken)
    rows = {"kind": trial.kind, "name": name, **table}
    return "\n[[sources]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in rows.items())


def append_block(path: Path, text: str, env: Mapping[str, str]) -> None:
    """Add a block to the end of a configuration: all of it, or nothing.

    Raises:
        ConfigError: the file could not be read with it.
    """
    path = path.resolve()
    written = path.with_name(f".{path.name}.new")
    try:
        before = path.read_bytes()
        written.touch(mode=path.stat().st_mode & 0o777)
        written.write_bytes(before + (b"" if before.endswith(b"\n") else b"\n") + text.encode())
        load(written, env)
        written.replace(path)
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(written), str(path))) from error
    finally:
        written.unlink(missing_ok=True)


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
