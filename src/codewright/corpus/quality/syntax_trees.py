"""Syntax trees by tree-sitter, parsed in bounded time and asked once."""

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Query, Tree

_GRAMMARS = {
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "rust": ("tree_sitter_rust", "language"),
    "php": ("tree_sitter_php", "language_php"),
}
"""Language -> module and function of its grammar."""

_STEPS, _BYTES_A_STEP = 20_000, 4
"""A parse is given up after so many reports of progress and one for so many bytes: ten times what ordinary and minified files
take (50 bytes a report and more, counted over npm's packages), for error recovery can take long."""

_CHUNK = 65_536
"""Bytes handed to the parser at a time."""


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


def _parse(name: str, data: bytes) -> "Tree | None":
    """Parse; None where it took too long."""
    left = _STEPS + len(data) // _BYTES_A_STEP

    def too_long(_offset: int, _has_error: bool) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    parser = _parser(name)
    try:
        return parser.parse(lambda offset, _: data[offset : offset + _CHUNK], progress_callback=too_long)
    except ValueError:
        parser.reset()
        return None


def captures(name: str, content: str, query: str) -> "dict[str, list[Node]] | None":
    """Parse and return what a query captures, by name; None where the text has a syntax error or takes too long."""
    from tree_sitter import QueryCursor

    tree = _parse(name, content.encode("utf-8", "surrogatepass"))
    if tree is None or tree.root_node.has_error:
        return None
    return QueryCursor(_query(name, query)).captures(tree.root_node)
