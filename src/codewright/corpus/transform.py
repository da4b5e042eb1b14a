"""The stage `corpus.transform`: licence headers removed, personal data and secrets replaced, with an audit of where.

A document keeps the id of the bytes that were read, so that its way can be followed; only its content changes.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from codewright.core.config import StageRef, strict
from codewright.core.io import give_name, read_parquet, write_parquet
from codewright.core.manifest import Counts, part_name
from codewright.core.records import LOST_SCHEMA, Lost, place_of, to_table
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

_ROWS_AT_A_TIME = 512

Kind = Literal["email", "ip_address", "key", "password"]


@strict
@dataclass(frozen=True)
class Config:
    """What to remove and replace."""

    corpus: StageRef
    """The dataset to transform; its held-out part is transformed, too."""
    headers: bool = True
    """Whether to remove licence and copyright headers at the top of files."""
    kinds: tuple[Kind, ...] = ("email", "ip_address", "key", "password")
    """What to replace by placeholders such as <EMAIL>; an empty list replaces nothing."""


def run(config: Config, context: StageContext) -> StageResult:
    """Transform every part."""
    dataset = context.dataset(config.corpus)
    shards: list[Shard] = []
    for split in ("", "heldout"):
        for part in dataset.parts(split):
            # Numbered over both splits: a shard's number names its audit.
            params = {"split": split, "headers": config.headers, "kinds": list(config.kinds)}
            shards.append(Shard(part_name(len(shards)), str(context.out), (str(part),), params))
    if len(shards) > 1 and context.engine.workers > 1:
        from codewright.corpus.transforms import transform

        transform("# warm_up@example.org\n", "python")  # compiled once, not by every worker
    done = context.engine.map(transform_shard, shards, "corpus: transform")
    edits: Counter[str] = Counter()
    for result in done:
        edits.update(result["edits"])
    counts = Counts.total(Counts.from_json(result["counts"]) for result in done)
    heldout = sum(result["heldout"] for result in done)
    details = {
        "bytes_kept": sum(result["bytes"] for result in done),
        "documents_changed": sum(result["changed"] for result in done),
        "documents_heldout": heldout,
        "documents_train": counts.kept - heldout,
        "edits_by_kind": dict(edits.most_common()),
    }
    return StageResult(counts, details=details)


def transform_shard(shard: Shard) -> dict[str, Any]:
    """Write one part with its documents' new contents, and its audit; what is nothing but a header is dropped."""
    from codewright.corpus.transforms import AUDIT_SCHEMA, Options, audit_rows, transform

    out, source, split = Path(shard.out), Path(shard.inputs[0]), shard.params["split"]
    options = Options(shard.params["headers"], frozenset(shard.params["kinds"]))
    table = read_parquet(source)
    contents: list[str] = []
    audit: list[dict[str, Any]] = []
    lost: list[Lost] = []
    edits: Counter[str] = Counter()
    changed = 0
    for batch in table.to_batches(_ROWS_AT_A_TIME):
        for row in batch.to_pylist():
            made = transform(row["content"], row["language"] or None, options)
            contents.append(made.content)
            if made.edits:
                changed += 1
                edits.update(edit.kind for edit in made.edits)
                audit.extend(audit_rows(row["id"], place_of(row), made.edits))
                if not made.content.strip():
                    lost.append(Lost(row["id"], "only_a_header", "", place_of(row)))
    if changed:
        at = table.schema.get_field_index("content")
        field = table.schema.field(at)
        table = table.set_column(at, field, pa.array(contents, field.type))
    kept = table.filter(pa.array([bool(text.strip()) for text in contents])) if lost else table
    if len(kept) and changed:
        write_parquet(out / split / source.name, kept)
    elif len(kept):
        give_name(source, out / split / source.name)
    if audit:
        write_parquet(out / "audit" / shard.name, pa.Table.from_pylist(audit, schema=AUDIT_SCHEMA))
    if lost:
        write_parquet(out / "dropped" / shard.name, to_table(lost, LOST_SCHEMA))
    return {
        "counts": Counts(len(contents), len(kept), {"only_a_header": len(lost)}).to_json(),
        "heldout": len(kept) if split else 0,
        "bytes": pc.sum(pc.binary_length(kept.column("content"))).as_py() or 0,
        "changed": changed,
        "edits": dict(edits),
    }
