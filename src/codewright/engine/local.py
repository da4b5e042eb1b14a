"""The local engine: a process pool with one worker per core.

Workers start from a fork server, never by forking this process: it has threads (progress bars, torch). They die with
it, so that a killed run leaves nobody behind to write into the folder its successor resumes in. An engine keeps its workers from
one pass to the next, since importing numba and Arrow anew takes a second each time; they end with the engine.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_any
from typing import Any

from codewright.core.errors import BackendError
from codewright.core.progress import Reporter
from codewright.engine.engine import Shard, Task, WarmUp, marker_path, run_shard

_PASSES = 2
"""A worker killed from outside (out of memory, say) is forgiven once."""


def available_cores() -> int:
    """Count the cores this process may use, not those the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """Runs shards on this machine's cores. Its worker processes start with the first pass that needs them and end with it."""

    def __init__(self, workers: int | None = None, reporter: Reporter | None = None) -> None:
        self.workers = workers or available_cores()
        self._reporter = reporter or Reporter(quiet=True)
        self._pool: ProcessPoolExecutor | None = None

    def map(
        self, task: Task, shards: Sequence[Shard], label: str, warm_up: WarmUp | None = None
    ) -> list[dict[str, Any]]:
        """Run the shards that are not done. A worker killed from outside costs one retry of what it held."""
        done = sum(marker_path(task, shard).exists() for shard in shards)
        with self._reporter.bar(label, total=len(shards), done=done) as advance:
            todo = [shard for shard in shards if not marker_path(task, shard).exists()]
            if len(todo) == 1 or self.workers == 1:
                for shard in todo:
                    run_shard(task, shard)
                    advance()
            elif todo:
                if warm_up:
                    warm_up()
                self._in_pool(task, todo, label, advance)
        return [run_shard(task, shard) for shard in shards]

    def _in_pool(self, task: Task, shards: Sequence[Shard], label: str, advance: Any) -> None:
        for _ in range(_PASSES):
            left = [shard for shard in shards if not marker_path(task, shard).exists()]
            try:
                self._pool_pass(task, left, advance)
            except BrokenProcessPool:
                continue
            return
        raise BackendError(
            f"{label}: worker processes ended twice before their work: killed (out of memory?), or unable to start, which they "
            "say above; finished shards are kept, run the same command again"
        )

    def _pool_pass(self, task: Task, shards: Sequence[Shard], advance: Any) -> None:
        pool = self._workers_ready()
        try:
            pending: set[Future[dict[str, Any]]] = {pool.submit(run_shard, task, shard) for shard in shards}
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    advance()
        except BaseException:
            # What is running lands, and who comes next starts with new workers.
            self._pool = None
            pool.shutdown(wait=True, cancel_futures=True)
            raise

    def _workers_ready(self) -> ProcessPoolExecutor:
        """Return the pool, a new one if there is none yet or one of its workers died while it had nothing to do."""
        if self._pool is not None:
            try:
                self._pool.submit(os.getpid)
            except BrokenProcessPool:
                self._pool = None
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            # It starts a worker when there is work and none is idle, so small passes start few.
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_die_with_parent)
        return self._pool


def _die_with_parent() -> None:
    """Prepare a worker: it ends when the run does, however that ends.

    A worker's parent in the system's eyes is the fork server, which lives as long as its children do, so the kernel's
    parent-death signal would never come. The sentinel is a pipe that only the run's process holds open.
    """
    # Ctrl-C is the parent's to handle: it lets finished shards land.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait_for_any([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
