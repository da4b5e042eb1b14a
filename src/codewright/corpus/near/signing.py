"""The passes `sign` and `bucket`: text to band keys, cut into bands when written, and band keys to candidate pairs.

A shard of `sign` leaves two arrays: keys (bands + 2, units), each band sorted, then the exact keys (beginnings of the files'
SHA-256) sorted, then the hash of the whole signature, unit by unit; and order (bands + 1, units), whose they are. A bucket task
reads of each only its bands and the slice of its key range. Signatures themselves are not kept. A third array holds the pairs
that `windows` measured meanwhile: a, b, Jaccard.
"""

from pathlib import Path
from typing import Any

import numpy as np

from codewright.core.io import read_json
from codewright.core.manifest import WORK_FOLDER
from codewright.corpus.near import kernels
from codewright.corpus.near.buckets import candidate_pairs, sorted_pairs
from codewright.corpus.near.kernels import EMPTY_KEY, Hashes
from codewright.corpus.near.sets import save_pairs
from codewright.corpus.near.units import Part, load, read_texts, save
from codewright.corpus.near.windows import Window
from codewright.engine.engine import Shard

ROWS_PER_BUCKET = 4_000_000
"""Rows of one band that a bucket task sorts at a time, about 200 MB; larger bands are cut by key."""

ROWS_PER_TASK = 1_000_000
"""Rows of several bands that one bucket task works through, about a second: small bands are not worth a task each."""

KEY_FILES = "key-files.json"
"""In scratch: the arrays that hold keys, of indexes and of this run: (keys, order, first unit)."""


def sign_shard(shard: Shard) -> dict[str, Any]:
    """Sign the units of one range and write their keys."""
    work, params = Path(shard.out) / WORK_FOLDER, shard.params
    parts = [Part(*part) for part in params["parts"]]
    banding = (params["bands"], params["rows"])
    signer = kernels.permutations(params["permutations"])
    first, end = params["first"], params["end"]
    if parts[0].units:
        keys, size = _sign_repos(parts, first, end, params["ngram"], signer, banding)
    else:
        window = Window(params["ngram"], signer, banding, params["threshold"])
        keys, size = _sign_files(parts, end - first, window)
        pairs, jaccards = window.measured()
        save(work / "measured" / f"{shard.name}.npy", np.vstack(((pairs + first).T, jaccards)))
    bands = len(keys) - 2
    order = np.empty((bands + 1, keys.shape[1]), np.int32)
    for band in range(bands + 1):
        order[band] = np.argsort(keys[band], kind="stable")
        keys[band] = keys[band][order[band]]
    save(work / "keys" / f"{shard.name}.npy", keys)
    save(work / "order" / f"{shard.name}.npy", order)
    return {"bytes": size, "units": keys.shape[1]}


def exact_key(id_: str) -> int:
    """Return the first 64 bits of a document's SHA-256: equal for equal files, and for no others in practice."""
    return int(id_[:16], 16)


def _sign_files(parts: list[Part], files: int, window: Window) -> tuple[Hashes, int]:
    """Return the keys (bands + 2, files), unsorted, and the bytes read."""
    found: list[Hashes] = []
    ids: list[str] = []
    size = 0
    for part in parts:
        for _, data, starts, names in read_texts(part.path, with_ids=True):
            found.append(window.sign(data, starts))
            ids += names
            size += int(starts[-1] - starts[0])
    keys = np.empty((len(found[0]) + 1, files), np.uint64)
    np.concatenate([one[:-1] for one in found], axis=1, out=keys[:-2])
    np.concatenate([one[-1] for one in found], out=keys[-1])
    keys[-2] = [exact_key(id_) for id_ in ids]
    return keys, size


def _sign_repos(
    parts: list[Part], first: int, end: int, ngram: int, signer: tuple[Hashes, Hashes], banding: tuple[int, int]
) -> tuple[Hashes, int]:  # fmt: skip
    """Do the same for repositories: the signature of a union of sets holds the minima of theirs."""
    bands, _ = banding
    merged = np.full((end - first, len(signer[0])), 0xFFFFFFFF, np.uint32)
    totals = np.zeros(end - first, np.int64)
    size = 0
    for part in parts:
        units = part.units_of_rows() - first
        for at, data, starts, _ in read_texts(part.path):
            here = units[at : at + len(starts) - 1]
            signatures = np.empty((len(here), len(signer[0])), np.uint32)
            room = np.empty(kernels.room_for(starts, len(here)), np.uint64)
            counts = np.diff(kernels.sign(data, starts, ngram, *signer, signatures, room))
            size += kernels.merge_minima(signatures, counts, starts, here, merged, totals)
    found = kernels.band_keys(merged, totals, *banding)
    exact = np.full((1, end - first), EMPTY_KEY, np.uint64)
    return np.concatenate((found[:bands], exact, found[bands:])), size


def bucket_shard(shard: Shard) -> dict[str, Any]:
    """Find the candidate pairs of some bands and one key range; those of the exact band are equal files."""
    work, params = Path(shard.out) / WORK_FOLDER, shard.params
    low, high = np.uint64(params["low"]), np.uint64(params["high"])
    files = [
        (load(Path(keys)), load(Path(order)), first) for keys, order, first in read_json(work / KEY_FILES)
    ]
    found = []
    for band in params["bands"]:
        keys, units, prints = [], [], []
        for stored, order, first in files:
            # The upper end belongs to the range: the last one would not fit into 64 bits otherwise.
            begin = np.searchsorted(stored[band], low)
            end = np.searchsorted(stored[band], high, side="right")
            chosen = order[band, begin:end]
            keys.append(stored[band, begin:end])
            units.append(chosen.astype(np.int64) + first)
            prints.append(keys[-1] if params["exact"] else stored[-1][chosen])
        found.append(
            candidate_pairs(
                np.concatenate(keys), np.concatenate(units), np.concatenate(prints), params["old"]
            )
        )
    save_pairs(work, "equal" if params["exact"] else "pairs", shard.name, sorted_pairs(np.concatenate(found)))
    return {"pairs": sum(len(pairs) for pairs in found)}
