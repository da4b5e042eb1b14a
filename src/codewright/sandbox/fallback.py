"""`split` first, one process where values are not plain data: for tests whose author did not think of two processes.

Only the caller can allow it, since a verdict from one process can be forged; the result says so.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from codewright.sandbox.job import Job, Mode, Result


async def run_with_fallback(
    run: Callable[[Job], Awaitable[Result]], job: Job, *, allow_inproc: bool
) -> tuple[Result, Mode]:
    """Run a job; if it is one for `split` that ends as `not_plain`, run it again in `inproc` where that is allowed.

    run: `Sandbox.run`. Returns the last result and the mode that gave it. Any other verdict of `split` stands: a test that
    fails there because it leans on the solution's imports is for the caller to notice.
    """
    result = await run(job)
    if job.mode != "split" or result.status != "not_plain" or not allow_inproc:
        return result, job.mode
    return await run(_in_one_process(job)), "inproc"


def _in_one_process(job: Job) -> Job:
    """Put the prelude before the program, which may define the same names better: `inproc` has no place of its own for it."""
    name, source = next(iter(job.files.items()))
    alone = not job.prelude or "from __future__ import" in source  # which nothing may precede
    files = dict(job.files) if alone else {**job.files, name: f"{job.prelude}\n{source}"}
    return replace(job, mode="inproc", files=files, prelude="")
