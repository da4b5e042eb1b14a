"""An answers file line by line. A line that is no row is put aside with its reason; only a file that cannot be read is refused."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import open_content

_BOM = b"\xef\xbb\xbf"
_ARCHIVES = {b"\x1f\x8b": ("gzip", ".gz"), b"\x28\xb5\x2f\xfd": ("zstd", ".zst")}
"""First bytes (RFC 1952, section 2.3.1; RFC 8878, section 3.1.1) -> what it is, and the ending by which it is decompressed."""


@dataclass(frozen=True)
class Unusable:
    """A row put aside: its line in the file, why, and the row, or the line's text where it is none."""

    line: int
    reason: str
    row: Mapping[str, Any] | str


def read_answer_file(path: Path) -> Iterator[tuple[int, dict[str, Any]] | Unusable]:
    """Read rows with their line numbers from 1; blank lines are skipped, and so is a byte order mark.

    Raises ConfigError for a folder, a missing file, a damaged archive, and one whose name does not say that it is one.
    """
    if path.is_dir():
        raise ConfigError(f"answers file {path}: is a folder; name the file in it")
    _refuse_hidden_archive(path)
    try:
        with open_content(path) as file:
            for number, raw in enumerate(file, 1):
                line = raw.removeprefix(_BOM) if number == 1 else raw
                if line.strip():
                    yield _row(number, line)
    except DataError as error:
        raise ConfigError(f"answers file {error}") from None


def _refuse_hidden_archive(path: Path) -> None:
    head = b""
    with (
        contextlib.suppress(OSError),
        path.open("rb") as file,
    ):  # what cannot be opened is said when it is read
        head = file.read(4)
    for magic, (name, ending) in _ARCHIVES.items():
        if head.startswith(magic) and not path.name.endswith(ending):
            raise ConfigError(
                f"answers file {path}: is a {name} archive without {ending} at the end of its name; rename it"
            )


def _row(number: int, line: bytes) -> tuple[int, dict[str, Any]] | Unusable:
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Unusable(number, f"not UTF-8 ({error.reason})", text)
    except RecursionError:
        return Unusable(number, "not valid JSON (nested too deep)", text)
    except ValueError as error:
        return Unusable(number, f"not valid JSON ({error})", text)
    if not isinstance(row, dict):
        return Unusable(number, f"not a JSON object but {type(row).__name__}", text)
    return number, row
