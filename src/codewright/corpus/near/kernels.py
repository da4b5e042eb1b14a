"""The hot loops, compiled by numba: words, hashes of word n-grams, MinHash signatures, band keys, exact Jaccard.

A word is a run of ASCII letters, digits and underscores and of bytes from 0x80 up (so all of any other script). A document's
shingles are the hashes of its n-grams of words; one with fewer than n words has one shingle, the hash of all it has, and
one without words has none and resembles nothing. Documents lie in one byte buffer; `starts` (int64, n + 1) says where.
"""

import numba
import numpy as np
from numba import uint64
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.core.rng import stable_hash
from codewright.corpus.near.intrinsics import count_bits, eight_bytes, lowest_bit, word_bits

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

BLOCK = 64
"""Permutations worked on at a time: their minima and factors fill 24 of the 32 registers of AVX-512."""

_WORD_SEED = uint64(0xCBF29CE484222325)
"""FNV's offset basis: any odd-looking number would do."""

_LOWEST = np.array([2 ** (8 * count) - 1 for count in range(9)], np.uint64)
"""Masks of the lowest 0 to 8 bytes."""

_EDGES = 512
"""Beginnings and ends of words found before these are hashed: 4 KB, within the first-level cache."""

_USUAL = 16
"""Edges written for every 64 bytes without asking how many there are: code has about 14, and a branch foretold wrong costs more."""

_GOLDEN = uint64(0x9E3779B97F4A7C15)
"""2^64 / golden ratio: odd, its bits without pattern (Knuth, TAOCP 3, section 6.4)."""

_MIX = uint64(0xD6E8FEB86659FD93)
"""Multiplier of a 64-bit finalizer, xor-shifts of 32 (Degski's, published with its avalanche test)."""

EMPTY_KEY = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Band key of a document without words; no bucket."""

_ALL = uint64(0xFFFFFFFFFFFFFFFF)


@numba.njit(inline="always")
def _mix(x):  # type: ignore[no-untyped-def]
    x = (x ^ (x >> uint64(32))) * _MIX
    x = (x ^ (x >> uint64(32))) * _MIX
    return x ^ (x >> uint64(32))


@compiled
def shingles_of(data: Bytes, low: int, high: int, ngram: int, out: Hashes) -> int:
    """Write the n-gram hashes of data[low:high] to `out`, in order, repeats included; returns how many.

    out: room for one more than half the bytes; it holds the words' hashes first. Where words begin and end is found 64
    bytes at a time, and they are hashed some hundreds at a time, so that neither loop waits for the other's branches.
    """
    if high + 64 > len(data):  # what is loaded reaches so far beyond the end
        padded = np.zeros(high - low + 64, np.uint8)
        padded[: high - low] = data[low:high]
        return _shingles(padded, 0, high - low, ngram, out)
    return _shingles(data, low, high, ngram, out)


@compiled
def _shingles(data: Bytes, low: int, high: int, ngram: int, out: Hashes) -> int:
    """Do it for a document with 64 more bytes behind it. No calls in its loops: numba would count references in each."""
    edges = np.empty(_EDGES + 66, np.int64)
    waiting = words = 0
    before = uint64(0)
    for block in range(low, high, 64):
        bits = word_bits(data, block)
        if block + 64 > high:
            bits &= _ALL >> uint64(block + 64 - high)
        changes = bits ^ (bits << uint64(1) | before)
        before = bits >> uint64(63)
        at = waiting
        waiting += count_bits(changes)
        for _ in range(_USUAL):
            edges[at] = block + lowest_bit(changes)
            changes &= changes - uint64(1)
            at += 1
        while changes:
            edges[at] = block + lowest_bit(changes)
            changes &= changes - uint64(1)
            at += 1
        if block + 64 >= high and waiting % 2:
            edges[waiting] = high
            waiting += 1
        if waiting >= _EDGES or block + 64 >= high:
            for i in range(0, waiting - 1, 2):
                begin, length = edges[i], edges[i + 1] - edges[i]
                # The first 16 bytes without a branch, since lengths are hard to foretell.
                word = _step(_WORD_SEED, eight_bytes(data, begin) & _LOWEST[min(length, 8)])
                word = _step(word, eight_bytes(data, begin + 8) & _LOWEST[min(max(length - 8, 0), 8)])
                if length > 16:
                    for at in range(16, length, 8):
                        word = _step(word, eight_bytes(data, begin + at) & _LOWEST[min(length - at, 8)])
                out[words] = word
                words += 1
            edges[0] = edges[waiting - 1]
            waiting %= 2
    _polynomials(out, words, ngram)
    return words - ngram + 1 if words >= ngram else min(words, 1)


@compiled
def _polynomials(words: Hashes, count: int, ngram: int) -> None:
    """Replace words' hashes by those of n-grams: a polynomial, mixed. What is still needed stands behind what is written."""
    g = _GOLDEN
    if ngram == 5 and count >= 5:  # the usual one, without the inner loop
        for i in range(count - 4):
            value = (((words[i] * g + words[i + 1]) * g + words[i + 2]) * g + words[i + 3]) * g + words[i + 4]
            words[i] = _mix(value + uint64(5))
        return
    for i in range(max(count - ngram + 1, min(count, 1))):
        value = words[i]
        for j in range(i + 1, min(i + ngram, count)):
            value = value * g + words[j]
        words[i] = _mix(value + uint64(min(ngram, count)))


