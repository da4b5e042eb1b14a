"""String literals as the rules see them: quotes of any kind, no escapes, in the code part of any language (section 4.2).

Linear: what finds no closing quote is remembered, so no stretch is searched twice in vain.
"""

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.corpus.quality.characters import Kinds, Points

LONG_LINE_TOKENS = 20
LONG_WORD_CHARS = 20
"""A line of a literal with more tokens, a word in one with more characters is long (quality rules, section 4)."""

_LONG_TOKENS, _LONG_WORD = 20, 20


@compiled
def _long_pieces(points: Points, kinds: Kinds, low: int, high: int) -> int:
    """Count the lines of points[low:high] that have more than 20 tokens."""
    pieces = tokens = 0
    state = 0
    for i in range(low, high):
        kind = kinds[points[i]]
        new = 1 if kind & 1 else (0 if kind & 2 else 2)
        tokens += new != 0 and new != state
        state = new
        if points[i] == 10:
            pieces += tokens > _LONG_TOKENS
            tokens = 0
    return pieces + (tokens > _LONG_TOKENS)


@compiled
def _is_address(points: Points, low: int, high: int) -> bool:
    """Tell whether a word holds `http://` or `https://` and something after it."""
    for i in range(low, high - 7):
        if points[i] == 104 and points[i + 1] == 116 and points[i + 2] == 116 and points[i + 3] == 112:
            at = i + 5 if points[i + 4] == 115 else i + 4
            if at + 3 < high and points[at] == 58 and points[at + 1] == 47 and points[at + 2] == 47:
                return True
    return False


@compiled
def _long_words(points: Points, kinds: Kinds, low: int, high: int) -> int:
    """Add up the lengths of words over 20 characters in points[low:high] that are no addresses."""
    total = 0
    start = low
    for i in range(low, high + 1):
        if i == high or kinds[points[i]] & 2:
            if i - start > _LONG_WORD and not _is_address(points, start, i):
                total += i - start
            start = i + 1
    return total


@compiled
def literals(points: Points, kinds: Kinds) -> NDArray[np.int64]:
    """Measure literals; returns [lines over 20 tokens, characters inside, characters in long words].

    For the first, quotes of one character may span lines; for the other two they end with the line.
    """
    found = np.zeros(3, np.int64)
    n = len(points)
    for across in range(2):
        no_triple = np.zeros(2, np.bool_)
        no_single = np.zeros(2, np.bool_)
        i = 0
        while i < n:
            quote = points[i]
            if quote != 39 and quote != 34:
                i += 1
                continue
            which = 0 if quote == 39 else 1
            low = high = -1
            after = i + 1
            if i + 2 < n and points[i + 1] == quote and points[i + 2] == quote and not no_triple[which]:
                j = i + 3
                while j + 2 < n and not (
                    points[j] == quote and points[j + 1] == quote and points[j + 2] == quote
                ):
                    j += 1
                if j + 2 < n:
                    low, high, after = i + 3, j, j + 3
                else:
                    no_triple[which] = True
            if low < 0 and not (across and no_single[which]):
                j = i + 1
                while j < n and points[j] != quote and (across or points[j] != 10):
                    j += 1
                if j < n and points[j] == quote:
                    low, high, after = i + 1, j, j + 1
                elif across:
                    no_single[which] = True
                else:
                    after = i + 1
            if low >= 0:
                if across:
                    found[0] += _long_pieces(points, kinds, low, high)
                else:
                    found[1] += high - low
                    found[2] += _long_words(points, kinds, low, high)
            i = after
    return found


@compiled
def c_functions(points: Points, kinds: Kinds) -> int:
    """Count what looks like a function's head in C: words, blanks or stars between them, the last before `(`, and a `)`.

    The rule's pattern, word by word: boundary, 1+ of [identifier, ws*, stars?, ws+], star?, ws*, identifier, `(`, not-`)`*,
    `)`, ws* (section 6.2). As a regular expression it takes quadratic time on prose.
    """
    n = len(points)
    last = n - 1
    while last >= 0 and points[last] != 41:
        last -= 1
    total = 0
    i = 0
    chained = False  # an identifier stands before, and only white space and stars that fit between
    while i < last:
        point = points[i]
        if not kinds[point] & 1:
            chained = False
            i += 1
            continue
        identifier = (97 <= point <= 122) or (65 <= point <= 90) or point == 95
        while i < n and kinds[points[i]] & 1:
            i += 1
        if not identifier:
            chained = False
            continue
        if chained and i < last and points[i] == 40:
            total += 1
            while points[i] != 41:
                i += 1
            chained = False
            continue
        chained = _separator(points, kinds, i)
        if chained:
            while kinds[points[i]] & 2 or points[i] == 42:
                i += 1
    return total


@compiled
def _separator(points: Points, kinds: Kinds, at: int) -> bool:
    """Tell whether white space and stars from `at` are such as stand between two words: the last star alone may touch.

    ws* star* ws+ (star? ws*)?: white space there must be, and after the run of stars that it follows at most one star.
    """
    n = len(points)
    blank = at
    while blank < n and kinds[points[blank]] & 2:
        blank += 1
    stars = blank
    while stars < n and points[stars] == 42:
        stars += 1
    if stars >= n or stars == at:
        return False
    if stars == blank:
        return blank > at
    rest = stars
    while rest < n and kinds[points[rest]] & 2:
        rest += 1
    if rest == stars:  # `int *name`: the star is the optional one
        return blank > at and stars - blank == 1
    if rest < n and points[rest] == 42:  # `int ** *name`
        rest += 1
        while rest < n and kinds[points[rest]] & 2:
            rest += 1
    elif blank > at and stars - blank == 1:
        return True
    return rest < n and points[rest] != 42
