"""Checks of one function, taken from the examples in its docstring and from asserts in its file.

An example `>>> f(2)` with the output `4` says that `f(2) == 4`. What cannot be said that way, or needs a name from
outside (the function itself, builtins and the standard library are there), is left out with everything that leans on it.
"""

import ast
import builtins
import doctest
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codewright.core.extract.python_pieces import parse_python
from codewright.synthesis.documented import bound_names, free_names

_LOOSE = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.IfExp, ast.Lambda, ast.NamedExpr)
"""Expressions that a comparison behind them would not take as a whole."""


@dataclass(frozen=True)
class Statement:
    """A line that prepares the checks after it, such as `xs = [1, 2]`."""

    text: str


@dataclass(frozen=True)
class Check:
    """What must hold. expression: what is computed; want: the value as source, None where `expression` has to be true.

    compare: how the two are compared, `==` or `is`.
    """

    expression: str
    want: str | None = None
    compare: str = "=="

    @property
    def text(self) -> str:
        """The check as one assert."""
        return f"assert {self.expression}" + (f" {self.compare} {self.want}" if self.want is not None else "")


Step = Statement | Check


@dataclass(frozen=True)
class Examples:
    """Statements and checks of the function `name`, in the order in which they have to run."""

    name: str
    steps: tuple[Step, ...]

    @property
    def code(self) -> str:
        """All of it as tests."""
        return "".join(step.text + "\n" for step in self.steps)

    @property
    def checks(self) -> int:
        """How many checks there are."""
        return sum(isinstance(step, Check) for step in self.steps)

    def check_at(self, line: int) -> int | None:
        """Return the index of the check that stands at a line of `code`, counted from 1."""
        first = 1
        for index, step in enumerate(self.steps):
            behind = first + step.text.count("\n") + 1
            if first <= line < behind:
                return index if isinstance(step, Check) else None
            first = behind
        return None

    def check(self, index: int) -> Check:
        """Return the check among the steps that `check_at` gave the index of. Raises TypeError for a statement."""
        step = self.steps[index]
        if not isinstance(step, Check):
            raise TypeError(f"step {index} is no check")
        return step

    def script(self, index: int) -> str:
        """Write one check as somebody does who looks for a bug: what it needs, the result by name, the assert.

        The assert's message shows the result, so that the traceback does.
        """
        check = self.check(index)
        needed = free_names(ast.parse(check.text)) - {self.name}
        lines: list[str] = []
        for step in reversed(self.steps[:index]):
            if isinstance(step, Statement):
                tree = ast.parse(step.text)
                if (bound_names(tree) | _touched(tree)) & needed:
                    needed |= free_names(tree) - {self.name}
                    lines.insert(0, step.text)
        name = check.expression if check.expression.isidentifier() else "result"
        if check.want is None:
            lines.append(check.text)
        else:
            if name != check.expression:
                lines.append(f"result = {check.expression}")
            lines.append(f'assert {name} {check.compare} {check.want}, f"got {{{name}!r}}"')
        return "\n".join(lines) + "\n"


def _touched(tree: ast.AST) -> set[str]:
    """Names whose objects a statement may change: those it calls methods of, stores into, or hands to a call alone."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(dir(builtins))


def examples_of(name: str, docstring: str, tree: ast.Module) -> Examples:
    """Collect a function's checks: the docstring's examples, then the module's asserts that need nothing else."""
    steps = [*_from_docstring(name, docstring), *dict.fromkeys(_from_asserts(name, tree))]
    return Examples(name, tuple(steps))


def has_examples(docstring: str) -> bool:
    """Tell whether a docstring holds examples that can be read."""
    try:
        return bool(doctest.DocTestParser().get_examples(docstring))
    except ValueError:
        return False


def asserted_names(tree: ast.Module) -> set[str]:
    """Return the names that asserts of a module, or of its test functions, call."""
    return {
        call.func.id
        for node in _asserts(tree)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }


def _from_docstring(name: str, docstring: str) -> Iterator[Step]:
    try:
        found = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return
    known = {name}
    for example in found:
        tree = parse_python(example.source)
        if tree is None or len(tree.body) != 1:
            continue
        statement = _without_own_imports(tree.body[0], name)
        if statement is None:
            continue
        step = None
        if (
            example.exc_msg is None
            and not example.options.get(doctest.SKIP)
            and free_names(statement) <= known
        ):
            step = _step(statement, example.want.strip())
        if step is None:
            known -= (bound_names(statement) | _touched(statement)) - {name}
            continue
        if isinstance(step, Statement):
            known |= bound_names(statement)
        yield step


def _without_own_imports(statement: ast.stmt, name: str) -> ast.stmt | None:
    """Leave out the import of the function itself, which is there already; None if nothing else is imported."""
    if not isinstance(statement, ast.ImportFrom):
        return statement
    others = [alias for alias in statement.names if (alias.name, alias.asname) != (name, None)]
    return ast.ImportFrom(statement.module, others, statement.level) if others else None


def _step(statement: ast.stmt, want: str) -> Step | None:
    """Turn one example into a step; None for what cannot stand here."""
    if not want:
        foreign = isinstance(statement, (ast.Import, ast.ImportFrom)) and not _is_stdlib(statement)
        return None if foreign else Statement(ast.unparse(statement))
    hidden = any(mark in want for mark in ("...", "<BLANKLINE>", " at 0x"))
    return None if hidden or not isinstance(statement, ast.Expr) else _check(statement.value, want)


def _check(call: ast.expr, want: str) -> Check | None:
    """Say of an expression that its output is `want`."""
    if (
        want == "True"
        and isinstance(call, ast.Compare)
        and [type(one) for one in call.ops] == [ast.Eq]
        and isinstance(call.left, ast.Call)
    ):
        return Check(ast.unparse(call.left), ast.unparse(call.comparators[0]))
    expression = f"({ast.unparse(call)})" if isinstance(call, _LOOSE) else ast.unparse(call)
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
        plain = len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Starred)
        return Check(f"str({ast.unparse(call.args[0])})", repr(want)) if plain else None
    if want in {"True", "False"}:
        return Check(expression, want, "is")
    literal = _literal(want)
    if literal is not None:
        return Check(expression, literal)
    return Check(f"repr({expression})", repr(want)) if "\n" not in want else None


def _literal(text: str) -> str | None:
    try:
        tree = ast.parse(text, mode="eval")
        ast.literal_eval(tree)
        return ast.unparse(tree)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def _is_stdlib(statement: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(statement, ast.ImportFrom):
        modules = [statement.module or "."]
        return not statement.level and modules[0].split(".")[0] in sys.stdlib_module_names
    return all(alias.name.split(".")[0] in sys.stdlib_module_names for alias in statement.names)


def _from_asserts(name: str, tree: ast.Module) -> Iterator[Check]:
    """Yield the asserts that call the function and name nothing else but builtins."""
    for node in _asserts(tree):
        if free_names(node.test) != {name}:
            continue
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            want = ast.unparse(test.comparators[0])
            yield Check(ast.unparse(test.left), want) if name not in want else Check(ast.unparse(test))
        else:
            yield Check(ast.unparse(test))


def _asserts(tree: ast.Module) -> Iterable[ast.Assert]:
    for node in tree.body:
        if isinstance(node, ast.Assert):
            yield node
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield from (inner for inner in node.body if isinstance(inner, ast.Assert))
