"""What every adapter's settings share, so that a wrong key or a secret is treated alike everywhere."""

from pydantic import BaseModel, ConfigDict


class AdapterSettings(BaseModel):
    """Base of every adapter's settings: unknown keys are errors, secrets never show."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: str
    name: str = ""  # the configuration fills it: the kind, or kind-2, kind-3 where it repeats
