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
from codewright.core.errors import ConfigError
from codewright.core.io import give_name, read_parquet, write_parquet
from codewright.core.languages import known_languages
from codewright.core.manifest import WORK_FOLDER, Counts, Dataset, part_name, part_number
from codewright.core.records import LOST_SCHEMA, Lost, place_of, to_table
from codewright.core.text import did_you_mean
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
    """Language -> {ratio: x} or {bytes: n}: draw it down to that. RefineCode did so with Java and HTML (OpenCoder, section 2.1)."""
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
            if name not in known_languages():
                near = did_you_mean(name.lower(), known_languages())
                raise ConfigError(f"downsample: no language '{name}'{near}")
            target.of(1)


def run(config: Config, context: StageContext) -> StageResult:
    """Choose, then cut every part."""
    dataset = context.dataset(config.corpus)
    parts = dataset.parts()
    _choose(config, context, dataset)
    out = str(context.out)
    shards = [Shard(part_name(number), out, (str(part),)) for number, part in enumerate(parts)]
    for part in dataset.parts("heldout"):
        shards.append(Shard(part_name(len(shards)), out, (str(part),), {"held": True}))
    cut = context.engine.map(cut_shard, shards, "corpus: write")
    languages: Counter[str] = Counter()
    licenses: Counter[str] = Counter()
    for result in cut:
        languages.update(result["bytes_by_language"])
        licenses.update(result["documents_by_license"])
    counts = Counts.total(Counts.from_json(result["counts"]) for result in cut)
    heldout = sum(result["heldout"] for result in cut)
    details = {
        "bytes_kept": sum(languages.values()),
        "bytes_by_language": dict(languages.most_common()),
        "documents_by_license": dict(licenses.most_common()),
        "documents_heldout": heldout,
        "documents_train": counts.kept - heldout,
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
        for batch in pq.ParquetFile(part).iter_batches(512, columns=[*columns, "content"]):
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
    if shard.params.get("held"):
        fates = np.full(len(table), HELD_OUT, np.int8)
        name = f"part-earlier-{shard.name.removeprefix('part-')}"
    else:
        chosen = read_parquet(out / WORK_FOLDER / _CHOSEN)
        mine = pc.equal(chosen.column("part"), part_number(shard.name))
        fates = chosen.filter(mine).column("fate").to_numpy()
        name = source.name
    sizes: Counter[str] = Counter()
    licenses: Counter[str] = Counter()
    for folder, fate in (("", KEPT), ("heldout", HELD_OUT)):
        rows = table.filter(pa.array(fates == fate))
        if not len(rows):
            continue
        if len(rows) == len(table):
            give_name(source, out / folder / name)
        else:
            write_parquet(out / folder / name, rows)
        lengths = pc.binary_length(rows.column("content")).to_pylist()
        for language, size in zip(rows.column("language").to_pylist(), lengths, strict=True):
            sizes[language] += size
        licenses.update(name or "unknown" for name in rows.column("license").to_pylist())
    gone = np.isin(fates, list(_REASONS))
    facts = table.drop_columns(["content"]).filter(pa.array(gone)).to_pylist()
    reasons = [_REASONS[fate] for fate in fates[gone].tolist()]
    lost = [Lost(row["id"], why, "", place_of(row)) for row, why in zip(facts, reasons, strict=True)]
    if lost:
        write_parquet(out / "dropped" / shard.name, to_table(lost, LOST_SCHEMA))
    counts = Counts(len(table), len(table) - len(lost), Counter(reasons))
    heldout = int((fates == HELD_OUT).sum())
    found = {"bytes_by_language": dict(sizes), "documents_by_license": dict(licenses)}
    return {"counts": counts.to_json(), "heldout": heldout, **found}