@numba.njit(inline="always")
def _step(word, piece):  # type: ignore[no-untyped-def]
    word = (word ^ piece) * _GOLDEN
    return word ^ (word >> uint64(32))


@compiled
def _minima(shingles: Hashes, count: int, a: Hashes, b: Hashes, out: Hashes) -> None:
    """Lower `out` to the least a * x + b modulo 2^64 over the shingles, one block of permutations at a time.

    Four shingles at once: what is loaded and stored for one would otherwise take longer than its multiplications.
    shingles: filled up to a multiple of four with repeats.
    """
    for start in range(0, len(a), BLOCK):
        factor, shift, least = a[start : start + BLOCK], b[start : start + BLOCK], out[start : start + BLOCK]
        for i in range(0, count, 4):
            x0, x1, x2, x3 = shingles[i], shingles[i + 1], shingles[i + 2], shingles[i + 3]
            for k in range(BLOCK):
                f, s = factor[k], shift[k]
                lower, other = min(f * x0 + s, f * x1 + s), min(f * x2 + s, f * x3 + s)
                least[k] = min(least[k], lower, other)


def room_for(starts: Ints, rows: int) -> int:
    """Return how many places of a buffer the shingles of so many documents may need on the way."""
    return int(starts[-1] - starts[0]) // 2 + rows + 5


