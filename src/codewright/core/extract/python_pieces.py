"""Python source as pieces, by Python's own parser, with the names that each piece needs from its program."""

import ast
import warnings
from collections.abc import Iterable, Iterator
from functools import partial

from codewright.core.extract.program import Kind, Piece, Program

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)
_PRINTING = frozenset({"print", "pprint"})

DOCUMENTATION = "documentation"
"""The key of a module's docstring: a header, since `from __future__` may only stand behind it."""

STAR = "*"
"""What `from x import *` binds."""


def parse_python(text: str) -> ast.Module | None:
    """Parse; None for what this interpreter does not take as a module. Never raises, never warns."""
    return _parse(text)[0]


def first_error(text: str) -> int | None:
    """Return the line, from 1, at which source stops being Python; None if it does not, or if no line can be told."""
    return _parse(text)[1]


def _parse(text: str) -> tuple[ast.Module | None, int | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text), None
        except SyntaxError as error:
            return None, error.lineno
        except (ValueError, RecursionError, MemoryError):
            return None, None


def read_python(text: str) -> Program | None:
    """Read a module into pieces; None if it does not parse."""
    tree = parse_python(text)
    if tree is None:
        return None
    return Program(text, "python", tuple(_pieces(text, tree)), broken=False)


def _pieces(text: str, tree: ast.Module) -> Iterator[Piece]:
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    above = 0
    for node in tree.body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        if first > above:
            while (
                first - 1 > above
                and lines[first - 2].startswith("#")
                and not lines[first - 2].startswith("#!")
            ):
                first -= 1
            start = starts[first - 1]
        else:  # behind a semicolon
            start = starts[first - 1] + _column(lines[first - 1], node.col_offset)
        last = node.end_lineno or node.lineno
        end = starts[last - 1] + _column(lines[last - 1], node.end_col_offset or 0)
        above = last
        kind = _kind(node)
        documents = node is tree.body[0] and isinstance(node, ast.Expr) and isinstance(_constant(node), str)
        yield Piece(
            start,
            end,
            "header" if documents else kind,
            partial(needed_names, node),
            _stored(node),
            methods=tuple((name, start, end) for name, _ in _functions(node))
            if isinstance(node, ast.ClassDef)
            else (),
            stubs=frozenset(name for name, body in _functions(node) if _is_stub(body)),
            shows=_shows(node),
            key=DOCUMENTATION if documents else "__future__" if kind == "header" else "",
        )


def _column(line: str, offset: int) -> int:
    """Turn an offset in UTF-8 bytes into one in characters."""
    return (
        offset if line.isascii() else len(line.encode("utf-8", "replace")[:offset].decode("utf-8", "ignore"))
    )


def _kind(node: ast.stmt) -> Kind:
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return "header"
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "import"
    if isinstance(node, ast.If) and _is_main(node.test) and not node.orelse:
        return "main"
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        # f.cache = {} belongs to f as much as its decorator does.
        plain = all(isinstance(one, ast.Name | ast.Tuple) for one in _targets(node))
        return "binding" if plain and not isinstance(node.value, ast.Lambda) else "definition"
    return "definition" if _defines(node) else "run"


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.If | ast.Try | ast.With):
        inside = (ast.Import, ast.ImportFrom, *_FUNCTIONS, ast.ClassDef)
        return any(isinstance(inner, inside) for inner in ast.walk(node))
    return isinstance(node, (*_FUNCTIONS, ast.ClassDef)) or type(node).__name__ == "TypeAlias"


