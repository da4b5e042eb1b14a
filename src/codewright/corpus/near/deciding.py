"""The pass `cluster`: which units go, and for whom. The only one that sees all edges at once, and nothing but edges."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from codewright.core.io import read_json, read_parquet, write_json, write_parquet
from codewright.corpus.exact import preference
from codewright.corpus.near import clusters
from codewright.corpus.near.buckets import sorted_pairs
from codewright.corpus.near.clusters import KEPT, Floats
from codewright.corpus.near.kernels import Ints
from codewright.corpus.near.signing import pairs_between
from codewright.corpus.near.units import Source, save
from codewright.engine.stage import StageContext

MAX_ROUNDS = 8
"""Rounds of comparing again; each looks one step further along chains, and there is seldom anything left after three."""

DECISIONS = "decisions.parquet"
"""In scratch: dropped units, the kept one each is a copy of, their similarity. Sorted by unit; written once."""

_SCHEMA = pa.schema(
    [("unit", pa.int64()), ("keeper", pa.string()), ("keeper_id", pa.string()), ("jaccard", pa.float64())]
)

Compare = Callable[[int, Path], tuple[Ints, Floats]]
"""(round, folder of pairs) -> pairs that reach the threshold, and their Jaccard similarity."""


@dataclass(frozen=True)
class Decisions:
    """What the manifest says of this pass."""

    pairs: int
    rounds: int


def decide(
    method: Literal["greedy", "connected"], context: StageContext, sources: list[Source], compare: Compare
) -> Decisions:
    """Decide, and write DECISIONS. Units of tier 0 always stay; the corpus comes before its held-out part."""
    done = context.work / "decided.json"
    if done.exists():
        return Decisions(**read_json(done))
    pairs, jaccards = compare(0, context.work / "pairs")
    equal = pairs_between(context.work / "equal", 0, sources[-1].end)
    pairs, jaccards = _merged(np.concatenate((equal, pairs)), np.concatenate((np.ones(len(equal)), jaccards)))
    facts = _facts(sources, np.unique(pairs))
    seen = pairs
    number = 0
    while True:
        units = np.unique(pairs)
        ranks = np.argsort(np.argsort([facts[unit]["rank"] for unit in units.tolist()]))
        fixed = sum(facts[unit]["tier"] == 0 for unit in units.tolist())
        local = np.searchsorted(units, pairs)
        cluster = clusters.greedy if method == "greedy" else clusters.connected
        keepers, similar = cluster(local, jaccards, ranks, fixed)
        number += 1
        fresh = clusters.unseen_pairs(local, keepers, ranks, np.searchsorted(units, seen))
        if method == "connected" or not len(fresh) or number > MAX_ROUNDS:
            break
        fresh = sorted_pairs(units[fresh])
        folder = context.work / f"again-{number}"
        save(folder / "pairs.npy", np.ascontiguousarray(fresh.T))
        found, measured = compare(number, folder)
        seen = sorted_pairs(np.concatenate((seen, fresh)))
        pairs, jaccards = _merged(np.concatenate((pairs, found)), np.concatenate((jaccards, measured)))
    dropped = np.flatnonzero(keepers != KEPT)
    chosen = [facts[unit] for unit in units[keepers[dropped]].tolist()]
    columns = [
        units[dropped],
        [one["shown"] for one in chosen],
        [one["id"] for one in chosen],
        similar[dropped],
    ]
    write_parquet(context.work / DECISIONS, pa.table(columns, schema=_SCHEMA))
    decisions = Decisions(len(pairs), number)
    write_json(done, decisions.__dict__)
    return decisions


def _merged(pairs: Ints, jaccards: Floats) -> tuple[Ints, Floats]:
    """Sort pairs, of equal ones the most similar only (files without words are alike only by being equal)."""
    order = np.lexsort((-jaccards, pairs[:, 1], pairs[:, 0]))
    pairs, jaccards = pairs[order], jaccards[order]
    fresh = np.ones(len(pairs), bool)
    fresh[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return pairs[fresh], jaccards[fresh]


def _facts(sources: list[Source], units: Ints) -> dict[int, dict[str, Any]]:
    """Return what is known of units: tier, id, shown name, and their place in the order of preference."""
    rows: dict[int, dict[str, Any]] = {}
    for source in sources:
        for part in source.parts:
            numbers = part.units_of_rows()
            chosen = np.flatnonzero(np.isin(numbers, units))
            if not len(chosen):
                continue
            table = read_parquet(part.path, ["id", "stars", "committed_at", "repo", "path"]).take(chosen)
            for unit, row in zip(numbers[chosen].tolist(), table.to_pylist(), strict=True):
                if not part.units:
                    rows[unit] = row | {"tier": source.tier, "shown": f"{row['repo']}:{row['path']}"}
                    continue
                known = rows.get(unit, {"stars": 0, "committed_at": 0})
                best = {key: max(known[key] or 0, row[key] or 0) for key in ("stars", "committed_at")}
                whole = {"id": row["repo"], "repo": row["repo"], "path": "", "shown": row["repo"]}
                rows[unit] = whole | best | {"tier": source.tier}
    order = sorted(rows, key=lambda unit: (rows[unit]["tier"], preference(rows[unit]), unit))
    for rank, unit in enumerate(order):
        rows[unit]["rank"] = rank
    return rows
