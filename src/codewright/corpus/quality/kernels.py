"""Hot loops over code points: one pass for counts, words and repeated n-grams, lines of code, string literals, encoded data.

All are linear in the text, whatever it holds. `kinds` are the tables of `characters.py`; results are exact, the same as
the definitions give (../shared/reference is not needed to know them: docs/quality.md states each).
"""

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from codewright.corpus.near.kernels import compiled
from codewright.corpus.quality.characters import Kinds, Points

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_SEED = uint64(0xCBF29CE484222325)
"""FNV's offset basis."""

_GOLDEN = uint64(0x9E3779B97F4A7C15)
"""2^64 / golden ratio: odd, its bits without pattern (Knuth, TAOCP 3, section 6.4)."""


@compiled
def count(points: Points, kinds: Kinds) -> Ints:
    """Count characters by kind and lines, and find the longest line (its LF included)."""
    found = np.zeros(8, np.int64)
    start = 0
    spaces = digits = letters = replacements = curly = lines = longest = 0
    for i in range(len(points)):
        point = points[i]
        kind = kinds[point]
        spaces += (kind & 2) >> 1
        digits += (kind & 4) >> 2
        letters += (kind & 8) >> 3
        replacements += point == 0xFFFD
        curly += (point == 123) | (point == 125)
        if point == 10:
            lines += 1
            longest = max(longest, i + 1 - start)
            start = i + 1
    if start < len(points):
        lines += 1
        longest = max(longest, len(points) - start)
    found[0], found[1], found[2], found[3] = len(points), spaces, digits, letters
    found[4], found[5], found[6], found[7] = replacements, curly, lines, longest
    return found


@compiled
def words(points: Points, kinds: Kinds, fold: Points, hashes: Hashes, lengths: Ints) -> int:
    """Write the hash and length of each word; returns how many.

    A word is a run of word characters or a run of what is neither word nor space. fold: what each character of ASCII
    becomes first (0xFF: it goes), empty for text that is folded already.
    """
    total = 0
    state = 0  # 0 between words, 1 in a word, 2 in a run of symbols
    length = 0
    value = _SEED
    folding = len(fold) > 0
    for i in range(len(points)):
        point = points[i]
        if folding:
            point = fold[point]
            if point == 0xFF:
                continue
        kind = kinds[point]
        new = 1 if kind & 1 else (0 if kind & 2 else 2)
        if new != state:
            if state:
                hashes[total] = value ^ (value >> uint64(31))
                lengths[total] = length
                total += 1
            state = new
            length = 0
            value = _SEED
        if new:
            value = (value ^ uint64(point)) * _GOLDEN
            value ^= value >> uint64(29)
            length += 1
    if state:
        hashes[total] = value ^ (value >> uint64(31))
        lengths[total] = length
        total += 1
    return total


@compiled
def _occurrences(
    values: Hashes, use: NDArray[np.bool_], counts: Ints, keys: Hashes, table: NDArray[np.int32]
) -> None:
    """Write to `counts` how often each used value occurs; 1 for the others. keys, table: room, a power of two."""
    mask = len(keys) - 1
    table[:] = 0
    slots = np.empty(len(values), np.int64)
    for i in range(len(values)):
        if use[i]:
            value = values[i]
            at = np.int64((value * _GOLDEN) >> uint64(20)) & mask
            while table[at] and keys[at] != value:
                at = (at + 1) & mask
            keys[at] = value
            table[at] += 1
            slots[i] = at
    for i in range(len(values)):
        counts[i] = table[slots[i]] if use[i] else 1


@compiled
def ngrams(hashes: Hashes, lengths: Ints) -> NDArray[np.float64]:
    """Measure repetition. Returns [distinct words, entropy (nats), characters, top 2, 3, 4 (characters x count), covered 5..10].

    An n-gram can only repeat where both (n-1)-grams in it do, so few are looked up beyond the shortest.
    """
    n = len(hashes)
    found = np.zeros(12, np.float64)
    size = 16
    while size < 2 * n:
        size *= 2
    keys, table = np.empty(size, np.uint64), np.empty(size, np.int32)
    counts, use, grams = np.ones(n, np.int64), np.ones(n, np.bool_), hashes.copy()
    _occurrences(grams, use, counts, keys, table)
    ends = np.zeros(n + 1, np.int64)
    for i in range(n):
        ends[i + 1] = ends[i] + lengths[i]
    for slot in range(size):
        if table[slot]:
            found[0] += 1
            found[1] -= table[slot] * np.log(table[slot] / n) / n
    found[2] = ends[n]
    for width in range(2, 11):
        some = False
        for i in range(n):
            use[i] = i + width <= n and counts[i] > 1 and counts[i + 1] > 1
            if use[i]:
                grams[i] = grams[i] * _GOLDEN + hashes[i + width - 1]
                grams[i] ^= grams[i] >> uint64(32)
                some = True
        if not some:
            break
        _occurrences(grams, use, counts, keys, table)
        if width < 5:
            best = 0
            for i in range(n - width + 1):
                if counts[i] > counts[best]:
                    best = i
            if counts[best] > 1:
                found[1 + width] = (ends[best + width] - ends[best]) * counts[best]
        else:
            covered = 0
            for i in range(n - width + 1):
                if counts[i] > 1:
                    found[1 + width] += ends[i + width] - ends[max(i, covered)]
                    covered = i + width
    return found


