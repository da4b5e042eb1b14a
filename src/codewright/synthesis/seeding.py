"""Seeds of a teacher's method: numbered, drawn by the run's seed, the same whatever the shards of the corpus.

Documents are used again, with another draw of lines, when there are fewer than seeds. Those needed are put into scratch, in
their order, by one pass over the corpus.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codewright.core.io import atomic_write, write_json
from codewright.core.manifest import Dataset
from codewright.core.records import DOCUMENT_SCHEMA, Document, Sample
from codewright.core.rng import stable_hash

ANY = ""
"""The bucket of documents in any language."""

_GROUP_ROWS = 256
"""Documents that are read back together."""


@dataclass(frozen=True)
class Seed:
    """One seed: its number within its bucket, what names it in logs, and what `make` gets."""

    number: int
    key: str
    value: "Document | int | Pooled"


@dataclass(frozen=True)
class Note:
    """Something a method wants its later rounds to know, beside the rows it made; plain JSON."""

    data: Mapping[str, Any]


@dataclass(frozen=True)
class Pooled:
    """What `make` gets of a method that learns in rounds: the seed, and all that was made before its round, by seed number."""

    value: Document | int
    number: int
    pool: Sequence[Sample | Note]


class Pool:
    """Seeds of another source, in rounds of some: those of a round see what all rounds before it made, and nothing newer."""

    def __init__(self, seeds: "NumberedSeeds | DocumentSeeds", round_seeds: int) -> None:
        """round_seeds: seeds of a round; more of them are quicker, fewer learn sooner."""
        self.most = seeds.most
        self._seeds = seeds
        self._round = round_seeds
        self._made: list[Sample | Note] = []
        self._frozen: tuple[Sample | Note, ...] = ()
        self._done = 0

    def seed(self, number: int) -> Seed:
        """Return a seed of the round that is on."""
        seed = self._seeds.seed(number)
        return Seed(number, seed.key, Pooled(cast("Document | int", seed.value), number, self._frozen))

    def ready(self, done: int) -> int:
        """Return the number before which seeds can be begun when so many are done."""
        return min(self.most, (done // self._round + 1) * self._round)

    def learn(self, made: Sequence[Sample | Note]) -> None:
        """Take what the next seed made; at the end of a round all see it."""
        self._made.extend(made)
        self._done += 1
        if self._done % self._round == 0:
            self._frozen = tuple(self._made)


class NumberedSeeds:
    """0, 1, 2 ... for methods that need nothing else."""

    def __init__(self, method: str, most: int) -> None:
        """most: after how many to stop."""
        self.most = most
        self._method = method

    def seed(self, number: int) -> Seed:
        """Return a seed."""
        return Seed(number, f"{self._method}:{number}", number)


class DocumentSeeds:
    """Documents of one bucket in the order they were drawn in."""

    def __init__(self, file: Path, most: int) -> None:
        """file: what `draw_documents` wrote."""
        self._file = pq.ParquetFile(file)
        self._documents = self._file.metadata.num_rows
        self.most = most if self._documents else 0
        self._group = functools.lru_cache(maxsize=8)(self._read_group)

    def seed(self, number: int) -> Seed:
        """Return a seed; beyond the last document the first comes again, as another seed."""
        turn, row = divmod(number, self._documents)
        group, at = divmod(row, _GROUP_ROWS)
        document = self._group(group)[at]
        return Seed(number, document.id if not turn else f"{document.id}#{turn}", document)

    def _read_group(self, group: int) -> list[Document]:
        rows = self._file.read_row_group(group, columns=DOCUMENT_SCHEMA.names).to_pylist()
        return [Document.from_dict(row) for row in rows]


def draw_documents(dataset: Dataset, folder: Path, wanted: Mapping[str, int], seed: int) -> dict[str, Path]:
    """Draw documents for each bucket, a language or ANY, and write them in their order; returns bucket -> file.

    wanted: bucket -> how many at most. What was drawn before is left as it is.
    """
    files = {bucket: folder / f"{number:03d}.parquet" for number, bucket in enumerate(wanted)}
    done = folder / "drawn.json"
    if done.exists():
        return files
    chosen = _choose(dataset, wanted, seed)
    tables: dict[str, list[pa.Table]] = {bucket: [] for bucket in wanted}
    for number, part in enumerate(dataset.parts()):
        mine = {bucket: rows[rows[:, 1] == number] for bucket, rows in chosen.items()}
        if not any(len(rows) for rows in mine.values()):
            continue
        table = pq.read_table(part, columns=DOCUMENT_SCHEMA.names, use_threads=False)
        for bucket, rows in mine.items():
            drawn = table.take(rows[:, 2])
            tables[bucket].append(drawn.append_column("rank", pa.array(rows[:, 0], pa.int64())))
    for bucket, file in files.items():
        _write_in_order(file, tables[bucket])
    write_json(done, {bucket: len(rows) for bucket, rows in chosen.items()})
    return files


def _choose(dataset: Dataset, wanted: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    """Return for each bucket rows of (rank, part, row in it), the first `wanted` by the seeded order of ids."""
    keys: dict[str, list[tuple[int, str, int, int]]] = {bucket: [] for bucket in wanted}
    for number, part in enumerate(dataset.parts()):
        table = pq.read_table(part, columns=["id", "language"], use_threads=False)
        ids, languages = table.column("id").to_pylist(), table.column("language").to_pylist()
        for row, (id_, language) in enumerate(zip(ids, languages, strict=True)):
            bucket = ANY if ANY in keys else language
            if bucket in keys:
                keys[bucket].append((stable_hash(seed, "seeds", id_), id_, number, row))
    found = {}
    for bucket, rows in keys.items():
        ranked = sorted(rows)[: wanted[bucket]]
        places = [(rank, part, row) for rank, (_, _, part, row) in enumerate(ranked)]
        found[bucket] = np.array(places, np.int64).reshape(-1, 3)
    return found


def _write_in_order(file: Path, tables: list[pa.Table]) -> None:
    whole = (
        pa.concat_tables(tables)
        if tables
        else DOCUMENT_SCHEMA.append(pa.field("rank", pa.int64())).empty_table()
    )
    with atomic_write(file) as out:
        pq.write_table(whole.sort_by("rank"), out, row_group_size=_GROUP_ROWS, compression="zstd")
