"""The passes `filter` and `index`: rows that stay and rows that go, and the band keys of those that stay."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from codewright.core.io import read_parquet, write_parquet
from codewright.core.manifest import WORK_FOLDER, Counts
from codewright.core.records import LOST_SCHEMA, Lost, place_of
from codewright.corpus.near.deciding import DECISIONS
from codewright.corpus.near.units import INDEX_FOLDER, Part, load, save
from codewright.corpus.parts import by_language
from codewright.engine.engine import Shard


def filter_shard(shard: Shard) -> dict[str, Any]:
    """Write the rows of one part that stay, and for each of the others why it goes."""
    out, split = Path(shard.out), shard.params["split"]
    part = Part(*shard.params["part"])
    decisions = read_parquet(out / WORK_FOLDER / DECISIONS)
    dropped_units = decisions.column("unit").to_numpy()
    table = read_parquet(part.path)
    units = part.units_of_rows()
    gone = np.isin(units, dropped_units)
    kept = table.filter(pa.array(~gone))
    name = Path(part.path).name
    if len(kept):
        write_parquet(out / split / name, kept)
    lost: list[Lost] = []
    if gone.any():
        facts = table.select(["id", "repo", "path", "meta"]).filter(pa.array(gone)).to_pylist()
        reasons = decisions.take(np.searchsorted(dropped_units, units[gone])).to_pylist()
        lost = [_lost(row, why) for row, why in zip(facts, reasons, strict=True)]
        file = f"part-{split}-{name.removeprefix('part-')}" if split else name
        rows = [vars(one) for one in lost]
        write_parquet(out / "dropped" / file, pa.Table.from_pylist(rows, schema=LOST_SCHEMA))
    counts = Counts(len(table), len(kept), Counter(one.reason for one in lost))
    return {"counts": counts.to_json(), "heldout": len(kept) if split else 0, **by_language(kept)}


def _lost(row: dict[str, Any], why: dict[str, Any]) -> Lost:
    shown = place_of(row)
    if row["id"] == why["keeper_id"]:
        return Lost(row["id"], "duplicate", f"same bytes as {why['keeper']}", shown)
    if why["jaccard"]:
        return Lost(row["id"], "near_duplicate", f"Jaccard {why['jaccard']:.3f} with {why['keeper']}", shown)
    return Lost(row["id"], "near_duplicate", f"connected with {why['keeper']}, not compared", shown)


def index_shard(shard: Shard) -> dict[str, Any]:
    """Write the keys of the units of one range that stay, numbered as they stand in the output."""
    out, first, end = Path(shard.out), shard.params["first"], shard.params["end"]
    dropped = read_parquet(out / WORK_FOLDER / DECISIONS, ["unit"]).column("unit").to_numpy()
    kept = ~np.isin(np.arange(first, end), dropped)
    numbers = kept.cumsum() - 1
    keys = load(out / WORK_FOLDER / "keys" / f"{shard.name}.npy")
    order = load(out / WORK_FOLDER / "order" / f"{shard.name}.npy")
    new_keys = np.empty((len(keys), kept.sum()), np.uint64)
    new_order = np.empty((len(order), kept.sum()), np.int32)
    for band in range(len(order)):
        stays = kept[order[band]]
        new_keys[band] = keys[band][stays]
        new_order[band] = numbers[order[band][stays]]
    new_keys[-1] = keys[-1][kept]
    save(out / INDEX_FOLDER / "keys" / f"{shard.name}.npy", new_keys)
    save(out / INDEX_FOLDER / "order" / f"{shard.name}.npy", new_order)
    return {"units": int(kept.sum())}
