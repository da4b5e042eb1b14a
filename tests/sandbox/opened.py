"""Sandboxes for tests: one that stays open from test to test, and the pool itself for tests that look inside."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Self, TypeVar

from codewright.sandbox.job import Job, Limits, Result
from codewright.sandbox.pool import Pool, open_sandbox

T = TypeVar("T")


def script(source: str, **more: Any) -> Job:
    return Job("script", {"main.py": source}, **more)


def open_pool(workers: int, backend: str = "namespace", **options: Any) -> Pool:
    sandbox = open_sandbox(backend, workers, **options)
    assert isinstance(sandbox, Pool)
    return sandbox


class Opened:
    """One event loop and one open sandbox: with one worker, each program meets what the others left."""

    def __init__(self, backend: str = "namespace", workers: int = 1, **options: Any) -> None:
        self.name = backend
        self.sandbox = open_pool(workers, backend, **options)
        self.loop = asyncio.new_event_loop()
        self.wait_for(self.sandbox.__aenter__())

    def wait_for(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(work)

    def run(self, job: Job) -> Result:
        return self.wait_for(self.sandbox.run(job))

    def run_all(self, *jobs: Job) -> list[Result]:
        """Run jobs at the same time."""

        async def run() -> list[Result]:
            return await asyncio.gather(*(self.sandbox.run(job) for job in jobs))

        return self.wait_for(run())

    def run_script(self, source: str, **limits: Any) -> Result:
        return self.run(script(source, limits=Limits(**limits)))

    def close(self) -> None:
        self.wait_for(self.sandbox.__aexit__(None, None, None))
        self.loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
