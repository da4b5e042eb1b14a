"""Sandbox workers that the first job starts: what shard tasks and methods use to run code."""

import asyncio
from types import TracebackType
from typing import Self

from codewright.core.errors import BackendError
from codewright.sandbox.job import Job, Result, Sandbox
from codewright.sandbox.pool import open_sandbox


class LazySandbox:
    """A pool, of one unless more are wanted, that starts when it is needed: without code to run it costs no start-up."""

    def __init__(self, backend: str, workers: int = 1) -> None:
        """backend: a key under `sandbox/backends`."""
        self._backend = backend
        self._workers = workers
        self._starting = asyncio.Lock()
        self._sandbox: Sandbox | None = None
        self.isolation: str | None = None

    async def run(self, job: Job) -> Result:
        """Run a job.

        Raises: SandboxUnavailable when isolation is missing; BackendError when the sandbox itself failed, also on
        retry, so that infrastructure trouble is never taken for a wrong program.
        """
        async with self._starting:  # the first jobs come all at once; only one of them may start the worker
            if self._sandbox is None:
                self._sandbox = await open_sandbox(self._backend, workers=self._workers).__aenter__()
                self.isolation = self._sandbox.isolation
        result = await self._sandbox.run(job)
        if result.status == "sandbox_error":
            raise BackendError(
                f"the sandbox failed, not the program: {result.detail}; run the same command again"
            )
        return result

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sandbox is not None:
            await self._sandbox.__aexit__(kind, error, trace)
