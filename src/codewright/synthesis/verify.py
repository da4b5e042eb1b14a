"""Executing a row's tests in the sandbox, the only way a row becomes verified."""

from collections.abc import Awaitable, Callable

from codewright.core.records import RowVerdict, Tests
from codewright.sandbox.fallback import run_with_fallback
from codewright.sandbox.job import Job, Result

Run = Callable[[Job], Awaitable[Result]]
"""What methods get as `run`: the sandbox, bound to its backend."""


async def verify(run: Run, tests: Tests, *, allow_inproc: bool = False) -> tuple[RowVerdict, Tests, str]:
    """Execute a solution against its tests, apart; in one process, where that is allowed, if values are not plain data.

    Returns the verdict, the tests with the mode that decided, and the sandbox's one-line detail.
    """
    job = Job("split", {"solution.py": tests.solution}, entry_point=tests.entry_point, tests=tests.code)
    result, mode = await run_with_fallback(run, job, allow_inproc=allow_inproc)
    verdict = RowVerdict(result.status, result.isolation, result.forgeable)
    return verdict, Tests(tests.solution, tests.code, tests.entry_point, mode), result.detail
