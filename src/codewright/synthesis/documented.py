"""Functions cut out of a module so that each stands alone: what the methods over a corpus of Python files share.

A function stands alone when it needs only builtins and imports from the standard library; those imports come with it.
`definitions` says what else of the module can come along: its plain functions and constants. Limits: functions at module
level only; nothing that needs a class of the module or a package.
"""

import ast
import builtins
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from codewright.core.extract.python_pieces import parse_python
from codewright.core.records import Reject

_FROM_MODULE = frozenset({"__name__", "__file__"})

_LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line for the parser, whose numbers are used here; `str.splitlines` knows more."""


@dataclass(frozen=True)
class Function:
    """A function cut out of its file: `code` without its docstring, `imports` what it needs from the standard library.

    docstring: empty where there is none. lines: where it stands in its file, e.g. `lines 6-14`. context: what it needs of
    its module, in the module's order.
    """

    name: str
    signature: str
    docstring: str
    code: str
    imports: str
    lines: str
    context: str = ""

    @property
    def solution(self) -> str:
        """The function with what it needs, ready to run."""
        return self.imports + self.context + self.code


@dataclass(frozen=True)
class Definition:
    """A function or constant of a module that others need. order: its line; needs: the names it takes from outside."""

    text: str
    order: int
    needs: frozenset[str]


def definitions(tree: ast.Module, lines: Sequence[str]) -> dict[str, Definition]:
    """Map names to the undecorated functions (without their docstrings) and the constants that a module binds once."""
    found: dict[str, Definition] = {}
    times: Counter[str] = Counter(name for node in tree.body for name in _binds(node))
    for node in tree.body:
        names = _binds(node)
        constant = isinstance(node, (ast.Assign, ast.AnnAssign)) and len(names) == 1
        if (isinstance(node, ast.FunctionDef) and not node.decorator_list) or constant:
            text = _code(node, lines) + ("" if constant else "\n\n")
            needs = frozenset(free_names(node) - _FROM_MODULE)
            found[names[0]] = Definition(text, node.lineno, needs)
    return {name: definition for name, definition in found.items() if times[name] == 1}


def _binds(node: ast.stmt) -> list[str]:
    """Names that a statement of a module binds there."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    return sorted(bound_names(node))


def _code(node: ast.stmt, lines: Sequence[str]) -> str:
    """Return a statement's lines; of a function, those without its docstring and the blank ones after it."""
    head, body = [*lines[node.lineno - 1 : node.end_lineno]], list[str]()
    if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) and len(node.body) > 1:
        first = node.body[0]
        head = [*lines[node.lineno - 1 : first.lineno - 1]]
        body = [*lines[first.end_lineno or first.lineno : node.end_lineno]]
        while body and not body[0].strip():
            body.pop(0)
    return textwrap.dedent("\n".join([*head, *body])) + "\n"


@dataclass(frozen=True)
class Module:
    """A module that functions are cut out of."""

    tree: ast.Module
    lines: Sequence[str]

    @cached_property
    def imports(self) -> Mapping[str, str]:
        """What functions can take from the standard library: `stdlib_imports`."""
        return stdlib_imports(self.tree)

    @cached_property
    def others(self) -> Mapping[str, Definition]:
        """What functions can take from the module itself: `definitions`."""
        return definitions(self.tree, self.lines)


def read_module(source: str) -> Module | None:
    """Parse a module; None where it cannot be parsed."""
    tree = parse_python(source)
    return None if tree is None else Module(tree, _LINE_END.split(source))


def cut(
    node: ast.FunctionDef, module: Module, max_chars: int, *, with_context: bool = False
) -> Function | Reject:
    """Cut a function out of its module; a Reject if it is longer than `max_chars` or needs what cannot come along.

    max_chars: of the docstring and the code. with_context: take along the module's functions and constants it needs.
    """
    docstring = ast.get_docstring(node) or ""
    code = _code(node, module.lines)
    needed, context = free_names(node) - _FROM_MODULE, dict[str, Definition]()
    others = {name: one for name, one in module.others.items() if name != node.name} if with_context else {}
    while missing := [name for name in needed if name in others and name not in context]:
        for name in missing:
            context[name] = others[name]
            needed |= context[name].needs
    unknown = sorted(needed - module.imports.keys() - context.keys() - {node.name})
    if unknown:
        return Reject("needs_context", f"{node.name}: {', '.join(unknown[:5])}")
    before = _written_out(sorted(context.values(), key=lambda one: one.order))
    if len(before) + len(code) + len(docstring) > max_chars:
        return Reject("too_long", node.name)
    used = "".join(sorted({module.imports[name] + "\n" for name in needed if name in module.imports}))
    signature = f"{node.name}({ast.unparse(node.args)})"
    place = f"lines {node.lineno}-{node.end_lineno}"
    return Function(node.name, signature, docstring, code, f"{used}\n\n" if used else "", place, before)


def _written_out(found: Sequence[Definition]) -> str:
    """Join what comes before a function: two blank lines around each function, none between constants."""
    text = ""
    for one in found:
        gap = "\n\n" if one.text.startswith("def ") and text and not text.endswith("\n\n\n") else ""
        text += gap + one.text
    return text if not text or text.endswith("\n\n\n") else text + "\n\n"


def first_paragraph(docstring: str) -> str:
    """Return what a docstring says first, before any example."""
    return docstring.strip().split("\n\n", 1)[0].split("\n>>>", 1)[0].strip()


def stdlib_imports(tree: ast.Module) -> dict[str, str]:
    """Map each name that a module-level import from the standard library binds to that import, one name a line."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in sys.stdlib_module_names:
                    found[alias.asname or alias.name.split(".")[0]] = ast.unparse(ast.Import([alias]))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module != "__future__":
            for alias in node.names:
                if (node.module or "").split(".")[0] in sys.stdlib_module_names and alias.name != "*":
                    found[alias.asname or alias.name] = ast.unparse(ast.ImportFrom(node.module, [alias], 0))
    return found


def free_names(tree: ast.AST) -> set[str]:
    """Return the names a function or statement takes from outside, builtins left out."""
    loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and is_load(node)}
    return loaded - bound_names(tree) - set(dir(builtins))


def bound_names(tree: ast.AST) -> set[str]:
    """Return every name bound anywhere in a function or statement, its own and its arguments' included."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not is_load(node):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            bound.add(node.name or "")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
    return bound


def is_load(node: ast.Name) -> bool:
    """Tell a name that is read from one that is bound or deleted."""
    return isinstance(node.ctx, ast.Load)
