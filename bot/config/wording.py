"""Validation errors in the words of somebody who edits a TOML file, and never with a secret in them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Location = tuple[int | str, ...]

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_FIXED = {
    "missing": "is required",
    "time_delta_parsing": "must be a duration, such as 30s, 5m or 2h",
    "time_delta_type": "must be a duration, such as 30s, 5m or 2h",
    "zoneinfo_str": "must be the name of a time zone, such as Europe/Paris",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "list_type": "must be a list",
    "string_type": "must be text in quotes",
    "path_type": "must be text in quotes",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
}


def dotted(location: Location) -> str:
    """A location as it is written in TOML: `sources[2].interval`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def lines(error: ValidationError, model: type[BaseModel], where: Callable[[Location], str]) -> Iterator[str]:
    """A line for each thing that is wrong: `where(location)`, a colon, and what was expected.

    Values are shown only where they cannot be a secret: numbers, durations, and words of a closed list.
    """
    for found in error.errors(include_url=False):
        location, kind, context, value = found["loc"], found["type"], found.get("ctx", {}), found["input"]
        fields = _fields_at(model, location[:-1])
        key = str(location[-1]) if location else ""
        if kind == "extra_forbidden":
            near = get_close_matches(key, fields, 1)
            why = f"unknown key: did you mean {near[0]}?" if near else f"unknown key: known are {', '.join(fields)}"
        elif kind in _BOUNDS:
            name, words = _BOUNDS[kind]
            bound = next((getattr(m, name) for m in _metadata(fields, key) if hasattr(m, name)), context.get(name))
            why = f"must be {words} {human(bound)}, got {human(value)}"
        elif kind in {"literal_error", "enum"}:
            why = f"must be {context.get('expected')}"
            if isinstance(value, str) and len(value) <= len("customer_line"):  # the longest word of our lists
                why += f", got '{value}'"
        elif kind == "string_pattern_mismatch":
            why = f"must be {_pattern_in_words(fields.get(key), str(context.get('pattern')))}"
        elif kind == "value_error":
            why = str(context.get("error", found["msg"]))
        else:
            why = _FIXED.get(kind) or found["msg"].replace("Input should be", "must be").replace(
                "String should", "must"
            )
        yield f"{where(location)}: {why}"


def human(value: object) -> str:
    """A number, or a duration as it may be written: `90s`, `5m`, `2h`."""
    if not isinstance(value, timedelta):
        return f"{value:g}" if isinstance(value, float) else str(value)
    for unit, letter in ((timedelta(hours=1), "h"), (timedelta(minutes=1), "m")):
        if value and not value % unit:
            return f"{value // unit}{letter}"
    return f"{value.total_seconds():g}s"


def _pattern_in_words(field: FieldInfo | None, pattern: str) -> str:
    if field is not None and field.description:
        return field.description
    return "an http or https address" if pattern.startswith("^https?://") else f"of the form {pattern}"


def _metadata(fields: dict[str, FieldInfo], key: str) -> list[object]:
    return fields[key].metadata if key in fields else []


def _fields_at(model: type[BaseModel], location: Location) -> dict[str, FieldInfo]:
    """Fields of the model that `location` leads to; empty where it leads out of models."""
    fields = model.model_fields
    for part in location:
        if isinstance(part, int):
            continue
        if part not in fields:
            return {}
        annotation = fields[part].annotation
        inner = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)]
        fields = inner[0].model_fields if inner else {}
    return fields
