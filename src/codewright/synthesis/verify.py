"""Executing a row's tests in the sandbox, the only way a row becomes verified."""

from collections.abc import Awaitable, Callable

from codewright.core.records import RowVerdict, Tests
from codewright.sandbox.job import Job, Mode, Result

Run = Callable[[Job], Awaitable[Result]]
"""What methods get as `run`: the sandbox, bound to its backend."""


async def verify(
    run: Run, tests: Tests, mode: Mode = "split", fallback: Mode | None = None
) -> tuple[RowVerdict, Tests, str]:
    """Execute a solution against its tests.

    fallback: the mode to try when values turn out not to be plain data. Returns the verdict, the tests with the mode
    that decided, and the sandbox's one-line detail.
    """
    result = await run(_job(tests, mode))
    if result.status == "not_plain" and fallback is not None:
        mode = fallback
        result = await run(_job(tests, mode))
    verdict = RowVerdict(result.status, result.isolation, result.forgeable)
    return verdict, Tests(tests.solution, tests.code, tests.entry_point, mode), result.detail


def _job(tests: Tests, mode: Mode) -> Job:
    return Job(mode, {"solution.py": tests.solution}, entry_point=tests.entry_point, tests=tests.code)
