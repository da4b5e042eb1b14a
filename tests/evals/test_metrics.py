"""Intervals and bits, against values from elsewhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codewright.evals.metrics import bits_per_byte, share_with_interval


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
