"""One place where TOML, environment and secret files become typed settings, so that no other module reads any of them.

Of two values for one key the environment wins over a secret file, and a secret file over `config.toml`. Relative
paths start at the current directory. Every error names the file and the key.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from bot.config.blocks import Block, Secrets
from bot.config.demo import demo
from bot.config.sections import PREFIX, AdapterTable, File, Http, Newsroom, OperatorTable, Run, StoreFile
from bot.config.wording import Location, dotted, lines
from bot.domain.operators import Operator
from bot.errors import ConfigError

__all__ = ["DEFAULT_PATH", "Block", "Config", "Http", "Newsroom", "Run", "StoreFile", "load"]

DEFAULT_PATH = Path("config.toml")


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration, with adapters' blocks still to be judged by their own settings.

    Attributes:
        file: Where it was read, or None for the embedded defaults: the demo.
    """

    file: Path | None
    newsroom: Newsroom
    store: StoreFile
    http: Http
    run: Run
    sources: tuple[Block, ...]
    handlers: tuple[Block, ...]
    targets: tuple[Block, ...]
    _secrets: Secrets
    _operators: tuple[OperatorTable, ...] = ()

    def with_budget(self, budget: float) -> "Config":
        """The same with another budget of false drafts a month."""
        return replace(self, newsroom=self.newsroom.model_copy(update={"budget": budget}))

    def source_block(self, kind: str, table: Mapping[str, Any]) -> Block:
        """A source that stands in no file, with the secrets of this configuration."""
        return Block("sources", 0, kind, kind, None, table, self._secrets)

    def operators(self, builtin: Iterable[Operator]) -> tuple[Operator, ...]:
        """The built-in operators with what `[[operators]]` adds to them, then the new ones.

        Raises:
            ConfigError: a new operator lacks a name or its services.
        """
        known = {operator.id: operator for operator in builtin}
        for index, added in enumerate(self._operators):
            old = known.get(added.id)
            if old is None and not (added.name and added.services):
                key = "services" if added.name else "name"
                raise ConfigError(f"{self.file}: operators[{index}].{key}: is required for a new operator")
            old = old or Operator(id=added.id, name=added.name or "", services=())
            known[added.id] = replace(
                old,
                name=added.name or old.name,
                services=tuple(dict.fromkeys(old.services + added.services)),
                aliases=tuple(dict.fromkeys(old.aliases + added.aliases)),
                brands=tuple({**dict(old.brands), **added.brands}.items()),
                homonym=old.homonym if added.homonym is None else added.homonym,
            )
        return tuple(known.values())


def load(path: Path | None, env: Mapping[str, str]) -> Config:
    """Read the configuration.

    Args:
        path: The TOML file, or None for the embedded defaults: no token, no network, the bundled scenario.
        env: The environment: `VIGIE_SECTION__KEY` for a key, `VIGIE_KIND_KEY` for a secret of an adapter.

    Raises:
        ConfigError: all that is wrong with it, a line each: `config.toml: sources[2].kind: is required`.
    """
    given = demo(env.get("VIGIE_NEWSROOM__LANGUAGE", "fr")) if path is None else _toml(path)
    from_env = _environment(env)
    try:
        file = File(**_merged(given, from_env))
    except ValidationError as error:

        def where(location: Location) -> str:
            variable = _variable(from_env, location)
            return f"environment: {variable}" if variable else f"{path}: {dotted(location)}"

        raise ConfigError("\n".join(lines(error, File, where))) from None
    credentials = env.get("CREDENTIALS_DIRECTORY")  # systemd's LoadCredential
    secrets = Secrets(env, tuple(Path(folder) for folder in (file.secrets_dir, credentials) if folder))
    destinations: set[str] = set()  # an outbox row names a handler or a target, so their names are one set
    return Config(
        file=path,
        newsroom=file.newsroom,
        store=file.store,
        http=file.http,
        run=file.run,
        sources=_blocks("sources", file.sources, path, secrets, set()),
        handlers=_blocks("handlers", file.handlers, path, secrets, destinations),
        targets=_blocks("targets", file.targets, path, secrets, destinations),
        _operators=file.operators,
        _secrets=secrets,
    )


def _blocks(
    section: str, tables: tuple[AdapterTable, ...], file: Path | None, secrets: Secrets, taken: set[str]
) -> tuple[Block, ...]:
    for index, table in enumerate(tables):
        if table.name in taken:
            raise ConfigError(f"{file}: {section}[{index}].name: '{table.name}' is taken: names are unique")
        taken.update({table.name} if table.name else ())
    names = []
    for table in tables:
        numbered = (table.kind if n == 1 else f"{table.kind}-{n}" for n in count(1))
        names.append(table.name or next(name for name in numbered if name not in taken))
        taken.add(names[-1])
    return tuple(
        Block(section, index, table.kind, names[index], file, table.model_extra or {}, secrets)
        for index, table in enumerate(tables)
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8-sig"))  # Windows editors begin a file with a BOM
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: byte {error.start + 1}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {str(error).splitlines()[0]}") from None
    for key in table:
        if key.startswith("_"):  # pydantic-settings would take `_env_file` and the like for orders to itself
            raise ConfigError(f"{path}: {key}: unknown key")
    return table


def _environment(env: Mapping[str, str]) -> dict[str, Any]:
    """What `VIGIE_SECTION__KEY` (or `VIGIE_SECTION`, as JSON) gives."""
    for key in env:
        section = key.removeprefix(PREFIX).partition("__")[0].lower()
        if key.startswith(PREFIX) and "__" in key and section not in File.model_fields:
            near = get_close_matches(section, File.model_fields, 1, 0)
            raise ConfigError(f"environment: {key}: unknown section: did you mean {near[0]}?")
    source = EnvSettingsSource(File)
    source.env_vars = {key.lower(): value for key, value in env.items()}  # the caller's, not the process's
    try:
        return source()
    except SettingsError as error:
        raise ConfigError(f"environment: {error}: lists and tables must be JSON") from None


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, table by table; `above` wins."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _variable(from_env: dict[str, Any], location: Location) -> str | None:
    """The variable that gave the value at `location`, and the way on inside of it; None if none did."""
    values: object = from_env
    for depth, part in enumerate(location):
        if not isinstance(values, dict):  # a list given as JSON
            return _spelt(location[:depth]) + dotted(location[depth:])
        if part not in values:
            return None
        values = values[part]
    return _spelt(location)


def _spelt(location: Location) -> str:
    return PREFIX + "__".join(str(part) for part in location).upper()
