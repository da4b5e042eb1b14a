"""Which repositories are held out."""

import pytest

from codewright.corpus.sample import choose_heldout


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
