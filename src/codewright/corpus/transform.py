"""The stage `corpus.transform`: licence headers removed, personal data and secrets replaced, with an audit of where.

A document keeps the id of the bytes that were read, so that its way can be followed; only its content changes.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa

from codewright.core.config import StageRef, strict
from codewright.core.io import read_parquet, write_parquet
from codewright.core.manifest import Counts
from codewright.core.records import LOST_SCHEMA, Lost, place_of, to_table
from codewright.corpus import tokens
from codewright.corpus.parts import (
    TOKENS,
    added,
    by_language,
    kept_documents,
    rows_of,
    shards_of,
    summed,
    write_part,
)
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

Kind = Literal["email", "ip_address", "key", "password"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The same as `transforms.KINDS`, which needs numba to be read."""


@strict
@dataclass(frozen=True)
class Config:
    """What to remove and replace."""

    corpus: StageRef
    """The dataset to transform; its held-out part is transformed, too."""
    headers: bool = True
    """Whether to remove licence and copyright headers at the top of files."""
    kinds: tuple[Kind, ...] = KINDS
    """What to replace by placeholders such as <EMAIL>; an empty list replaces nothing."""
    tokenizer: str | None = None
    """With which the tokens of changed documents are counted anew, where the corpus has them counted."""

    def check(self) -> None:
        """Look for the tokenizer. Raises ConfigError."""
        if self.tokenizer:
            tokens.check_tokenizer(self.tokenizer)

    def file_digests(self) -> dict[str, str]:
        """Name the tokenizer's content."""
        return tokens.tokenizer_digest(self.tokenizer) if self.tokenizer else {}


def run(config: Config, context: StageContext) -> StageResult:
    """Transform every part."""
    shards = shards_of(
        context.dataset(config.corpus),
        context.out,
        headers=config.headers,
        kinds=list(config.kinds),
        tokenizer=config.tokenizer,
    )
    done = context.engine.map(transform_shard, shards, "corpus: transform", _warm_up)
    counts, documents = kept_documents(done)
    details = {
        **summed(done),
        "documents_changed": sum(result["changed"] for result in done),
        **documents,
        "edits_by_kind": added(done, "edits"),
    }
    return StageResult(counts, details=details)


def _warm_up() -> None:
    from codewright.corpus.transforms import transform

    transform("# warm_up@example.org\n", "python")


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
    changed: list[int] = []
    for row in rows_of(table):
        made = transform(row["content"], row["language"] or None, options)
        contents.append(made.content)
        if made.edits:
            changed.append(len(contents) - 1)
            edits.update(edit.kind for edit in made.edits)
            audit.extend(audit_rows(row["id"], place_of(row), made.edits))
            if not made.content.strip():
                lost.append(Lost(row["id"], "only_a_header", "", place_of(row)))
    if changed:
        at = table.schema.get_field_index("content")
        field = table.schema.field(at)
        table = table.set_column(at, field, pa.array(contents, field.type))
        table = _count_anew(table, changed, shard.params["tokenizer"])
    kept = table.filter(pa.array([bool(text.strip()) for text in contents])) if lost else table
    write_part(out / split / source.name, kept, source, unchanged=not changed)
    if audit:
        write_parquet(out / "audit" / shard.name, pa.Table.from_pylist(audit, schema=AUDIT_SCHEMA))
    if lost:
        write_parquet(out / "dropped" / shard.name, to_table(lost, LOST_SCHEMA))
    return {
        "counts": Counts(len(contents), len(kept), {"only_a_header": len(lost)}).to_json(),
        "heldout": len(kept) if split else 0,
        **by_language(kept),
        "changed": len(changed),
        "edits": dict(edits),
    }


def _count_anew(table: pa.Table, changed: list[int], tokenizer: str | None) -> pa.Table:
    """Count the tokens of changed rows; without a tokenizer an old count would be wrong, and the column goes."""
    if TOKENS not in table.column_names:
        return table
    if tokenizer is None:
        return table.drop_columns([TOKENS])
    counts = table.column(TOKENS).to_numpy().copy()
    counts[changed] = tokens.count_tokens(table.column("content").take(changed), tokenizer)
    return table.set_column(table.schema.get_field_index(TOKENS), TOKENS, pa.array(counts, pa.int64()))
