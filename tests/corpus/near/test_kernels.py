"""The compiled kernels against plain Python: words, shingles, signatures, band keys, sets, Jaccard."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.corpus.near import kernels
from codewright.corpus.near.sets import distinct

MASK = 2**64 - 1
GOLDEN, MIX, SEED = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xCBF29CE484222325
WORDS = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")

# Words around the lengths where the kernel takes another way, between bytes of every kind.
word = st.one_of(st.text("abXY_09é漢", min_size=1, max_size=40), st.integers(1, 200).map(lambda n: "w" * n))
gap = st.text(" \n\t+-(){}.;@[`{/:\x00\x7f", min_size=1, max_size=70)
text = st.lists(st.one_of(word, gap), max_size=60).map(lambda parts: "".join(parts).encode())
document = st.one_of(text, st.binary(max_size=300))


def mix(x: int) -> int:
    for _ in range(2):
        x = ((x ^ (x >> 32)) * MIX) & MASK
    return x ^ (x >> 32)


def word_hash(one: bytes) -> int:
    padded = one.ljust(16, b"\0")
    value = SEED
    for at in range(0, len(padded), 8):
        value = ((value ^ int.from_bytes(padded[at : at + 8], "little")) * GOLDEN) & MASK
        value ^= value >> 32
    return value


def shingles(content: bytes, ngram: int) -> list[int]:
    words = [word_hash(one) for one in WORDS.findall(content)]
    size = min(ngram, len(words))
    found = []
    for at in range(len(words) - size + 1 if words else 0):
        value = 0
        for one in words[at : at + size]:
            value = (value * GOLDEN + one) & MASK
        found.append(mix((value + size) & MASK))
    return found


def packed(documents: list[bytes]) -> tuple[kernels.Bytes, kernels.Ints]:
    starts = np.concatenate(([0], np.cumsum([len(one) for one in documents]))).astype(np.int64)
    return np.frombuffer(b"".join(documents), np.uint8), starts


def signed(documents: list[bytes], ngram: int, count: int) -> tuple[np.ndarray, np.ndarray, kernels.Hashes]:
    """Return signatures, numbers of shingles, and the shingles."""
    data, starts = packed(documents)
    out = np.empty((len(documents), count), np.uint32)
    room = np.empty(kernels.room_for(starts, len(documents)), np.uint64)
    begins = kernels.sign(data, starts, ngram, *kernels.permutations(count), out, room)
    return out, np.diff(begins), room[: begins[-1]]


@settings(max_examples=300, deadline=None)
@given(st.lists(document, min_size=1, max_size=6), st.integers(1, 7))
def test_shingles_are_those_of_plain_python(documents: list[bytes], ngram: int) -> None:
    data, starts = packed(documents)
    hashes = np.empty(kernels.room_for(starts, len(documents)), np.uint64)
    begins = kernels.shingles_of_rows(data, starts, np.arange(len(documents)), ngram, hashes)
    found = [hashes[low:high].tolist() for low, high in pairwise(begins)]
    assert found == [shingles(one, ngram) for one in documents]


@settings(max_examples=50, deadline=None)
@given(st.lists(document, min_size=1, max_size=4))
def test_signatures_are_minima_of_a_x_plus_b(documents: list[bytes]) -> None:
    a, b = kernels.permutations(64)
    out, counts, hashes = signed(documents, 5, 64)
    assert hashes.tolist() == [value for one in documents for value in shingles(one, 5)]
    for row, one in enumerate(documents):
        found = shingles(one, 5)
        expected = [
            min(((int(f) * x + int(s)) & MASK for x in found), default=MASK) >> 32
            for f, s in zip(a, b, strict=True)
        ]
        assert counts[row] == len(found)
        assert out[row].tolist() == expected


def test_estimates_are_unbiased() -> None:
    """Over 300 pairs of known similarity the mean error stays within four standard errors, at every similarity."""
    rng = np.random.default_rng(7)
    for jaccard in (0.3, 0.5, 0.65, 0.8, 0.95):
        errors = []
        for _ in range(60):
            size = int(rng.integers(60, 400))
            shared = round(size * jaccard)
            # One word a shingle: sets of any similarity are easy to make.
            words = [f"w{number}" for number in rng.integers(0, 2**60, size + size - shared).tolist()]
            left = " ".join(words[:size])
            right = " ".join(words[:shared] + words[size:])
            true = shared / len(words)
            out, _, _ = signed([left.encode(), right.encode()], 1, 2048)
            errors.append((out[0] == out[1]).mean() - true)
        # One pair's error has a variance of J (1 - J) / 2048, a set of them that over their number.
        bound = 4 * np.sqrt(0.25 / 2048 / len(errors))
        assert abs(np.mean(errors)) < bound, f"J {jaccard}: biased by {np.mean(errors):+.4f}"


def test_permutations_are_always_the_same_and_odd() -> None:
    a, b = kernels.permutations(100)
    assert len(a) == len(b) == 128  # whole blocks
    assert (a % 2 == 1).all()
    assert len(set(a.tolist())) == 128
    longer, _ = kernels.permutations(2048)
    assert longer[:128].tolist() == a.tolist()


def test_band_keys_tell_bands_and_rows_apart() -> None:
    signatures = np.array([[1, 2, 3, 4], [1, 2, 9, 4], [3, 4, 1, 2]], np.uint32)
    keys = kernels.band_keys(signatures, np.ones(3, np.int64), 2, 2)
    assert keys.shape == (3, 3)
    assert keys[0, 0] == keys[0, 1] != keys[0, 2]
    assert keys[1, 0] != keys[1, 1]
    assert keys[1, 2] != keys[0, 0]  # the same values in another band are another key
    assert len(set(keys[2].tolist())) == 3


def test_a_document_without_words_has_no_keys() -> None:
    out, counts, _ = signed([b"+++ --- {}", b"", b"x = 1"], 5, 64)
    assert counts.tolist() == [0, 0, 1]
    keys = kernels.band_keys(out, counts, 4, 16)
    assert (keys[:4, :2] == kernels.EMPTY_KEY).all()
    assert (keys[:4, 2] != kernels.EMPTY_KEY).all()


def test_lists_are_picked_in_place() -> None:
    hashes, begins = np.arange(10, dtype=np.uint64), np.array([0, 3, 3, 7, 10])
    assert kernels.pick(hashes, begins, np.array([1, 2, 3]), hashes).tolist() == [0, 0, 4, 7]
    assert hashes[:7].tolist() == [3, 4, 5, 6, 7, 8, 9]


values = st.lists(st.integers(0, 40), max_size=60)


@settings(max_examples=200, deadline=None)
@given(values, values, st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]))
def test_jaccard_is_exact_or_below_the_threshold(left: list[int], right: list[int], threshold: float) -> None:
    flat, sizes = distinct(
        np.array(left + right, np.uint64), np.array([0, len(left), len(left) + len(right)])
    )
    begins = np.concatenate(([0], sizes.cumsum()))
    a, b = set(left), set(right)
    assert flat.tolist() == sorted(a) + sorted(b)
    (found,) = kernels.jaccards(flat, begins, flat, begins, np.array([[0, 1]]), threshold)
    true = len(a & b) / len(a | b) if a | b else 0.0
    assert found == (true if true >= threshold else 0.0)


def test_repositories_take_the_minima_of_their_files() -> None:
    signatures = np.array([[5, 9], [7, 1], [4, 4], [0, 0]], np.uint32)
    merged, totals = np.full((2, 2), 2**32 - 1, np.uint32), np.zeros(2, np.int64)
    groups, counts = np.array([0, 0, 1, 2]), np.array([3, 2, 1, 9])
    size = kernels.merge_minima(signatures, counts, np.array([0, 10, 30, 60, 100]), groups, merged, totals)
    assert merged.tolist() == [[5, 1], [4, 4]]
    assert totals.tolist() == [5, 1]
    assert size == 60  # the last file is of another range


SCRIPT = (
    "import numpy; from codewright.core import compiling; from codewright.corpus.near import kernels;"
    "kernels.squeeze(numpy.zeros(2, numpy.uint64), numpy.array([0, 2])); print(compiling._CACHED)"
)


@pytest.mark.parametrize("writable", [True, False])
def test_compiled_code_is_kept_in_the_cache_or_nowhere(tmp_path: Path, writable: bool) -> None:
    cache = tmp_path / "cache"
    if not writable:
        cache.write_text("a file where the folder should be")
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(writable)
    if writable:
        assert list((cache / "codewright" / "numba").rglob("*.nbc"))
    assert not list(Path(kernels.__file__).parent.rglob("*.nbc"))
