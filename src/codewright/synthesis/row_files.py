"""Files of instruction rows as others publish them (formats.py): JSON Lines, one JSON list, Parquet; plain, .gz or .zst.

What is no row becomes a `Lost` with its reason and its place, so that counts add up; only a file that cannot be opened or
is cut off is an error.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codewright.core.io import open_content, read_parquet, write_jsonl
from codewright.core.records import Lost, Reject, Sample
from codewright.core.text import one_line
from codewright.synthesis.formats import read_row, write_row

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Written:
    """How many samples were written, and why others were not."""

    rows: int
    left_out: dict[str, int]


def read_samples(path: Path, name: str | None = None) -> Iterator[Sample | Lost]:
    """Read a file's rows in order, by the format of this name or the one each row's columns show.

    A `Lost` has the row's place as path (`FILE:N`, lines of JSON Lines and rows of other files from 1) and the row as text.
    Reasons: not_utf8, not_json, and those of `formats.read_row`.
    Raises: DataError for a file that is missing, damaged or cut off. ConfigError for an unknown name.
    """
    for number, text, row in _rows(path):
        found = row if isinstance(row, Reject) else read_row(row, name)
        if isinstance(found, Reject):
            yield Lost("", found.reason, found.detail, f"{path.name}:{number}", text())
        else:
            yield found


def write_samples(
    path: Path, samples: Iterable[Sample], name: str, seed_text: Callable[[Sample], str] = lambda _: ""
) -> Written:
    """Write JSON Lines in the format of this name, atomically; samples that it cannot hold are counted by reason.

    seed_text: gives the code a sample was made from, for formats that carry it. Raises ConfigError for an unknown name.
    """
    left_out: Counter[str] = Counter()
    written = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal written
        for sample in samples:
            row = write_row(sample, name, written, seed_text(sample))
            if isinstance(row, Reject):
                left_out[row.reason] += 1
            else:
                written += 1
                yield row

    write_jsonl(path, rows())
    return Written(written, dict(sorted(left_out.items())))


_Read = tuple[int, Callable[[], str], object]


def _rows(path: Path) -> Iterator[_Read]:
    """Yield each row's number, its text when that is wanted, and the row or why there is none."""
    kinds = [ending for ending in path.suffixes if ending not in {".gz", ".zst"}]
    kind = kinds[-1] if kinds else ""
    if kind == ".parquet":
        rows: Iterable[object] = read_parquet(path).to_pylist()
    elif kind == ".json":
        with open_content(path) as file:
            text, row = _parsed(file.read().removeprefix(_BOM))
        if not isinstance(row, list):
            yield 1, text, row
            return
        rows = row
    else:
        yield from _lines(path)
        return
    for number, row in enumerate(rows, 1):
        yield number, lambda row=row: _as_text(row), row  # type: ignore[misc]


def _lines(path: Path) -> Iterator[_Read]:
    with open_content(path) as file:
        for number, line in enumerate(file, 1):
            data = line.removeprefix(_BOM) if number == 1 else line
            if data.strip():
                yield number, *_parsed(data)


def _parsed(data: bytes) -> tuple[Callable[[], str], object]:
    def text() -> str:
        return data.decode("utf-8", "replace").rstrip("\r\n")

    try:
        return text, json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return text, Reject("not_utf8", f"{error.reason} at byte {error.start}")
    except RecursionError:
        return text, Reject("not_json", "nested too deep")
    except ValueError as error:
        return text, Reject("not_json", one_line(error))


def _as_text(row: object) -> str:
    try:
        return json.dumps(row, default=str)
    except (RecursionError, ValueError, TypeError) as error:
        return f"a row that cannot be shown ({type(error).__name__})"
