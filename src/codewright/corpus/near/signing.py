"""The passes `sign` and `bucket`: text to band keys, cut into bands when written, and band keys to candidate pairs.

A shard of `sign` leaves two arrays: keys (bands + 2, units), each band sorted, then the exact keys (beginnings of the files'
SHA-256) sorted, then the hash of the whole signature, unit by unit; and order (bands + 1, units), whose they are. A bucket task
reads of each only its band and the slice of its key range. Signatures themselves are not kept.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codewright.core.io import read_json
from codewright.core.manifest import WORK_FOLDER
from codewright.corpus.near import kernels
from codewright.corpus.near.buckets import candidate_pairs, sorted_pairs
from codewright.corpus.near.kernels import EMPTY_KEY, Hashes, Ints
from codewright.corpus.near.units import Part, load, read_texts, save
from codewright.engine.engine import Shard

ROWS_PER_BUCKET = 4_000_000
"""Rows of one band that a bucket task sorts at a time, about 200 MB; larger bands are cut by key."""

KEY_FILES = "key-files.json"
"""In scratch: the arrays that hold keys, of indexes and of this run: (keys, order, first unit)."""


def sign_shard(shard: Shard) -> dict[str, Any]:
    """Sign the units of one range and write their keys."""
    work, params = Path(shard.out) / WORK_FOLDER, shard.params
    parts = [Part(*part) for part in params["parts"]]
    banding = (params["bands"], params["rows"])
    signer = kernels.permutations(params["permutations"])
    make = _sign_repos if parts[0].units else _sign_files
    keys, size = make(parts, params["first"], params["end"], params["ngram"], signer, banding)
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


def _sign_files(
    parts: list[Part], first: int, end: int, ngram: int, signer: tuple[Hashes, Hashes], banding: tuple[int, int]
) -> tuple[Hashes, int]:  # fmt: skip
    """Return the keys (bands + 2, files), unsorted, and the bytes read."""
    bands, _ = banding
    keys = np.empty((bands + 2, end - first), np.uint64)
    at = size = 0
    for part in parts:
        for _, data, starts, ids in read_texts(part.path, with_ids=True):
            signatures = np.empty((len(starts) - 1, len(signer[0])), np.uint32)
            counts = kernels.sign(data, starts, ngram, *signer, signatures)
            found = kernels.band_keys(signatures, counts, *banding)
            here = slice(at, at + len(counts))
            keys[:bands, here], keys[bands + 1, here] = found[:bands], found[bands]
            keys[bands, here] = [exact_key(id_) for id_ in ids]
            at += len(counts)
            size += int(starts[-1] - starts[0])
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
            counts = kernels.sign(data, starts, ngram, *signer, signatures)
            size += kernels.merge_minima(signatures, counts, starts, here, merged, totals)
    found = kernels.band_keys(merged, totals, *banding)
    exact = np.full((1, end - first), EMPTY_KEY, np.uint64)
    return np.concatenate((found[:bands], exact, found[bands:])), size


def bucket_shard(shard: Shard) -> dict[str, Any]:
    """Find the candidate pairs of one band and key range; those of the exact band are equal files."""
    work, params = Path(shard.out) / WORK_FOLDER, shard.params
    band, low, high = params["band"], np.uint64(params["low"]), np.uint64(params["high"])
    keys, units, prints = [], [], []
    for keys_path, order_path, first in read_json(work / KEY_FILES):
        stored, order = load(Path(keys_path)), load(Path(order_path))
        # The upper end belongs to the range: the last one would not fit into 64 bits otherwise.
        begin, end = np.searchsorted(stored[band], low), np.searchsorted(stored[band], high, side="right")
        chosen = order[band, begin:end]
        keys.append(stored[band, begin:end])
        units.append(chosen.astype(np.int64) + first)
        prints.append(keys[-1] if params["exact"] else stored[-1][chosen])
    pairs = candidate_pairs(
        np.concatenate(keys), np.concatenate(units), np.concatenate(prints), params["old"]
    )
    save(
        work / ("equal" if params["exact"] else "pairs") / f"{shard.name}.npy", np.ascontiguousarray(pairs.T)
    )
    if not params["exact"]:
        save(work / "members" / f"{shard.name}.npy", np.unique(pairs))
    return {"pairs": len(pairs)}


def pairs_between(folder: Path, first: int, end: int) -> Ints:
    """Collect the pairs of all files of a folder whose first unit lies in a range, sorted, each once; shape (n, 2)."""
    found: list[NDArray[np.int64]] = [np.empty((0, 2), np.int64)]
    for path in sorted(folder.glob("*.npy")):
        pairs = load(path)
        low, high = np.searchsorted(pairs[0], [first, end])
        found.append(pairs[:, low:high].T)
    return sorted_pairs(np.concatenate(found))
