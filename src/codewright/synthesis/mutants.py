"""Bugs of known kinds, put into a Python function by changing one place of its text.

Each operator reads the syntax tree and names the bytes to replace, so comments and layout of everything else stay.
`OPERATORS` is the list. Limits: nothing inside f-strings, annotations or decorators is changed; whether a mutant behaves
differently is for tests to show.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import CodeType

from codewright.core.extract.python_pieces import parse_python
from codewright.synthesis.documented import is_load
from codewright.synthesis.source_edits import Edit, Source, insert, is_int, shift

_LONGEST_QUOTE = 60
"""Characters of code quoted in a sentence; longer places are described by what changed alone."""

_OPPOSITE: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">"), ast.Gt: (">", "<"), ast.LtE: ("<=", ">="), ast.GtE: (">=", "<="),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
}  # fmt: skip
_STRICTNESS: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
}  # fmt: skip
_ARITHMETIC: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "//"), ast.Pow: ("**", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.BitXor: ("^", "|"),
    ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"),
}  # fmt: skip
_BOOLEAN: Mapping[type[ast.boolop], tuple[str, str]] = {ast.And: ("and", "or"), ast.Or: ("or", "and")}

_METHODS = frozenset(
    ("strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "split", "splitlines", "copy", "encode", "decode")
)  # fmt: skip
_CONVERSIONS = frozenset(("abs", "int", "float", "str", "list", "tuple", "set", "sorted", "reversed", "len"))
_OPERATOR_NODES = (ast.operator, ast.cmpop, ast.boolop)
_SCOPES = (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_HOLDERS = (ast.BinOp, ast.Assign, ast.AugAssign, ast.Return, ast.Call)
_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True)
class Mutant:
    """A function with one bug.

    code: the whole source. line: where the bug is, counted from 1. wrong, right: the place as it is and as it should be, each
    on one line (of a missing case, the case). name: what it is about (see `Edit`).
    """

    operator: str
    code: str
    line: int
    wrong: str
    right: str
    name: str


def compare_swapped(source: Source) -> Iterator[Edit]:
    """`<` for `>`, `==` for `!=`, `in` for `not in`."""
    yield from _comparisons(source, _OPPOSITE)


def compare_strictness(source: Source) -> Iterator[Edit]:
    """`<` for `<=`, and the like."""
    yield from _comparisons(source, _STRICTNESS)


def _comparisons(source: Source, table: Mapping[type[ast.cmpop], tuple[str, str]]) -> Iterator[Edit]:
    for node in source.nodes:
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in table:
            yield from source.between(node.left, node.comparators[0], *table[type(node.ops[0])], node)


def arithmetic(source: Source) -> Iterator[Edit]:
    """Another arithmetic or bitwise operator, `+` for `-`."""
    for node in source.nodes:
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            left, right = (
                (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
            )
            if not (isinstance(left, ast.Constant) and isinstance(left.value, (str, bytes))):
                yield from source.between(left, right, *_ARITHMETIC.get(type(node.op), ("@", "*")), node)


def boolean(source: Source) -> Iterator[Edit]:
    """`and` for `or`."""
    for node in source.nodes:
        if isinstance(node, ast.BoolOp) and len(node.values) == 2:
            left, right = node.values
            yield from source.between(left, right, *_BOOLEAN[type(node.op)], node)


def not_dropped(source: Source) -> Iterator[Edit]:
    """`not` is missing."""
    for node in source.nodes:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            start = source.start(node)
            length = len(re.match(rb"not\s*", source.data[start:]).group())  # type: ignore[union-attr]
            yield Edit(start, start + length, "", node)


def not_added(source: Source) -> Iterator[Edit]:
    """A condition is turned round."""
    for node in source.nodes:
        if isinstance(node, (ast.If, ast.While, ast.IfExp)) and isinstance(
            node.test, (ast.Name, ast.Call, ast.Attribute, ast.Subscript)
        ):
            yield insert(source, node.test, "not ", node.test)


def off_by_one_range(source: Source) -> Iterator[Edit]:
    """A `range` that begins or stops one too early or too late."""
    for node in source.nodes:
        if not (isinstance(node, ast.Call) and _called(node) == "range") or node.keywords:
            continue
        for position, argument in enumerate(node.args[:2]):
            yield from shift(source, argument, node)
            if position == 0 and len(node.args) == 1:
                yield insert(source, argument, "1, ", node)


def off_by_one_index(source: Source) -> Iterator[Edit]:
    """An index or a slice's bound one too low or too high."""
    for node in source.nodes:
        if isinstance(node, ast.Subscript):
            index = node.slice
            bounds = [index.lower, index.upper] if isinstance(index, ast.Slice) else [index]
            for bound in bounds:
                if bound is not None:
                    yield from shift(source, bound, node)