@compiled
def squeeze(points: Points, kinds: Kinds, out: Points) -> tuple[int, int, int]:
    """Copy the lines that are not blank to `out`; returns its length, how many they are and how many of them are repeats.

    Repeats: copies of lines equal but for white space, those of one character and `},` left out.
    """
    n = len(points)
    lines = 0
    for i in range(n):
        lines += points[i] == 10
    hashes, sizes = np.empty(lines + 1, np.uint64), np.empty(lines + 1, np.int64)
    written = found = start = 0
    value, length, comma = _SEED, 0, False
    for i in range(n):
        point = points[i]
        if not kinds[point] & 2:
            value = (value ^ uint64(point)) * _GOLDEN
            value ^= value >> uint64(29)
            comma = length == 1 and point == 44
            if length == 0:
                first = point
            length += 1
        if point == 10 or i == n - 1:
            if length:
                for k in range(start, i + 1):
                    out[written] = points[k]
                    written += 1
                hashes[found] = value
                sizes[found] = 0 if comma and length == 2 and first == 125 else length
                found += 1
            start = i + 1
            value, length, comma = _SEED, 0, False
    size = 16
    while size < 2 * found:
        size *= 2
    counts, use = np.ones(found, np.int64), np.ones(found, np.bool_)
    _occurrences(hashes[:found], use, counts, np.empty(size, np.uint64), np.empty(size, np.int32))
    repeats = 0
    for i in range(found):
        repeats += counts[i] > 1 and sizes[i] > 1
    return written, found, repeats


@compiled
def hex_words(points: Points, kinds: Kinds) -> int:
    """Count the characters of `0x` and hexadecimal digits that stand alone as words."""
    total = 0
    n = len(points)
    i = 0
    while i < n:
        if not kinds[points[i]] & 1:
            i += 1
            continue
        start, plain = i, True
        while i < n and kinds[points[i]] & 1:
            point = points[i]
            at = i - start
            if at == 0:
                plain = point == 48
            elif at == 1:
                plain &= point == 120 or point == 88
            else:
                plain &= (48 <= point <= 57) or (65 <= point <= 70) or (97 <= point <= 102)
            i += 1
        if plain and i - start > 2:
            total += i - start
    return total


_BASE64 = np.array([char.isalnum() or char in "+/=\n" for char in map(chr, range(128))])
"""Letters, digits, + / = and LF, which is what runs of base64 are made of."""


@compiled
def _hexadecimal(points: Points, at: int) -> bool:
    if at >= len(points):
        return False
    point = points[at]
    found: bool = (48 <= point <= 57) or (65 <= point <= 70) or (97 <= point <= 102)
    return found


@compiled
def _hex_pairs(points: Points, kinds: Kinds, at: int) -> int:
    """Return where a repeat of [word boundary, optional 0x or \\x, two hex digits, comma or space] ends, or -1."""
    n = len(points)
    before = at > 0 and kinds[points[at - 1]] & 1 != 0
    here = at < n and kinds[points[at]] & 1 != 0
    if before == here:
        return -1
    if at + 1 < n and (points[at] == 48 or points[at] == 92) and points[at + 1] == 120:
        at += 2
    if not (_hexadecimal(points, at) and _hexadecimal(points, at + 1)) or at + 2 >= n:
        return -1
    after = points[at + 2]
    return at + 3 if after == 44 or kinds[after] & 2 else -1


@compiled
def _unicode_escape(points: Points, at: int) -> int:
    """Return where `\\u` and four hex digits end, or -1."""
    if at + 6 > len(points) or points[at] != 92 or points[at + 1] != 117:
        return -1
    for k in range(at + 2, at + 6):
        if not _hexadecimal(points, k):
            return -1
    return at + 6


@compiled
def _repeats(points: Points, kinds: Kinds, at: int, which: int) -> tuple[int, int]:
    """Return where repeats of hex pairs (0) or escapes (1) end, and how many they are."""
    repeats = 0
    while True:
        after = _hex_pairs(points, kinds, at) if which == 0 else _unicode_escape(points, at)
        if after < 0:
            return at, repeats
        at = after
        repeats += 1


@compiled
def encoded(points: Points, kinds: Kinds) -> tuple[int, int]:
    """Measure encoded data; returns the characters of all runs and those of the longest.

    Runs: 64 or more of letters, digits, + / = and LF; 8 or more hex pairs each with a comma or a space; 8 or more \\uXXXX.
    """
    n = len(points)
    total = longest = 0
    start = pairs_end = escapes_end = 0  # start: of a run of what base64 is made of
    for i in range(n):
        point = points[i]
        if point > 127 or not _BASE64[point]:
            if i - start >= 64:
                total += i - start
                longest = max(longest, i - start)
            start = i + 1
        if i + 2 >= n:
            continue
        after, third = points[i + 1], points[i + 2]
        # A pair ends in a comma or a blank, else has a prefix: both are rarer than hex digits.
        ended = (third == 44) | (kinds[third] & 2 != 0)
        prefix = (after == 120) & ((point == 48) | (point == 92))
        if prefix or (ended and _hexadecimal(points, i) and _hexadecimal(points, i + 1)):
            if i >= pairs_end:
                at, repeats = _repeats(points, kinds, i, 0)
                if repeats >= 8:
                    pairs_end = at
                    total += at - i
                    longest = max(longest, at - i)
        elif point == 92 and after == 117 and i >= escapes_end:
            at, repeats = _repeats(points, kinds, i, 1)
            if repeats >= 8:
                escapes_end = at
                total += at - i
                longest = max(longest, at - i)
    if n - start >= 64:
        total += n - start
        longest = max(longest, n - start)
    return total, longest
