"""What the rules for JavaScript ask of a syntax tree: by tree-sitter (`fixed`), or by esprima as the reference (ES2017).

tree-sitter knows modern JavaScript, JSX and hashbangs. esprima is needed for reference mode only: `codewright[reference]`.
"""

import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from codewright.corpus.quality.syntax_trees import captures

_DEPTH = 10_000
"""The recursion limit that the reference sets."""


@dataclass
class ScriptFacts:
    """Counts over a whole file (quality rules, section 6.5)."""

    functions: int = 0
    variables: int = 0
    simple_variables: int = 0
    simple_returns: int = 0
    classes: int = 0
    imports: int = 0

    def no_logic(self) -> int:
        """Add up what holds no logic."""
        return self.functions + self.imports + self.simple_variables + self.simple_returns + self.classes


def facts(content: str, *, modern: bool) -> ScriptFacts | None:
    """Parse and count; None where the parser finds an error."""
    return _by_tree_sitter(content) if modern else _by_esprima(content)


# ------------------------------------------------------------------------------------------------------ tree-sitter

_SIMPLE = frozenset(
    {"number", "string", "true", "false", "null", "regex", "identifier", "undefined", "unary_expression"}
)
_FUNCTIONS = frozenset({"function_expression", "generator_function"})


_QUERY = """
    (variable_declarator) @declarator
    (for_in_statement kind: _ left: (_) @loop)
    [(function_declaration) (generator_function_declaration)] @function
    (class_declaration) @class
    (import_statement) @import
    (return_statement) @return
    (assignment_expression left: (member_expression object: [(identifier) (member_expression)])) @assignment
"""


def _by_tree_sitter(content: str) -> ScriptFacts | None:
    found = captures("javascript", content, _QUERY)
    if found is None:
        return None
    made = ScriptFacts(
        functions=len(found.get("function", ())),
        classes=len(found.get("class", ())),
        imports=len(found.get("import", ())),
    )
    for node in found.get("declarator", ()):
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        kind = value.type if value else None
        is_name = name is not None and name.type == "identifier"
        is_function = value is not None and kind in _FUNCTIONS and not _is_async(value)
        made.functions += is_name and is_function
        made.variables += is_name and not is_function
        made.simple_variables += kind is None or kind in _SIMPLE
    for node in found.get("loop", ()):
        made.variables += node.type == "identifier"
        made.simple_variables += 1
    for node in found.get("return", ()):
        value = node.named_child(0) if node.named_child_count else None
        made.simple_returns += value is None or value.type in _SIMPLE
    for node in found.get("assignment", ()):
        _count_export(made, node)
    return made


def _is_async(node: Any) -> bool:
    return bool(node.child(0).type == "async")


def _count_export(made: ScriptFacts, node: Any) -> None:
    """Count `module.exports.NAME = ...` as what stands on its right."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    inner = left.child_by_field_name("object")
    if inner.type != "member_expression" or inner.text != b"module.exports":
        return
    is_function = right.type in _FUNCTIONS or right.type == "arrow_function"
    made.functions += is_function
    made.variables += not is_function
    made.simple_variables += right.type in _SIMPLE


# ---------------------------------------------------------------------------------------------------------- esprima


def _by_esprima(content: str) -> ScriptFacts | None:
    import esprima

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(_DEPTH)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it compiles the file's regular expressions
            tree = _esprima_tree(esprima, content)
        return None if tree is None else _count_esprima(tree)
    finally:
        sys.setrecursionlimit(limit)


def _esprima_tree(esprima: Any, content: str) -> Any:
    if "import" in content or "export" in content:
        try:
            return esprima.parseModule(content)
        except esprima.Error:
            pass
    try:
        return esprima.parseScript(content)
    except esprima.Error:
        return None


def _nodes(tree: Any) -> Iterator[Any]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, list):
                waiting.extend(item for item in value if hasattr(item, "type"))
            elif hasattr(value, "type"):
                waiting.append(value)


_PLAIN = frozenset({"Literal", "Identifier", "UnaryExpression"})


def _count_esprima(tree: Any) -> ScriptFacts:
    made = ScriptFacts()
    seen = Counter[str]()
    for node in _nodes(tree):
        seen[node.type] += 1
        if node.type == "VariableDeclarator":
            kind = node.init.type if node.init else None
            if node.id.type == "Identifier":
                is_function = kind == "FunctionExpression"
                made.functions += is_function
                made.variables += not is_function
            made.simple_variables += kind is None or kind in _PLAIN
        elif node.type == "FunctionDeclaration":
            made.functions += node.id is not None
        elif node.type == "ClassDeclaration":
            made.classes += node.id is not None
        elif node.type == "ReturnStatement":
            made.simple_returns += node.argument is None or node.argument.type in _PLAIN
        elif node.type == "AssignmentExpression" and _is_export(node.left):
            is_function = node.right.type in {"FunctionExpression", "ArrowFunctionExpression"}
            made.functions += is_function
            made.variables += not is_function
            made.simple_variables += node.right.type in _PLAIN
    made.imports = seen["ImportDeclaration"]
    return made


def _is_export(left: Any) -> bool:
    """Tell whether something is `module.exports.NAME`."""
    if left.type not in {"MemberExpression", "StaticMemberExpression"} or left.property.name is None:
        return False
    inner = left.object
    return bool(
        inner.type in {"MemberExpression", "StaticMemberExpression"}
        and inner.object.name == "module"
        and inner.property.name == "exports"
    )