def condition_bound(source: Source) -> Iterator[Edit]:
    """A comparison with the number next to the right one."""
    for node in source.nodes:
        if isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                if is_int(side):
                    yield from shift(source, side, node)


def off_by_one_constant(source: Source) -> Iterator[Edit]:
    """Any other whole number one too low or too high."""
    for node in source.nodes:
        parent = source.parents.get(node)
        in_range = isinstance(parent, ast.Call) and _called(parent) == "range"
        if isinstance(node, ast.expr) and is_int(node) and isinstance(parent, _HOLDERS) and not in_range:
            yield from shift(source, node, parent)


def flag_flipped(source: Source) -> Iterator[Edit]:
    """`True` for `False`."""
    for node in source.nodes:
        parent = source.parents.get(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, bool) and isinstance(parent, (ast.Assign, ast.Return, ast.keyword)):  # fmt: skip
            yield Edit(source.start(node), source.end(node), str(not node.value), parent)


def wrong_name(source: Source) -> Iterator[Edit]:
    """One variable is read where another one of the same function is meant."""
    function = source.tree.body[-1]
    bound = [node for node in _own_nodes(function) if isinstance(node, (ast.arg, ast.Name))]
    first: dict[str, int] = {}
    for one in bound:
        if isinstance(one, ast.arg) or not is_load(one):
            name = one.arg if isinstance(one, ast.arg) else one.id
            first[name] = min(first.get(name, one.lineno), one.lineno)
    inside = set(bound) & set(source.nodes)
    for node in bound:
        if not (node in inside and isinstance(node, ast.Name) and is_load(node) and node.id in first):
            continue
        parent = source.parents[node]
        around = parent if isinstance(parent, (ast.expr, ast.Return)) else node
        for other, line in first.items():
            if other != node.id and line < node.lineno:
                yield Edit(source.start(node), source.end(node), other, around, node.id)


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Walk a function without the functions, classes and comprehensions inside it, whose names are their own."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop(0)
        yield node
        if not isinstance(node, (*_SCOPES, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            todo += ast.iter_child_nodes(node)


def return_dropped(source: Source) -> Iterator[Edit]:
    """A value is computed and not returned."""
    for node in source.nodes:
        if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            start = source.start(node)
            length = len(re.match(rb"return\s*", source.data[start:]).group())  # type: ignore[union-attr]
            yield Edit(start, start + length, "", node)


def swapped_arguments(source: Source) -> Iterator[Edit]:
    """Two neighbouring arguments of a call in each other's place."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and not any(
            isinstance(argument, ast.Starred) for argument in node.args
        ):
            for left, right in pairwise(node.args):
                gap = source.data[source.end(left) : source.start(right)].decode()
                texts = source.text(left), source.text(right)
                if re.fullmatch(r"\s*,\s*", gap):
                    swapped = texts[1] + gap + texts[0]
                    yield Edit(source.start(left), source.end(right), swapped, node, _called(node))


def call_dropped(source: Source) -> Iterator[Edit]:
    """A call like `.strip()` or `abs(...)` is missing; its object or argument stands alone."""
    for node in source.nodes:
        if not isinstance(node, ast.Call) or node.keywords:
            continue
        name, inner = _called(node), None
        if isinstance(node.func, ast.Attribute) and not node.args and name in _METHODS:
            inner = node.func.value
        elif isinstance(node.func, ast.Name) and len(node.args) == 1 and name in _CONVERSIONS:
            inner = node.args[0]
        if isinstance(inner, (ast.Name, ast.Call, ast.Attribute, ast.Subscript)):
            yield Edit(source.start(node), source.end(node), source.text(inner), node, name)


def wrong_default(source: Source) -> Iterator[Edit]:
    """A parameter's default is another one: the next number, the other truth value."""
    function = source.tree.body[-1]
    if not isinstance(function, ast.FunctionDef):
        return
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    for argument, default in pairs:
        if isinstance(default, ast.Constant) and isinstance(default.value, bool):
            yield Edit(
                source.start(default), source.end(default), str(not default.value), default, argument.arg
            )
        elif default is not None and is_int(default):
            for edit in shift(source, default, default):
                yield Edit(edit.start, edit.end, edit.text, default, argument.arg)


def base_case_missing(source: Source) -> Iterator[Edit]:
    """A case that the function has to handle first, and to leave or to skip, is not handled."""
    for node in source.nodes:
        if not isinstance(node, ast.If) or node.orelse or not isinstance(node.body[0], _LEAVING):
            continue
        body = getattr(source.parents[node], "body", [])
        if not (isinstance(body, list) and node in body and body[-1] is not node):
            continue
        start, end = source.line_start(node.lineno), source.line_start((node.end_lineno or node.lineno) + 1)
        around = source.data[start : source.start(node)] + source.data[source.end(node) : end]
        if around.isspace() and b"#" not in source.data[start:end]:
            yield Edit(start, end, "", node)


Operator = Callable[[Source], Iterator[Edit]]

OPERATORS: Mapping[str, Operator] = {
    operator.__name__: operator
    for operator in (
        compare_swapped, compare_strictness, condition_bound, arithmetic, boolean, not_dropped, not_added,
        off_by_one_range, off_by_one_index, off_by_one_constant, flag_flipped, wrong_name, return_dropped,
        swapped_arguments, call_dropped, wrong_default, base_case_missing,
    )
}  # fmt: skip
"""By name, which stands in the rows."""


def mutants_of(code: str, operator: str) -> list[Mutant]:
    """Return the mutants that one operator makes of a source whose last statement is the function, in order of place.

    They may be equivalent, or fail to parse: see `objection`. Those whose place cannot be quoted are left out.
    """
    source = Source(code)
    applied = [_apply(source, operator, edit) for edit in OPERATORS[operator](source)]
    return [
        mutant
        for mutant in applied
        if mutant.wrong and mutant.right and "\n" not in mutant.wrong + mutant.right
    ]


def objection(mutant: Mutant, code: str) -> str | None:
    """Say why a mutant needs no run: `compile_error`, `equivalent` (the same instructions), `other_change`; else None.

    other_change: without its neighbours' parentheses the new operator binds other operands than the old one.
    """
    tree, original = parse_python(mutant.code), parse_python(code)
    if tree is None or original is None:
        return "compile_error"
    try:
        same = _instructions(compile(tree, "a", "exec")) == _instructions(compile(original, "a", "exec"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "compile_error"
    if same:
        return "equivalent"
    operators = ("compare_swapped", "compare_strictness", "arithmetic", "boolean")
    return "other_change" if mutant.operator in operators and _shape(tree) != _shape(original) else None


def _instructions(code: CodeType) -> tuple[object, ...]:
    """What a code object does, without line numbers and columns."""
    constants = [
        _instructions(value) if isinstance(value, CodeType) else repr(value) for value in code.co_consts
    ]
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_exceptiontable


def _shape(tree: ast.AST) -> list[type[ast.AST]]:
    return [type(node) for node in ast.walk(tree) if not isinstance(node, _OPERATOR_NODES)]


def _apply(source: Source, operator: str, edit: Edit) -> Mutant:
    changed = source.data[: edit.start] + edit.text.encode() + source.data[edit.end :]
    start, end = min(source.start(edit.around), edit.start), max(source.end(edit.around), edit.end)
    right = source.data[start:end].decode()
    wrong = changed[start : end + len(edit.text.encode()) - (edit.end - edit.start)].decode()
    if operator == "base_case_missing":
        right = wrong = " ".join(right.split())
    if "\n" in right + wrong or max(len(right), len(wrong)) > _LONGEST_QUOTE:
        right, wrong = source.data[edit.start : edit.end].decode(), edit.text
    return Mutant(operator, changed.decode(), source.line(edit.start), wrong, right, edit.name)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
