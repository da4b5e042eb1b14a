"""Code part and comment part of a text: by our own comment syntax (`fixed`), or as the reference does it with pygments."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from codewright.corpus.quality.characters import points_of, text_of
from codewright.corpus.quality.comment_kernel import mark, take_apart
from codewright.corpus.quality.comment_syntax import syntax_of
from codewright.corpus.quality.text_view import Parts, TextView


def split_by_syntax(view: TextView) -> Parts:
    """Split by the language's comment syntax, in one linear pass.

    Like pygments' input the text loses a byte order mark and line ends around it, and ends in one LF.
    """
    points, text = view.points, view.content
    low = 1 if text.startswith("\ufeff") else 0
    high = len(text.rstrip("\n"))
    while low < high and points[low] == 10:
        low += 1
    points = np.append(points[low:high], np.uint32(10))
    marks = np.zeros(len(points), np.uint8)
    if not mark(points, view.kinds, syntax_of(view.language), marks):
        return Parts(points, "", "")
    comments, lines = np.empty_like(points), np.empty_like(points)
    of_code, of_comments, of_lines = take_apart(points, marks, comments, lines)
    is_ascii = text.isascii()
    return Parts(
        points[:of_code],
        text_of(comments[:of_comments], ascii_only=is_ascii),
        text_of(lines[:of_lines], ascii_only=is_ascii) if view.language == "python" else "",
    )


@cache
def _lexer_of(language: str) -> Any:
    """Return pygments' lexer that has the language's name among its aliases, or None."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None


@cache
def _comment_types() -> frozenset[Any]:
    from pygments.token import Comment, String

    return frozenset({Comment.Multiline, Comment.Single, String.Doc, Comment.Hashbang, Comment.Special})


def split_like_reference(view: TextView) -> Parts:
    """Split by pygments' tokens; Perl and languages without a lexer line by line, with the reference's faults.

    Source: quality rules of opc_data_filtering, section 2.1.
    """
    lexer = None if view.language == "perl" else _lexer_of(view.language)
    code: list[str] = []
    comments: list[str] = []
    if lexer is not None:
        types = _comment_types()
        for kind, text in lexer.get_tokens(view.content):
            (comments if kind in types else code).append(text)
    else:
        is_comment = _perl_lines() if view.language == "perl" else _other_lines()
        for line in view.raw_lines:
            (comments if is_comment(line.strip()) else code).append(line)
    return Parts(points_of("".join(code)), "".join(comments), "")


def _perl_lines() -> Callable[[str], bool]:
    pod = False

    def is_comment(line: str) -> bool:
        nonlocal pod
        if line.startswith("=cut"):
            pod = False
            return True
        pod = pod or line.startswith("=")
        return pod or line.startswith("#")

    return is_comment


def _other_lines() -> Callable[[str], bool]:
    many = False

    def is_comment(line: str) -> bool:
        nonlocal many
        if line.startswith(('"""', "/*")) or line.endswith(('"""', "*/")):
            many = not many
            return True
        many = many or line.startswith(("#", "//", "--"))
        return many

    return is_comment
