"""Sandboxes by what programs import: few need numpy, and without it a program costs half."""

import asyncio
import contextlib
from typing import Self

from codewright.core.errors import ConfigError
from codewright.sandbox.job import Job, Result, Sandbox
from codewright.sandbox.pool import PRELOADS, open_sandbox


class SandboxByPackages:
    """Runs each job where its `packages` are preloaded. The plain sandbox starts at once, the others when they are needed."""

    def __init__(self, backend: str, workers: int | None = None) -> None:
        """backend: a key under `sandbox/backends`. workers: of each sandbox."""
        self._backend = backend
        self._workers = workers
        self._stack = contextlib.AsyncExitStack()
        self._starting = asyncio.Lock()
        self._sandboxes: dict[str, Sandbox] = {}
        self.isolation = ""

    async def run(self, job: Job) -> Result:
        """Run a job. Raises ConfigError for packages that no preload set has."""
        sandbox = await self._open(_set_for(job))
        return await sandbox.run(job)

    async def _open(self, preload: str) -> Sandbox:
        async with self._starting:  # the first jobs come all at once; only one of them may start the workers
            if preload not in self._sandboxes:
                opened = open_sandbox(self._backend, self._workers, preload)
                self._sandboxes[preload] = await self._stack.enter_async_context(opened)
        return self._sandboxes[preload]

    async def __aenter__(self) -> Self:
        self.isolation = (await self._open("python")).isolation
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()


def _set_for(job: Job) -> str:
    for name, modules in PRELOADS.items():  # the smallest first
        if set(job.packages) <= set(modules):
            return name
    raise ConfigError(
        f"no preload set has {', '.join(job.packages)}; there are: {', '.join(PRELOADS)} (sandbox/pool.py)"
    )
