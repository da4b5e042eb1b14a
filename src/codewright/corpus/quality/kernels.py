"""Hot loops over code points: one pass for counts, words and repeated n-grams, lines of code, string literals, encoded data.

All are linear in the text, whatever it holds. `kinds` are the tables of `characters.py`; results are exact, the same as
the definitions give (../shared/reference is not needed to know them: docs/quality.md states each).
"""

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from codewright.core.compiling import compiled
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
def _room(items: int) -> int:
    """Return the size of a table, a power of two, that at most half fills."""
    size = 16
    while size < 2 * items:
        size *= 2
    return size


@compiled
def _occurrences(values: Hashes, places: Ints, some: int, counts: Ints, keys: Hashes, table: NDArray[np.int32], slots: Ints) -> int:  # fmt: skip
    """Write to `counts` how often the value at each of the first `some` places occurs there; returns how much of the room is used."""
    size = _room(some)
    mask = size - 1
    table[:size] = 0
    for k in range(some):
        value = values[places[k]]
        at = np.int64((value * _GOLDEN) >> uint64(20)) & mask
        while table[at] and keys[at] != value:
            at = (at + 1) & mask
        keys[at] = value
        table[at] += 1
        slots[k] = at
    for k in range(some):
        counts[places[k]] = table[slots[k]]
    return size


@compiled
def _repeating(places: Ints, some: int, counts: Ints, width: int) -> int:
    """Keep the places where an n-gram may repeat, those where both shorter ones in it do; the others count one from now on."""
    n = len(counts)
    kept = 0
    for k in range(some):
        i = places[k]
        if i + width <= n and counts[i] > 1 and counts[i + 1] > 1:
            places[kept] = i
            kept += 1
        else:
            counts[i] = 1
    return kept


@compiled
def ngrams(hashes: Hashes, lengths: Ints) -> NDArray[np.float64]:
    """Measure repetition. Returns [distinct words, entropy (nats), characters, top 2, 3, 4 (characters x count), covered 5..10].

    An n-gram can only repeat where both (n-1)-grams in it do, so few are looked up beyond the shortest.
    """
    n = len(hashes)
    found = np.zeros(12, np.float64)
    room = _room(n)
    keys, table = np.empty(room, np.uint64), np.empty(room, np.int32)
    counts, grams, places, slots = np.ones(n, np.int64), hashes.copy(), np.arange(n), np.empty(n, np.int64)
    size = _occurrences(grams, places, n, counts, keys, table, slots)
    ends = np.zeros(n + 1, np.int64)
    for i in range(n):
        ends[i + 1] = ends[i] + lengths[i]
    for slot in range(size):
        if table[slot]:
            found[0] += 1
            found[1] -= table[slot] * np.log(table[slot] / n) / n
    found[2] = ends[n]
    some = n
    for width in range(2, 11):
        some = _repeating(places, some, counts, width)
        if not some:
            break
        for k in range(some):
            i = places[k]
            grams[i] = grams[i] * _GOLDEN + hashes[i + width - 1]
            grams[i] ^= grams[i] >> uint64(32)
        _occurrences(grams, places, some, counts, keys, table, slots)
        if width < 5:
            best = places[0]
            for k in range(some):
                if counts[places[k]] > counts[best]:
                    best = places[k]
            if counts[best] > 1:
                found[1 + width] = (ends[best + width] - ends[best]) * counts[best]
        else:
            covered = 0
            for k in range(some):
                i = places[k]
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
    size = _room(found)
    counts, slots = np.empty(found, np.int64), np.empty(found, np.int64)
    keys, table = np.empty(size, np.uint64), np.empty(size, np.int32)
    _occurrences(hashes, np.arange(found), found, counts, keys, table, slots)
    repeats = 0
    for i in range(found):
        repeats += counts[i] > 1 and sizes[i] > 1
    return written, found, repeats


@compiled
def _hexadecimal(points: Points, at: int) -> bool:
    if at >= len(points):
        return False
    point = points[at]
    found: bool = (48 <= point <= 57) or (65 <= point <= 70) or (97 <= point <= 102)
    return found


@compiled
def hex_words(points: Points, kinds: Kinds) -> int:
    """Count the characters of `0x` and hexadecimal digits that stand alone as words."""
    total = 0
    n = len(points)
    for i in range(1, n - 1):
        if (points[i] | 32) != 120 or points[i - 1] != 48 or (i > 1 and kinds[points[i - 2]] & 1):
            continue
        end = i + 1
        while end < n and _hexadecimal(points, end):
            end += 1
        if end > i + 1 and (end == n or not kinds[points[end]] & 1):
            total += end - i + 1
    return total


_BASE64, _HEX, _ENDS, _PREFIX, _X, _ESCAPE, _U = (1 << bit for bit in range(7))
"""Letters, digits, + / = and LF, which is what runs of base64 are made of; hexadecimal digits; a comma or white space; what stands
before an x; x; a backslash; u."""


def _class_of(char: str) -> int:
    tests = (
        char.isalnum() or char in "+/=\n", char in "0123456789abcdefABCDEF", char == "," or char.isspace(), char in "0\\", char == "x",
        char == "\\", char == "u",
    )  # fmt: skip
    return sum(bit << at for at, bit in enumerate(tests))


_CLASSES = np.array([_class_of(chr(point)) for point in range(128)], np.uint8)


@compiled
def _class(points: Points, kinds: Kinds, at: int) -> int:
    point = points[at]
    return int(_CLASSES[point]) if point < 128 else (_ENDS if kinds[point] & 2 else 0)


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
def _base64_runs(points: Points) -> tuple[int, int]:
    """Measure runs of at least 64 characters; a place 63 behind a beginning is looked at first, so that most text is passed over."""
    n = len(points)
    total = longest = start = 0
    while start + 64 <= n:
        at = start + 63
        while at >= start and points[at] < 128 and _CLASSES[points[at]] & _BASE64:
            at -= 1
        if at >= start:
            start = at + 1
            continue
        end = start + 64
        while end < n and points[end] < 128 and _CLASSES[points[end]] & _BASE64:
            end += 1
        total += end - start
        longest = max(longest, end - start)
        start = end + 1
    return total, longest


@compiled
def encoded(points: Points, kinds: Kinds) -> tuple[int, int]:
    """Measure encoded data; returns the characters of all runs and those of the longest.

    Runs: 64 or more of letters, digits, + / = and LF; 8 or more hex pairs each with a comma or a space; 8 or more \\uXXXX.
    """
    total, longest = _base64_runs(points)
    n = len(points)
    pairs_end = escapes_end = 0
    here = _class(points, kinds, 0) if n else 0
    after = _class(points, kinds, 1) if n > 1 else 0
    for i in range(n - 2):
        third = _class(points, kinds, i + 2)
        pair = (here & after & _HEX != 0) & (third & _ENDS != 0) | (here & _PREFIX != 0) & (after & _X != 0)
        escape = (here & _ESCAPE != 0) & (after & _U != 0)
        here, after = after, third
        if pair and i >= pairs_end:
            at, repeats = _repeats(points, kinds, i, 0)
            if repeats >= 8:
                pairs_end = at
                total += at - i
                longest = max(longest, at - i)
        elif escape and i >= escapes_end:
            at, repeats = _repeats(points, kinds, i, 1)
            if repeats >= 8:
                escapes_end = at
                total += at - i
                longest = max(longest, at - i)
    return total, longest
