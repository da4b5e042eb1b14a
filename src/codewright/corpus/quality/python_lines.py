"""What Python's statements are, from their first words and their indentation: one linear pass over a text that Python's parser took.

Nothing is checked here, because nothing has to be: brackets close, blocks are indented, every word stands where it may. What the
pass is not sure of (match statements, parameters for positions only, very long expressions) it leaves to `ast`.
"""

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.corpus.quality import python_tokens as tokens
from codewright.corpus.quality.characters import Points
from codewright.corpus.quality.python_tokens import kind_at, packed, piece, skip, word_at, word_end

Ints = NDArray[np.int64]

FUNCTIONS, SIMPLE, CLASSES, CLASS_VARIABLES, VARIABLES, DOCSTRINGS, _ELIFS, FACTS = range(8)
"""Places in what `statements` finds: what `python_tree.PythonFacts` counts, how many doc strings were written down; how many places."""

OTHER, MODULE, CLASS, FUNCTION = range(4)
"""Kinds of block; the last three have doc strings."""

_COLUMN, _KIND, _STATEMENTS, _RETURNS, _IN_CLASS, _NAME, _NAME_END, _FIELDS = range(8)
"""What is known of a block; `_RETURNS`: whether its first statement is `return`."""

_NEVER = 1 << 40
"""The column of a block that ends with its line."""

_DEF, _CLASS, _ASYNC, _FOR, _ELIF, _RETURN = map(packed, ("def", "class", "async", "for", "elif", "return"))
_IF, _ELSE, _WHILE, _TRY, _EXCEPT, _FINALLY, _WITH = map(
    packed, ("if", "else", "while", "try", "except", "finally", "with")
)
_MATCH, _CASE, _IN = map(packed, ("match", "case", "in"))


@compiled
def _loops_over_name(points: Points, at: int) -> bool:
    """Tell whether what stands between `for` and `in` is one name."""
    words = 0
    while True:
        at = skip(points, at, True)
        kind = kind_at(points, at)
        if kind == tokens.WORD:
            low, at = at, word_end(points, at)
            if words == 1 and word_at(points, low, at) == _IN:
                return True
            words += 1
        elif kind == tokens.CLOSE or (kind == tokens.OPEN and points[at] == 40):
            at += 1
        else:
            return False


@compiled
def _takes_arguments(points: Points, at: int) -> int:
    """Tell whether a function has parameters for positions and names; at: behind its name. -1: not sure."""
    at = skip(points, at, False)
    if at >= len(points) or points[at] != 40:
        return -1
    return 1 if kind_at(points, skip(points, at + 1, True)) == tokens.WORD else 0


@compiled
def _docstring_end(points: Points, at: int) -> int:
    """Return where the plain strings end that are the whole statement, 0 if it is none of that, -1 for not sure."""
    if kind_at(points, at) == tokens.OPEN:
        at = word_end(points, skip(points, at + 1, True))
        return -1 if kind_at(points, at) in (tokens.QUOTE, tokens.OPEN) else 0
    while True:
        low, at = at, word_end(points, at)
        if kind_at(points, at) != tokens.QUOTE or (at > low and tokens.prefix(points, low, at) != 0):
            return 0
        end = tokens.string_end(points, at)
        at = skip(points, end, False)
        if kind_at(points, at) in (tokens.LINE_END, tokens.COMMENT, tokens.SEMICOLON):
            return end


@compiled
def _opens_block(word: int) -> bool:
    return word in (
        _IF, _ELSE, _ELIF, _WHILE, _TRY, _EXCEPT, _FINALLY, _WITH, _FOR, _DEF, _CLASS, _ASYNC,
    )  # fmt: skip


@compiled
def _may_match(points: Points, word: int, at: int) -> bool:
    """Tell whether `match` or `case` before a place may be no name."""
    if word not in (_MATCH, _CASE):
        return False
    at = skip(points, at, False)
    kind = kind_at(points, at)
    plain = kind in (tokens.EQUALS, tokens.COMMA, tokens.COLON, tokens.LINE_END, tokens.SEMICOLON)
    return not plain and bool(points[at] != 46)


