"""From an answer to a verdict."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from codewright.core.records import Answer, Problem, Verdict
from codewright.evals.benchmark import Benchmark, Run
from codewright.sandbox.fallback import run_with_fallback
from codewright.sandbox.job import Job, Limits, Result


def run_in(sandbox_run: Callable[[Job], Awaitable[Result]], limits: Limits | None = None) -> Run:
    """Bind a sandbox's `run` to the limits of one problem; None leaves each job its own.

    What `split` cannot judge, because values are not plain data, is judged in one process, and its verdict says so.
    """

    async def run(job: Job) -> Result:
        bounded = job if limits is None else replace(job, limits=limits)
        result, _ = await run_with_fallback(sandbox_run, bounded, allow_inproc=True)
        return result

    return run


async def judge_answer(benchmark: Benchmark, problem: Problem, answer: Answer, run: Run) -> Verdict:
    """Run an answer as its benchmark says and write down what came of it."""
    outcome = await benchmark.judge(problem, answer, run)
    result = outcome.result
    return Verdict(
        benchmark=problem.benchmark,
        task_id=problem.task_id,
        sample_index=answer.sample_index,
        form=answer.form,
        language=problem.language,
        status=result.status,
        passed=outcome.passed,
        isolation=result.isolation,
        forgeable=result.forgeable or answer.form == "program",  # its tests are its own text
        seconds=round(result.cpu_s, 4),
        detail=result.detail,
        base_passed=outcome.marks.get("base_passed"),
        plus_passed=outcome.marks.get("plus_passed"),
    )
