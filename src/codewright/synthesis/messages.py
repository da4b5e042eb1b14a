"""`messages.jsonl` beside instruction rows: the same rows as lines of OpenAI's `messages`, which every trainer reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from codewright.core.io import atomic_write, read_parquet
from codewright.core.records import Sample

MESSAGES_NAME = "messages.jsonl"

_COLUMNS = ("messages", "id", "task", "method", "language")


def as_messages(row: Sample) -> str:
    """Return a row as one line, with what it is beside its messages."""
    return _line(asdict(row))


def write_messages(folder: Path) -> None:
    """Write all rows of a dataset's folder, in the order of its parts."""
    with atomic_write(folder / MESSAGES_NAME) as file:
        for row in _rows(folder):
            file.write(_line(row).encode("utf-8", "backslashreplace"))


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for part in sorted(folder.glob("part-*.parquet")):
        yield from read_parquet(part, list(_COLUMNS)).to_pylist()


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps({name: row[name] for name in _COLUMNS}, ensure_ascii=False) + "\n"
