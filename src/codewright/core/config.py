"""From YAML mappings to frozen dataclasses: wrong keys and types end as one ConfigError line that names the place."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from codewright.core.errors import ConfigError
from codewright.core.text import did_you_mean, one_line

T = TypeVar("T")

Share = Annotated[float, Field(ge=0, lt=1)]
"""A share below the whole."""

Names = Annotated[tuple[str, ...], Field(min_length=1)]
"""A list of names, not empty."""

StageRef = Annotated[str, "stage"]
"""The id of an earlier stage of the recipe, or the folder of a finished dataset."""

strict = with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
"""Class decorator for config dataclasses: an unknown key is an error."""


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Validate values into a config dataclass.

    where: what the user would look for, e.g. `recipes/quickstart.yaml, stage 'drills'`; starts every message.
    Raises: ConfigError for an unknown key (with the nearest one), a missing key, or a value of the wrong type.
    """
    known = [item.name for item in fields(cls)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise ConfigError(
                f"{where}: unknown key '{key}'{did_you_mean(key, known)}; known keys: {', '.join(known)}"
            )
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "value"
        if first["type"] in {"missing", "missing_argument"}:
            raise ConfigError(f"{where}: key '{place}' is missing") from None
        if first["type"] == "tuple_type":
            raise ConfigError(
                f"{where}: '{place}' must be a list, e.g. [{one_line(first['input'], 40)}]"
            ) from None
        if first["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
            raise ConfigError(f"{where}: unknown key '{place}'") from None
        raise ConfigError(
            f"{where}: '{place}' {one_line(first['msg'])}, found {one_line(repr(first['input']), 80)}"
        ) from None


def dump(config: Any) -> dict[str, Any]:
    """Return a config dataclass as plain JSON values, defaults included; what manifests record."""
    result: dict[str, Any] = TypeAdapter(type(config)).dump_python(config, mode="json")
    return result
