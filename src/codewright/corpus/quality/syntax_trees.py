"""Syntax trees by tree-sitter, parsed in bounded time and asked once."""

import gc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from codewright.core.extract.counted_parse import parse_counted

if TYPE_CHECKING:
    from tree_sitter import Parser, Query, Tree

_GRAMMARS = {
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "rust": ("tree_sitter_rust", "language"),
    "php": ("tree_sitter_php", "language_php"),
}
"""Language -> module and function of its grammar."""

_SHORT = 16_384
"""Texts up to so many bytes are parsed unwatched, which is 5 % faster: the worst ones known take less than half a second."""


@cache
def _language(name: str) -> Any:
    from tree_sitter import Language

    module, function = _GRAMMARS[name]
    return Language(getattr(importlib.import_module(module), function)())


@cache
def _parser(name: str) -> "Parser":
    from tree_sitter import Parser

    return Parser(_language(name))


@cache
def _query(name: str, query: str) -> "Query":
    from tree_sitter import Query

    return Query(_language(name), query)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking at nodes: there are thousands, and no cycles."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def parse(name: str, data: bytes) -> "Tree | None":
    """Parse; None where the text has a syntax error or takes too long."""
    parser = _parser(name)
    if len(data) <= _SHORT:
        tree = parser.parse(data)
        return None if tree.root_node.has_error else tree
    found = parse_counted(parser, data)
    return None if found is None or found.root_node.has_error else found


def counted(name: str, content: str, query: str) -> dict[str, int] | None:
    """Parse and count what a query captures, by name; None where the text has a syntax error or takes too long."""
    from tree_sitter import QueryCursor

    with uncollected():
        tree = parse(name, content.encode("utf-8", "surrogatepass"))
        if tree is None:
            return None
        found = QueryCursor(_query(name, query)).captures(tree.root_node)
        return {capture: len(nodes) for capture, nodes in found.items()}
