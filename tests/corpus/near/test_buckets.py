"""Which documents meet: all of a small bucket, few of a huge one, and none that met before."""

from itertools import combinations

import numpy as np

from codewright.corpus.near.buckets import ALL_PAIRS, CHAIN, HUBS, candidate_pairs
from codewright.corpus.near.kernels import EMPTY_KEY


def meet(keys: list[int], prints: list[int] | None = None, old: int = 0) -> list[tuple[int, int]]:
    units = np.arange(len(keys))
    marks = np.array(prints if prints is not None else range(len(keys)), np.uint64)
    found = candidate_pairs(np.array(keys, np.uint64), units, marks, old)
    return [(a, b) for a, b in found.tolist()]


def test_all_of_a_bucket_meet() -> None:
    assert meet([7, 5, 7, 9, 7, 5]) == [(0, 2), (0, 4), (1, 5), (2, 4)]
    assert meet([]) == []
    assert meet([1, 2, 3]) == []


def test_documents_without_words_do_not_meet() -> None:
    assert meet([int(EMPTY_KEY)] * 3) == []


def test_equal_signatures_meet_only_the_first_of_them() -> None:
    assert meet([1] * 5, prints=[8, 8, 8, 3, 8]) == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert len(meet([1] * 50_000, prints=[8] * 50_000)) == 49_999


def test_old_documents_do_not_meet_each_other() -> None:
    assert meet([1] * 4, old=2) == [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_a_huge_bucket_gives_few_pairs_and_leaves_nobody_alone() -> None:
    rng = np.random.default_rng(1)
    prints = rng.permutation(20_000).tolist()
    pairs = meet([1] * 20_000, prints=prints)
    assert len(pairs) == len(set(pairs)) <= 20_000 * (HUBS + CHAIN)
    met = np.bincount(np.array(pairs).ravel(), minlength=20_000)
    assert met.min() >= HUBS
    at_limit = meet([1] * ALL_PAIRS)
    assert at_limit == list(combinations(range(ALL_PAIRS), 2))


def test_the_order_of_rows_decides_nothing() -> None:
    rng = np.random.default_rng(2)
    keys, prints = rng.integers(0, 30, 3000).astype(np.uint64), rng.integers(0, 900, 3000).astype(np.uint64)
    units = np.arange(3000)
    first = candidate_pairs(keys, units, prints, 0)
    for _ in range(3):
        order = rng.permutation(3000)
        assert np.array_equal(candidate_pairs(keys[order], units[order], prints[order], 0), first)
