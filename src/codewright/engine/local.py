"""The local engine: a process pool with one worker per core.

Workers start from a fork server, never by forking this process: it has threads (progress bars, torch). They die with
it, so that a killed run leaves nobody behind to write into the folder its successor resumes in.
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
from codewright.engine.engine import Shard, Task, marker_path, run_shard

_PASSES = 2
"""A worker killed from outside (out of memory, say) is forgiven once."""


def available_cores() -> int:
    """Count the cores this process may use, not those the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """Runs shards on this machine's cores."""

    def __init__(self, workers: int | None = None, reporter: Reporter | None = None) -> None:
        self.workers = workers or available_cores()
        self._reporter = reporter or Reporter(quiet=True)

    def map(self, task: Task, shards: Sequence[Shard], label: str) -> list[dict[str, Any]]:
        """Run the shards that are not done. A worker killed from outside costs one retry of what it held."""
        done = sum(marker_path(task, shard).exists() for shard in shards)
        with self._reporter.bar(label, total=len(shards), done=done) as advance:
            todo = [shard for shard in shards if not marker_path(task, shard).exists()]
            if len(todo) == 1 or self.workers == 1:
                for shard in todo:
                    run_shard(task, shard)
                    advance()
            elif todo:
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
            f"{label}: a worker process was killed twice (out of memory?); "
            "finished shards are kept, run the same command again"
        )

    def _pool_pass(self, task: Task, shards: Sequence[Shard], advance: Any) -> None:
        context = multiprocessing.get_context("forkserver")
        workers = min(self.workers, len(shards))
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_die_with_parent) as pool:
            pending: set[Future[dict[str, Any]]] = {pool.submit(run_shard, task, shard) for shard in shards}
            try:
                while pending:
                    finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in finished:
                        future.result()
                        advance()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


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
