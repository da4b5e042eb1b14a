"""Source in any language with a grammar as pieces, broken source included."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from codewright.core.extract.grammar import FUNCTIONS, GRAMMARS, Grammar, parse_tree
from codewright.core.extract.program import Kind, Piece, Program
from codewright.core.extract.tree_names import DECLARING, declared, imported, is_prototype, mentioned, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_COMMENTS = frozenset({"comment", "line_comment", "block_comment"})
_ATTRIBUTES = frozenset({"attribute_item"})
_VALUES = frozenset({"arrow_function", "function_expression", "function", "class", "lambda", "lambda_expression", "anonymous_function", "generator_function"})  # fmt: skip
_ENTRY = frozenset({"main", "Main"})
_GO_TEST = re.compile(r"(?:Test|Benchmark|Example|Fuzz)(?:[A-Z_0-9]\w*)?\Z")
_PLACEHOLDER = re.compile(
    r"\{\s*(?:todo!|unimplemented!|throw\b[^;]*(?:not.?implemented|Unsupported))", re.IGNORECASE
)
_DEEPEST = 6
"""How many classes and namespaces inside each other are looked into; ours."""


def read_tree(text: str, language: str) -> Program | None:
    """Read source into pieces; None where the grammar cannot be used on it."""
    if not text.endswith("\n"):  # some grammars want the last line to end
        text += "\n"
    data = text.encode("utf-8", "replace")
    tree = parse_tree(data, language)
    if tree is None:
        return None
    root = tree.root_node
    places = _Places(data)
    pieces = list(_pieces(root, _Source(data, language, GRAMMARS[language], places)))
    return Program(text, language, tuple(pieces), root.has_error)


class _Places:
    """Turns offsets in UTF-8 bytes into offsets in characters; asked in order, so that the text is decoded once."""

    def __init__(self, data: bytes) -> None:
        self._data, self._plain = data, data.isascii()
        self._byte = self._character = 0

    def __call__(self, byte: int) -> int:
        if self._plain:
            return byte
        if byte < self._byte:
            self._byte = self._character = 0
        self._character += len(self._data[self._byte : byte].decode("utf-8", "ignore"))
        self._byte = byte
        return self._character


def _pieces(root: "Node", source: "_Source") -> Iterator[Piece]:
    lead: Node | None = None  # the first of the comments and attributes right above
    testing, below = False, -1
    failed: tuple[Node, Node] | None = None  # what does not parse, from its first node to its last
    children = root.children
    for index, node in enumerate(children):
        if node.is_error or not (node.is_named or node.type == ";"):
            failed, lead = (failed[0] if failed else node, node), None
            continue
        if failed is not None:
            yield _broken(source, *failed)
            failed = None
        if node.type in _COMMENTS and not _is_shebang(node):
            lead = node if lead is None or node.start_point.row > below else lead
            below = _last_row(node) + 1
            continue
        if node.type in _ATTRIBUTES:
            lead = lead if lead is not None and node.start_point.row <= below else node
            testing, below = testing or b"test" in (node.text or b""), _last_row(node) + 1
            continue
        if not node.is_named and node.type == ";":
            lead = None
            continue
        first = lead if lead is not None and node.start_point.row <= below else node
        following = children[index + 1] if index + 1 < len(children) else None
        last = following if following is not None and following.type == ";" else node
        yield _piece(source, node, first, last, testing=testing)
        lead, testing = None, False
    if failed is not None:
        yield _broken(source, *failed)


def _broken(source: "_Source", first: "Node", last: "Node") -> Piece:
    start, end = source.places(first.start_byte), source.places(last.end_byte)
    return Piece(start, end, "broken", partial(mentioned, first, source.language, source.data), sound=False)


def _last_row(node: "Node") -> int:
    """Return a comment's last row; some grammars count the line end as part of it."""
    return node.end_point.row - (node.end_point.column == 0 and node.end_point.row > node.start_point.row)


def _is_shebang(node: "Node") -> bool:
    return node.start_byte == 0 and (node.text or b"").startswith(b"#!")


@dataclass(frozen=True)
class _Source:
    """What pieces are read from."""

    data: bytes
    language: str
    grammar: Grammar
    places: "_Places"


