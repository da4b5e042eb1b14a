"""Which repositories are held out, and what stays of languages that are drawn down."""

import numpy as np
import pytest

from codewright.core.errors import ConfigError
from codewright.corpus.choosing import DOWNSAMPLED, KEPT, Rows, Target, choose_heldout, downsample


@pytest.mark.parametrize("seed", range(8))
def test_several_small_repositories_are_held_out_rather_than_one_large_one(seed: int) -> None:
    sizes = {f"small{number}": 100 for number in range(50)} | {"large": 900, "giant": 40_000}
    held = choose_heldout(sizes, 0.02, seed)
    assert sum(sizes[repo] for repo in held) == pytest.approx(0.02 * sum(sizes.values()), abs=100)
    assert len(held) >= 4
    assert held.isdisjoint({"large", "giant"})


def test_where_only_giants_exist_the_smallest_is_held_out() -> None:
    assert choose_heldout({"a": 500, "b": 400, "c": 600}, 0.01, 0) == {"b"}


def test_never_everything_and_nothing_when_nothing_is_asked_for() -> None:
    assert choose_heldout({"a": 1, "b": 1}, 1.0, 0) != {"a", "b"}
    assert choose_heldout({"a": 1, "b": 1}, 0.0, 0) == frozenset()
    assert choose_heldout({"a": 1}, 0.5, 0) == frozenset()


def made_rows() -> Rows:
    rows = Rows()
    for number in range(300):
        rows.ids.append(f"{number:04d}")
        rows.repos.append(f"r{number % 7}")
        rows.paths.append(f"f{number}")
        rows.languages.append("java" if number % 3 else "html")
        rows.stars.append(number)
        rows.times.append(None)
        rows.sizes.append(100 + number)
    return rows


@pytest.mark.parametrize("target", [Target(ratio=0.5), Target(bytes=10_000)])
def test_a_language_is_drawn_down_to_its_target_and_others_are_left_alone(target: Target) -> None:
    rows = made_rows()
    java = [row for row in range(300) if rows.languages[row] == "java"]
    wanted = target.of(rows.size(java))
    found = []
    for seed in (1, 1, 2):
        fates = np.full(300, KEPT, np.int8)
        downsample(rows, fates, {"java": target, "kotlin": target}, "seeded", seed)
        assert wanted - 400 < rows.size([row for row in java if fates[row] == KEPT]) <= wanted
        assert all(fates[row] == KEPT for row in range(300) if rows.languages[row] == "html")
        found.append(fates.tolist())
    assert found[0] == found[1] != found[2]


def test_the_best_stay_first() -> None:
    rows = made_rows()
    fates = np.full(300, KEPT, np.int8)
    downsample(rows, fates, {"html": Target(bytes=1000)}, "best", 0)
    html = [row for row in range(300) if rows.languages[row] == "html"]
    assert [row for row in html if fates[row] == KEPT] == [
        108,
        294,
        297,
    ]  # 397 + 394, then the best that fits: 208
    assert (fates == DOWNSAMPLED).sum() == len(html) - 3


@pytest.mark.parametrize("target", [Target(), Target(ratio=0.5, bytes=10), Target(bytes=1, tokens=1)])
def test_a_target_is_one_of_three(target: Target) -> None:
    with pytest.raises(ConfigError, match="give a language one of {ratio: x}, {bytes: n} and {tokens: n}"):
        target.check()
