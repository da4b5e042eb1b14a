"""Where words, strings, statements and the heads of statements end in a text that Python's own parser has taken."""

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.corpus.quality.characters import Points

Ints = NDArray[np.int64]

(
    WORD,
    BLANK,
    LINE_END,
    COMMENT,
    BACKSLASH,
    QUOTE,
    OPEN,
    CLOSE,
    COMMA,
    SEMICOLON,
    COLON,
    EQUALS,
    SIGN,
    NOT_SURE,
) = range(14)
"""Kinds of character, and of what begins with one: a comment or a continued line is a blank, a string a quote."""

LEVELS = 200
"""Open brackets at most (Python's tokenizer has this limit), and more than its 100 levels of indentation."""

LONG = 400
"""Words and signs without a comma between them, and branches of `elif`: so few that no tree of them reaches the depth of 3,000
where `ast` gives up, if each makes three levels and blocks add their 300."""

_CHARACTERS = {
    " \t\f": BLANK, "\n": LINE_END, "#": COMMENT, "\\": BACKSLASH, "\"'": QUOTE, "([{": OPEN, ")]}": CLOSE, ",": COMMA, ";": SEMICOLON,
    ":": COLON, "=": EQUALS,
}  # fmt: skip


def _kinds() -> NDArray[np.uint8]:
    table = np.array(
        [WORD if chr(point).isalnum() or point == 95 else SIGN for point in range(128)], np.uint8
    )
    for characters, kind in _CHARACTERS.items():
        table[list(map(ord, characters))] = kind
    return table


_KINDS = _kinds()


def packed(word: str) -> int:
    """Return a word of ASCII as `word_at` does."""
    return int.from_bytes(word.encode(), "big")


_LAMBDA = packed("lambda")


@compiled
def kind_at(points: Points, at: int) -> int:
    """Return the kind of a character; LINE_END behind the text."""
    if at >= len(points):
        return LINE_END
    return int(_KINDS[points[at]]) if points[at] < 128 else WORD


@compiled
def word_end(points: Points, at: int) -> int:
    """Return where the word ends that begins at a place, if one does."""
    while at < len(points) and (points[at] > 127 or _KINDS[points[at]] == WORD):
        at += 1
    return at


@compiled
def word_at(points: Points, low: int, high: int) -> int:
    """Return a word of ASCII as a number, 0 for one of more than 7 letters."""
    if high - low > 7:
        return 0
    value = 0
    for k in range(low, high):
        value = value << 8 | int(points[k])
    return value


@compiled
def prefix(points: Points, low: int, high: int) -> int:
    """Tell what a word is: -1 no prefix of a string, 0 of plain text, 1 of bytes, 2 of a string with fields."""
    if high - low > 2 or kind_at(points, high) != QUOTE:
        return -1
    kind = 0
    for k in range(low, high):
        letter = points[k] | 32
        if letter == 98:  # b
            kind = 1
        elif letter in (102, 116):  # f, t
            kind = 2
        elif letter not in (114, 117):  # r, u
            return -1
    return kind


@compiled
def string_end(points: Points, at: int) -> int:
    """Return the place after the string whose quote stands at `at`."""
    n = len(points)
    quote = points[at]
    triple = at + 2 < n and points[at + 1] == quote and points[at + 2] == quote
    at += 3 if triple else 1
    while at < n:
        point = points[at]
        if point == 92:
            at += 2
        elif point == quote and not triple:
            return at + 1
        elif point == quote and at + 2 < n and points[at + 1] == quote and points[at + 2] == quote:
            return at + 3
        else:
            at += 1
    return n


@compiled
def _plain_fields(points: Points, low: int, high: int) -> bool:
    """Tell whether the fields of an f-string are short, and its strings in them plain, so that all versions of Python read them alike."""
    start = -1
    inside = 0
    k = low + 1
    while k < high - 1:
        point = points[k]
        if start < 0:
            if point == 123 and points[k + 1] == 123:
                k += 1
            elif point == 123:
                start = k
        elif point == 92 or k - start > LONG or (inside and point in (123, 125)):
            return False
        elif point in (34, 39):
            inside = 0 if inside == point else (inside or point)
        elif point == 125:
            start = -1
        k += 1
    return start < 0


