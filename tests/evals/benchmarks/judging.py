"""Answers judged as the command line does it: through the benchmark's contract, in the default sandbox."""

import asyncio
from collections.abc import Iterable

from codewright.core.records import Answer, Problem, Verdict
from codewright.evals.benchmark import Benchmark
from codewright.evals.judging import judge_answer, run_in
from codewright.sandbox.by_packages import SandboxByPackages
from codewright.sandbox.job import Limits

LIMITS = Limits(wall_s=120.0, cpu_s=5.0)
"""CPU time decides, so that a busy machine changes no verdict."""


def judge_all(benchmark: Benchmark, pairs: Iterable[tuple[Problem, Answer]]) -> list[Verdict]:
    """Return the verdicts in the order of the pairs."""

    async def work() -> list[Verdict]:
        async with SandboxByPackages("namespace") as sandbox:
            run = run_in(sandbox.run, LIMITS)
            return list(await asyncio.gather(*(judge_answer(benchmark, *pair, run) for pair in pairs)))

    return asyncio.run(work())


def failures(verdicts: Iterable[Verdict]) -> dict[str, tuple[str, str]]:
    """Map what did not pass to why."""
    return {one.task_id: (one.status, one.detail) for one in verdicts if not one.passed}
