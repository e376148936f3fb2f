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
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bot.config.blocks import Block, Secrets
from bot.config.wording import Location, dotted, lines
from bot.domain.operators import Operator, Service
from bot.errors import ConfigError

__all__ = ["DEFAULT_PATH", "Block", "Config", "Http", "Newsroom", "Run", "StoreFile", "load"]

DEFAULT_PATH = Path("config.toml")
_PREFIX = "VIGIE_"

_Id = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40),
    Field(description="lower-case letters, digits and _, beginning with a letter"),
]
_Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(description="one line of text"),
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Newsroom(_Section):
    """Whose bot this is.

    Attributes:
        timezone: For wording and the detector's season; everything else is UTC.
        home: INSEE code of a commune (`71076`) or a département (`D71`).
        budget: False drafts a month for the whole newsroom.
        contact: E-mail address or URL that the sites we read can turn to.
    """

    name: _Text = "La rédaction"
    language: Literal["fr", "en"] = "fr"
    timezone: ZoneInfo = ZoneInfo("Europe/Paris")
    home: str | None = Field(
        default=None,
        pattern=r"^(\d{5}|2[AB]\d{3}|D(\d{2,3}|2[AB]))$",
        description="the INSEE code of a commune (71076) or a département (D71)",
    )
    budget: float = Field(default=1.0, gt=0, le=1000, allow_inf_nan=False)
    contact: str | None = Field(
        default=None,
        pattern=r"^(https?://[!-~]+|[!-?A-~]+@[!-?A-~]+)$",
        max_length=200,
        description="an e-mail address or a URL",
    )


class StoreFile(_Section):
    """Where the newsroom's memory lies, and how long texts and links of mentions stay in it."""

    path: Path = Path("var/vigie.db")
    keep_days: int = Field(default=30, ge=1, le=3650)


class Http(_Section):
    """What the sources' HTTP client may do.

    Attributes:
        allow_private: Hosts (`host` or `host:port`) that may resolve to private addresses.
    """

    allow_private: frozenset[Annotated[str, StringConstraints(pattern=r"^[\w.:\[\]-]+$", to_lower=True)]] = frozenset()


class Run(_Section):
    """How the bot runs.

    Attributes:
        scenario_speed: Speed of event time while a `replay` source is configured; 1 is the world's.
    """

    scenario_speed: float = Field(default=1.0, gt=0, le=100_000, allow_inf_nan=False)


class _Operator(_Section):
    id: _Id
    name: _Text | None = None
    services: tuple[Service, ...] = ()
    aliases: tuple[_Text, ...] = ()
    brands: dict[_Text, tuple[_Text, ...]] = {}
    homonym: bool | None = None


class _Table(BaseModel):
    """What all adapter blocks have; the adapter's own settings judge the rest."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    kind: _Id
    name: str | None = Field(
        default=None, pattern=r"^\w[\w.-]*$", max_length=40, description="letters, digits, _ . and -, at most 40"
    )


class _File(BaseSettings):
    """The whole configuration as it is written."""

    model_config = SettingsConfigDict(
        extra="forbid", hide_input_in_errors=True, env_prefix=_PREFIX, env_nested_delimiter="__"
    )

    newsroom: Newsroom = Newsroom()
    store: StoreFile = StoreFile()
    http: Http = Http()
    run: Run = Run()
    secrets_dir: Path | None = None
    operators: tuple[_Operator, ...] = ()
    sources: tuple[_Table, ...] = ()
    handlers: tuple[_Table, ...] = ()
    targets: tuple[_Table, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` merges the others before, so that an error can tell where a value came from."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


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
    _operators: tuple[_Operator, ...] = ()

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


# Two commands must show the whole story without a token: 3 h 30 of scenario in about 40 s.
_DEMO: dict[str, Any] = {
    "store": {"path": "var/demo.db"},
    "run": {"scenario_speed": 300.0},
    "sources": [{"kind": "replay", "scenario": "orange-mail"}],
    "handlers": [{"kind": "console"}],
}


def load(path: Path | None, env: Mapping[str, str]) -> Config:
    """Read the configuration.

    Args:
        path: The TOML file, or None for the embedded defaults: no token, no network, the bundled scenario.
        env: The environment: `VIGIE_SECTION__KEY` for a key, `VIGIE_KIND_KEY` for a secret of an adapter.

    Raises:
        ConfigError: all that is wrong with it, a line each: `config.toml: sources[2].kind: is required`.
    """
    given = _DEMO if path is None else _toml(path)
    from_env = _environment(env)
    try:
        file = _File(**_merged(given, from_env))
    except ValidationError as error:

        def where(location: Location) -> str:
            variable = _variable(from_env, location)
            return f"environment: {variable}" if variable else f"{path}: {dotted(location)}"

        raise ConfigError("\n".join(lines(error, _File, where))) from None
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
    )


def _blocks(
    section: str, tables: tuple[_Table, ...], file: Path | None, secrets: Secrets, taken: set[str]
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
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))  # Windows editors begin a file with a BOM
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: byte {error.start + 1}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {str(error).splitlines()[0]}") from None


def _environment(env: Mapping[str, str]) -> dict[str, Any]:
    """What `VIGIE_SECTION__KEY` (or `VIGIE_SECTION`, as JSON) gives."""
    for key in env:
        section = key.removeprefix(_PREFIX).partition("__")[0].lower()
        if key.startswith(_PREFIX) and "__" in key and section not in _File.model_fields:
            near = get_close_matches(section, _File.model_fields, 1, 0)
            raise ConfigError(f"environment: {key}: unknown section: did you mean {near[0]}?")
    source = EnvSettingsSource(_File)
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
    return _PREFIX + "__".join(str(part) for part in location).upper()
