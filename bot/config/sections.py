"""What may stand in the configuration, and what each key must be; adapters' blocks are left to their adapters."""

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain.operators import Service

PREFIX = "VIGIE_"

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

    @field_validator("path")
    @classmethod
    def _is_a_file(cls, path: Path) -> Path:
        if path.is_dir() or not path.name:
            raise ValueError("must be a file, not a folder")
        return path


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


class OperatorTable(_Section):
    """What `[[operators]]` may add to an operator that is built in, or tell of a new one."""

    id: _Id
    name: _Text | None = None
    services: tuple[Service, ...] = ()
    aliases: tuple[_Text, ...] = ()
    brands: dict[_Text, tuple[_Text, ...]] = {}
    homonym: bool | None = None


class AdapterTable(BaseModel):
    """What all adapter blocks have; the adapter's own settings judge the rest."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    kind: _Id
    name: str | None = Field(
        default=None, pattern=r"^\w[\w.-]*$", max_length=40, description="letters, digits, _ . and -, at most 40"
    )


class File(BaseSettings):
    """The whole configuration as it is written."""

    model_config = SettingsConfigDict(
        extra="forbid", hide_input_in_errors=True, env_prefix=PREFIX, env_nested_delimiter="__"
    )

    newsroom: Newsroom = Newsroom()
    store: StoreFile = StoreFile()
    http: Http = Http()
    run: Run = Run()
    secrets_dir: Path | None = None
    operators: tuple[OperatorTable, ...] = ()
    sources: tuple[AdapterTable, ...] = ()
    handlers: tuple[AdapterTable, ...] = ()
    targets: tuple[AdapterTable, ...] = ()

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
