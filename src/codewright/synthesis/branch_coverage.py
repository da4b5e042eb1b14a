"""Which branches of a solution its tests take, measured in the sandbox with the standard library alone.

Every condition of the solution is wrapped by a call that notes how it came out; solution and tests then run in one process,
which prints what was noted. That is a measurement, never a verdict: the program could print what it likes.
"""

import ast
import json
from dataclasses import dataclass

from codewright.core.extract.python_pieces import parse_python
from codewright.core.records import Tests
from codewright.sandbox.job import Job
from codewright.synthesis.verify import Run

_HARNESS = """
import os, sys
_seen = set()

def _note(number, value):
    truth = bool(value)
    _seen.add((number, truth))
    return truth

def _each(number, values):
    for value in values:
        _seen.add((number, True))
        yield value
    _seen.add((number, False))

_names = {{"__name__": "solution", {note!r}: _note, {each!r}: _each}}
exec(compile({solution!r}, "solution.py", "exec"), _names)
exec(compile({tests!r}, "tests.py", "exec"), _names)
sys.stdout.flush()
os.write(1, ("\\n" + repr(sorted([n, int(t)] for n, t in _seen)) + "\\n").encode())
"""
_NOTE, _EACH = "_codewright_note", "_codewright_each"


@dataclass(frozen=True)
class Coverage:
    """Branches that tests took, of those a solution has; two for every condition and loop."""

    taken: int
    branches: int

    @property
    def share(self) -> float:
        """Return the share of branches that were taken; 1 where there is none."""
        return self.taken / self.branches if self.branches else 1.0

    def __str__(self) -> str:
        return f"branches {self.taken}/{self.branches}"


async def branch_coverage(run: Run, tests: Tests) -> Coverage | None:
    """Measure which branches of a Python solution its tests take; None where they do not pass in one process.

    Counted are both ways of every `if`, `elif`, `while`, conditional expression and comprehension's `if` that is no constant,
    and of every `for`: that its body runs, and that it runs out. Not counted: `and`, `or`, `match`, handlers of exceptions.
    """
    marked = _marked(tests.solution)
    if marked is None:
        return None
    solution, conditions = marked
    program = _HARNESS.format(note=_NOTE, each=_EACH, solution=solution, tests=tests.code)
    result = await run(Job("script", {"measure.py": program}))
    lines = result.stdout.strip().splitlines()
    if result.status != "passed" or not lines:
        return None
    taken = _read(lines[-1], conditions)
    return None if taken is None else Coverage(taken, 2 * conditions)


def _marked(source: str) -> tuple[str, int] | None:
    """Wrap the conditions of a module; returns its source and how many there are, None where it does not parse."""
    parsed, marker = parse_python(source), _Marker()
    if parsed is None:
        return None
    try:
        return ast.unparse(ast.fix_missing_locations(marker.visit(parsed))), marker.count
    except (ValueError, RecursionError, MemoryError):
        return None


def _read(line: str, conditions: int) -> int | None:
    """Count the branches in a line of pairs [condition, outcome]; None if it is anything else, since the program wrote it."""
    try:
        pairs = json.loads(line)
        seen = {(number, outcome) for number, outcome in pairs}
    except (ValueError, TypeError, RecursionError):
        return None
    known = {(number, outcome) for number in range(conditions) for outcome in (0, 1)}
    return len(seen) if seen <= known else None


class _Marker(ast.NodeTransformer):
    """Wraps conditions in order of their visit; `count` is the next one's number."""

    def __init__(self) -> None:
        self.count = 0

    def _wrapped(self, name: str, value: ast.expr) -> ast.expr:
        number, self.count = self.count, self.count + 1
        return ast.Call(ast.Name(name, ast.Load()), [ast.Constant(number), value], [])

    def _condition(self, value: ast.expr) -> ast.expr:
        named = any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(value))
        return value if named or isinstance(value, ast.Constant) else self._wrapped(_NOTE, value)

    def visit(self, node: ast.AST) -> ast.AST:
        """Wrap what a node decides by, then go into it."""
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            node.test = self._condition(node.test)
        elif isinstance(node, ast.For):
            node.iter = self._wrapped(_EACH, node.iter)
        elif isinstance(node, ast.comprehension):
            node.ifs = [self._condition(one) for one in node.ifs]
        return self.generic_visit(node)
