"""Intervals and bits, against values from elsewhere."""

import itertools
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codewright.core.errors import ConfigError
from codewright.evals.metrics import bits_per_byte, estimate_pass_at_k, pass_at_k, share_with_interval


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # R: prop.test(hits, n, correct = FALSE)$conf.int
    [
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
        (8, 10, 0.4901625, 0.9433178),
        (5, 10, 0.2365931, 0.7634069),
    ],
)
def test_wilson_against_published_values(hits: int, n: int, low: float, high: float) -> None:
    share = share_with_interval(hits, n)
    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(pair: tuple[int, int]) -> None:
    share = share_with_interval(*pair)
    assert 0 <= share.low <= share.share <= share.high <= 1


def test_no_answers_say_nothing() -> None:
    assert (share_with_interval(0, 0).low, share_with_interval(0, 0).high) == (0.0, 1.0)


def test_bits_per_byte_of_a_uniform_model_is_eight() -> None:
    assert bits_per_byte(1000 * math.log(256), 1000) == pytest.approx(8)


def brute_pass_at_k(n: int, c: int, k: int) -> float:
    """The share of all choices of k answers out of n that hold one of the c that passed."""
    chosen = list(itertools.combinations(range(n), k))
    return sum(min(choice) < c for choice in chosen) / len(chosen)


@pytest.mark.parametrize("n", range(1, 9))
def test_pass_at_k_is_the_share_of_choices_that_hold_a_pass(n: int) -> None:
    for k in range(1, n + 1):
        got = pass_at_k([n] * (n + 1), range(n + 1), k)
        assert got == pytest.approx([brute_pass_at_k(n, c, k) for c in range(n + 1)], abs=1e-12)


def test_pass_at_k_is_stable_for_many_answers() -> None:
    # 1 - C(n-c, k) / C(n, k) in exact arithmetic
    for n, c, k in ((200, 1, 100), (200, 3, 10), (10_000, 7, 100), (200, 200, 100), (200, 0, 1)):
        exact = 1 - Fraction(math.comb(n - c, k), math.comb(n, k))
        assert pass_at_k([n], [c], k)[0] == pytest.approx(float(exact), abs=1e-12)


def test_pass_at_k_averages_tasks_not_answers() -> None:
    estimate = estimate_pass_at_k([10, 2], [1, 2], 1)
    assert (estimate.share, estimate.tasks) == (0.55, 2)


def test_too_few_answers_are_an_error_in_words() -> None:
    with pytest.raises(
        ConfigError, match="pass@10 needs 10 answers of every task; 2 of 3 tasks have fewer, the fewest 1"
    ):
        estimate_pass_at_k([10, 1, 9], [1, 1, 1], 10)


@pytest.mark.parametrize("hits", [0, 13, 72, 164])
def test_one_answer_a_task_has_the_wilson_interval(hits: int) -> None:
    estimate = estimate_pass_at_k([1] * 164, [1] * hits + [0] * (164 - hits), 1)
    share = share_with_interval(hits, 164)
    assert (estimate.share, estimate.low, estimate.high) == (share.share, share.low, share.high)
    assert estimate.interval == "wilson"


def test_bootstrap_over_tasks_against_resampling_one_task_after_the_other() -> None:
    rng = random.Random(7)
    hits = [rng.choice((0, 0, 1, 4, 9, 10)) for _ in range(60)]
    estimate = estimate_pass_at_k([10] * 60, hits, 1)
    means = sorted(sum(rng.choices(hits, k=60)) / 600 for _ in range(20_000))
    assert (estimate.low, estimate.high) == pytest.approx((means[500], means[19_500]), abs=0.008)
    assert estimate.interval == "bootstrap"
    # Counted as 600 independent trials the interval would be half as wide: that is the claim it must not make.
    trials = share_with_interval(sum(hits), 600)
    assert estimate.high - estimate.low > 2 * (trials.high - trials.low)


def test_the_bootstrap_is_repeatable_and_its_seed_counts() -> None:
    data = ([5] * 40, [0, 1, 2, 5] * 10, 1)
    assert estimate_pass_at_k(*data) == estimate_pass_at_k(*data)
    assert estimate_pass_at_k(*data, seed=1) != estimate_pass_at_k(*data, seed=2)


@pytest.mark.parametrize(("each", "share"), [(0, 0.0), (10, 1.0), (5, 0.5)])
def test_equal_tasks_do_not_claim_certainty(each: int, share: float) -> None:
    estimate = estimate_pass_at_k([10] * 100, [each] * 100, 1)
    assert estimate.share == share
    assert estimate.high - estimate.low > 0.03


def test_no_tasks_say_nothing_at_all() -> None:
    estimate = estimate_pass_at_k([], [], 1)
    assert (estimate.tasks, estimate.share, estimate.low, estimate.high) == (0, 0.0, 0.0, 1.0)


@given(
    st.integers(2, 20).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n), min_size=1, max_size=30))
    )
)
def test_every_interval_holds_its_estimate(case: tuple[int, list[int]]) -> None:
    n, hits = case
    estimate = estimate_pass_at_k([n] * len(hits), hits, 2)
    assert 0 <= estimate.low <= estimate.share <= estimate.high <= 1
