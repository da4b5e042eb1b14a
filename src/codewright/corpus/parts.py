"""What stages that make a corpus of a corpus share: a shard for every part, parts written anew only where they change, sums."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from codewright.core.io import give_name, write_parquet
from codewright.core.manifest import Counts, Dataset, part_name
from codewright.engine.engine import Shard

_ROWS_AT_A_TIME = 512

TOKENS = "tokens"
"""The column that `corpus.tokens` adds."""

_TALLIES = ("documents_by_language", "bytes_by_language", "tokens_by_language")

Results = Sequence[Mapping[str, Any]]
"""What tasks return: `counts`, `heldout`, and numbers by name."""


def shards_of(dataset: Dataset, out: Path, **params: Any) -> list[Shard]:
    """Make a shard of each part; its `split` is in its params, its number, which names what it drops, counts over both."""
    split_parts = [(split, part) for split in ("", "heldout") for part in dataset.parts(split)]
    return [
        Shard(part_name(number), str(out), (str(part),), {"split": split, **params})
        for number, (split, part) in enumerate(split_parts)
    ]


def rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield rows as dicts, some hundred at a time in memory."""
    for batch in table.to_batches(_ROWS_AT_A_TIME):
        yield from batch.to_pylist()


def write_part(target: Path, table: pa.Table, source: Path, *, unchanged: bool) -> None:
    """Write rows, or nothing where there are none; unchanged: they are those of `source`, which gets a second name."""
    if not len(table):
        return
    if unchanged:
        give_name(source, target)
    else:
        write_parquet(target, table)


def by_language(table: pa.Table) -> dict[str, dict[str, int]]:
    """Add up documents, bytes of UTF-8 and, where they were counted, tokens, for `summed`."""
    columns = {"language": table.column("language"), "bytes": pc.binary_length(table.column("content"))}
    if TOKENS in table.column_names:
        columns["tokens"] = table.column(TOKENS)
    wanted = [("bytes", "count"), *((name, "sum") for name in columns if name != "language")]
    sums = pa.table(columns).group_by("language", use_threads=False).aggregate(wanted).to_pydict()
    names = {"bytes_count": "documents", "bytes_sum": "bytes", "tokens_sum": "tokens"}
    return {
        f"{name}_by_language": dict(zip(sums["language"], sums[column], strict=True))
        for column, name in names.items()
        if column in sums
    }


def added(results: Results, name: str) -> dict[str, int]:
    """Add up what all tasks counted under a name, the most first."""
    total: Counter[str] = Counter()
    for result in results:
        total.update(result[name])
    return dict(total.most_common())


def summed(results: Results) -> dict[str, Any]:
    """Return a manifest's `bytes_kept`, `documents_by_language`, `bytes_by_language`, and the same of tokens if all have them."""
    names = [name for name in _TALLIES if all(name in result for result in results)]
    languages = {name: added(results, name) for name in names}
    totals = {
        f"{name.removesuffix('_by_language')}_kept": sum(found.values())
        for name, found in languages.items()
        if name != "documents_by_language"
    }
    return {**totals, **languages}


def kept_documents(results: Results) -> tuple[Counts, dict[str, int]]:
    """Return the counts of all tasks, and a manifest's `documents_heldout` and `documents_train`."""
    counts = Counts.total(Counts.from_json(result["counts"]) for result in results)
    heldout = sum(result["heldout"] for result in results)
    return counts, {"documents_heldout": heldout, "documents_train": counts.kept - heldout}
