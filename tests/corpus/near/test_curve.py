"""The S-curve: published knees, and what random signatures really do."""

import numpy as np
import pytest

from codewright.corpus.near.curve import PRESETS, Banding


def test_the_knees_of_the_presets() -> None:
    assert PRESETS["default"].knee == pytest.approx(0.725, abs=5e-4)
    assert PRESETS["opencoder"].knee == pytest.approx(0.979, abs=5e-4)
    assert Banding(112, 14, 8).knee == pytest.approx(0.719, abs=5e-4)  # FineWeb's


def test_the_curve_is_the_chance_to_share_a_band() -> None:
    rng = np.random.default_rng(3)
    banding = Banding(64, 8, 4)
    for jaccard in (0.3, 0.6, 0.9):
        equal = rng.random((20_000, 8, 4)) < jaccard
        met = equal.all(axis=2).any(axis=1).mean()
        assert banding.chance(jaccard) == pytest.approx(met, abs=4 * np.sqrt(0.25 / 20_000))
    chances = [chance for _, chance in banding.curve()]
    assert chances == sorted(chances)
    assert chances[-1] == 1
