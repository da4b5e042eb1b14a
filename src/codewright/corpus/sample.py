"""The stage `corpus.sample`: a seeded sample within byte budgets, and whole repositories held out of it.

Choosing needs repositories, paths and sizes only, so it is done at once on those; then every part is cut by what was chosen.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from codewright.core.config import Share, StageRef, strict
from codewright.core.io import give_name, read_parquet, write_parquet
from codewright.core.manifest import WORK_FOLDER, Counts, Dataset, part_name, part_number
from codewright.core.records import LOST_SCHEMA, Lost, place_of, to_table
from codewright.core.rng import stable_hash
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

KEPT, OVER_BUDGET, HELD_OUT = 0, 1, 2

_CHOSEN = "chosen.parquet"
"""In scratch: for each row of the input, by part and place in it, which of the three it is."""

Bytes = Annotated[int, Field(gt=0)]


@strict
@dataclass(frozen=True)
class Config:
    """How much to keep."""

    corpus: StageRef
    """The dataset to draw from; what it holds out already stays held out and is not counted."""
    max_repo_bytes: Bytes | None = None
    """At most this much of one repository, a seeded sample of its files; None for all."""
    max_bytes: Bytes | None = None
    """At most this much in all, over repositories in seeded order; None for all."""
    heldout: Share = 0.03
    """Share of the kept bytes held out, whole repositories at a time; 0 for none."""


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
    repos: list[str] = []
    paths: list[str] = []
    sizes: list[int] = []
    part_of: list[int] = []
    for number, part in enumerate(dataset.parts()):
        for batch in pq.ParquetFile(part).iter_batches(512, columns=["repo", "path", "content"]):
            repos.extend(batch.column("repo").to_pylist())
            paths.extend(batch.column("path").to_pylist())
            sizes.extend(pc.binary_length(batch.column("content")).to_pylist())
            part_of.extend([number] * len(batch))
    fates = choose(repos, paths, sizes, config, context.seed)
    write_parquet(done, pa.table({"part": pa.array(part_of, pa.int32()), "fate": pa.array(fates, pa.int8())}))


def choose(
    repos: list[str], paths: list[str], sizes: list[int], config: Config, seed: int
) -> NDArray[np.int8]:
    """Return what each row becomes: KEPT, OVER_BUDGET or HELD_OUT.

    Within a repository files, and over the corpus repositories, come in an order drawn from the seed; each is taken while
    it fits, so small ones are not starved by one that does not.
    """
    rows_of: dict[str, list[int]] = {}
    for row, repo in enumerate(repos):
        rows_of.setdefault(repo, []).append(row)
    fates = np.full(len(repos), KEPT, np.int8)
    if config.max_bytes is not None or config.max_repo_bytes is not None:
        room = config.max_bytes if config.max_bytes is not None else sum(sizes)
        for repo in sorted(rows_of, key=lambda name: stable_hash(seed, "repo", name)):
            room_here = min(room, config.max_repo_bytes if config.max_repo_bytes is not None else room)
            order = sorted(rows_of[repo], key=lambda row: stable_hash(seed, "file", f"{repo}:{paths[row]}"))
            for row in order:
                if sizes[row] <= room_here:
                    room_here -= sizes[row]
                    room -= sizes[row]
                else:
                    fates[row] = OVER_BUDGET
    # Of the bytes that are kept: a file that the budget leaves out must not decide what is held out.
    kept = {repo: sum(sizes[row] for row in rows if fates[row] == KEPT) for repo, rows in rows_of.items()}
    held = choose_heldout({repo: size for repo, size in kept.items() if size}, config.heldout, seed)
    for repo in held:
        for row in rows_of[repo]:
            if fates[row] == KEPT:
                fates[row] = HELD_OUT
    return fates


def choose_heldout(sizes: dict[str, int], fraction: float, seed: int) -> frozenset[str]:
    """Choose whole repositories to hold out, about `fraction` of the bytes; never all of them.

    sizes: bytes per repository. Those up to a quarter of the target come first, since several say more than one; then larger
    ones, but none that would more than double the target, so that one giant does not eat the corpus. Where only giants
    exist, the smallest is taken.
    """
    target = fraction * sum(sizes.values())
    if target <= 0 or len(sizes) < 2:
        return frozenset()
    chosen: set[str] = set()
    held = 0
    order = sorted(sizes, key=lambda name: stable_hash(seed, "heldout", name))
    for largest in (target / 4, 2 * target):
        for repo in order:
            if held >= target or len(chosen) + 1 == len(sizes):
                break
            if repo not in chosen and sizes[repo] <= largest and held + sizes[repo] <= 2 * target:
                chosen.add(repo)
                held += sizes[repo]
    return frozenset(chosen or {min(sizes, key=lambda name: (sizes[name], name))})


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
    over = table.drop_columns(["content"]).filter(pa.array(fates == OVER_BUDGET)).to_pylist()
    if over:
        lost = [Lost(row["id"], "over_budget", "", place_of(row)) for row in over]
        write_parquet(out / "dropped" / shard.name, to_table(lost, LOST_SCHEMA))
    counts = Counts(len(table), len(table) - len(over), {"over_budget": len(over)})
    heldout = int((fates == HELD_OUT).sum())
    found = {"bytes_by_language": dict(sizes), "documents_by_license": dict(licenses)}
    return {"counts": counts.to_json(), "heldout": heldout, **found}
