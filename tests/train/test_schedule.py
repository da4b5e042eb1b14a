"""The WSD schedule's values."""

import pytest

from codewright.train.schedule import wsd


def test_warm_up_stable_and_decay() -> None:
    factors = [wsd(step, 100, 0.1, 0.2) for step in range(1, 101)]
    assert factors[:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert factors[9:81] == [1.0] * 72
    assert factors[81:] == pytest.approx([0.95 - 0.05 * n for n in range(19)])
    assert factors[-1] == pytest.approx(0.05)


def test_neither_warm_up_nor_decay() -> None:
    assert [wsd(step, 7, 0.0, 0.0) for step in range(1, 8)] == [1.0] * 7


@pytest.mark.parametrize("total", [1, 2, 3, 10])
def test_short_runs_and_overlaps_stay_positive(total: int) -> None:
    for shares in ((0.05, 0.3), (1.0, 1.0), (0.5, 0.5)):
        assert all(0 < wsd(step, total, *shares) <= 1 for step in range(1, total + 1))
