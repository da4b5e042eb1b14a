"""k-center-greedy against a loop in float64 that measures every point for every pick."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codewright.core.errors import ConfigError
from codewright.synthesis.coreset import k_center_greedy


def by_loop(points: np.ndarray, k: int, first: int) -> tuple[list[int], float]:
    """Return the picks, and the smallest gap between the farthest point and the second: 0 where two were tied."""
    exact = points.astype(np.float64)
    picks, nearest, gap = [first], np.full(len(points), np.inf), np.inf
    while len(picks) < min(k, len(points)):
        nearest = np.minimum(nearest, np.square(exact - exact[picks[-1]]).sum(axis=1))
        nearest[picks] = -1.0
        order = np.argsort(-nearest, kind="stable")
        if len(picks) + 1 < len(points):
            gap = min(gap, nearest[order[0]] - nearest[order[1]])
        picks.append(int(order[0]))
    return picks, gap


def drawn(rows: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 120),
    width=st.integers(1, 70),
    k=st.integers(1, 130),
    spread=st.sampled_from([1e-3, 1.0, 1e4]),
    topics=st.integers(1, 5),
    offset=st.sampled_from([0.0, 100.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_picks_what_the_loop_picks(
    *, rows: int, width: int, k: int, spread: float, topics: int, offset: float, seed: int
) -> None:
    centres = drawn(topics, width, seed + 1) * 3
    points = drawn(rows, width, seed) + centres[np.arange(rows) % topics]
    points = (points * np.float32(spread) + np.float32(offset)).astype(np.float32)
    first = seed % rows
    expected, gap = by_loop(points, k, first)
    assume(gap > 1e-9 * spread**2)
    got = k_center_greedy(points, k, first)
    assert got.dtype == np.int64
    assert got.tolist() == expected


@settings(max_examples=60, deadline=None)
@given(
    distinct=st.integers(1, 12),
    copies=st.integers(1, 6),
    k=st.integers(1, 80),
    seed=st.integers(0, 2**32 - 1),
)
def test_of_copies_the_first_is_picked_and_the_rest_in_the_order_of_indices(
    distinct: int, copies: int, k: int, seed: int
) -> None:
    # Whole numbers: distances are exact, so ties are ties in any arithmetic.
    rng = np.random.default_rng(seed)
    points = rng.integers(-3, 4, (distinct, 3)).astype(np.float32)
    points = points[rng.permutation(np.repeat(np.arange(distinct), copies))]
    first = seed % len(points)
    got = k_center_greedy(points, k, first).tolist()
    assert got == by_loop(points, k, first)[0]
    assert len(set(got)) == min(k, len(points))


def test_all_the_same_point_goes_on_in_the_order_of_indices() -> None:
    assert k_center_greedy(np.ones((6, 5), np.float32), 4, first=3).tolist() == [3, 0, 1, 2]


def test_ties_go_to_the_smallest_index() -> None:
    points = np.array([[0.0], [5.0], [-5.0], [5.0]], np.float32)
    assert k_center_greedy(points, 4, first=0).tolist() == [0, 1, 2, 3]


def test_nearly_equal_distances_are_told_apart() -> None:
    """Squared in float32, or by a dot product, the two would be tied and the smaller index win."""
    points = np.zeros((3, 64), np.float32)
    points[1] = 1000.0
    points[2] = 1000.0
    points[2, 7] = np.nextafter(np.float32(1000), np.float32(2000))
    assert k_center_greedy(points, 2, first=0).tolist() == [0, 2]


def test_the_picked_rows_come_back_not_the_first_ones() -> None:
    points = drawn(50, 8, 1)
    points[40:] *= 100
    assert set(k_center_greedy(points, 8, first=0).tolist()) - {0} <= set(range(40, 50))


def test_more_picks_begin_with_fewer() -> None:
    points = drawn(300, 20, 2)
    assert k_center_greedy(points, 200, 5).tolist()[:30] == k_center_greedy(points, 30, 5).tolist()


def test_the_first_pick_hangs_on_the_seed_alone() -> None:
    points = drawn(1000, 4, 3)
    firsts = [int(k_center_greedy(points, 1, seed=seed)[0]) for seed in range(20)]
    assert firsts == [int(k_center_greedy(points * 2, 1, seed=seed)[0]) for seed in range(20)]
    assert len(set(firsts)) > 15
    assert all(0 <= row < 1000 for row in firsts)


def test_all_rows_when_more_are_wanted_than_there_are() -> None:
    points = drawn(40, 6, 4)
    got = k_center_greedy(points, 41, first=7).tolist()
    assert got[0] == 7
    assert sorted(got) == list(range(40))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5)])
def test_nothing_comes_of_nothing(shape: tuple[int, int]) -> None:
    assert k_center_greedy(np.zeros(shape, np.float32), 3).tolist() == []
    assert k_center_greedy(drawn(3, 2, 0), 0).tolist() == []


def test_points_without_columns_are_copies() -> None:
    assert k_center_greedy(np.zeros((4, 0), np.float32), 3, first=2).tolist() == [2, 0, 1]


def test_rows_may_lie_anywhere_in_memory() -> None:
    points = drawn(60, 90, 5)
    across = np.asfortranarray(points)
    assert k_center_greedy(across, 20, 0).tolist() == k_center_greedy(points, 20, 0).tolist()
    assert k_center_greedy(points[::2, ::3], 20, 0).tolist() == by_loop(points[::2, ::3], 20, 0)[0]


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_told_by_row(strange: float) -> None:
    points = drawn(9, 40, 6)
    points[5, 39] = strange
    with pytest.raises(ConfigError, match="row 5 holds a number that is not finite"):
        k_center_greedy(points, 2)


@pytest.mark.parametrize("options", [{"k": -1}, {"k": 1, "first": 9}, {"k": 1, "first": -1}])
def test_picks_that_cannot_be(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="k-center-greedy"):
        k_center_greedy(drawn(9, 2, 7), **options)


def test_points_of_another_shape() -> None:
    with pytest.raises(ConfigError, match="shape"):
        k_center_greedy(np.zeros(3, np.float32), 1)
