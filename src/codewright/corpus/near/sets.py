"""The pass `gather`: sets of shingles for the units of pairs that no window has measured.

Sets (sorted hashes of 64 bits) are made for these units only, from their text, a part is read no further than its last such row,
and they are mapped into memory when compared: a task holds one batch of text and of sets at a time.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codewright.core.io import atomic_write, read_json
from codewright.core.manifest import WORK_FOLDER
from codewright.corpus.near import kernels
from codewright.corpus.near.buckets import sorted_pairs
from codewright.corpus.near.kernels import Hashes, Ints
from codewright.corpus.near.units import Part, load, read_texts, save
from codewright.engine.engine import Shard

RANGES = "ranges.json"
"""In scratch: the ranges of units that tasks work on: (name, first unit, end)."""


@dataclass(frozen=True)
class Sets:
    """The sets of some units of one range: that of units[i] is flat[begins[i] : begins[i + 1]]."""

    units: Ints
    begins: Ints
    flat: Hashes

    def places(self, wanted: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Return where units stand, and which of them are here at all."""
        at = np.searchsorted(self.units, wanted)
        here = at < len(self.units)
        here[here] = self.units[at[here]] == wanted[here]
        return at, here


def sets_of(work: Path, name: str, rounds: int) -> Iterator[Sets]:
    """Yield what the first `rounds` rounds of gathering wrote for a range."""
    for number in range(rounds):
        table = work / "set-units" / f"{name}-{number}.npy"
        if table.exists():
            units, begins = load(table)
            size = int(begins[-1])
            path = work / "sets" / f"{name}-{number}.u64"
            flat = np.memmap(path, np.uint64, "c", shape=(size,)) if size else np.empty(0, np.uint64)
            yield Sets(units[:-1], begins, np.asarray(flat))


def distinct(hashes: Hashes, begins: Ints) -> tuple[Hashes, Ints]:
    """Make sets, in place, of lists that lie one after the other: each sorted, repeats left out; returns them and their sizes."""
    for low, high in pairwise(begins.tolist()):
        hashes[low:high].sort()  # numpy's, which is several times as fast as numba's
    sizes: Ints = kernels.squeeze(hashes, begins)
    return hashes[: sizes.sum()], sizes


def pairs_between(folder: Path, first: int, end: int) -> Ints:
    """Collect the pairs of all files of a folder whose first unit lies in a range, sorted, each once; shape (n, 2)."""
    found: list[Ints] = [np.empty((0, 2), np.int64)]
    for path in sorted(folder.glob("*.npy")):
        pairs = load(path)
        low, high = np.searchsorted(pairs[0], [first, end])
        found.append(pairs[:, low:high].T)
    return sorted_pairs(np.concatenate(found))


def save_pairs(work: Path, folder: str, name: str, pairs: Ints) -> None:
    """Write sorted pairs, and for `gather` which units meet one of another range."""
    firsts = np.array([first for _, first, _ in read_json(work / RANGES)])
    places = np.searchsorted(firsts, pairs, side="right")
    save(work / folder / f"{name}.npy", np.ascontiguousarray(pairs.T))
    save(work / f"{folder}-across" / f"{name}.npy", np.unique(pairs[places[:, 0] != places[:, 1]]))


