"""ROUGE-L between one text and very many: which of them is most like it, exactly, in a few milliseconds.

Words are those of the package `rouge-score` without its stemmer (google-research/rouge, tokenize.py): lower case, runs of ASCII
letters and digits. Limit: a text in another script has no words and resembles nothing.
"""

import re
from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from codewright.core.compiling import compiled

Words = NDArray[np.int32]
Blocks = NDArray[np.uint64]

_WORD = re.compile("[a-z0-9]+")

_EXACT = 1_000_000
"""Bounds are compared as whole millionths: 7 of 10 words is 0.7, whatever binary fractions make of it."""

_ALL = uint64(0xFFFFFFFFFFFFFFFF)


def words_of(text: str) -> list[str]:
    """Return the words of a text, in order."""
    return _WORD.findall(text.lower())


def rouge_l(first: str, second: str) -> float:
    """Return the F-measure of two texts, 0 to 1: twice their longest common subsequence of words over both lengths."""
    texts = Texts()
    texts.add(first)
    found = texts.nearest(second)
    return found.score if found else 0.0


class Near(NamedTuple):
    """The text that is most like another: its number in the order texts were added, and the F-measure."""

    number: int
    score: float


class Texts:
    """Texts that can be searched, and more added at any time."""

    def __init__(self) -> None:
        """Begin without any."""
        self._ids: dict[str, int] = {}
        self._words = np.zeros(1 << 12, np.int32)
        self._starts = np.zeros(1 << 8, np.int64)
        self._rows = np.zeros(1 << 12, np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: str) -> None:
        """Add a text."""
        numbers = [self._ids.setdefault(word, len(self._ids)) for word in words_of(text)]
        start = int(self._starts[self._count])
        end = start + len(numbers)
        self._words = _grown(self._words, end)
        self._starts = _grown(self._starts, self._count + 2)
        self._rows = _grown(self._rows, len(self._ids))
        self._words[start:end] = numbers
        self._count += 1
        self._starts[self._count] = end

    def nearest(self, text: str, least: float = 0.0) -> Near | None:
        """Return the most similar text, the first of equals; None where no F-measure is above 0 and at least `least`."""
        words = words_of(text)
        # Words that no text has stand for themselves: they only make the text longer.
        numbers = np.array([self._ids.get(word, -1) for word in words], np.int32)
        number, common, length = _nearest(
            numbers, self._words, self._starts, self._count, self._rows, round(least * _EXACT)
        )
        return Near(int(number), 2 * int(common) / int(length)) if number >= 0 else None


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    if size <= len(array):
        return array
    larger = np.zeros(max(size, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger


@compiled
def _nearest(  # noqa: PLR0917 - compiled functions take arrays by position
    query: Words, words: Words, starts: NDArray[np.int64], count: int, rows: Words, least: int
) -> tuple[int, int, int]:
    """Search texts for the one most like the query; returns its number or -1, the common words, and both lengths together.

    query: int32 word numbers, -1 for unknown words. words, starts: those of all texts, text i from starts[i] to starts[i + 1].
    rows: int32 by word number, all 0 before and after. least: the smallest F-measure of interest, in millionths.
    The longest common subsequence is counted a machine word of the query at a time.
    Source: Hyyrö, Bit-parallel LCS-length computation revisited, 2004.
    """
    blocks = (len(query) + 63) >> 6
    masks = np.zeros((len(query) + 1, blocks), np.uint64)
    used = 0
    for at in range(len(query)):
        word = query[at]
        if word >= 0:
            if rows[word] == 0:
                used += 1
                rows[word] = used
            masks[rows[word], at >> 6] |= uint64(1) << uint64(at & 63)
    state = np.empty(blocks, np.uint64)
    found, best, best_length = -1, 0, 1
    for text in range(count):
        start, end = starts[text], starts[text + 1]
        length = len(query) + end - start
        # Fewer common words than this are of no interest: below the bound, or no better than the best so far.
        needed = max((least * length + 2 * _EXACT - 1) // (2 * _EXACT), best * length // best_length + 1)
        if min(len(query), end - start) < needed:
            continue
        common = _common(words, start, end, rows, masks, state, needed)
        if common >= needed:
            found, best, best_length = text, common, length
    for at in range(len(query)):
        if query[at] >= 0:
            rows[query[at]] = 0
    return found, best, best_length


@compiled
def _common(  # noqa: PLR0917
    words: Words, start: int, end: int, rows: Words, masks: Blocks, state: Blocks, needed: int
) -> int:
    """Return the length of the longest common subsequence, or something smaller than `needed` where it is smaller."""
    state[:] = _ALL
    possible = end - start
    for at in range(start, end):
        row = rows[words[at]]
        if row == 0:
            possible -= 1
            if possible < needed:
                return 0
            continue
        carry = uint64(0)
        for block in range(len(state)):
            before = state[block]
            both = before & masks[row, block]
            total = before + both
            over = uint64(total < before)
            total += carry
            carry = over | uint64(total < carry)
            state[block] = total | (before & ~both)
    common = 0
    for block in range(len(state)):
        zeros = ~state[block]
        while zeros:
            zeros &= zeros - uint64(1)
            common += 1
    return common
