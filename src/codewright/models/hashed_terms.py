"""Code as counts of hashed terms: words, and the pieces that identifiers are made of.

A word is a run of ASCII letters, digits and underscores and of bytes from 0x80 up. Its pieces end at underscores, before the
capital of a new hump (`parseHTTPReply`: parse, http, reply) and where letters and digits meet; they are folded to lower case. A word that
is its only piece is one term, any other is a term besides its pieces. Terms are hashed to buckets, collisions and all
(Weinberger et al. 2009, "Feature hashing for large scale multitask learning", without its signs).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from codewright.core.compiling import compiled

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

BUCKET_BITS = 16
BUCKETS = 1 << BUCKET_BITS
"""2^16: the axes of 256 dimensions take 64 MB; twice as many would take twice that."""

_CHUNK_BYTES = 1 << 20
"""Texts counted by one call of the kernel."""

_FNV_SEED, _FNV_PRIME = uint64(0xCBF29CE484222325), uint64(0x100000001B3)
"""FNV-1a, 64 bits (Fowler, Noll, Vo; RFC 9923)."""
_GOLDEN = uint64(0x9E3779B97F4A7C15)
"""2^64 / golden ratio (Knuth, TAOCP 3, section 6.4): spreads hashes over buckets, and tells a whole word's from a piece's."""

_LOWER, _UPPER, _DIGIT, _UNDERSCORE = 1, 2, 3, 4


def _kinds() -> Bytes:
    kinds = np.zeros(256, np.uint8)
    kinds[0x80:] = _LOWER
    for first, last, kind in (
        ("a", "z", _LOWER),
        ("A", "Z", _UPPER),
        ("0", "9", _DIGIT),
        ("_", "_", _UNDERSCORE),
    ):
        kinds[ord(first) : ord(last) + 1] = kind
    return kinds


_KINDS = _kinds()


@dataclass(frozen=True)
class Sparse:
    """A matrix by rows: the columns (int32, ascending) and values of row i stand at starts[i]:starts[i + 1]."""

    starts: Ints
    columns: NDArray[np.int32]
    values: Floats
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1


def count_terms(texts: Sequence[str]) -> Sparse:
    """Return the sublinear frequencies, 1 + ln(count), of each text's terms: (texts, BUCKETS)."""
    sizes, columns, values = [np.zeros(1, np.int64)], [], []
    for chunk in _chunks(texts):
        lengths = np.array([len(one) for one in chunk], np.int64)
        starts = np.concatenate(([0], np.cumsum(lengths)))
        room = int(np.minimum(2 * lengths, BUCKETS).sum())
        found, counts = np.empty(room, np.int32), np.empty(room, np.int32)
        ends = _count(np.frombuffer(b"".join(chunk), np.uint8), starts, found, counts)
        sizes.append(np.diff(ends))
        columns.append(found[: ends[-1]].copy())
        values.append((1 + np.log(counts[: ends[-1]])).astype(np.float32))
    empty = np.zeros(0, np.int32)
    return Sparse(
        np.cumsum(np.concatenate(sizes)),
        np.concatenate([*columns, empty]),
        np.concatenate([*values, empty.astype(np.float32)]),
        BUCKETS,
    )


def _chunks(texts: Sequence[str]) -> Iterator[list[bytes]]:
    """Encode texts, some at a time."""
    chunk, size = [], 0
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        chunk.append(data)
        size += len(data)
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


@compiled
def _count(data: Bytes, starts: Ints, columns: NDArray[np.int32], counts: NDArray[np.int32]) -> Ints:
    """Write each text's buckets in order and how often each was met; returns where each text's begin (texts + 1)."""
    tally = np.zeros(BUCKETS, np.int32)
    ends = np.zeros(len(starts), np.int64)
    for text in range(len(starts) - 1):
        at = ends[text]
        i, high = starts[text], starts[text + 1]
        while i < high:
            begin = i
            while i < high and _KINDS[data[i]] != 0:
                i += 1
            if i > begin:
                at = _add_word(data[begin:i], tally, columns, at)
            i += 1
        columns[ends[text] : at].sort()
        for place in range(ends[text], at):
            counts[place] = tally[columns[place]]
            tally[columns[place]] = 0
        ends[text + 1] = at
    return ends


@compiled
def _add_word(word: Bytes, tally: NDArray[np.int32], columns: NDArray[np.int32], at: int) -> int:
    """Count a word's pieces, and itself where it is more than one; returns the place after the last new bucket."""
    whole, piece = _FNV_SEED, _FNV_SEED
    pieces = length = 0
    before = _UNDERSCORE
    for i in range(len(word)):
        kind = _KINDS[word[i]]
        after = _KINDS[word[i + 1]] if i + 1 < len(word) else _UNDERSCORE
        hump = kind == _UPPER and (before == _LOWER or (before == _UPPER and after == _LOWER))
        if length and (kind == _UNDERSCORE or hump or (kind == _DIGIT) != (before == _DIGIT)):
            at = _add(piece, tally, columns, at)
            piece, length = _FNV_SEED, 0
            pieces += 1
        if kind != _UNDERSCORE:
            folded = word[i] | 0x20 if kind == _UPPER else word[i]
            piece = (piece ^ uint64(folded)) * _FNV_PRIME
            length += 1
        whole = (whole ^ uint64(word[i])) * _FNV_PRIME
        before = kind
    if length:
        at = _add(piece, tally, columns, at)
        pieces += 1
    if pieces != 1 or whole != piece:
        at = _add(whole ^ _GOLDEN, tally, columns, at)
    return at


@compiled
def _add(term: int, tally: NDArray[np.int32], columns: NDArray[np.int32], at: int) -> int:
    """Count a term; a bucket met for the first time is written down."""
    bucket = (uint64(term) * _GOLDEN) >> uint64(64 - BUCKET_BITS)
    if tally[bucket] == 0:
        columns[at] = bucket
        at += 1
    tally[bucket] += 1
    return at