def _is_main(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


def _shows(node: ast.stmt) -> bool:
    """Tell whether a statement does nothing but print, assert or state a value."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Expr):
        return False
    call = node.value
    return not isinstance(call, ast.Call) or (isinstance(call.func, ast.Name) and call.func.id in _PRINTING)


def inner_imports(program: Program, hosts: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the imports that stand at the top of these functions."""
    for host in hosts:
        source = program.source(host)
        function = next(iter((parse_python(source) or ast.Module([], [])).body), None)
        for node in function.body if isinstance(function, _FUNCTIONS) else ():
            segment = ast.get_source_segment(source, node)
            if segment and isinstance(node, ast.Import | ast.ImportFrom):
                start = program.text.index(segment, host.start)
                yield Piece(start, start + len(segment), "import", frozenset, _stored(node))


# -------------------------------------------------------------------------------------------------------- what is defined


def _functions(node: ast.stmt) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield functions and methods by name with their bodies."""
    if isinstance(node, _FUNCTIONS):
        yield node.name, node.body
    elif isinstance(node, ast.ClassDef):
        for inner in node.body:
            yield from _functions(inner)


def _is_stub(body: list[ast.stmt]) -> bool:
    """Tell whether a body only holds a place: a docstring, pass, `...` anywhere in it, NotImplementedError."""
    if any(isinstance(one, ast.Expr) and _constant(one) is ... for one in body):
        return True
    return all(
        isinstance(one, ast.Pass)
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        or (isinstance(one, ast.Raise) and one.exc is not None and "NotImplemented" in ast.dump(one.exc))
        for one in body
    )


def _constant(node: ast.Expr) -> object:
    return node.value.value if isinstance(node.value, ast.Constant) else None


# --------------------------------------------------------------------------------------------------------- what is needed


class _Scope:
    """Names read and stored directly in one scope, and the scopes inside it."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self.loads: set[str] = set()
        self.stores: set[str] = set()
        self.globals: set[str] = set()
        self.inner: list[ast.AST] = []
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            self._note(node)
            waiting += _same_scope(node) if isinstance(node, SCOPES) else ast.iter_child_nodes(node)
        self.stores -= self.globals

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            (self.loads if isinstance(node.ctx, ast.Load) else self.stores).add(node.id)
        elif isinstance(node, SCOPES):
            self.inner.append(node)
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                self.stores.add(node.name)
        elif isinstance(node, ast.alias):
            self.stores.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.arg):
            self.stores.add(node.arg)
        elif isinstance(node, ast.Global):
            self.globals.update(node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            self.stores.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self.stores.add(node.rest)


def _same_scope(node: ast.AST) -> list[ast.AST]:
    """List the parts of a scope that are evaluated outside of it."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        parts: list[ast.AST] = [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
        parts += [one.annotation for one in _arguments(node.args) if one.annotation]
        if not isinstance(node, ast.Lambda):
            parts += [*node.decorator_list, *([node.returns] if node.returns else [])]
        return parts
    return []


def _arguments(args: ast.arguments) -> list[ast.arg]:
    extra = [one for one in (args.vararg, args.kwarg) if one]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]


def _stored(node: ast.stmt) -> frozenset[str]:
    scope = _Scope([node])
    names = scope.stores | scope.globals
    for target in _targets(node) if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) else ():
        if isinstance(target, ast.Attribute | ast.Subscript):
            names |= {inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)}
    return frozenset(names)


def needed_names(node: ast.AST) -> frozenset[str]:
    """Collect the names that a top-level statement reads from its module or from the builtins."""
    scope = _Scope([node])
    return frozenset(scope.loads.union(*map(_free, scope.inner)))


def _free(node: ast.AST) -> set[str]:
    if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        body: list[ast.AST] = [*node.body] if isinstance(node.body, list) else [node.body]
        scope = _Scope(body)
        scope.stores.update(one.arg for one in _arguments(node.args))
    elif isinstance(node, ast.ClassDef):
        scope = _Scope(node.body)
        inner = set[str]().union(*map(_free, scope.inner))
        return (scope.loads - scope.stores) | inner | scope.globals
    else:
        scope = _Scope(ast.iter_child_nodes(node))
    inner = set[str]().union(*map(_free, scope.inner))
    return ((scope.loads | inner) - scope.stores) | scope.globals


def indented(code: str, indent: str) -> str:
    """Indent Python source, all but the inside of its strings."""
    tree = parse_python(code)
    inside: set[int] = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Constant | ast.JoinedStr) and (node.end_lineno or 0) > node.lineno:
            inside.update(range(node.lineno, node.end_lineno or 0))
    lines = code.split("\n")
    return "\n".join(
        line if not line.strip() or at in inside else indent + line for at, line in enumerate(lines)
    )
