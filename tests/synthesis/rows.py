"""Instruction rows made up for tests, as a finished dataset or a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codewright.core.io import write_parquet
from codewright.core.manifest import Counts, Dataset, Manifest, part_name
from codewright.core.records import SAMPLE_SCHEMA, Message, Origin, Sample, content_id, to_table

LANGUAGES = ("python", "go", "java")


def make_row(number: int, system: str | None = None, form: str = "chat") -> Sample:
    turns = [Message("system", system)] if system else []
    turns += [
        Message("user", f"Write function {number} of the shop: it adds up a bill."),
        Message("assistant", f"x = {number}"),
    ]
    language, origin = LANGUAGES[number % 3], Origin(seeds=(f"s{number}",))
    return Sample.make(
        turns,
        task="write",
        method="oss",
        language=language,
        form="completion" if form == "completion" else "chat",
        origin=origin,
    )


def write_rows(folder: Path, rows: Sequence[Sample], parts: int = 3) -> Path:
    """Write a finished dataset, its rows cut into so many parts."""
    for number in range(parts):
        write_parquet(folder / part_name(number), to_table(rows[number::parts], SAMPLE_SCHEMA))
    mark = content_id(*sorted(one.id for one in rows))
    Manifest("synth", "rows", {}, mark, {}, Counts(len(rows), len(rows)), 0, None, 0.0, {}).write(folder)
    return folder


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    """Write JSON Lines; a text is a line as it stands."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def bytes_of(dataset: Dataset, *splits: str) -> list[bytes]:
    """Read the parts of a dataset, of its rows unless splits are named (`""` for the rows)."""
    return [part.read_bytes() for split in splits or ("",) for part in dataset.parts(split)]
