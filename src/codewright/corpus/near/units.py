"""What is compared: units (files, or whole repositories) numbered over every source, and the parts that hold their text.

Sources come in the order of their right to stay: the datasets of earlier indexes, then the corpus, then its held-out part.
Files are numbered in the order of their rows, repositories by name, so numbers know nothing of how rows are cut into parts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from codewright.core.io import atomic_write, read_parquet, read_parquet_metadata
from codewright.core.manifest import Dataset
from codewright.corpus.near.kernels import Bytes, Ints

INDEX_FOLDER = "index"
"""Of an output: keys/ and order/, arrays as `signing` describes them, of what stays."""

BATCH_ROWS, BATCH_BYTES = 512, 1_500_000
"""Decoded at a time: so many rows, or about so many bytes. What fits into the second-level cache is decoded and read faster."""


@dataclass(frozen=True)
class Part:
    """One Parquet file. `first`: the unit of its first row; `units`: where the unit of every row stands, if rows are no units."""

    path: str
    first: int
    rows: int
    size: int
    units: str = ""

    def units_of_rows(self) -> Ints:
        """Return the unit number of every row."""
        if self.units:
            return np.asarray(np.load(self.units))
        return np.arange(self.first, self.first + self.rows)


@dataclass(frozen=True)
class Source:
    """A dataset or its held-out part: units `first` to `end` (exclusive); `repos` are their names at repository level.

    tier: 0 for what stays whatever comes, 1 for the corpus, 2 for its held-out part.
    """

    tier: int
    parts: tuple[Part, ...]
    first: int
    end: int
    repos: tuple[str, ...] = ()


def list_sources(folders: list[Path], by_repo: bool, scratch: Path) -> list[Source]:
    """List the sources of datasets in order, the last being the corpus, and number their units.

    by_repo: a repository is one unit; scratch: a folder for the unit numbers of rows then. Raises DataError for a part that is no Parquet.
    """
    sources: list[Source] = []
    for number, folder in enumerate(folders):
        for tier, split in enumerate(("", "heldout"), 1):
            first = sources[-1].end if sources else 0
            paths = Dataset(folder).parts(split)
            listed = _list_repos(paths, first, scratch) if by_repo else _list_files(paths, first)
            sources.append(replace(listed, tier=0 if number + 1 < len(folders) else tier))
            scratch = scratch / "next"
    return sources


def source_of(paths: list[Path]) -> Source:
    """Make one source, of tier 1, of Parquet files (columns id, content) that are no dataset: each row is a unit, in order."""
    return replace(_list_files(paths, 0), tier=1)


def _list_files(paths: list[Path], first: int) -> Source:
    parts: list[Part] = []
    end = first
    for path in paths:
        rows, size = _rows_and_bytes(read_parquet_metadata(path))
        parts.append(Part(str(path), end, rows, size))
        end += rows
    return Source(0, tuple(parts), first, end)


def _list_repos(paths: list[Path], first: int, scratch: Path) -> Source:
    names = [read_parquet(path, ["repo"]).column("repo").to_pylist() for path in paths]
    repos = tuple(sorted({name for found in names for name in found}))
    numbers = {name: first + number for number, name in enumerate(repos)}
    parts: list[Part] = []
    for path, found in zip(paths, names, strict=True):
        units = scratch / f"{path.stem}.npy"
        save(units, np.array([numbers[name] for name in found], np.int64))
        parts.append(Part(str(path), first, *_rows_and_bytes(read_parquet_metadata(path)), str(units)))
    return Source(0, tuple(parts), first, first + len(repos), repos)


def _rows_and_bytes(facts: Any) -> tuple[int, int]:
    return facts.num_rows, sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))


def ranges(source: Source, limit: int) -> list[tuple[int, int, list[Part]]]:
    """Cut a source into ranges of units of about `limit` bytes: (first unit, end, the parts that hold them).

    At repository level any part may hold any unit; a dataset that is sorted by repository is read about once.
    """
    if source.repos:
        return _repo_ranges(source, limit)
    found: list[tuple[int, int, list[Part]]] = []
    held: list[Part] = []
    for part in source.parts:
        if held and sum(item.size for item in held) + part.size > limit:
            found.append((held[0].first, part.first, held))
            held = []
        held.append(part)
    return [*found, (held[0].first, source.end, held)] if held else found


def _repo_ranges(source: Source, limit: int) -> list[tuple[int, int, list[Part]]]:
    weight = np.zeros(len(source.repos))
    present: list[Ints] = []
    for part in source.parts:
        units = part.units_of_rows() - source.first
        np.add.at(weight, units, part.size / max(part.rows, 1))
        present.append(np.unique(units))
    cuts = (np.flatnonzero(np.diff(weight.cumsum() // limit)) + 1).tolist()
    found = []
    for low, high in zip([0, *cuts], [*cuts, len(source.repos)], strict=True):
        holding = [
            part
            for part, units in zip(source.parts, present, strict=True)
            if np.searchsorted(units, low) < np.searchsorted(units, high)
        ]
        found.append((source.first + low, source.first + high, holding))
    return found


def index_files(folder: Path) -> list[tuple[Path, Path, int, int]]:
    """List the arrays of an index: (keys, order, number of the first unit, units)."""
    found: list[tuple[Path, Path, int, int]] = []
    first = 0
    for keys in sorted((folder / INDEX_FOLDER / "keys").glob("*.npy")):
        units = load(keys).shape[1]
        found.append((keys, folder / INDEX_FOLDER / "order" / keys.name, first, units))
        first += units
    return found


def save(path: Path, array: NDArray[Any]) -> None:
    """Write an array atomically as .npy."""
    with atomic_write(path) as file:
        np.save(file, array)


def load(path: Path) -> NDArray[Any]:
    """Map an array that `save` wrote into memory; only what is looked at is read."""
    return np.asarray(np.load(path, mmap_mode="c"))


def starts_of(column: pa.Array) -> Ints:
    """Return where the rows of a column of text begin and end in its bytes (rows + 1); without Arrow's slow import for casts."""
    width = np.int64 if pa.types.is_large_string(column.type) else np.int32
    offsets = column.buffers()[1]
    if offsets is None:  # no rows
        return np.zeros(1, np.int64)
    return np.frombuffer(offsets, width)[column.offset : column.offset + len(column) + 1].astype(np.int64)


def read_texts(path: str, with_ids: bool = False) -> Iterator[tuple[int, Bytes, Ints, list[str]]]:
    """Yield (place of the first row, bytes, starts of the rows and end, ids where asked for) of a part, batch by batch."""
    at = 0
    with pq.ParquetFile(path) as file:
        columns = ["content", "id"] if with_ids else ["content"]
        rows, size = _rows_and_bytes(file.metadata)
        at_once = max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(size, 1)))
        for batch in file.iter_batches(at_once, columns=columns, use_threads=False):
            column = batch.column("content")
            data = np.frombuffer(column.buffers()[2] or b"", np.uint8)
            data.flags.writeable = (
                False  # always, as when kernels are warmed up: they are compiled for each kind by itself
            )
            ids = batch.column("id").to_pylist() if with_ids else []
            yield at, data, starts_of(column), ids
            at += len(column)
