"""What each tree-sitter grammar calls things, and its parser, loaded when it is first needed.

Source of the node types: node-types.json of the grammars at the versions in constraints.txt.
"""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser, Query, Tree


@dataclass(frozen=True)
class Grammar:
    """A language's node types by what they are to us; any other top-level node runs.

    containers: hold members in their `body`. wrappers: hold one other declaration. names: mention something by its name.
    """

    module: str
    headers: frozenset[str]
    imports: frozenset[str]
    definitions: frozenset[str]
    bindings: frozenset[str]
    containers: frozenset[str]
    wrappers: frozenset[str]
    names: tuple[str, ...]
    language: str = "language"


def _types(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _grammar(
    module: str, *, headers: str = "", imports: str = "", definitions: str = "", bindings: str = "", containers: str = "",
    wrappers: str = "", names: str = "identifier type_identifier", language: str = "language",
) -> Grammar:  # fmt: skip
    return Grammar(
        module, _types(headers), _types(imports), _types(definitions), _types(bindings), _types(containers),
        _types(wrappers), tuple(names.split()), language,
    )  # fmt: skip


_JAVASCRIPT_DEFINITIONS = "function_declaration generator_function_declaration class_declaration function_expression arrow_function class"

GRAMMARS = {
    "bash": _grammar(
        "tree_sitter_bash",
        definitions="function_definition",
        bindings="variable_assignment variable_assignments declaration_command",
        names="command_name word variable_name",
    ),
    "c": _grammar(
        "tree_sitter_c",
        imports="preproc_include preproc_def preproc_function_def",
        definitions="function_definition struct_specifier union_specifier enum_specifier type_definition "
        "preproc_ifdef preproc_if",
        bindings="declaration",
        containers="preproc_ifdef preproc_if",
    ),
    "cpp": _grammar(
        "tree_sitter_cpp",
        imports="preproc_include preproc_def preproc_function_def using_declaration",
        definitions="function_definition struct_specifier union_specifier enum_specifier type_definition alias_declaration "
        "class_specifier concept_definition namespace_definition linkage_specification preproc_ifdef preproc_if",
        bindings="declaration",
        containers="class_specifier struct_specifier namespace_definition linkage_specification preproc_ifdef preproc_if",
        wrappers="template_declaration",
        names="identifier type_identifier namespace_identifier",
    ),
    "csharp": _grammar(
        "tree_sitter_c_sharp",
        imports="using_directive extern_alias_directive",
        definitions="class_declaration struct_declaration interface_declaration enum_declaration record_declaration "
        "delegate_declaration namespace_declaration file_scoped_namespace_declaration method_declaration "
        "local_function_statement",
        bindings="local_declaration_statement field_declaration",
        containers="class_declaration struct_declaration interface_declaration record_declaration namespace_declaration",
        wrappers="global_statement",
        names="identifier",
    ),
    "go": _grammar(
        "tree_sitter_go",
        headers="package_clause",
        imports="import_declaration",
        definitions="function_declaration method_declaration type_declaration",
        bindings="var_declaration const_declaration",
        names="identifier type_identifier package_identifier",
    ),
    "java": _grammar(
        "tree_sitter_java",
        headers="package_declaration",
        imports="import_declaration",
        definitions="class_declaration interface_declaration enum_declaration record_declaration "
        "annotation_type_declaration method_declaration",
        bindings="local_variable_declaration field_declaration",
        containers="class_declaration interface_declaration enum_declaration record_declaration enum_body_declarations",
    ),
    "javascript": _grammar(
        "tree_sitter_javascript",
        headers="hash_bang_line",
        imports="import_statement",
        definitions=_JAVASCRIPT_DEFINITIONS,
        bindings="lexical_declaration variable_declaration",
        containers="class_declaration class",
        wrappers="export_statement",
        names="identifier shorthand_property_identifier",
    ),
    "php": _grammar(
        "tree_sitter_php",
        headers="php_tag declare_statement",
        imports="namespace_use_declaration",
        definitions="function_definition class_declaration interface_declaration trait_declaration enum_declaration "
        "namespace_definition",
        bindings="const_declaration",
        containers="class_declaration interface_declaration trait_declaration enum_declaration",
        names="name variable_name",
        language="language_php",
    ),
    "python": _grammar(
        "tree_sitter_python",
        headers="future_import_statement",
        imports="import_statement import_from_statement",
        definitions="function_definition class_definition type_alias_statement",
        containers="class_definition",
        wrappers="decorated_definition",
        names="identifier",
    ),
    "rust": _grammar(
        "tree_sitter_rust",
        headers="inner_attribute_item",
        imports="use_declaration extern_crate_declaration",
        definitions="function_item struct_item enum_item union_item impl_item trait_item mod_item type_item "
        "macro_definition",
        bindings="const_item static_item",
        containers="impl_item trait_item mod_item",
    ),
    "typescript": _grammar(
        "tree_sitter_typescript",
        headers="hash_bang_line",
        imports="import_statement import_alias",
        definitions=_JAVASCRIPT_DEFINITIONS
        + " abstract_class_declaration interface_declaration type_alias_declaration enum_declaration function_signature "
        "internal_module module",
        bindings="lexical_declaration variable_declaration",
        containers="class_declaration abstract_class_declaration class internal_module module",
        wrappers="export_statement ambient_declaration",
        names="identifier type_identifier shorthand_property_identifier",
        language="language_typescript",
    ),
}  # fmt: skip
"""codewright's language names -> grammars."""

FUNCTIONS = _types(
    "function_definition function_declaration generator_function_declaration method_declaration method_definition "
    "function_item local_function_statement constructor_declaration"
)
"""Nodes that are functions, in whatever language."""

_LONGEST_SCRIPT = 16_384
"""Bytes of shell that are parsed: tree-sitter-bash looks from many tokens to the end of the text, so that broken text costs the
square of its length, 0.3 s for this much and 2.3 s for 60 KB (measured with 0.25.1). Published scripts stay under 4 KB."""

_BEYOND_LATIN_1 = re.compile(rb"[\xc4-\xff][\x80-\xbf]*")
"""tree-sitter-bash looks characters up in a table that ends there, and kills the process (tree-sitter/tree-sitter-bash, issue 337)."""

_WIDE = 1_000
"""Children of one node above which a query costs more than a walk: a query's cost grows with their square (measured)."""


@cache
def _load(language: str) -> "Language":
    from tree_sitter import Language

    grammar = GRAMMARS[language]
    return Language(getattr(importlib.import_module(grammar.module), grammar.language)())


def _parser(language: str) -> "Parser":
    """Make one: it costs less than a parse, and threads must not share one."""
    from tree_sitter import Parser

    return Parser(_load(language))


@cache
def _query(language: str, source: str) -> "Query":
    from tree_sitter import Query

    return Query(_load(language), source)


@lru_cache(maxsize=8)  # the ways to read an answer come back to the same texts
def parse_tree(data: bytes, language: str) -> "Tree | None":
    """Parse UTF-8; None for what the grammar would take too long for. Nodes have the text of `parseable`."""
    if language == "bash" and len(data) > _LONGEST_SCRIPT:
        return None
    return _parser(language).parse(parseable(data, language))


def parseable(data: bytes, language: str) -> bytes:
    """Return a text of the same places that the grammar survives: in shell, letters beyond Latin-1 are `x`."""
    return _BEYOND_LATIN_1.sub(lambda found: b"x" * len(found[0]), data) if language == "bash" else data


def find_nodes(node: "Node", language: str, *types: str) -> "list[Node]":
    """List nodes of these types under a node in the order of the source; a quoted type is a token."""
    from tree_sitter import QueryCursor

    if node.child_count > _WIDE:
        wanted = {name.strip('"') for name in types}
        return [one for one in _walk(node) if one.type in wanted]
    known = [name for name in types if _knows(language, name)]
    if not known:
        return []
    source = "\n".join(f"({name}) @it" if name[0] != '"' else f"{name} @it" for name in known)
    found = QueryCursor(_query(language, source)).captures(node).get("it", [])
    return sorted(found, key=lambda one: one.start_byte)


def _walk(node: "Node") -> "Iterator[Node]":
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(one.children)


@cache
def _knows(language: str, name: str) -> bool:
    named = not name.startswith('"')
    return _load(language).id_for_node_kind(name.strip('"'), named) is not None
