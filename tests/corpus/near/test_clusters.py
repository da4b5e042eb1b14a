"""Who goes and for whom: nobody for a likeness it does not have, nobody kept beside a better one like it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.corpus.near.clusters import KEPT, connected, greedy, unseen_pairs


def arrays(edges: dict[tuple[int, int], float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(sorted(edges), np.int64).reshape(-1, 2), np.array(
        [edges[pair] for pair in sorted(edges)], float
    )


def test_a_chain_does_not_join_its_ends() -> None:
    pairs, similar = arrays({(0, 1): 0.8, (1, 2): 0.8, (2, 3): 0.8})
    keepers, found = greedy(pairs, similar, np.arange(4), 0)
    assert keepers.tolist() == [KEPT, 0, KEPT, 2]
    assert found.tolist() == [0, 0.8, 0, 0.8]
    keepers, found = connected(pairs, similar, np.arange(4), 0)
    assert keepers.tolist() == [KEPT, 0, 0, 0]
    assert found.tolist() == [0, 0.8, 0, 0]  # 2 and 3 were never compared with 0


def test_the_keeper_is_the_most_similar_and_at_a_tie_the_most_preferred() -> None:
    pairs, similar = arrays({(0, 2): 0.7, (1, 2): 0.9, (0, 3): 0.8, (1, 3): 0.8})
    keepers, _ = greedy(pairs, similar, np.arange(4), 0)
    assert keepers.tolist() == [KEPT, KEPT, 1, 0]


def test_ranks_decide_not_numbers() -> None:
    pairs, similar = arrays({(0, 1): 0.9})
    assert greedy(pairs, similar, np.array([1, 0]), 0)[0].tolist() == [1, KEPT]
    assert connected(pairs, similar, np.array([1, 0]), 0)[0].tolist() == [1, KEPT]


def test_fixed_ones_stay() -> None:
    pairs, similar = arrays({(0, 2): 0.9, (1, 2): 0.8, (2, 3): 0.9})
    keepers, _ = greedy(pairs, similar, np.arange(4), 2)
    assert keepers.tolist() == [KEPT, KEPT, 0, KEPT]
    keepers, _ = connected(pairs, similar, np.arange(4), 2)
    assert keepers.tolist() == [KEPT, KEPT, 0, 0]


def test_the_keeper_of_a_dropped_neighbour_is_proposed_once() -> None:
    pairs, similar = arrays({(0, 1): 0.9, (1, 2): 0.9})
    ranks = np.arange(3)
    keepers, _ = greedy(pairs, similar, ranks, 0)
    assert unseen_pairs(pairs, keepers, ranks, pairs).tolist() == [[0, 2]]
    assert unseen_pairs(pairs, keepers, ranks, np.array([[0, 1], [0, 2], [1, 2]])).tolist() == []


def test_the_best_keeper_is_proposed_not_the_most_similar() -> None:
    pairs, similar = arrays({(0, 2): 0.8, (1, 2): 0.9, (2, 3): 0.9})
    ranks = np.array([1, 0, 2, 3])
    keepers, _ = greedy(pairs, similar, ranks, 0)
    assert keepers.tolist() == [KEPT, KEPT, 1, KEPT]
    assert unseen_pairs(pairs, keepers, ranks, pairs).tolist() == [[0, 1], [1, 3]]


edge = st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda pair: pair[0] < pair[1])


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(edge, st.sampled_from([0.7, 0.8, 0.9]), max_size=40),
    st.permutations(range(15)),
    st.integers(0, 3),
)
def test_what_greedy_promises(edges: dict[tuple[int, int], float], order: list[int], fixed: int) -> None:
    ranks = np.array(order)
    edges = {
        pair: value
        for pair, value in edges.items()
        if min(ranks[list(pair)]) >= fixed or max(ranks[list(pair)]) >= fixed
    }
    pairs, similar = arrays(edges)
    keepers, found = greedy(pairs, similar, ranks, fixed)
    for unit, keeper in enumerate(keepers.tolist()):
        if keeper != KEPT:
            assert keepers[keeper] == KEPT
            assert ranks[keeper] < ranks[unit]
            assert edges[min(unit, keeper), max(unit, keeper)] == found[unit]
    assert not [pair for pair in edges if keepers[pair[0]] == keepers[pair[1]] == KEPT]
    both, _ = connected(pairs, similar, ranks, fixed)
    assert ((keepers == KEPT) | (both != KEPT)).all()  # connected drops at least as much
