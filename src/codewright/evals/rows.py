"""Rows of a published benchmark file, checked: the fields that are needed, each task once."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import open_content, read_jsonl

Row = dict[str, Any]


def read_rows(path: str | Path, shape: str, fields: Mapping[str, type | tuple[type, ...]]) -> list[Row]:
    """Read JSON Lines, or one JSON array where the name ends in .json.

    shape: how to call such rows in a message; fields: what each must have, and of what type. Raises ConfigError for a missing
    field, a double task_id, no rows, a damaged file.
    """
    found: dict[Any, Row] = {}
    try:
        for place, row in _places(Path(path)):
            for field, kind in fields.items():
                if not isinstance(row.get(field), kind):
                    raise ConfigError(
                        f"{place}: not a {shape} row: '{field}' is missing or not {_name(kind)} "
                        f"(needed: {', '.join(fields)}; found: {', '.join(sorted(row))})"
                    )
            if row["task_id"] in found:
                raise ConfigError(f"{place}: task_id '{row['task_id']}' stands there twice")
            found[row["task_id"]] = row
    except DataError as error:
        raise ConfigError(f"benchmark file {error}") from None
    if not found:
        raise ConfigError(f"benchmark file {path}: holds no problem")
    return list(found.values())


_KINDS = {str: "text", list: "a list", int: "a whole number"}


def _name(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(_KINDS.get(one, one.__name__) for one in kinds)


def _places(path: Path) -> Iterator[tuple[str, Row]]:
    if path.name.split(".", 1)[-1] not in ("json", "json.gz", "json.zst"):
        for line, row in read_jsonl(path):
            yield f"{path}, line {line}", row
        return
    try:
        with open_content(path) as file:
            rows = json.loads(file.read().decode("utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: expected a JSON array of objects")
    for number, row in enumerate(rows, 1):
        yield f"{path}, row {number}", row