@compiled
def _indentation(points: Points, at: int) -> tuple[int, int]:
    """Return where a line's text begins and in what column."""
    column = 0
    while kind_at(points, at) == tokens.BLANK:
        if points[at] == 32:
            column += 1
        else:
            column = (column // 8 + 1) * 8 if points[at] == 9 else 0
        at += 1
    return at, column


@compiled
def _close(blocks: Ints, top: int, column: int, found: Ints) -> int:
    """Close the blocks that are indented more than a column; returns which is open."""
    while blocks[top, _COLUMN] > column:
        block = blocks[top]
        found[SIMPLE] += block[_KIND] == FUNCTION and block[_STATEMENTS] == 1 and block[_RETURNS] > 0
        top -= 1
    return top


@compiled
def _head(points: Points, word: int, at: int, block: Ints, opened: Ints, found: Ints) -> bool:  # noqa: PLR0917 - by position, as it is compiled
    """Count a compound statement within a block and note what it opens; at: behind its first word; False for not sure."""
    opened[:] = 0
    opened[_IN_CLASS] = block[_IN_CLASS] or block[_KIND] == CLASS
    if word in (_DEF, _CLASS):
        opened[_KIND] = FUNCTION if word == _DEF else CLASS
        opened[_NAME] = skip(points, at, False)
        opened[_NAME_END] = word_end(points, opened[_NAME])
        if word == _CLASS:
            found[CLASSES] += 1
            return True
        takes = _takes_arguments(points, opened[_NAME_END])
        found[FUNCTIONS] += 1
        found[VARIABLES] += takes > 0
        return takes >= 0
    if word == _FOR:
        found[VARIABLES] += _loops_over_name(points, at)
    found[_ELIFS] += word == _ELIF
    return bool(found[_ELIFS] < tokens.LONG)


@compiled
def _begin(points: Points, at: int, word: int, block: Ints, docstrings: Ints, found: Ints) -> bool:  # noqa: PLR0917
    """Count a statement of a block, and note the doc string that it may be; False for not sure."""
    block[_STATEMENTS] += 1
    if block[_STATEMENTS] > 1:
        return True
    block[_RETURNS] = word == _RETURN
    end = _docstring_end(points, at) if block[_KIND] != OTHER else 0
    if end > 0:
        row = docstrings[found[DOCSTRINGS]]
        row[0], row[1], row[2], row[3], row[4] = block[_KIND], block[_NAME], block[_NAME_END], at, end
        found[DOCSTRINGS] += 1
    return end >= 0


@compiled
def _logical_line(  # noqa: PLR0917
    points: Points, at: int, blocks: Ints, top: int, runs: Ints, docstrings: Ints, found: Ints
) -> tuple[int, bool]:  # fmt: skip
    """Count in the statements of a line and in what continues it; returns where it ends, -1 for not sure, and whether a block follows.

    What that block will be is noted behind the one that is open.
    """
    block = blocks[top]
    while True:
        after = word_end(points, at)
        word = word_at(points, at, after)
        head = _opens_block(word)
        if (
            not _begin(points, at, word, block, docstrings, found)
            or _may_match(points, word, after)
            or (head and not _head(points, word, after, block, blocks[top + 1], found))
        ):
            return -1, False
        at, ended, assigned, annotated = piece(points, after if head else at, head, runs)
        if ended == tokens.NOT_SURE:
            return -1, False
        found[VARIABLES] += assigned
        if block[_KIND] == CLASS and not block[_IN_CLASS]:
            found[CLASS_VARIABLES] += assigned + annotated
        at = at if ended == tokens.LINE_END else skip(points, at, False)
        if ended == tokens.LINE_END or kind_at(points, at) in (tokens.LINE_END, tokens.COMMENT):
            break
        if ended == tokens.COLON:  # what it opens stands in the same line
            block = blocks[top + 1]
            block[_COLUMN] = _NEVER
    if block[_COLUMN] == _NEVER:
        _close(blocks, top + 1, blocks[top, _COLUMN], found)
    return at, ended == tokens.COLON


@compiled
def statements(points: Points, docstrings: Ints, found: Ints) -> bool:
    """Count in a whole text; False for not sure, when what was found means nothing.

    docstrings: room for a row of five for each block; written: kind of block, where its name begins and ends, where the literal does.
    found: FACTS zeros.
    """
    n = len(points)
    blocks, runs = np.zeros((tokens.LEVELS, _FIELDS), np.int64), np.zeros(tokens.LEVELS, np.int64)
    blocks[0, _KIND] = MODULE
    top = at = 0
    waiting = False  # a head ended with its line
    while True:
        at, column = _indentation(points, at)
        if at >= n:
            _close(blocks, top, 0, found)
            return True
        kind = kind_at(points, at)
        if kind == tokens.COMMENT:
            at = tokens.line_end(points, at)
        elif kind == tokens.LINE_END:
            at += 1
        else:
            if waiting:
                top += 1
                blocks[top, _COLUMN] = column
            else:
                top = _close(blocks, top, column, found)
            if kind == tokens.BACKSLASH or blocks[top, _COLUMN] != column:
                return False
            at, waiting = _logical_line(points, at, blocks, top, runs, docstrings, found)
            if at < 0:
                return False
