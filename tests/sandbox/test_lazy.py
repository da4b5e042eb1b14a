"""The lazy pool of one: started by the first job, once, however many come together; closed with the block."""

import asyncio

import psutil

from codewright.sandbox.job import Job
from codewright.sandbox.lazy import LazySandbox


def sandboxes() -> int:
    names = (process.name() for process in psutil.Process().children(recursive=True))
    return sum(name == "bwrap" for name in names)


def test_many_first_jobs_start_one_worker_and_none_is_left() -> None:
    async def work() -> tuple[int, list[str]]:
        async with LazySandbox("namespace") as sandbox:
            assert (sandbox.isolation, sandboxes()) == (None, before)
            job = Job(
                "split",
                {"solution.py": "def f():\n    return 1\n"},
                entry_point="f",
                tests="assert f() == 1\n",
            )
            results = await asyncio.gather(*(sandbox.run(job) for _ in range(20)))
            assert sandbox.isolation == "namespace"
            return sandboxes(), [result.status for result in results]

    before = sandboxes()
    during, statuses = asyncio.run(work())
    assert statuses == ["passed"] * 20
    assert during - before <= 2  # bubblewrap is two processes: outside and inside its namespace
    assert sandboxes() == before
