"""Seeds of a teacher's method: numbered, drawn by the run's seed, the same whatever the shards of the corpus.

Documents, and instruction rows, are used again, with another draw of lines or whatever a method draws, when there are fewer
than seeds. Those needed are put into scratch, in their order, by one pass over the dataset.
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codewright.core.io import atomic_write, write_json
from codewright.core.manifest import Dataset
from codewright.core.records import DOCUMENT_SCHEMA, SAMPLE_SCHEMA, Document, Sample
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
    value: "Document | Sample | int | Pooled"


@dataclass(frozen=True)
class Note:
    """Something a method wants its later rounds to know, beside the rows it made; plain JSON."""

    data: Mapping[str, Any]


@dataclass(frozen=True)
class Pooled:
    """What `make` gets of a method that learns in rounds: the seed, and all that was made before its round, by seed number."""

    value: Document | Sample | int
    number: int
    pool: Sequence[Sample | Note]


@dataclass(frozen=True)
class Chosen:
    """Which documents a method takes as seeds, where it has a `choose` of its own.

    places: of the documents in the order they were given, the first seed's first. left_out: reason -> documents that are fit for none.
    """

    places: Sequence[int]
    left_out: Mapping[str, int]


Choose = Callable[[Iterable[Document], int], Chosen]
"""choose(documents, k): a bucket's documents, in an order that depends on the shards, and how many to choose at most."""

LEFT_OUT_NAME = "left_out.json"


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
        return Seed(
            number, seed.key, Pooled(cast("Document | Sample | int", seed.value), number, self._frozen)
        )

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

    kind: type[Document] | type[Sample] = Document
    columns: Sequence[str] = DOCUMENT_SCHEMA.names

    def __init__(self, file: Path, most: int) -> None:
        """file: what `draw_documents` or `draw_rows` wrote."""
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

    def _read_group(self, group: int) -> list[Document | Sample]:
        rows = self._file.read_row_group(group, columns=list(self.columns)).to_pylist()
        return [self.kind.from_dict(row) for row in rows]


class RowSeeds(DocumentSeeds):
    """Instruction rows of one bucket in the order they were drawn in."""

    kind = Sample
    columns = SAMPLE_SCHEMA.names


def draw_documents(
    dataset: Dataset, folder: Path, wanted: Mapping[str, int], seed: int, choose: Choose | None = None
) -> dict[str, Path]:
    """Draw documents for each bucket, a language or ANY, and write them in their order; returns bucket -> file.

    wanted: bucket -> how many at most. choose: takes the place of drawing by the seed; what it leaves out is counted in
    LEFT_OUT_NAME. What was drawn before is left as it is.
    """
    return _draw(
        dataset.parts(), DOCUMENT_SCHEMA, folder, wanted,
        lambda: _choose(dataset.parts(), wanted, seed) if choose is None else _choose_by(choose, dataset, wanted, folder),
    )  # fmt: skip


def draw_rows(parts: Sequence[Path], folder: Path, wanted: Mapping[str, int], seed: int) -> dict[str, Path]:
    """Draw instruction rows for each bucket from Parquet files, and write them as `draw_documents` does."""
    return _draw(parts, SAMPLE_SCHEMA, folder, wanted, lambda: _choose(parts, wanted, seed))


def _draw(
    parts: Sequence[Path], schema: pa.Schema, folder: Path, wanted: Mapping[str, int],
    choose: Callable[[], dict[str, np.ndarray]],
) -> dict[str, Path]:  # fmt: skip
    files = {bucket: folder / f"{number:03d}.parquet" for number, bucket in enumerate(wanted)}
    done = folder / "drawn.json"
    if done.exists():
        return files
    chosen = choose()
    tables: dict[str, list[pa.Table]] = {bucket: [] for bucket in wanted}
    for number, part in enumerate(parts):
        mine = {bucket: rows[rows[:, 1] == number] for bucket, rows in chosen.items()}
        if not any(len(rows) for rows in mine.values()):
            continue
        table = pq.read_table(part, columns=schema.names, use_threads=False)
        for bucket, rows in mine.items():
            drawn = table.take(rows[:, 2])
            tables[bucket].append(drawn.append_column("rank", pa.array(rows[:, 0], pa.int64())))
    for bucket, file in files.items():
        _write_in_order(file, tables[bucket], schema)
    write_json(done, {bucket: len(rows) for bucket, rows in chosen.items()})
    return files


def _choose(parts: Sequence[Path], wanted: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    """Return for each bucket rows of (rank, part, row in it), the first `wanted` by the seeded order of ids."""
    keys: dict[str, list[tuple[int, str, int, int]]] = {bucket: [] for bucket in wanted}
    for number, part in enumerate(parts):
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


def _choose_by(
    choose: Choose, dataset: Dataset, wanted: Mapping[str, int], folder: Path
) -> dict[str, np.ndarray]:
    """Return the same as `_choose`; what is left out is counted in a file of the folder."""
    found, left_out = {}, Counter[str]()
    for bucket, most in wanted.items():
        rows: list[tuple[int, int]] = []
        chosen = choose(_documents(dataset, bucket, rows), most)
        places = [(rank, *rows[place]) for rank, place in enumerate(chosen.places[:most])]
        found[bucket] = np.array(places, np.int64).reshape(-1, 3)
        left_out.update(chosen.left_out)
    write_json(folder / LEFT_OUT_NAME, dict(left_out))
    return found


def _documents(dataset: Dataset, bucket: str, rows: list[tuple[int, int]]) -> Iterator[Document]:
    """Yield a bucket's documents; `rows` grows by (part, row in it) of each."""
    for number, part in enumerate(dataset.parts()):
        table = pq.read_table(part, columns=DOCUMENT_SCHEMA.names, use_threads=False)
        for start in range(0, len(table), _GROUP_ROWS):
            for row, values in enumerate(table.slice(start, _GROUP_ROWS).to_pylist(), start):
                if bucket in (ANY, values["language"]):
                    rows.append((number, row))
                    yield Document.from_dict(values)


def _write_in_order(file: Path, tables: list[pa.Table], schema: pa.Schema) -> None:
    whole = pa.concat_tables(tables) if tables else schema.append(pa.field("rank", pa.int64())).empty_table()
    with atomic_write(file) as out:
        pq.write_table(whole.sort_by("rank"), out, row_group_size=_GROUP_ROWS, compression="zstd")
