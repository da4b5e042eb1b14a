"""Which characters of a text are comments: one linear pass by a language's comment and string syntax, no tokens made.

`syntax` is a table of int64, a row a construct: [kind, flags, length of opening, opening (8), length of closing, closing (8)].
Rows are tried in order at each character that opens one, so longer openings stand before shorter ones.
"""

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.corpus.quality.characters import Kinds, Points

LINE, BLOCK, STRING, TRIPLE_DOC, REGEX, HEREDOC, CHAR = range(7)
"""Kinds of construct. TRIPLE_DOC: a string that is a doc string when it begins a line. CHAR: 'x' or '\\x' and nothing longer."""

(
    AT_LINE_START,
    AFTER_BLANK,
    NESTED,
    ONE_LINE,
    ESCAPES,
    DOUBLED,
    ANY_CASE,
    CONTINUES,
    WITH_NEWLINE,
    LINE_CLOSES,
    AT_COLUMN_1,
) = (1 << bit for bit in range(11))
"""Flags: opens only first in its line, only after a blank, or only in the first column; nests; ends with its line; a backslash escapes;
a doubled quote is one; letters in any case; a backslash continues it on the next line; the LF belongs to the comment; closes with the whole line."""

WIDTH, OPEN, CLOSE = 20, 3, 12


@compiled
def _same(points: Points, at: int, row: NDArray[np.int64], where: int, any_case: bool) -> bool:
    """Tell whether the characters that a row lists from `where` on stand at a place."""
    length = row[where - 1]
    if length == 0 or at + length > len(points):
        return False
    for k in range(length):
        point = np.int64(points[at + k])
        if any_case and 65 <= point <= 90:
            point += 32
        if point != row[where + k]:
            return False
    return True


@compiled
def _line_end(points: Points, at: int, continues: bool) -> int:
    """Return where the line's LF stands, or the end of the text."""
    n = len(points)
    while at < n and (points[at] != 10 or (continues and points[at - 1] == 92)):
        at += 1
    return at


@compiled
def _block_end(points: Points, at: int, row: NDArray[np.int64]) -> int:
    """Return where a block that opened before `at` ends; the text's end where nothing closes it."""
    n = len(points)
    depth = 1
    nested, line_closes = row[1] & 4 != 0, row[1] & 512 != 0
    at_start = row[1] & 1024 != 0
    while at < n:
        if (
            points[at] == row[12]
            and (not at_start or points[at - 1] == 10)
            and _same(points, at, row, 12, False)
        ):
            depth -= 1
            at += row[11]
            if depth == 0:
                return _line_end(points, at, False) if line_closes else at
        elif nested and points[at] == row[3] and _same(points, at, row, 3, False):
            depth += 1
            at += row[2]
        else:
            at += 1
    return n


@compiled
def _string_end(points: Points, at: int, row: NDArray[np.int64]) -> int:
    """Return where a string that opened before `at` ends: with its line at the latest if it is of one line, else -1 for never."""
    n = len(points)
    one_line, escapes, doubled = row[1] & 8 != 0, row[1] & 16 != 0, row[1] & 32 != 0
    while at < n:
        point = points[at]
        if escapes and point == 92:
            at += 2
        elif point == 10 and one_line:
            return at
        elif point == row[12] and _same(points, at, row, 12, False):
            at += row[11]
            if not (doubled and _same(points, at, row, 12, False)):
                return at
            at += row[11]
        else:
            at += 1
    return n if one_line else -1


@compiled
def _regex_end(points: Points, at: int, before: int) -> int:
    """Return where a regular expression that opened before `at` ends, or -1 if it is a division.

    before: the last character that is not white space; after a value `/` divides.
    """
    word = (
        (48 <= before <= 57) or (65 <= before <= 90) or (97 <= before <= 122) or before == 95 or before == 36
    )
    if word or before == 41 or before == 93 or before == 125 or before > 127:
        return -1
    bracket = False
    while at < len(points) and points[at] != 10:
        point = points[at]
        if point == 92:
            at += 1
        elif point == 91:
            bracket = True
        elif point == 93:
            bracket = False
        elif point == 47 and not bracket:
            return at + 1
        at += 1
    return -1


@compiled
def _heredoc_end(points: Points, at: int, kinds: Kinds) -> int:
    """Return where the text ends that `<<WORD` before `at` opens (the line that begins with it), -1 for a shift, -2 for never."""
    n = len(points)
    while at < n and (points[at] == 45 or points[at] == 126 or points[at] == 39 or points[at] == 34):
        at += 1
    first = at
    while at < n and kinds[points[at]] & 1:
        at += 1
    size = at - first
    if size < 2 or not (65 <= points[first] <= 90 or points[first] == 95):
        return -1
    while at < n:
        at = _line_end(points, at, False) + 1
        begin = at
        while begin < n and (points[begin] == 32 or points[begin] == 9):
            begin += 1
        same = begin + size <= n and (begin + size == n or not kinds[points[begin + size]] & 1)
        k = 0
        while same and k < size:
            same = points[begin + k] == points[first + k]
            k += 1
        if same:
            return begin + size
    return -2


