"""From band keys to candidate pairs: documents that share a key meet, without quadratic work in huge buckets."""

import numpy as np

from codewright.core.compiling import compiled
from codewright.corpus.near.kernels import EMPTY_KEY, Hashes, Ints

ALL_PAIRS = 64
"""Up to so many unlike documents in a bucket every pair is a candidate (2,016 of them)."""

HUBS = CHAIN = 16
"""In a larger bucket each document meets the first 16 and its next 16 neighbours: 32 pairs a document, as in a full one of 64."""


def candidate_pairs(keys: Hashes, units: Ints, prints: Hashes, old: int) -> Ints:
    """Return the pairs (a < b) that share a key, sorted, each once; shape (n, 2).

    prints: hash of the whole signature. Units of one bucket with equal prints (equal files but for spacing, mostly) each
    meet only the first of them. old: units below this number were compared before and do not meet each other.
    In a bucket of more than ALL_PAIRS different prints not all pairs meet: a similar pair can be missed there, but seldom
    in all of its buckets, and what clusters find over common neighbours is compared again (`clusters.unseen_pairs`).
    """
    if not len(keys):
        return np.empty((0, 2), np.int64)
    by_key = np.argsort(keys)
    ordered = keys[by_key]
    twin = ordered[1:] == ordered[:-1]
    shared = np.zeros(len(keys), bool)
    shared[1:] = twin
    shared[:-1] |= twin
    chosen = by_key[shared & (ordered != EMPTY_KEY)]
    chosen = chosen[np.lexsort((units[chosen], prints[chosen], keys[chosen]))]
    keys, units, prints = keys[chosen], units[chosen], prints[chosen]
    begins = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1], [True])))
    runs = np.stack((begins[:-1], begins[1:]), axis=1)
    count = _meet(runs, units, prints, old, np.empty((0, 2), np.int64), False)
    pairs = np.empty((count, 2), np.int64)
    _meet(runs, units, prints, old, pairs, True)
    return sorted_pairs(pairs)


def sorted_pairs(pairs: Ints) -> Ints:
    """Return pairs sorted, each once."""
    keys = np.sort(packed(pairs))
    return unpacked(keys[np.diff(keys, prepend=-1) != 0])


def packed(pairs: Ints) -> Ints:
    """Return each pair (of numbers below 2^31) as one number; these sort as the pairs do, several times as fast."""
    return (pairs[:, 0] << 32) + pairs[:, 1]


def unpacked(keys: Ints) -> Ints:
    """Return the pairs of such numbers; shape (n, 2)."""
    return np.stack((keys >> 32, keys & 0xFFFFFFFF), axis=1)


@compiled
def _meet(runs: Ints, units: Ints, prints: Hashes, old: int, out: Ints, write: bool) -> int:
    """Count the pairs of all buckets, or write them."""
    count = 0
    for r in range(len(runs)):
        low, high = runs[r]
        heads = np.empty(high - low, np.int64)
        unlike = 0
        for i in range(low, high):
            if i > low and prints[i] == prints[i - 1]:
                count = _emit(units[heads[unlike - 1]], units[i], old, out, count, write)
            else:
                heads[unlike] = i
                unlike += 1
        for i in range(unlike):
            # Of a large bucket: the hubs, which lie before, and the next neighbours; a pair of both kinds comes once.
            last = unlike if unlike <= ALL_PAIRS or i < HUBS else min(i + CHAIN + 1, unlike)
            for j in range(i + 1, last):
                count = _emit(units[heads[i]], units[heads[j]], old, out, count, write)
    return count


@compiled
def _emit(a: int, b: int, old: int, out: Ints, count: int, write: bool) -> int:
    if a < old and b < old:
        return count
    if write:
        out[count, 0], out[count, 1] = min(a, b), max(a, b)
    return count + 1
