"""The pass `cluster`: which units go, and for whom. The only one that sees all edges at once, and nothing but edges."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from codewright.core.io import read_json, read_parquet, write_json, write_parquet
from codewright.core.records import place_of
from codewright.corpus.exact import preference
from codewright.corpus.near import clusters
from codewright.corpus.near.buckets import packed, sorted_pairs, unpacked
from codewright.corpus.near.clusters import KEPT, Floats
from codewright.corpus.near.kernels import Ints
from codewright.corpus.near.sets import pairs_between
from codewright.corpus.near.units import Source, save
from codewright.engine.stage import StageContext

MAX_ROUNDS = 8
"""Rounds of comparing again; each looks one step further along chains, and there is seldom anything left after three."""

DECISIONS = "decisions.parquet"
"""In scratch: dropped units, the kept one each is a copy of, their similarity. Sorted by unit; written once."""

_SCHEMA = pa.schema(
    [("unit", pa.int64()), ("keeper", pa.string()), ("keeper_id", pa.string()), ("jaccard", pa.float64())]
)

_COLUMNS = ["id", "stars", "committed_at", "repo", "path", "meta"]

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
    # What comes later joins units that are here, too: they are numbered and ranked once.
    units = np.unique(np.concatenate((equal, pairs)))
    facts = _facts(sources, units)
    equal = _met_with_the_best(np.searchsorted(units, equal), facts.ranks)
    pairs = np.concatenate((equal, np.searchsorted(units, pairs)))
    pairs, jaccards = _merged(pairs, np.concatenate((np.ones(len(equal)), jaccards)))
    cluster = clusters.greedy if method == "greedy" else clusters.connected
    seen, number = pairs, 0
    while True:
        keepers, similar = cluster(pairs, jaccards, facts.ranks, facts.fixed)
        number += 1
        if method == "connected" or number > MAX_ROUNDS:
            break
        fresh = clusters.unseen_pairs(pairs, keepers, facts.ranks, seen)
        if not len(fresh):
            break
        folder = context.work / f"again-{number}"
        save(folder / "pairs.npy", np.ascontiguousarray(units[fresh].T))
        found, measured = compare(number, folder)
        seen = sorted_pairs(np.concatenate((seen, fresh)))
        found = np.searchsorted(units, found)
        pairs, jaccards = _merged(np.concatenate((pairs, found)), np.concatenate((jaccards, measured)))
    dropped = np.flatnonzero(keepers != KEPT)
    chosen = [facts.rows[at] for at in keepers[dropped].tolist()]
    shown = [place_of(row) if row["path"] is not None else row["repo"] for row in chosen]
    columns = [units[dropped], shown, [row["id"] for row in chosen], similar[dropped]]
    write_parquet(context.work / DECISIONS, pa.table(columns, schema=_SCHEMA))
    decisions = Decisions(len(pairs), number)
    write_json(done, decisions.__dict__)
    return decisions


def _met_with_the_best(equal: Ints, ranks: Ints) -> Ints:
    """Add to pairs of equal files those with the best of each: they met the first only, and without words no later round helps."""
    best, _ = clusters.connected(equal, np.ones(len(equal)), ranks, 0)
    others = np.flatnonzero(best != KEPT)
    return np.concatenate((equal, np.sort(np.stack((others, best[others]), axis=1), axis=1)))


def _merged(pairs: Ints, jaccards: Floats) -> tuple[Ints, Floats]:
    """Sort pairs, of equal ones the most similar only (files without words are alike only by being equal)."""
    keys = packed(pairs)
    order = np.argsort(keys)
    keys, jaccards = keys[order], jaccards[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    return unpacked(keys[starts]), np.maximum.reduceat(jaccards, starts) if len(starts) else jaccards


@dataclass(frozen=True)
class _Facts:
    """What is known of some units: their rows (id, repo, path, None for a whole repository), and their order of preference.

    ranks: place of each in that order. fixed: how many are of tier 0, which are the best.
    """

    rows: list[dict[str, Any]]
    ranks: Ints
    fixed: int


def _facts(sources: list[Source], units: Ints) -> _Facts:
    rows: list[dict[str, Any]] = []
    tiers: list[int] = []
    for source in sources:
        low, high = np.searchsorted(units, [source.first, source.end])
        found = _of_repos(source, units[low:high]) if source.repos else _of_files(source, units[low:high])
        rows += found
        tiers += [source.tier] * len(found)
    keys = [
        (tier, preference({**row, "path": row["path"] or ""})) for tier, row in zip(tiers, rows, strict=True)
    ]
    order = sorted(range(len(rows)), key=keys.__getitem__)  # stable: equal ones by number
    ranks = np.empty(len(rows), np.int64)
    ranks[order] = np.arange(len(rows))
    return _Facts(rows, ranks, tiers.count(0))


def _of_files(source: Source, units: Ints) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for part in source.parts:
        low, high = np.searchsorted(units, [part.first, part.first + part.rows])
        if low < high:
            table = read_parquet(part.path, _COLUMNS).take(units[low:high] - part.first)
            rows += table.to_pylist()
    return rows


def _of_repos(source: Source, units: Ints) -> list[dict[str, Any]]:
    """Take for a repository the most stars and the newest commit of its files."""
    best = dict.fromkeys(units.tolist(), (0, 0))
    for part in source.parts:
        table = read_parquet(part.path, ["stars", "committed_at"])
        stars, times = (table.column(name).to_pylist() for name in ("stars", "committed_at"))
        for unit, star, time in zip(part.units_of_rows().tolist(), stars, times, strict=True):
            if unit in best:
                known = best[unit]
                best[unit] = (max(known[0], star or 0), max(known[1], time or 0))
    names = {unit: source.repos[unit - source.first] for unit in best}
    return [
        {"id": names[unit], "stars": found[0], "committed_at": found[1], "repo": names[unit], "path": None}
        for unit, found in best.items()
    ]
