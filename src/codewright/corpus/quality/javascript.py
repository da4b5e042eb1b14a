"""What the rules for JavaScript ask of a syntax tree: by tree-sitter (`fixed`), or by esprima as the reference (ES2017).

tree-sitter knows modern JavaScript, JSX and hashbangs. esprima is needed for reference mode only: `codewright[reference]`.
"""

import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.corpus.quality.syntax_trees import parse, uncollected

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

_WORD = np.array([byte < 128 and (chr(byte).isalnum() or byte in b"_$") for byte in range(256)])
"""Bytes of words of ASCII. A name with others in it may look like a keyword; it is found to be a name."""


def _packed(word: str) -> int:
    return int.from_bytes(word.encode(), "big")


_RETURN, _VAR, _LET, _CONST, _USING, _FUNCTION, _CLASS, _IMPORT = map(
    _packed, ("return", "var", "let", "const", "using", "function", "class", "import")
)
_MODULE, _EXPORTS = _packed("module"), _packed("exports")


@compiled
def _keywords(data: NDArray[np.uint8], spans: NDArray[np.int64]) -> int:
    """Write where words begin and end that every node that is counted holds, once, `module.exports` among them; returns how many.

    Looking these places up takes a third of the time of a query over the whole tree.
    """
    n = len(data)
    some = at = 0
    while at < n:
        low = at
        value = 0
        while at < n and _WORD[data[at]]:
            value = value << 8 | int(data[at])
            at += 1
        size = at - low
        if 3 <= size <= 8 and value in (
            _RETURN, _VAR, _LET, _CONST, _USING, _FUNCTION, _CLASS, _IMPORT,
        ):  # fmt: skip
            spans[some, 0], spans[some, 1] = low, at
            some += 1
        elif size == 7 and value == _EXPORTS and low > 6 and data[low - 1] == 46:
            value = 0
            for k in range(low - 7, low - 1):
                value = value << 8 | int(data[k])
            if value == _MODULE:
                spans[some, 0], spans[some, 1] = low - 7, at
                some += 1
        at += 1
    return some


def _by_tree_sitter(content: str) -> ScriptFacts | None:
    data = content.encode("utf-8", "surrogatepass")
    with uncollected():
        tree = parse("javascript", data)
        if tree is None:
            return None
        made = ScriptFacts()
        node_at = tree.root_node.named_descendant_for_byte_range
        spans = np.empty((len(data) // 4 + 1, 2), np.int64)
        found = _keywords(np.frombuffer(data, np.uint8), spans)
        for low, high in spans[:found].tolist():
            node: Any = node_at(low, high)  # a comment, a string or a name where the word is no keyword
            _count_node(made, node, node.type)
        return made


def _count_node(made: ScriptFacts, node: Any, kind: str) -> None:
    """Count the node that a keyword stands in."""
    if kind == "return_statement":
        value = node.named_child(0) if node.named_child_count else None
        made.simple_returns += value is None or value.type in _SIMPLE
    elif kind in _DECLARATIONS:
        for child in node.named_children:
            if child.type == "variable_declarator":
                _count_declarator(made, child)
    elif kind in {"function_declaration", "generator_function_declaration"}:
        made.functions += 1
    elif kind == "class_declaration":
        made.classes += 1
    elif kind == "import_statement":
        made.imports += 1
    elif kind == "for_in_statement":
        left = node.child_by_field_name("left")
        made.variables += left.type == "identifier"
        made.simple_variables += 1
    elif kind == "member_expression":
        _count_export(made, node)


_DECLARATIONS = frozenset({"variable_declaration", "lexical_declaration", "using_declaration"})


def _count_declarator(made: ScriptFacts, node: Any) -> None:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    kind = value.type if value else None
    is_name = name is not None and name.type == "identifier"
    is_function = value is not None and kind in _FUNCTIONS and not _is_async(value)
    made.functions += is_name and is_function
    made.variables += is_name and not is_function
    made.simple_variables += kind is None or kind in _SIMPLE


def _is_async(node: Any) -> bool:
    return bool(node.child(0).type == "async")


def _count_export(made: ScriptFacts, node: Any) -> None:
    """Count `module.exports.NAME = ...` as what stands on its right; node: `module.exports`, if it is that and no more."""
    outer = node.parent
    target = outer.parent if outer and outer.type == "member_expression" else None
    if target is None or target.type != "assignment_expression" or node.text != b"module.exports":
        return
    if target.child_by_field_name("left") != outer or outer.child_by_field_name("object") != node:
        return
    right = target.child_by_field_name("right")
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
