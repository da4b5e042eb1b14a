"""The passes `gather` and `compare`: sets of shingles for units that met in a bucket, then exact Jaccard of every pair.

Sets (sorted hashes of 64 bits) are made for these units only, from their text, and mapped into memory when compared: a task
holds the sets of its own range at most, and of others what it looks at.
"""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from codewright.core.io import read_json
from codewright.core.manifest import WORK_FOLDER
from codewright.corpus.near import kernels
from codewright.corpus.near.kernels import Hashes, Ints
from codewright.corpus.near.signing import pairs_between
from codewright.corpus.near.units import Part, load, read_texts, save
from codewright.engine.engine import Shard

RANGES = "ranges.json"
"""In scratch: the ranges of units that have sets: (name, first unit, end)."""


def gather_shard(shard: Shard) -> dict[str, Any]:
    """Write the sets of the units of one range that are in any candidate pair."""
    work, first, end = Path(shard.out) / WORK_FOLDER, shard.params["first"], shard.params["end"]
    wanted = np.zeros(end - first, bool)
    for path in (work / "members").glob("*.npy"):
        members = load(path)
        low, high = np.searchsorted(members, [first, end])
        wanted[members[low:high] - first] = True
    units_of: list[Ints] = [np.empty(0, np.int64)]
    sizes_of: list[Ints] = [np.empty(0, np.int64)]
    sets: list[Hashes] = [np.empty(0, np.uint64)]
    parts = [Part(*fields) for fields in shard.params["parts"]]
    for part in parts:
        units = part.units_of_rows() - first
        inside = (units >= 0) & (units < end - first)
        inside[inside] = wanted[units[inside]]
        if not inside.any():
            continue
        for at, data, starts, _ in read_texts(part.path):
            rows = np.flatnonzero(inside[at : at + len(starts) - 1])
            hashes, begins = kernels.shingles_of_rows(data, starts, rows, shard.params["ngram"])
            flat, sizes = distinct(hashes, begins)
            sets.append(flat)
            sizes_of.append(sizes)
            units_of.append(units[at + rows])
    found, sizes, flat = np.concatenate(units_of), np.concatenate(sizes_of), np.concatenate(sets)
    if parts and parts[0].units:
        found, sizes, flat = _united(found, sizes, flat)
    table = np.zeros((2, len(found) + 1), np.int64)
    table[0, :-1], table[0, -1] = found + first, end
    np.cumsum(sizes, out=table[1, 1:])
    save(work / "sets" / f"{shard.name}.npy", flat)
    save(work / "set-units" / f"{shard.name}.npy", table)
    return {"units": len(found)}


def distinct(hashes: Hashes, begins: Ints) -> tuple[Hashes, Ints]:
    """Make sets of lists that lie one after the other: each sorted, repeats left out; returns them and their sizes."""
    for low, high in pairwise(begins.tolist()):
        hashes[low:high].sort()  # numpy's, which is several times as fast as numba's
    sizes = kernels.squeeze(hashes, begins)
    return hashes[: sizes.sum()].copy(), sizes


def _united(units: Ints, sizes: Ints, flat: Hashes) -> tuple[Ints, Ints, Hashes]:
    """Unite the sets of equal units; returns units in order, the sizes of their sets, the sets."""
    begins = np.concatenate(([0], np.cumsum(sizes)))
    pieces: dict[int, list[Hashes]] = defaultdict(list)
    for unit, low, high in zip(units.tolist(), begins[:-1], begins[1:], strict=True):
        pieces[unit].append(flat[low:high])
    order = sorted(pieces)
    united = [np.unique(np.concatenate(pieces[unit])) for unit in order]
    return (
        np.array(order, np.int64),
        np.array([len(one) for one in united], np.int64),
        np.concatenate([np.empty(0, np.uint64), *united]),
    )


def compare_shard(shard: Shard) -> dict[str, Any]:
    """Measure the pairs whose first unit lies in one range; write those that reach the threshold: a, b, Jaccard."""
    work, params = Path(shard.out) / WORK_FOLDER, shard.params
    pairs = pairs_between(work / params["pairs"], params["first"], params["end"])
    found = np.zeros(len(pairs))
    mine = load(work / "sets" / f"{params['name']}.npy")
    my_units, my_begins = load(work / "set-units" / f"{params['name']}.npy")
    left = np.searchsorted(my_units, pairs[:, 0])
    for name, first, end in read_json(work / RANGES):
        chosen = (pairs[:, 1] >= first) & (pairs[:, 1] < end)
        if not chosen.any():
            continue
        theirs = load(work / "sets" / f"{name}.npy")
        their_units, their_begins = load(work / "set-units" / f"{name}.npy")
        both = np.stack((left[chosen], np.searchsorted(their_units, pairs[chosen, 1])), axis=1)
        found[chosen] = kernels.jaccards(mine, my_begins, theirs, their_begins, both, params["threshold"])
    similar = found > 0
    save(work / params["edges"] / f"{shard.name}.npy", np.vstack((pairs[similar].T, found[similar])))
    return {"compared": len(pairs), "similar": int(similar.sum())}
