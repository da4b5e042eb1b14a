"""Parsing by tree-sitter in bounded time and memory, whatever the text; texts with errors have a tree, too."""

import importlib
import re
from functools import cache
from typing import TYPE_CHECKING

from codewright.core.extract.counted_parse import parse_counted
from codewright.core.extract.grammar import GRAMMARS, parseable

if TYPE_CHECKING:
    from tree_sitter import Language, Tree

_DEEPEST, _MOST_ANGLES = 200, 2_000
"""Brackets, and angles, open at once above which a file is not parsed: grammars with generics take the square of what is not
closed, in time and in memory, inside one step (`a<` 5,000 times: 0.3 GB with tree-sitter-c-sharp 0.23.5). Code has a few dozen
brackets open; angles that compare are never closed, one in a hundred bytes is data."""
_BRACKET = re.compile(rb"[()\[\]{}<>]")

_COMMENT_LINES = re.compile(rb"(?:^[ \t]*(?:#[^\n]*)?\n)+", re.MULTILINE)
_MOST_COMMENT_COST = 200_000_000
"""Bytes times lines of comments in a row above which Python is not parsed: its scanner reads the rest of them at every line
(3,400 lines of 7 bytes: 1 s with tree-sitter-python 0.25.0, a third of this bound)."""


@cache
def _language(grammar: str, entry: str) -> "Language":
    from tree_sitter import Language

    known = GRAMMARS[grammar]
    return Language(getattr(importlib.import_module(known.module), entry or known.language)())


def parse_bounded(data: bytes, grammar: str, entry: str = "") -> "Tree | None":
    """Parse UTF-8; None where it takes too many steps, nests deeper than code does, or is a book of comments. Nodes: see `parseable`.

    grammar: key of `GRAMMARS`. entry: the function of its module that gives the language, where it is another one.
    """
    from tree_sitter import Parser

    if _nests_deeply(data) or (grammar == "python" and _comment_cost(data) > _MOST_COMMENT_COST):
        return None
    return parse_counted(Parser(_language(grammar, entry)), parseable(data, grammar))


def _nests_deeply(data: bytes) -> bool:
    """Tell whether more brackets are open somewhere than code has."""
    depth = angles = 0
    for found in _BRACKET.finditer(data):
        mark = found[0]
        if mark == b"<":
            angles += 1
        elif mark == b">":
            angles -= angles > 0
        elif mark in b"([{":
            depth += 1
        else:
            depth -= depth > 0
        if depth > _DEEPEST or angles > _MOST_ANGLES:
            return True
    return False


def _comment_cost(data: bytes) -> int:
    runs = (found[0] for found in _COMMENT_LINES.finditer(data))
    return sum(len(run) * run.count(b"\n") for run in runs)