@compiled
def skip(points: Points, at: int, lines: bool) -> int:
    """Return the next place that holds neither blank nor continuation; lines: nor line end nor comment."""
    n = len(points)
    while at < n:
        kind = kind_at(points, at)
        if kind == BLANK or (lines and kind == LINE_END):
            at += 1
        elif kind == BACKSLASH:
            at += 2
        elif lines and kind == COMMENT:
            at = line_end(points, at)
        else:
            break
    return min(at, n)


@compiled
def line_end(points: Points, at: int) -> int:
    """Return where the line's LF stands, or the end of the text."""
    while at < len(points) and points[at] != 10:
        at += 1
    return at


@compiled
def _token(points: Points, at: int) -> tuple[int, int]:
    """Return what begins at a place and where it ends."""
    kind = kind_at(points, at)
    if kind == WORD:
        return _word_or_string(points, at)
    if kind == QUOTE:
        return QUOTE, string_end(points, at)
    if kind == COMMENT:
        return BLANK, line_end(points, at)
    return (BLANK, at + 2) if kind == BACKSLASH else (kind, at + 1)


@compiled
def _word_or_string(points: Points, at: int) -> tuple[int, int]:
    end = word_end(points, at)
    if kind_at(points, end) != QUOTE:
        return WORD, end
    what = prefix(points, at, end)
    if what < 0:
        return WORD, end
    low, end = end, string_end(points, end)
    return (NOT_SURE if what == 2 and not _plain_fields(points, low, end) else QUOTE), end


@compiled
def piece(points: Points, at: int, head: bool, runs: Ints) -> tuple[int, int, int, bool]:  # noqa: PLR0912 - one pass
    """Pass over a statement, or over its head to the colon.

    Returns where it ends, what ends it (LINE_END, SEMICOLON, COLON or NOT_SURE), how many names it assigns to and whether it annotates one.
    runs: room for a number a bracket.
    """
    n = len(points)
    depth = words = others = lambdas = total = assigned = runs[0] = 0
    comma, targets, annotated = False, not head, False
    while at < n and total <= LONG:
        low = at
        kind, at = _token(points, at)
        if kind == BLANK or (kind == LINE_END and depth):
            continue
        if kind in (LINE_END, NOT_SURE):
            return at, kind, assigned, annotated
        if comma and points[low] == 47:  # parameters for positions only
            return at, NOT_SURE, 0, False
        comma = kind == COMMA
        total += kind != QUOTE
        runs[depth] += kind != QUOTE
        if kind == WORD:
            words += 1
            if depth == 0 and word_at(points, low, at) == _LAMBDA:
                lambdas += 1
                targets = False
        elif kind == OPEN:
            others += points[low] != 40
            depth += 1
            if depth >= LEVELS:
                return at, NOT_SURE, 0, False
            runs[depth] = 0
        elif kind == CLOSE:
            total -= runs[depth]
            depth -= 1
        elif kind == COMMA:
            others += 1
            total -= runs[depth]
            runs[depth] = 0
        elif depth or kind == QUOTE:
            others += 1
        elif kind == SEMICOLON:
            return at, SEMICOLON, assigned, annotated
        elif kind_at(points, at) == EQUALS:  # ==, :=, += and the like
            at += 1
            others += 1
            targets = False
        elif kind == EQUALS and targets:
            assigned += words == 1 and others == 0
            words = others = 0
        elif kind == COLON and lambdas:
            lambdas -= 1
        elif kind == COLON and head:
            return at, COLON, 0, False
        elif kind == COLON and targets:
            annotated = words == 1 and others == 0
            targets = False
        else:
            others += 1
    return at, LINE_END if at >= n else NOT_SURE, assigned, annotated
