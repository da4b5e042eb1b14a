"""Executing a row's tests in the sandbox, the only way a row becomes verified, and what tells good tests from poor ones."""

import ast
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from codewright.core.extract.python_pieces import parse_python
from codewright.core.records import RowVerdict, Tests
from codewright.sandbox.fallback import run_with_fallback
from codewright.sandbox.job import Job, Mode, Result

Run = Callable[[Job], Awaitable[Result]]
"""What methods get as `run`: the sandbox, bound to its backend."""


@dataclass(frozen=True)
class Agreement:
    """Solutions and test sets that agree: each of the solutions passes each of the test sets.

    solutions, tests: indices, ascending. passed: for every solution, whether it passed each of the test sets.
    """

    solutions: tuple[int, ...]
    tests: tuple[int, ...]
    passed: tuple[tuple[bool, ...], ...]


async def verify(run: Run, tests: Tests, *, allow_inproc: bool = False) -> tuple[RowVerdict, Tests, str]:
    """Execute a solution against its tests, apart; in one process, where that is allowed, if values are not plain data.

    Returns the verdict, the tests with the mode that decided, and the sandbox's one-line detail.
    """
    job = Job("split", {"solution.py": tests.solution}, entry_point=tests.entry_point, tests=tests.code)
    result, mode = await run_with_fallback(run, job, allow_inproc=allow_inproc)
    verdict = RowVerdict(result.status, result.isolation, result.forgeable)
    return verdict, Tests(tests.solution, tests.code, tests.entry_point, mode), result.detail


async def is_flaky(run: Run, tests: Tests, status: str, *, allow_inproc: bool = False) -> bool:
    """Execute once more: whether it ends otherwise than it did, which was with `status`."""
    verdict, _, _ = await verify(run, tests, allow_inproc=allow_inproc)
    return verdict.status != status


async def proves_nothing(run: Run, tests: Tests) -> bool:
    """Tell whether tests hold for a solution that does nothing, or assert nothing at all.

    Such a solution has the entry point, or without one every name that the solution defines, as a function that takes
    anything and returns None.
    """
    if not _asserts(tests.code):
        return True
    names = [tests.entry_point] if tests.entry_point else _defined(tests.solution)
    empty = "".join(f"def {name}(*args, **kwargs):\n    return None\n\n\n" for name in names)
    mode: Mode = "inproc" if tests.mode == "inproc" else "split"
    result = await run(Job(mode, {"solution.py": empty}, entry_point=tests.entry_point, tests=tests.code))
    return result.status == "passed"


async def agree(
    run: Run, solutions: Sequence[str], tests: Sequence[str], entry_point: str | None, *, allow_inproc: bool = False
) -> Agreement | None:  # fmt: skip
    """Execute every solution against every test set and keep the largest group that agrees; None if nothing passes.

    Source: CodeT (arXiv 2207.10397), section 2: solutions and tests are trusted by how many of the others they agree with,
    the product of both numbers. Ties: see `largest_agreement`.
    """

    async def passes(solution: str, code: str) -> bool:
        verdict, _, _ = await verify(run, Tests(solution, code, entry_point), allow_inproc=allow_inproc)
        return verdict.status == "passed"

    async def row(solution: str) -> tuple[bool, ...]:
        return tuple(await asyncio.gather(*(passes(solution, code) for code in tests)))

    return largest_agreement(await asyncio.gather(*(row(solution) for solution in solutions)))


def largest_agreement(passed: Sequence[Sequence[bool]]) -> Agreement | None:
    """Find the group of solutions and test sets, all passing, whose product of sizes is the largest.

    passed[s][t]: whether solution s passes test set t. Ties: more solutions, then the smallest indices of solutions.
    Cost: at most 2 ** min(solutions, test sets) groups are looked at.
    """
    rows = [sum(1 << at for at, one in enumerate(row) if one) for row in passed]
    shared: set[int] = set()
    for row in rows:
        shared |= {row & other for other in shared} | {row}
    found: list[tuple[int, int, tuple[int, ...], tuple[int, ...]]] = []
    for tests in shared - {0}:
        solutions = tuple(at for at, row in enumerate(rows) if row & tests == tests)
        size = len(solutions) * tests.bit_count()
        indices = tuple(at for at in range(tests.bit_length()) if tests >> at & 1)
        found.append((-size, -len(solutions), solutions, indices))
    if not found:
        return None
    _, _, solutions, indices = min(found)
    return Agreement(solutions, indices, tuple(tuple(row) for row in passed))


def _asserts(code: str) -> bool:
    """Tell whether there is an assertion about something that is not written out."""
    tree = parse_python(code)
    return tree is not None and any(
        isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant) for node in ast.walk(tree)
    )


def _defined(source: str) -> list[str]:
    tree = parse_python(source)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in tree.body if isinstance(node, kinds)] if tree else []
