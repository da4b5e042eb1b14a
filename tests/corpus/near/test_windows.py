"""What windows measure while they sign is what sets say, whatever the room; and sets are only made for what is left."""

from pathlib import Path

import numpy as np
import pytest

from codewright.core.io import write_json
from codewright.corpus.near import kernels, windows
from codewright.corpus.near.buckets import candidate_pairs, packed, sorted_pairs
from codewright.corpus.near.sets import RANGES, measured_in, save_pairs
from codewright.corpus.near.units import load, save
from codewright.corpus.near.windows import Window
from tests.corpus.documents import families, jaccard, shingle_set

BANDS, ROWS, THRESHOLD = 25, 10, 0.7


def signed(texts: list[bytes], batch: int) -> tuple[np.ndarray, np.ndarray, kernels.Hashes]:
    """Sign texts in batches; returns the measured pairs, their similarities, the keys."""
    window = Window(5, kernels.permutations(256), (BANDS, ROWS), THRESHOLD)
    keys = []
    for at in range(0, len(texts), batch):
        part = texts[at : at + batch]
        starts = np.concatenate(([0], np.cumsum([len(one) for one in part])))
        keys.append(window.sign(np.frombuffer(b"".join(part), np.uint8), starts))
    return *window.measured(), np.concatenate(keys, axis=1)


@pytest.fixture
def texts() -> list[bytes]:
    return [one.content.encode() for one in families(70, 60)]


@pytest.mark.parametrize("batch", [7, 1000])
def test_measured_pairs_are_true_and_every_candidate_is_among_them(texts: list[bytes], batch: int) -> None:
    pairs, found, keys = signed(texts, batch)
    sets = [shingle_set(text.decode()) for text in texts]
    for (a, b), value in zip(pairs.tolist(), found.tolist(), strict=True):
        true = jaccard(sets[a], sets[b])
        assert value == (true if true >= THRESHOLD else 0)
    assert (np.diff(packed(pairs)) > 0).all()
    units = np.arange(len(texts))
    near = sorted_pairs(np.concatenate([candidate_pairs(band, units, keys[-1], 0) for band in keys[:-1]]))
    assert len(near) > 60
    assert set(packed(near).tolist()) <= set(packed(pairs).tolist())


def test_little_room_loses_pairs_not_truth(texts: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, found, keys = signed(texts, 9)
    monkeypatch.setattr(windows, "_kept", [np.empty(0, np.uint64)])
    monkeypatch.setattr(windows, "ROOM", 40_000)
    fewer, same, again = signed(texts, 9)
    assert np.array_equal(keys, again)
    assert 0 < len(fewer) < len(whole)
    known = dict(zip(packed(whole).tolist(), found.tolist(), strict=True))
    assert all(
        known[pair] == value for pair, value in zip(packed(fewer).tolist(), same.tolist(), strict=True)
    )


def test_friends_of_one_file_are_measured_too() -> None:
    similar = np.array([[0, 5], [3, 5], [5, 9], [7, 8]])
    assert windows._friends(similar, np.array([[0, 5], [0, 9], [3, 5], [5, 9], [7, 8]])).tolist() == [
        [0, 3],
        [3, 9],
    ]


def test_what_was_measured_is_found_and_nothing_else(tmp_path: Path) -> None:
    save(tmp_path / "measured" / "a.npy", np.array([[1.0, 1.0, 4.0], [2.0, 5.0, 6.0], [0.9, 0.0, 0.8]]))
    known, values = measured_in(tmp_path, "a", np.array([[1, 2], [1, 3], [1, 5], [4, 6], [5, 6]]))
    assert known.tolist() == [True, False, True, True, False]
    assert values.tolist() == [0.9, 0, 0, 0.8, 0]
    known, values = measured_in(tmp_path, "b", np.array([[1, 2]]))
    assert not known.any()


def test_units_that_meet_across_ranges_are_listed(tmp_path: Path) -> None:
    write_json(tmp_path / RANGES, [("a", 0, 4), ("b", 4, 9)])
    save_pairs(tmp_path, "pairs", "x", np.array([[0, 3], [2, 4], [4, 8]]))
    assert load(tmp_path / "pairs-across" / "x.npy").tolist() == [2, 4]
    assert load(tmp_path / "pairs" / "x.npy").T.tolist() == [[0, 3], [2, 4], [4, 8]]
