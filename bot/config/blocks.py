"""An adapter's block is judged by that adapter's own settings, so that the configuration knows no adapter."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import SecretStr, ValidationError

from bot.config.wording import Location, dotted, lines
from bot.errors import ConfigError
from bot.ports import AdapterSettings

S = TypeVar("S", bound=AdapterSettings)

_WORLD_READABLE = 0o004
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|d|j)?")
_UNIT_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "j": 86_400}


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where secrets come from, when they do not stand in the TOML.

    Attributes:
        folders: Looked through in this order for a file named `kind_key`.
    """

    env: Mapping[str, str] = field(repr=False)
    folders: tuple[Path, ...] = ()

    def find(self, owner: str, key: str) -> str | None:
        """The secret `key` of a name or kind: from `VIGIE_OWNER_KEY`, else from the file `owner_key`.

        Raises:
            ConfigError: the file cannot be read, or anybody on the machine can read it.
        """
        word = re.sub(r"\W", "_", f"{owner}_{key}")
        if value := self.env.get(f"VIGIE_{word.upper()}"):
            return value
        for path in (folder / word.lower() for folder in self.folders):
            try:
                if path.exists():
                    refuse_world_readable(path, "it holds a secret")
                    return path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', 'not UTF-8')}") from None
        return None


def refuse_world_readable(path: Path, why: str) -> None:
    """Raise ConfigError, naming the remedy, if anybody on the machine can read this file."""
    if os.name == "posix" and path.stat().st_mode & _WORLD_READABLE:
        raise ConfigError(f"{path}: everybody on this machine can read it: {why}; run: chmod 600 {path}")


@dataclass(frozen=True, slots=True)
class Block:
    """One `[[sources]]`, `[[handlers]]` or `[[targets]]` table.

    Attributes:
        section: `sources`, `handlers` or `targets`.
        index: Its place in the section, from 0.
        name: Unique among the sources, or among the handlers and targets.
    """

    section: str
    index: int
    kind: str
    name: str
    file: Path | None
    table: Mapping[str, Any] = field(repr=False)
    secrets: Secrets = field(repr=False)

    def settings(self, settings_class: type[S]) -> S:
        """The block as the adapter's settings, its secrets filled in.

        A secret is looked for under the block's name, then under its kind, then in the block itself, then under the
        kind's first word: a `telegram_channel` may use the token of `telegram`.

        Raises:
            ConfigError: all that is wrong with the block, a line each.
        """
        data: dict[str, Any] = {**self.table, "kind": self.kind, "name": self.name}
        secret = [key for key, info in settings_class.model_fields.items() if _is_secret(info.annotation)]
        for key in secret:
            inline = data.pop(key, None) or None
            if inline and self.file:
                refuse_world_readable(self.file, f"{self._at((key,))} is a secret")
            value = (
                self._secret(self.name, self.kind, key=key) or inline or self._secret(self.kind.split("_")[0], key=key)
            )
            if value:
                data[key] = value
        for key, info in settings_class.model_fields.items():
            if info.annotation in {timedelta, timedelta | None} and isinstance(data.get(key), str):
                data[key] = _duration(data[key])
        try:
            return settings_class.model_validate(data)
        except ValidationError as error:
            found = lines(error, settings_class, lambda location: f"{self.file}: {self._at(location)}")
            raise ConfigError("\n".join(self._with_remedy(line, secret) for line in found)) from None

    def unknown_kind(self, known: Iterable[str]) -> ConfigError:
        """The error to raise when there is no module for this kind."""
        known = sorted(known)
        near = get_close_matches(self.kind, known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return ConfigError(
            f"{self.file}: {self._at(('kind',))}: unknown kind '{self.kind}': {hint}known are {', '.join(known)}"
        )

    def second(self) -> ConfigError:
        """The error to raise when there is one block of this kind already, and it can only be one."""
        return ConfigError(f"{self.file}: {self._at(('kind',))}: only one block of kind '{self.kind}' is possible")

    def _at(self, location: Location) -> str:
        return dotted((self.section, self.index, *location))

    def _secret(self, *owners: str, key: str) -> str | None:
        return next((value for owner in owners if (value := self.secrets.find(owner, key))), None)

    def _with_remedy(self, line: str, secret: Iterable[str]) -> str:
        for key in secret:
            if line.endswith(f"{self._at((key,))}: is required"):
                word = f"{self.kind}_{key}"
                return f"{line}: set VIGIE_{word.upper()}, or write it to a file {word} in secrets_dir"
        return line


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_is_secret(inner) for inner in get_args(annotation))


def _duration(text: str) -> timedelta | str:
    """`30s`, `5m`, `15min`, `2h`, `1d` or a bare number of seconds; what is none of these is left to pydantic."""
    if found := _DURATION.fullmatch(text.strip().lower()):
        return timedelta(seconds=float(found[1]) * _UNIT_SECONDS[found[2] or "s"])
    return text
