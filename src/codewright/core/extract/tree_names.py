"""Names in a syntax tree: what a node declares, what it mentions, what an import brings."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from codewright.core.extract.grammar import GRAMMARS, find_nodes

if TYPE_CHECKING:
    from tree_sitter import Node

DECLARING = frozenset(
    {
        "variable_declarator",
        "variable_declaration",
        "variable_assignment",
        "lexical_declaration",
        "local_function_statement",
        "local_declaration_statement",
        "type_spec",
        "type_alias",
        "var_spec",
        "var_spec_list",
        "const_spec",
        "const_element",
        "function_definition",
        "class_specifier",
        "struct_specifier",
        "alias_declaration",
        "internal_module",
    }
)
"""Nodes that declare names, or hold nodes that do."""
_NAMES = ("identifier", "name", "word", "variable_name", "type_identifier", "field_identifier", "package_identifier", "namespace_identifier", "property_identifier", "private_property_identifier", "operator_name", "destructor_name")  # fmt: skip
_PATTERNS = frozenset({"object_pattern", "array_pattern"})


def text_of(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")


def declared(node: "Node") -> "list[Node]":
    """List the nodes that name what a declaration declares; none for a prototype."""
    if node.type in _NAMES:
        return [node]
    if node.type in _PATTERNS:
        return [leaf for leaf in _leaves(node) if leaf.type.endswith(("identifier", "identifier_pattern"))]
    if node.type in {"assignment_expression", "assignment"}:
        left = node.child_by_field_name("left")
        while left is not None and left.type in {
            "member_expression",
            "subscript_expression",
            "attribute",
            "subscript",
        }:
            left = left.named_children[0]
        return declared(left) if left is not None else []
    if is_prototype(node):
        return []
    if node.type in {"impl_item", "method_declaration"} and (owner := _owner(node)) is not None:
        return [owner]
    named = node.children_by_field_name("name") or node.children_by_field_name("property")
    named = named or node.children_by_field_name("declarator")
    if not named and node.type in {"reference_declarator", "parenthesized_declarator"}:
        named = node.named_children[-1:]
    if not named:
        plain = ("const_element", "declaration_command")
        named = [
            one
            for one in node.named_children
            if one.type in DECLARING or (node.type in plain and one.type in _NAMES)
        ]
    return [found for one in named for found in declared(one)]


def _owner(node: "Node") -> "Node | None":
    """Return the type that a Rust impl or a Go method belongs to; they come and go with it."""
    holder = node.child_by_field_name("type" if node.type == "impl_item" else "receiver")
    return next((one for one in _leaves(holder) if one.type == "type_identifier"), None) if holder else None


def _leaves(node: "Node") -> "Iterator[Node]":
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.child_count == 0:
            yield one
        waiting += reversed(one.children)


def mentioned(node: "Node", language: str, data: bytes) -> frozenset[str]:
    """Collect the names that a node mentions, without those that it declares for itself."""
    found: set[str] = set()
    own: set[str] = set()
    for one in find_nodes(node, language, *GRAMMARS[language].names):
        name = text_of(one)
        if language == "php" and one.type == "name" and data[one.start_byte - 1 : one.start_byte] == b"$":
            continue
        (own if _is_declared_here(one) else found).add(name)
    return frozenset(found - own)


_OF_PARAMETERS = frozenset(
    {"formal_parameters", "closure_parameters", "object_pattern", "array_pattern", "tuple_pattern"}
)
_OF_LOCALS = {
    "arrow_function": "parameter",
    "catch_formal_parameter": "name",
    "declaration": "declarator",
    "enhanced_for_statement": "name",
    "for_expression": "pattern",
    "for_in_statement": "left",
    "foreach_statement": "left",
    "formal_parameter": "name",
    "init_declarator": "declarator",
    "let_declaration": "pattern",
    "optional_parameter": "pattern",
    "parameter": "pattern",
    "parameter_declaration": "declarator",
    "pointer_declarator": "declarator",
    "array_declarator": "declarator",
    "range_clause": "left",
    "required_parameter": "pattern",
    "short_var_declaration": "left",
    "variable_declarator": "name",
}
"""Nodes that declare a name for the function around them -> the field it stands in; `name` is tried as well."""


def _is_declared_here(node: "Node") -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type in _OF_PARAMETERS or parent.type == "reference_declarator":
        return True
    if parent.type == "expression_list" and parent.parent is not None:
        node, parent = parent, parent.parent
    field = _OF_LOCALS.get(parent.type)
    if field is None:
        return False
    return node == parent.child_by_field_name(field) or node in parent.children_by_field_name("name")


# ------------------------------------------------------------------------------------------------------------- imports


def imported(node: "Node", language: str) -> frozenset[str]:
    """Collect the names that an import binds; where names cannot be told from it, its text without spaces."""
    if language == "go":
        return frozenset(name for name, _ in go_imports(node))
    if language == "rust":
        return frozenset(name for name, _ in rust_imports(node))
    if language in {"javascript", "typescript", "python"}:
        kinds = ("identifier",)
        return frozenset(map(text_of, find_nodes(node, language, *kinds)))
    return frozenset({"".join(text_of(node).split())})


def go_imports(node: "Node") -> list[tuple[str, str]]:
    """List the packages of an import as their name in the code and the import's own line."""
    found = []
    for spec in find_nodes(node, "go", "import_spec"):
        path, alias = spec.child_by_field_name("path"), spec.child_by_field_name("name")
        parts = text_of(path).strip('"`').split("/") if path is not None else [""]
        version = len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1])
        found.append((text_of(alias) if alias is not None else parts[-2 if version else -1], text_of(spec)))
    return found


def rust_imports(node: "Node") -> list[tuple[str, str]]:
    """List what a `use` brings as its name in the code and its full path; a glob is its own name."""
    argument = node.child_by_field_name("argument") or node.child_by_field_name("name")
    return list(_rust_leaves(argument, "")) if argument is not None else []


def _rust_leaves(node: "Node", prefix: str) -> Iterator[tuple[str, str]]:
    text = (
        prefix + "".join(text_of(node).split())
        if node.type != "use_as_clause"
        else prefix + " ".join(text_of(node).split())
    )
    if node.type == "scoped_use_list":
        path, inside = node.child_by_field_name("path"), node.child_by_field_name("list")
        prefix += f"{text_of(path)}::" if path is not None else ""
        for child in inside.named_children if inside is not None else ():
            yield from _rust_leaves(child, prefix)
    elif node.type == "use_list":
        for child in node.named_children:
            yield from _rust_leaves(child, prefix)
    elif node.type == "use_as_clause":
        yield text.rsplit(" ", 1)[-1], text
    elif node.type == "use_wildcard":
        yield text, text
    else:
        text = text.removesuffix("::self")
        yield text.rsplit("::", 1)[-1], text


def is_prototype(node: "Node") -> bool:
    declarator = node.child_by_field_name("declarator") if node.type == "declaration" else None
    while declarator is not None and declarator.type in {"pointer_declarator", "reference_declarator"}:
        declarator = declarator.named_children[-1] if declarator.named_children else None
    return declarator is not None and declarator.type == "function_declarator"