def measured_in(work: Path, name: str, pairs: Ints) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Tell which pairs were measured when a range was signed, and their Jaccard similarity (0: below the threshold)."""
    path = work / "measured" / f"{name}.npy"
    jaccards = np.zeros(len(pairs))
    if not path.exists():
        return np.zeros(len(pairs), bool), jaccards
    a, b, found = load(path)
    known = Sets(
        (a.astype(np.int64) << 32) + b.astype(np.int64), np.empty(0, np.int64), np.empty(0, np.uint64)
    )
    at, here = known.places((pairs[:, 0] << 32) + pairs[:, 1])
    jaccards[here] = found[at[here]]
    return here, jaccards


def gather_shard(shard: Shard) -> dict[str, Any]:
    """Write the sets of those units of one range that are in any pair nobody has measured."""
    work, params = Path(shard.out) / WORK_FOLDER, shard.params
    first, end = params["first"], params["end"]
    wanted = _wanted(work, params)
    parts = [Part(*fields) for fields in params["parts"]]
    if not wanted.any():
        return {"units": 0}
    path = work / "sets" / f"{shard.name}.u64"
    with atomic_write(path) as file:
        if parts[0].units:
            found, sizes, flat = _united(*_collected(parts, wanted, first, params["ngram"]))
            file.write(flat.data)
        else:
            units_of, sizes_of = [], []
            for units, flat, sizes in _sets(parts, wanted, first, params["ngram"]):
                file.write(flat.data)
                units_of.append(units)
                sizes_of.append(sizes)
            found, sizes = np.concatenate(units_of), np.concatenate(sizes_of)
    table = np.zeros((2, len(found) + 1), np.int64)
    table[0, :-1], table[0, -1] = found + first, end
    np.cumsum(sizes, out=table[1, 1:])
    save(work / "set-units" / f"{shard.name}.npy", table)
    return {"units": len(found)}


def _wanted(work: Path, params: Any) -> NDArray[np.bool_]:
    """Tell of each unit of a range whether its set is needed and not there yet."""
    first, end, folder = params["first"], params["end"], params["pairs"]
    wanted = np.zeros(end - first, bool)
    for path in (work / f"{folder}-across").glob("*.npy"):
        units = load(path)
        low, high = np.searchsorted(units, [first, end])
        wanted[units[low:high] - first] = True
    pairs = pairs_between(work / folder, first, end)
    inside = pairs[pairs[:, 1] < end]
    known, _ = measured_in(work, params["name"], inside)
    wanted[inside[~known] - first] = True
    for sets in sets_of(work, params["name"], params["round"]):
        wanted[sets.units - first] = False
    return wanted


def _sets(
    parts: list[Part], wanted: NDArray[np.bool_], first: int, ngram: int
) -> Iterator[tuple[Ints, Hashes, Ints]]:
    """Yield (units from 0, their sets, sizes), batch by batch; the sets last until the next batch."""
    room = np.empty(0, np.uint64)
    for part in parts:
        units = part.units_of_rows() - first
        inside = (units >= 0) & (units < len(wanted))
        inside[inside] = wanted[units[inside]]
        needed = np.flatnonzero(inside)
        if not len(needed):
            continue
        for at, data, starts, _ in read_texts(part.path):
            rows = np.flatnonzero(inside[at : at + len(starts) - 1])
            size = kernels.room_for(starts, len(rows))
            if size > len(room):
                room = np.empty(size, np.uint64)  # not numba's: what numpy asks for comes in large pages
            flat, sizes = distinct(room, kernels.shingles_of_rows(data, starts, rows, ngram, room))
            yield units[at + rows], flat, sizes
            if at + len(starts) - 1 > needed[-1]:
                break


def _collected(
    parts: list[Part], wanted: NDArray[np.bool_], first: int, ngram: int
) -> tuple[Ints, Ints, Hashes]:
    found = [(units, sizes, flat.copy()) for units, flat, sizes in _sets(parts, wanted, first, ngram)]
    units_of, sizes_of, flats = zip(*found, strict=True)
    return np.concatenate(units_of), np.concatenate(sizes_of), np.concatenate(flats)


def _united(units: Ints, sizes: Ints, flat: Hashes) -> tuple[Ints, Ints, Hashes]:
    """Unite the sets of equal units; returns units in order, the sizes of their sets, the sets."""
    begins = np.concatenate(([0], np.cumsum(sizes)))
    pieces: dict[int, list[Hashes]] = defaultdict(list)
    for unit, low, high in zip(units.tolist(), begins[:-1], begins[1:], strict=True):
        pieces[unit].append(flat[low:high])
    order = sorted(pieces)
    united = [np.unique(np.concatenate(pieces[unit])) for unit in order]
    return np.array(order, np.int64), np.array([len(one) for one in united], np.int64), np.concatenate(united)
