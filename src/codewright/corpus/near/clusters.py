"""From verified pairs to decisions: which documents stay, and which is dropped in favour of which.

`greedy` goes through documents from the most to the least preferred and drops one only when it is similar to one that is
kept, so nothing is dropped for a likeness it does not have. `connected` keeps the best of each connected component: more is
dropped, and a chain of small steps can join files that have nothing in common (A like B, B like C, A unlike C).
"""

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.corpus.near.buckets import packed, sorted_pairs
from codewright.corpus.near.kernels import Ints

Floats = NDArray[np.float64]

KEPT = -1
"""Stands for the keeper of a document that stays."""


def greedy(pairs: Ints, jaccards: Floats, ranks: Ints, fixed: int) -> tuple[Ints, Floats]:
    """Return each unit's keeper (KEPT for those that stay) and their similarity.

    pairs: verified ones, of units numbered from 0. ranks: unit -> place in the order of preference. The units of the `fixed`
    best ranks always stay. A dropped unit's keeper is the most similar of the kept ones, at a tie the most preferred.
    """
    by_rank = np.argsort(ranks)
    begins, others, similar = _neighbours(ranks[pairs], jaccards, len(ranks))
    keepers, found = _greedy(begins, others, similar, fixed)
    dropped = keepers != KEPT
    keepers[dropped] = by_rank[keepers[dropped]]
    return keepers[ranks], found[ranks]


def connected(pairs: Ints, jaccards: Floats, ranks: Ints, fixed: int) -> tuple[Ints, Floats]:
    """Do the same for connected components; the similarity is 0 where unit and keeper were not compared."""
    by_rank = np.argsort(ranks)
    begins, others, similar = _neighbours(ranks[pairs], jaccards, len(ranks))
    keepers, found = _connected(begins, others, similar, fixed)
    dropped = keepers != KEPT
    keepers[dropped] = by_rank[keepers[dropped]]
    return keepers[ranks], found[ranks]


def unseen_pairs(pairs: Ints, keepers: Ints, ranks: Ints, seen: Ints) -> Ints:
    """Return pairs worth comparing that LSH did not bring together: units and the best kept neighbours of their neighbours.

    A kept unit meets those of all its neighbours, a dropped one only the very best, and only if better than its own: so in
    a huge bucket, where each met a few, some rounds lead all to one, and none is set free when its keeper goes.
    seen: pairs already compared, sorted; they are not returned again.
    """
    stays, by_rank, size = keepers == KEPT, np.argsort(ranks), len(keepers)
    both = np.concatenate((pairs, pairs[:, ::-1]))
    best = np.where(stays, ranks, size)  # each unit's best kept neighbour, or itself
    held_by = both[~stays[both[:, 0]] & stays[both[:, 1]]]
    np.minimum.at(best, held_by[:, 0], ranks[held_by[:, 1]])
    reach = np.stack((both[:, 0], best[both[:, 1]]), axis=1)
    reach = reach[reach[:, 1] < best[reach[:, 0]]]
    very_best = best.copy()
    np.minimum.at(very_best, reach[:, 0], reach[:, 1])
    reach = reach[stays[reach[:, 0]] | (reach[:, 1] == very_best[reach[:, 0]])]
    proposed = sorted_pairs(np.sort(np.stack((reach[:, 0], by_rank[reach[:, 1]]), axis=1), axis=1))
    known, keys = packed(seen), packed(proposed)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    fresh: Ints = proposed[known[at] != keys]
    return fresh


def _neighbours(pairs: Ints, jaccards: Floats, size: int) -> tuple[Ints, Ints, Floats]:
    """Turn pairs into lists of neighbours: where each unit's begin (size + 1), the neighbours, their similarities."""
    keys = packed(np.concatenate((pairs, pairs[:, ::-1])))
    order = np.argsort(keys)
    keys = keys[order]
    begins = np.searchsorted(keys, np.arange(size + 1) << 32)
    return begins, keys & 0xFFFFFFFF, np.concatenate((jaccards, jaccards))[order]


@compiled
def _greedy(begins: Ints, others: Ints, similar: Floats, fixed: int) -> tuple[Ints, Floats]:
    size = len(begins) - 1
    keepers = np.full(size, KEPT, np.int64)
    found = np.zeros(size, np.float64)
    for unit in range(fixed, size):
        for at in range(begins[unit], begins[unit + 1]):
            other = others[at]
            if other < unit and keepers[other] == KEPT and similar[at] > found[unit]:
                found[unit] = similar[at]
                keepers[unit] = other
    return keepers, found


@compiled
def _connected(begins: Ints, others: Ints, similar: Floats, fixed: int) -> tuple[Ints, Floats]:
    size = len(begins) - 1
    roots = np.full(size, KEPT, np.int64)
    found = np.zeros(size, np.float64)
    stack = np.empty(size, np.int64)
    for unit in range(size):  # best first, so the one that finds a component is its best
        if roots[unit] != KEPT:
            continue
        roots[unit] = unit
        depth, stack[0] = 1, unit
        while depth:
            depth -= 1
            here = stack[depth]
            for at in range(begins[here], begins[here + 1]):
                other = others[at]
                if here == unit:
                    found[other] = similar[at]
                if roots[other] == KEPT:
                    roots[other] = unit
                    stack[depth] = other
                    depth += 1
    for unit in range(size):
        if roots[unit] == unit or unit < fixed:
            roots[unit] = KEPT
            found[unit] = 0.0
    return roots, found
