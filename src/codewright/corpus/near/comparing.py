"""The pass `compare`: exact Jaccard of every candidate pair, as windows measured it or from the sets that `gather` wrote."""

from pathlib import Path
from typing import Any

import numpy as np

from codewright.core.io import read_json
from codewright.core.manifest import WORK_FOLDER
from codewright.corpus.near import kernels
from codewright.corpus.near.sets import RANGES, measured_in, pairs_between, sets_of
from codewright.corpus.near.units import save
from codewright.engine.engine import Shard


def compare_shard(shard: Shard) -> dict[str, Any]:
    """Measure the pairs whose first unit lies in one range; write those that reach the threshold: a, b, Jaccard."""
    work, params = Path(shard.out) / WORK_FOLDER, shard.params
    pairs = pairs_between(work / params["pairs"], params["first"], params["end"])
    known, found = measured_in(work, params["name"], pairs)
    left = np.flatnonzero(~known)
    rounds = params["round"] + 1
    ranges = read_json(work / RANGES)
    places = np.searchsorted([first for _, first, _ in ranges], pairs[left, 1], side="right") - 1
    all_mine = list(sets_of(work, params["name"], rounds))
    for place in np.unique(places).tolist():
        there = left[places == place]
        all_theirs = list(sets_of(work, ranges[place][0], rounds))
        for mine in all_mine:
            my_at, is_mine = mine.places(pairs[there, 0])
            for theirs in all_theirs:
                their_at, is_theirs = theirs.places(pairs[there, 1])
                chosen = is_mine & is_theirs
                both = np.stack((my_at[chosen], their_at[chosen]), axis=1)
                found[there[chosen]] = kernels.jaccards(
                    mine.flat, mine.begins, theirs.flat, theirs.begins, both, params["threshold"]
                )
    similar = found > 0
    save(work / params["edges"] / f"{shard.name}.npy", np.vstack((pairs[similar].T, found[similar])))
    return {"compared": len(pairs), "similar": int(similar.sum())}
