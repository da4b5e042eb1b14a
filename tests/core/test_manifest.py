"""Counts add up or it is a bug; manifests round-trip; fingerprints tell work apart."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codewright.core.errors import ConfigError, DataError
from codewright.core.manifest import Counts, Dataset, Manifest, fingerprint

numbers = st.integers(0, 1000)


@given(numbers, st.dictionaries(st.sampled_from("abc"), numbers), numbers)
def test_counts_survive_json_and_addition(kept: int, dropped: dict[str, int], quarantined: int) -> None:
    counts = Counts(kept + sum(dropped.values()) + quarantined, kept, dropped, quarantined).check("here")
    assert Counts.from_json(counts.to_json()).to_json() == counts.to_json()
    assert Counts.total([counts, counts]).check("here").rows_in == 2 * counts.rows_in


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(AssertionError, match="5 in, 4 accounted for"):
        Counts(5, 3, {"a": 1}).check("here")


def test_manifest_round_trip_and_damage(tmp_path: Path) -> None:
    manifest = Manifest(
        "synth", "x", {"rows": 1}, "f", {}, Counts(2, 1, {"dup": 1}), 3, None, 0.5, {"python": "3"}
    )
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        Manifest.read(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="not a codewright manifest"):
        Manifest.read(tmp_path)


def test_a_folder_without_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished dataset here"):
        Dataset(tmp_path)


def test_fingerprints_depend_on_everything_and_on_nothing_else() -> None:
    base = fingerprint("synth", {"a": 1, "b": 2}, 1, {"x": "y"})
    assert base == fingerprint("synth", {"b": 2, "a": 1}, 1, {"x": "y"})
    others = [
        fingerprint("other", {"a": 1, "b": 2}, 1, {"x": "y"}),
        fingerprint("synth", {"a": 1, "b": 3}, 1, {"x": "y"}),
        fingerprint("synth", {"a": 1, "b": 2}, 2, {"x": "y"}),
        fingerprint("synth", {"a": 1, "b": 2}, 1, {"x": "z"}),
    ]
    assert len({base, *others}) == 5
