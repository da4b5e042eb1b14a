"""Which documents of a corpus are trained on: a seeded sample that does not depend on shards or on their order."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from codewright.core.io import read_parquet
from codewright.core.manifest import Dataset
from codewright.core.rng import stable_hash


def sample_documents(
    dataset: Dataset, sample_bytes: int, seed: int, purpose: str
) -> Iterator[tuple[str, str]]:
    """Yield (id, content) of randomly chosen documents of about sample_bytes together, in the order of the dataset.

    Never reads the held-out split. The documents with the smallest hashes of (seed, purpose, id) are taken until the
    sum reaches sample_bytes; the whole corpus when it is smaller. Reads the corpus twice, one shard at a time.
    """
    sizes: list[tuple[int, str, int]] = []
    for part in dataset.parts():
        table = read_parquet(part, ["id", "content"])
        lengths = pc.binary_length(table["content"]).to_pylist()
        for identity, length in zip(table["id"].to_pylist(), lengths, strict=True):
            sizes.append((stable_hash(seed, purpose, identity), identity, length))
    wanted: set[str] = set()
    total = 0
    for _, identity, length in sorted(sizes):
        if total >= sample_bytes:
            break
        wanted.add(identity)
        total += length
    for part in dataset.parts():
        table = read_parquet(part, ["id", "content"])
        chosen = [index for index, identity in enumerate(table["id"].to_pylist()) if identity in wanted]
        for row in table.take(pa.array(chosen, pa.int64())).to_pylist():
            yield row["id"], row["content"]
