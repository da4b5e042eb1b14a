"""What kind each character is: tables that the kernels index by code point, and texts as arrays of code points.

Kinds are Python's own for the whole of Unicode. The large table is made when the first text outside ASCII comes along.
"""

import re
import string
import sys
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.uint32]
Kinds = NDArray[np.uint8]

WORD, SPACE, DIGIT, ALPHA, UPPER, LOWER = 1, 2, 4, 8, 16, 32
"""Bits of a kind: `\\w`, white space, `isdigit`, `isalpha`, upper case, lower or title case."""

DELETED = "".join(map(chr, [*range(8), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x202C]))
"""Characters that normalisation takes out (quality rules of opc_data_filtering, section 2, step 1)."""

_HALF_WIDTH = {
    0x2009: " ", 0x200B: " ", 0x3002: ".", 0x3001: ",", 0x300A: '"', 0x300B: '"', 0x201C: '"', 0x201D: '"',
    0x3010: "[", 0x3011: "]", 0x300C: "'", 0x300D: "'", 0x2018: "'", 0x2019: "'", 0xFFE5: "\u00a5",
    **{ord(mark) + 0xFEE0: mark for mark in string.punctuation},
}  # fmt: skip
"""The same list, steps 1 and 2: full-width and typographic marks to those of ASCII."""

_NOTHING = 0xFFFFFFFF
"""Stands for a character that goes."""


def _kinds_of(characters: str) -> Kinds:
    word = np.zeros(len(characters), np.uint8)
    for found in re.finditer(r"\w+", characters):
        word[found.start() : found.end()] = WORD
    made = word
    for bit, test in ((SPACE, str.isspace), (DIGIT, str.isdigit), (ALPHA, str.isalpha), (UPPER, str.isupper)):
        made = made | np.frombuffer(bytes(map(test, characters)), np.uint8) * np.uint8(bit)
    lower = bytes(char.islower() or char.istitle() for char in characters)
    return made | np.frombuffer(lower, np.uint8) * np.uint8(LOWER)


@cache
def _ascii_kinds() -> Kinds:
    return _kinds_of("".join(map(chr, range(128))))


@cache
def _all_kinds() -> Kinds:
    return _kinds_of("".join(map(chr, range(sys.maxunicode + 1))))


def kinds_for(text: str) -> Kinds:
    """Return the table of kinds (uint8 by code point) that is large enough for a text."""
    return _ascii_kinds() if text.isascii() else _all_kinds()


def points_of(text: str) -> Points:
    """Return a text as code points, one uint32 a character (lone surrogates too)."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8).astype(np.uint32)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).copy()


def text_of(points: Points, *, ascii_only: bool = False) -> str:
    """Return the text of code points. ascii_only: known to be so."""
    if ascii_only or not len(points) or points.max() < 128:
        return points.astype(np.uint8).tobytes().decode("ascii")
    return points.tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _normal_forms() -> Points:
    """Return steps 1 to 3 as a table by code point; step 3 turns every mark of ASCII into a space."""
    table = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    for point, mark in _HALF_WIDTH.items():
        table[point] = ord(mark)
    marks = list(map(ord, string.punctuation))
    table[np.isin(table, marks)] = ord(" ")
    table[list(map(ord, DELETED))] = _NOTHING
    return table


def normalised(points: Points) -> str:
    """Return a text outside ASCII as words are counted in it: marks of ASCII to spaces, lower case, NFKC.

    White space is not folded: words end at it however much there is. Source: the quality rules, section 2.
    """
    made = _normal_forms()[points]
    text = text_of(made[made != _NOTHING]).lower()
    return text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)


_GONE = 0xFF
"""Stands for no character in tables of what becomes of one; so that character itself is not sure."""

ASCII_FOLD = np.array(
    [
        _GONE if char in DELETED else 32 if char in string.punctuation else ord(char.lower())
        for char in map(chr, range(128))
    ],
    np.uint32,
)
"""`normalised` for one character of ASCII; 0xFF stands for none."""

_NOT_SURE = 0xFFFFFFFF
_FOLDED = 0x3000
"""Characters before this are folded one by one where that can be: Latin, Greek, Cyrillic, arrows, boxes and the like."""


def _folded(point: int) -> int:
    """Fold one character, unless it becomes several, its neighbours matter (marks, Hangul's letters, a final sigma) or it is `_GONE`."""
    char = normalised(np.array([point], np.uint32))
    if not char:
        return _GONE
    marked = any(unicodedata.category(one).startswith("M") for one in (chr(point), char[0]))
    if len(char) > 1 or marked or point == 0x3A3 or 0x1100 <= point < 0x1200 or ord(char) == _GONE:
        return _NOT_SURE
    return ord(char)


@cache
def _fold_table() -> Points:
    return np.array([_folded(point) for point in range(_FOLDED)], np.uint32)


def fold_for(points: Points) -> Points | None:
    """Return a table as `ASCII_FOLD` that makes of a text what `normalised` makes of it; None where there is none."""
    if not len(points) or points.max() < 128:
        return ASCII_FOLD
    if points.max() >= _FOLDED:
        return None
    table = _fold_table()
    return None if (table[points] == _NOT_SURE).any() else table