def _piece(source: _Source, node: "Node", first: "Node", last: "Node", *, testing: bool) -> Piece:
    """Read one top-level node; its piece goes from the first to the last node around it."""
    language, grammar, places = source.language, source.grammar, source.places
    kind, core = _kind(node, grammar)
    names: frozenset[str] = frozenset()
    if kind == "import":
        names = imported(node, language)
    elif kind not in {"run", "header", "broken"}:
        names = frozenset(map(text_of, declared(core)))
    functions = list(_functions(core, grammar, _DEEPEST))
    if language == "go" and core.type == "method_declaration" and (name := core.child_by_field_name("name")):
        functions.append((text_of(name), core))
    stubs = {name for name, inner in functions if _is_stub(inner)}
    if kind == "definition" and core.type not in grammar.containers and _is_stub(core):
        stubs |= names
    stop = last.end_byte
    while stop > first.start_byte and source.data[stop - 1] in b" \t\n":  # some nodes end with their line
        stop -= 1
    start, end = places(first.start_byte), places(stop)
    return Piece(
        start,
        end,
        _special(core, names, language, testing=testing) or kind,
        partial(mentioned, node, language, source.data),
        names,
        methods=tuple((name, places(inner.start_byte), places(inner.end_byte)) for name, inner in functions),
        stubs=frozenset(stubs),
        key=node.type if kind == "header" else "",
        sound=not node.has_error,
    )


def _special(core: "Node", names: frozenset[str], language: str, *, testing: bool) -> Kind | None:
    """Tell main functions and tests from other functions."""
    if testing and core.type in {"mod_item", "function_item"}:
        return "test"
    if core.type not in FUNCTIONS or not names:
        return None
    if language == "go" and any(map(_GO_TEST.match, names)) and b"testing." in (core.text or b""):
        return "test"
    return "main" if names & _ENTRY and language in {"c", "cpp", "go", "rust"} else None


def _kind(node: "Node", grammar: Grammar) -> "tuple[Kind, Node]":
    """Tell what a top-level node is, and which node inside its wrappers it is about."""
    if node.is_error or node.is_missing:
        return "broken", node
    core = _unwrapped(node, grammar)
    if core is None:
        return "run", node
    bare_namespace = core.type == "namespace_definition" and core.child_by_field_name("body") is None
    if core.type in grammar.headers or _is_shebang(core) or bare_namespace:
        return "header", core
    if core.type in grammar.imports:
        return "import", core
    if core.type in grammar.definitions | grammar.bindings:
        plain = core.type in grammar.bindings and not _holds_function(core)
        return ("binding" if plain else "definition"), core
    return _kind_of_statement(core)


def _unwrapped(node: "Node", grammar: Grammar) -> "Node | None":
    """Return what stands inside `export`, `template<...>` and the like; None where nothing does."""
    core: Node | None = node
    while core is not None and core.type in grammar.wrappers:
        inner = core.child_by_field_name("declaration") or core.child_by_field_name("definition")
        core = inner or next((one for one in core.named_children if _is_known(one, grammar)), None)
    return core


def _is_known(node: "Node", grammar: Grammar) -> bool:
    return node.type in grammar.definitions | grammar.bindings | grammar.wrappers


def _kind_of_statement(node: "Node") -> "tuple[Kind, Node]":
    """Tell what an expression statement is; PHP, JavaScript and Python bind names with these, too."""
    text = node.text or b""
    if node.type == "if_statement" and (b"__name__" in text[:40] or b"require.main" in text[:40]):
        return "main", node
    inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else None
    if inner is not None and inner.type in {"assignment_expression", "assignment"}:
        left, right = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        plain = left is not None and left.type in {"identifier", "variable_name"}
        # module.exports = { f } and f.cache = new Map() belong to what they name.
        return (
            "definition" if not plain or (right is not None and right.type in _VALUES) else "binding"
        ), inner
    if inner is not None and inner.type == "internal_module":
        return "definition", inner
    return "run", node


def _holds_function(node: "Node") -> bool:
    """Tell whether a declaration gives a name to a function or a class, or only announces one, as prototypes do."""
    if is_prototype(node):
        return True
    waiting = [node]
    while waiting:
        one = waiting.pop()
        value = one.child_by_field_name("value")
        if value is not None and value.type in _VALUES:
            return True
        waiting += [child for child in one.named_children if child.type in DECLARING | {"init_declarator"}]
    return False


def _functions(node: "Node", grammar: Grammar, depth: int) -> "Iterator[tuple[str, Node]]":
    """Yield the functions inside a class, a namespace, an impl."""
    if node.type not in grammar.containers or depth == 0:
        return
    body = node.child_by_field_name("body")
    for child in (body or node).named_children:
        core = child
        while core.type in grammar.wrappers or core.type == "field_declaration":
            inner = next(
                (one for one in core.named_children if one.type in FUNCTIONS | grammar.containers), None
            )
            if inner is None:
                break
            core = inner
        if core.type in FUNCTIONS or core.type in {"field_definition", "public_field_definition"}:
            for name in declared(core)[:1]:
                yield text_of(name), core
        yield from _functions(core, grammar, depth - 1)


def _is_stub(node: "Node") -> bool:
    """Tell whether a function has no body, or one that only holds a place."""
    if node.type not in FUNCTIONS:
        return node.type == "function_signature"
    body = node.child_by_field_name("body")
    if body is None:
        return True
    inside = [one for one in body.named_children if one.type not in _COMMENTS]
    return not inside or (len(inside) == 1 and _PLACEHOLDER.match(text_of(body)) is not None)