@compiled
def _char_end(points: Points, at: int) -> int:
    """Return where a character literal that opened before `at` ends, or -1 for a lifetime, a label or a quote."""
    n = len(points)
    if at + 1 < n and points[at] == 92:
        k = at + 2
        while k < n and k < at + 12 and points[k] != 39 and points[k] != 10:
            k += 1
        return k + 1 if k < n and points[k] == 39 else -1
    return at + 2 if at + 1 < n and points[at + 1] == 39 and points[at] != 10 else -1


@compiled
def _opens(points: Points, at: int, row: NDArray[np.int64], kinds: Kinds, first: int, start: int) -> bool:
    """Tell whether a row's construct opens here. first: the first place of the line that is not blank; start: of the line."""
    if points[at] != row[3] and not (row[1] & 64 and points[at] + 32 == row[3]):
        return False
    if not _same(points, at, row, 3, row[1] & 64 != 0):
        return False
    if row[1] & 1 and at != first:
        return False
    if row[1] & 1024 and at != start:
        return False
    if row[1] & 2 and at > start:
        before = points[at - 1]
        if not (
            kinds[before] & 2 or before == 59 or before == 40 or before == 41 or before == 38 or before == 124
        ):
            return False
    return not (row[1] & 64 and at + row[2] < len(points) and kinds[points[at + row[2]]] & 1)


@compiled
def _is_doc(points: Points, at: int, first: int) -> bool:
    """Tell whether a string begins its line, with at most two letters of a prefix before it."""
    for k in range(first, at):
        letter = points[k] | 32
        if not (letter == 114 or letter == 117 or letter == 98):
            return False
    return at - first <= 2


@compiled
def _construct(
    points: Points,
    at: int,
    row: NDArray[np.int64],
    kinds: Kinds,
    first: int,
    before: int,
    marks: NDArray[np.uint8],
) -> int:
    """Return where the construct that a row opens ends, and mark it if it is a comment; -1: it is none; -2: nothing closes it."""
    kind, inside = row[0], at + row[2]
    if kind == 0:
        end = _line_end(points, inside, row[1] & 128 != 0)
        if row[1] & 256 and end < len(points):
            end += 1
        marks[at:end] = 1
        return end
    if kind == 1:
        end = _block_end(points, inside, row)
        marks[at:end] = 2
        return end
    if kind == 2 or kind == 3:
        end = _string_end(points, inside, row)
        if end < 0:
            return -2
        if kind == 3 and _is_doc(points, at, first):
            marks[at:end] = 2
        return end
    if kind == 4:
        return _regex_end(points, inside, before)
    if kind == 5:
        return _heredoc_end(points, inside, kinds)
    return _char_end(points, inside)


@compiled
def mark(points: Points, kinds: Kinds, syntax: NDArray[np.int64], marks: NDArray[np.uint8]) -> bool:
    """Write to `marks` (zeros, one a character) which are comments (1) or doc strings and blocks (2); tells whether any."""
    n = len(points)
    openers = np.zeros(129, np.bool_)
    for r in range(len(syntax)):
        openers[syntax[r, 3]] = True
        if syntax[r, 1] & 64:
            openers[syntax[r, 3] - 32] = True
    spent = np.zeros(len(syntax), np.bool_)  # constructs that nothing closes any more
    some = False
    i = start = 0
    first = -1  # of the line, the first character that is not blank
    before = 0
    while i < n:
        point = points[i]
        if point == 10:
            start, first = i + 1, -1
        if kinds[point] & 2:
            i += 1
            continue
        if first < 0:
            first = i
        end = -1
        if point < 128 and openers[point]:
            for r in range(len(syntax)):
                if end < 0 and not spent[r] and _opens(points, i, syntax[r], kinds, first, start):
                    end = _construct(points, i, syntax[r], kinds, first, before, marks)
                    spent[r] = end == -2
        if end < 0:
            before = point
            i += 1
            continue
        end = min(end, n)
        if marks[i]:
            some = True
        else:
            before = points[end - 1]
        # What was passed over may have held line ends; only the last one matters.
        k = end - 1
        while k >= i and points[k] != 10:
            k -= 1
        if k >= i:
            start = k + 1
            first = -1
        i = end
    return some


@compiled
def take_apart(
    points: Points, marks: NDArray[np.uint8], comments: Points, lines: Points
) -> tuple[int, int, int]:
    """Move the code to the front of `points` and copy comments, and of these the line comments; returns how long each is."""
    code = all_comments = line_comments = 0
    for i in range(len(points)):
        point = points[i]
        if marks[i] == 0:
            points[code] = point
            code += 1
        else:
            comments[all_comments] = point
            all_comments += 1
            if marks[i] == 1:
                lines[line_comments] = point
                line_comments += 1
    return code, all_comments, line_comments
