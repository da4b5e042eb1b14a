"""Python source with its syntax tree: where a node's text stands, and edits of one place that leave the rest as it is."""

import ast
import builtins
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from codewright.core.extract.python_pieces import parse_python


@dataclass(frozen=True)
class Edit:
    """One place to change: bytes from `start` to `end` become `text`; `around` is what a sentence about it quotes."""

    start: int
    end: int
    text: str
    around: ast.AST
    name: str = ""
    """The variable, function or parameter that the change is about, where the sentence needs it."""


class Source:
    """A source whose last statement is the function to change. Offsets count bytes, as the parser's columns do.

    tree: of all of it; nodes: of the function, those that may be changed; parents: of every node but the module.
    """

    def __init__(self, code: str) -> None:
        """Raises ValueError for code that does not parse."""
        tree = parse_python(code)
        if tree is None:
            raise ValueError("not Python")
        self.tree = tree
        self.data = code.encode()
        self._starts = [0, *(found.end() for found in re.finditer(rb"\n", self.data))]
        self.nodes = list(_changeable(tree.body[-1])) if tree.body else []
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def start(self, node: ast.AST) -> int:
        """Return where a node begins."""
        line, column = _place(node, "lineno"), _place(node, "col_offset")
        return self._starts[line - 1] + column

    def end(self, node: ast.AST) -> int:
        """Return where a node ends."""
        line, column = _place(node, "end_lineno"), _place(node, "end_col_offset")
        return self._starts[line - 1] + column

    def line(self, offset: int) -> int:
        """Return the line of an offset, counted from 1."""
        return bisect_right(self._starts, offset)

    def line_start(self, line: int) -> int:
        """Return where a line begins, or the end of the text behind the last one."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.data)

    def text(self, node: ast.AST) -> str:
        """Return a node's own text."""
        return self.data[self.start(node) : self.end(node)].decode()

    def between(self, left: ast.AST, right: ast.AST, word: str, other: str, around: ast.AST) -> Iterator[Edit]:  # fmt: skip
        """Yield the edit that replaces `word`, if it stands once between two neighbouring nodes."""
        begin = self.end(left)
        gap = self.data[begin : self.start(right)].decode()
        spelled = r"\s+".join(rf"\b{part}\b" if part.isalpha() else re.escape(part) for part in word.split())
        found = list(re.finditer(spelled, gap))
        if len(found) == 1 and gap.isascii() and "#" not in gap:
            yield Edit(begin + found[0].start(), begin + found[0].end(), other, around)


def _place(node: ast.AST, field: str) -> int:
    return int(getattr(node, field))


def _changeable(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk everything but f-strings (their columns are not to be trusted before Python 3.12), annotations, decorators."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        left_out: list[ast.AST | None] = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            left_out = [node.returns, *node.decorator_list]
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            left_out = [node.annotation]
        children = [child for child in ast.iter_child_nodes(node) if child not in left_out]
        todo += reversed([child for child in children if not isinstance(child, ast.JoinedStr)])


def insert(source: Source, before: ast.AST, text: str, around: ast.AST) -> Edit:
    """Put text before a node."""
    return Edit(source.start(before), source.start(before), text, around)


def shift(source: Source, node: ast.expr, around: ast.AST) -> Iterator[Edit]:
    """Yield the edits that make a whole number, or a name or call that gives one, greater and less by one."""
    start, end = source.start(node), source.end(node)
    value = int_value(node)
    if value is not None and source.text(node).removeprefix("-").isdecimal():
        # Nothing below zero from above it: `x[0]` and `x[-1]` are two bugs, not one that is off by one.
        steps = (1, -1) if value not in {0, -1} else ((1,) if value == 0 else (-1,))
        for step in steps:
            yield Edit(start, end, str(value + step), around)
    elif (
        isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) and int_value(node.right) == 1
    ):
        yield Edit(source.end(node.left), end, "", around)
    elif isinstance(node, (ast.Name, ast.Call)) and not hasattr(builtins, source.text(node)):
        for tail in (" + 1", " - 1"):
            yield Edit(end, end, tail, around)


def int_value(node: ast.AST) -> int | None:
    """Return the whole number written there, its sign included; None for anything else."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return sign * node.value
    return None


def is_int(node: ast.AST) -> bool:
    """Tell a whole number."""
    return int_value(node) is not None
