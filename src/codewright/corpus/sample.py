"""The stage `corpus.sample`: languages drawn down, a seeded sample within byte budgets, and whole repositories held out of it.

Choosing (`corpus.choosing`) is done at once on facts about rows; then every part is cut by what was chosen.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from codewright.core.config import Share, StageRef, strict
from codewright.core.io import read_parquet, write_parquet
from codewright.core.languages import check_language
from codewright.core.manifest import WORK_FOLDER, Counts, Dataset, part_number
from codewright.core.records import LOST_SCHEMA, Lost, place_of, to_table
from codewright.corpus.choosing import (
    DOWNSAMPLED,
    HELD_OUT,
    KEPT,
    OVER_BUDGET,
    Rows,
    Target,
    downsample,
    fit,
    hold_out,
)
from codewright.corpus.parts import (
    TOKENS,
    added,
    by_language,
    kept_documents,
    shards_of,
    summed,
    write_part,
)
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

_CHOSEN = "chosen.parquet"
"""In scratch: for each row of the input, by part and place in it, what becomes of it."""

_REASONS = {OVER_BUDGET: "over_budget", DOWNSAMPLED: "downsampled"}

Bytes = Annotated[int, Field(gt=0)]


@strict
@dataclass(frozen=True)
class Config:
    """How much to keep."""

    corpus: StageRef
    """The dataset to draw from; what it holds out already stays held out and is not counted."""
    downsample: Mapping[str, Target] = field(default_factory=dict)
    """Language -> {ratio: x}, {bytes: n} or {tokens: n}: draw it down to that. RefineCode did so with Java and HTML (OpenCoder, section 2.1)."""
    order: Literal["seeded", "best"] = "seeded"
    """What of a drawn-down language stays: `seeded` by id, or `best`: most stars, newest commit first."""
    max_repo_bytes: Bytes | None = None
    """At most this much of one repository, a seeded sample of its files; None for all."""
    max_bytes: Bytes | None = None
    """At most this much in all, over repositories in seeded order; None for all."""
    heldout: Share = 0.03
    """Share of the kept bytes held out, whole repositories at a time; 0 for none."""

    def check(self) -> None:
        """Look at languages and targets. Raises ConfigError."""
        for name, target in self.downsample.items():
            check_language(name, "downsample")
            target.check()


def run(config: Config, context: StageContext) -> StageResult:
    """Choose, then cut every part."""
    dataset = context.dataset(config.corpus)
    _choose(config, context, dataset)
    cut = context.engine.map(cut_shard, shards_of(dataset, context.out), "corpus: write")
    counts, documents = kept_documents(cut)
    details = {
        **summed(cut),
        "documents_by_license": added(cut, "documents_by_license"),
        **documents,
    }
    return StageResult(counts, details=details)


def _choose(config: Config, context: StageContext, dataset: Dataset) -> None:
    """Decide what every row becomes, and freeze it."""
    done = context.work / _CHOSEN
    if done.exists():
        return
    rows = Rows()
    part_of: list[int] = []
    columns: dict[str, list[Any]] = {
        "id": rows.ids, "repo": rows.repos, "path": rows.paths, "language": rows.languages, "stars": rows.stars,
        "committed_at": rows.times,
    }  # fmt: skip
    for number, part in enumerate(dataset.parts()):
        file = pq.ParquetFile(part)
        if TOKENS in file.schema_arrow.names:
            columns[TOKENS] = rows.tokens
        for batch in file.iter_batches(512, columns=[*columns, "content"]):
            for name, values in columns.items():
                values.extend(batch.column(name).to_pylist())
            rows.sizes.extend(pc.binary_length(batch.column("content")).to_pylist())
            part_of.extend([number] * len(batch))
    fates = np.full(len(part_of), KEPT, np.int8)
    downsample(rows, fates, config.downsample, config.order, context.seed)
    fit(rows, fates, config.max_bytes, config.max_repo_bytes, context.seed)
    hold_out(rows, fates, config.heldout, context.seed)
    write_parquet(done, pa.table({"part": pa.array(part_of, pa.int32()), "fate": pa.array(fates, pa.int8())}))


def cut_shard(shard: Shard) -> dict[str, Any]:
    """Write the rows of one part where they belong: kept, held out, or dropped as over the budget."""
    out, source = Path(shard.out), Path(shard.inputs[0])
    table = read_parquet(source)
    if shard.params["split"]:
        fates = np.full(len(table), HELD_OUT, np.int8)
        name = f"part-earlier-{shard.name.removeprefix('part-')}"
    else:
        chosen = read_parquet(out / WORK_FOLDER / _CHOSEN)
        mine = pc.equal(chosen.column("part"), part_number(shard.name))
        fates = chosen.filter(mine).column("fate").to_numpy()
        name = source.name
    for folder, fate in (("", KEPT), ("heldout", HELD_OUT)):
        rows = table.filter(pa.array(fates == fate))
        write_part(out / folder / name, rows, source, unchanged=len(rows) == len(table))
    gone = np.isin(fates, list(_REASONS))
    stays = table.filter(pa.array(~gone))
    facts = table.drop_columns(["content"]).filter(pa.array(gone)).to_pylist()
    reasons = [_REASONS[fate] for fate in fates[gone].tolist()]
    lost = [Lost(row["id"], why, "", place_of(row)) for row, why in zip(facts, reasons, strict=True)]
    if lost:
        write_parquet(out / "dropped" / shard.name, to_table(lost, LOST_SCHEMA))
    return {
        "counts": Counts(len(table), len(stays), Counter(reasons)).to_json(),
        "heldout": int((fates == HELD_OUT).sum()),
        **by_language(stays),
        "documents_by_license": dict(
            Counter(name or "unknown" for name in stays.column("license").to_pylist())
        ),
    }
