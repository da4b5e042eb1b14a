"""`open_sandbox`: a pool of workers of one backend, shared by every concurrent `run`.

A backend is a file in `backends/`; it offers `BACKEND`, an object with the `Backend` protocol. The pool knows nothing
about isolation: it hands out workers, replaces broken ones and retries their job once.
Limits: belongs to the event loop it was opened in.
"""

import asyncio
import importlib.util
import os
from typing import Protocol, Self

from codewright.core.errors import ConfigError, SandboxUnavailable
from codewright.core.plugins import list_plugins, load_plugin
from codewright.core.text import did_you_mean
from codewright.sandbox.exchange import Prepared, WorkerDiedError, prepare
from codewright.sandbox.job import Job, Result, Sandbox
from codewright.sandbox.toolchain_cache import is_filled, language_cache

_BACKENDS = "codewright.sandbox.backends"
_ATTEMPTS = 2

PRELOADS: dict[str, tuple[str, ...]] = {"python": (), "numpy": ("numpy",), "data": ("numpy", "pandas")}
"""Preload set -> third-party modules that its workers import before the first program. With `python`, programs see the
standard library only; with any other, everything that codewright's own interpreter has installed."""

RECYCLE_AFTER = 5_000
"""Jobs after which a worker is replaced, in case it wears out in a way nobody looks for; ours, high enough that starts
do not show in the time per program."""


class Worker(Protocol):
    """Runs one job at a time. After WorkerDiedError or a cancelled run it is only good for `close`."""

    worn: bool
    """True once it should be replaced although it works: it keeps what it should have given back."""

    async def run(self, prepared: Prepared) -> Result: ...

    def close(self) -> None:
        """End it and everything it started; never raises, may be called twice."""
        ...


class Backend(Protocol):
    """How workers of one kind come to be."""

    isolation: str

    def check(self) -> str | None:
        """None if it works here, else the reason and the remedy in one line."""
        ...

    async def start_worker(self, index: int, modules: tuple[str, ...]) -> Worker:
        """Start one that has these third-party modules at hand. Raises SandboxUnavailable."""
        ...

    async def self_test(self, worker: Worker) -> None:
        """Probe the isolation through a fresh worker. Raises SandboxUnavailable if a probe gets through."""
        ...


def list_backends() -> list[str]:
    """List the backends' names, sorted."""
    return list_plugins(_BACKENDS)


def load_backend(name: str) -> Backend:
    """Import a backend. Raises ConfigError for an unknown name."""
    backend: Backend = load_plugin(_BACKENDS, name).BACKEND
    return backend


def check_available(backend: str = "namespace") -> str | None:
    """Return None if the backend works here, else the reason and the remedy in one line."""
    return load_backend(backend).check()


def open_sandbox(
    backend: str = "namespace",
    workers: int | None = None,
    preload: str = "python",
    recycle_after: int = RECYCLE_AFTER,
) -> Sandbox:
    """Make a sandbox; its workers (default: one per core) start when it is entered.

    preload: a key of PRELOADS; recycle_after: jobs after which a worker is replaced by a fresh one.
    Raises ConfigError for an unknown backend or set, and for a set with a package that is not installed; entering raises
    SandboxUnavailable where it cannot isolate.
    """
    if preload not in PRELOADS:
        known = ", ".join(PRELOADS)
        raise ConfigError(
            f"unknown preload set '{preload}'{did_you_mean(preload, PRELOADS)}; there are: {known}"
        )
    if recycle_after < 1:
        raise ConfigError(f"recycle_after is {recycle_after}, it has to be positive")
    for name in PRELOADS[preload]:
        if importlib.util.find_spec(name) is None:
            raise ConfigError(f"the sandbox's Python has no package '{name}'")
    return Pool(
        load_backend(backend), workers or len(os.sched_getaffinity(0)), PRELOADS[preload], recycle_after
    )


class _Slot:
    """A worker's place in the pool; empty until a replacement is needed and starts."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.worker: Worker | None = None
        self.jobs = 0


class Pool:
    """The `Sandbox` behind `open_sandbox`."""

    def __init__(self, backend: Backend, workers: int, modules: tuple[str, ...], recycle_after: int) -> None:
        self.isolation = backend.isolation
        self._modules = modules
        self._recycle_after = recycle_after
        self._backend = backend
        self._slots = [_Slot(index) for index in range(workers)]
        self._idle: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        self._filling = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            await self._start_workers()
        except BaseException:
            self._close_workers()
            raise
        for slot in self._slots:
            self._idle.put_nowait(slot)
        return self

    async def _start_workers(self) -> None:
        first, *others = self._slots
        await self._backend.self_test(await self._worker_of(first))
        outcomes = await asyncio.gather(*(self._worker_of(slot) for slot in others), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _worker_of(self, slot: "_Slot") -> Worker:
        if slot.worker is None:
            slot.worker = await self._backend.start_worker(slot.index, self._modules)
            slot.jobs = 0
        return slot.worker

    async def __aexit__(self, *exc: object) -> None:
        self._close_workers()

    def _close_workers(self) -> None:
        for slot in self._slots:
            if slot.worker is not None:
                slot.worker.close()
                slot.worker = None

    async def run(self, job: Job) -> Result:
        """Run one job on the next idle worker. Raises ConfigError for a job that cannot be run at all."""
        if not is_filled(job.language):
            async with self._filling:  # else a crowd of jobs would hold every thread of the loop's executor
                await asyncio.to_thread(language_cache, job.language)
        prepared = prepare(job)
        trouble = ""
        slot = await self._idle.get()
        try:
            for _ in range(_ATTEMPTS):
                try:
                    return await self._run_in(slot, prepared)
                except (WorkerDiedError, SandboxUnavailable) as error:
                    trouble = str(error)
        finally:
            self._idle.put_nowait(slot)
        return Result(
            status="sandbox_error",
            stdout="",
            stderr="",
            cpu_s=0.0,
            wall_s=0.0,
            max_rss_bytes=0,
            isolation=self.isolation,
            forgeable=False,
            detail=trouble,
        )

    async def _run_in(self, slot: _Slot, prepared: Prepared) -> Result:
        worker = await self._worker_of(slot)
        try:
            result = await worker.run(prepared)
        except (WorkerDiedError, asyncio.CancelledError):
            worker.close()
            slot.worker = None
            raise
        slot.jobs += 1
        if worker.worn or slot.jobs >= self._recycle_after:
            worker.close()
            slot.worker = None
        return result