@compiled
def sign(
    data: Bytes, starts: Ints, ngram: int, a: Hashes, b: Hashes, out: NDArray[np.uint32], shingles: Hashes
) -> Ints:
    """Write the signature of every document to `out` (documents, permutations) and its n-gram hashes to `shingles`.

    Returns where each document's hashes begin (documents + 1). shingles: `room_for` says how long it must be.
    The minimum is taken over all 64 bits and its high 32 are kept, which is the same as the minimum of the high 32.
    """
    documents = len(starts) - 1
    room = np.empty(len(a) + 8, np.uint64)
    least = room[(-room.ctypes.data & 63) >> 3 :][: len(a)]  # at a cache line, as a and b are
    begins = np.zeros(documents + 1, np.int64)
    for d in range(documents):
        mine = shingles[begins[d] :]
        count = shingles_of(data, starts[d], starts[d + 1], ngram, mine)
        begins[d + 1] = begins[d] + count
        for i in range(count, -(-count // 4) * 4):
            mine[i] = mine[0]
        least[:] = EMPTY_KEY
        _minima(mine, count, a, b, least)
        for k in range(len(a)):
            out[d, k] = least[k] >> uint64(32)
    return begins


def permutations(count: int) -> tuple[Hashes, Hashes]:
    """Return the factors (odd) and shifts of `count` permutations, always the same; rounded up to whole blocks.

    Multiply-shift over 64 bits: Dietzfelbinger et al. 1997, "A reliable randomized algorithm for the closest-pair problem".
    """
    rounded = -(-count // BLOCK) * BLOCK
    rng = np.random.Generator(np.random.PCG64(stable_hash("minhash permutations")))
    drawn = rng.integers(0, 2**64, size=(rounded, 2), dtype=np.uint64)
    return _at_cache_line(drawn[:, 0] | np.uint64(1)), _at_cache_line(drawn[:, 1])


def _at_cache_line(values: Hashes) -> Hashes:
    """Copy to an address that 512-bit loads like: across two cache lines they take twice as long."""
    room = np.empty(len(values) + 8, np.uint64)
    start = (-room.ctypes.data & 63) >> 3
    room[start : start + len(values)] = values
    return room[start : start + len(values)]


@compiled
def band_keys(signatures: NDArray[np.uint32], counts: Ints, bands: int, rows: int) -> Hashes:
    """Return the keys (bands + 1, documents) under which documents meet; the last row hashes the whole signature."""
    documents, width = signatures.shape
    keys = np.empty((bands + 1, documents), np.uint64)
    for d in range(documents):
        whole = uint64(width)
        for band in range(bands):
            key = uint64(band + 1)
            for row in range(rows):
                key = (key ^ uint64(signatures[d, band * rows + row])) * _GOLDEN
                key ^= key >> uint64(32)
            whole = _mix(whole ^ key)
            keys[band, d] = _mix(key) if counts[d] else EMPTY_KEY
        for k in range(bands * rows, width):
            whole = _mix(whole ^ uint64(signatures[d, k]))
        keys[bands, d] = whole
    return keys


@compiled
def shingles_of_rows(data: Bytes, starts: Ints, rows: Ints, ngram: int, out: Hashes) -> Ints:
    """Write the n-gram hashes of the chosen documents to `out` (`room_for` them), and return where each one's begin (rows + 1)."""
    begins = np.zeros(len(rows) + 1, np.int64)
    for i in range(len(rows)):
        row = rows[i]
        begins[i + 1] = begins[i] + shingles_of(data, starts[row], starts[row + 1], ngram, out[begins[i] :])
    return begins


@compiled
def pick(hashes: Hashes, begins: Ints, rows: Ints, out: Hashes) -> Ints:
    """Copy the chosen ones of lists that lie one after the other to `out`, which may be `hashes` itself if rows are sorted.

    Returns where each one's begin in `out` (rows + 1).
    """
    found = np.zeros(len(rows) + 1, np.int64)
    for i in range(len(rows)):
        at = found[i]
        for k in range(begins[rows[i]], begins[rows[i] + 1]):
            out[at] = hashes[k]
            at += 1
        found[i + 1] = at
    return found


@compiled
def squeeze(hashes: Hashes, begins: Ints) -> Ints:
    """Move the distinct elements of sorted lists to the front of `hashes`, list after list; returns how many each has."""
    sizes = np.zeros(len(begins) - 1, np.int64)
    at = 0
    for i in range(len(sizes)):
        start = at
        for k in range(begins[i], begins[i + 1]):
            value = hashes[k]
            hashes[at] = value
            at += at == start or hashes[at - 1] != value
        sizes[i] = at - start
    return sizes


@compiled
def jaccards(
    left: Hashes, left_begins: Ints, right: Hashes, right_begins: Ints, pairs: Ints, threshold: float
) -> NDArray[np.float64]:
    """Return the exact Jaccard similarity of pairs (left number, right number) of sorted sets; 0 for what is below `threshold`.

    A comparison ends as soon as too many elements stand alone for the threshold to be reached.
    """
    found = np.zeros(len(pairs), np.float64)
    for p in range(len(pairs)):
        i, i_end = left_begins[pairs[p, 0]], left_begins[pairs[p, 0] + 1]
        j, j_end = right_begins[pairs[p, 1]], right_begins[pairs[p, 1] + 1]
        both = (i_end - i) + (j_end - j)
        # |A and B| >= t / (1 + t) * (|A| + |B|); what stands alone is |A| + |B| - 2 |A and B|. One is for rounding.
        alone_allowed = both - 2 * threshold / (1 + threshold) * both + 1
        shared = alone = 0
        while i < i_end and j < j_end:
            x, y = left[i], right[j]
            shared += x == y
            alone += x != y
            if alone > alone_allowed:
                break
            i += x <= y
            j += y <= x
        similarity = shared / (both - shared) if both else 0.0
        if similarity >= threshold:
            found[p] = similarity
    return found


@compiled
def merge_minima(
    signatures: NDArray[np.uint32], counts: Ints, starts: Ints, groups: Ints, merged: NDArray[np.uint32], totals: Ints
) -> int:  # fmt: skip
    """Lower each group's minima to those of its documents and add up their shingles; returns the bytes of the groups there are."""
    size = 0
    for d in range(len(groups)):
        group = groups[d]
        if 0 <= group < len(merged):
            size += starts[d + 1] - starts[d]
            totals[group] += counts[d]
            if counts[d]:
                for k in range(signatures.shape[1]):
                    merged[group, k] = min(merged[group, k], signatures[d, k])
    return size


def warm_up() -> None:
    """Compile every kernel that tasks use, or load it from the cache."""
    data = np.frombuffer(b"one two three four five six " * 4, np.uint8)
    starts, rows = np.array([0, len(data)]), np.array([0])
    a, b = permutations(BLOCK)
    signatures = np.empty((1, BLOCK), np.uint32)
    hashes = np.empty(room_for(starts, 1), np.uint64)
    begins = sign(data, starts, 5, a, b, signatures, hashes)
    counts = np.diff(begins)
    band_keys(signatures, counts, 2, 2)
    merge_minima(signatures, counts, starts, rows, signatures.copy(), counts.copy())
    begins = shingles_of_rows(data, starts, rows, 5, hashes)
    pick(hashes, begins, rows, hashes.copy())
    squeeze(hashes, begins)
    jaccards(hashes, begins, hashes, begins, np.zeros((1, 2), np.int64), 0.5)
