"""Workers, zygotes and programs killed at random while many jobs run: every job still ends with its own one verdict."""

import asyncio
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field

import pytest

from codewright.sandbox.job import Job, Result
from codewright.sandbox.pool import Pool
from tests.sandbox.opened import open_pool
from tests.sandbox.processes import PROCESSES_OF_A_WORKER, descendants, processes, worker_pids

JOBS = 5_000
BETWEEN_KILLS = 50
"""Verdicts between two kills in one place of the pool."""

SINCE_START = 2
"""Jobs that a worker has to finish before it is hit: a job is retried once, so the second try must not be hit too."""

KINDS = ("worker", "zygote", "program")


def job_of(number: int) -> tuple[Job, str]:
    """A job and the status it has to end with."""
    # Some run long enough to be hit.
    wait = "import time; time.sleep(0.05)\n" if number % 10 == 0 else ""
    good = f"{wait}def f(x):\n    return x + {number}\n"
    mode, source, tests, status = (
        ("split", good, f"assert f(1) == {number + 1}", "passed"),
        ("inproc", good, f"assert f(1) == {number}", "failed"),
        ("script", f"{wait}print({number})", "", "passed"),
        ("split", f"{wait}def f(x):\n    return x // 0\n", "f(1)", "error"),
        ("inproc", f"{wait}raise SystemExit", "", "exited_early"),
    )[number % 5]
    return Job(mode, {"solution.py": source}, tests=tests), status  # type: ignore[arg-type]


def depth_below(root: int, pid: int, alive: dict[int, tuple[int, str]]) -> int:
    depth = 0
    while pid != root and pid in alive:
        pid, depth = alive[pid][0], depth + 1
    return depth


def victims(root: int, kind: str) -> list[int]:
    """Processes of this kind in the worker whose outermost process is `root`."""
    if kind == "worker":
        return [root]
    alive = processes()
    depths = {pid: depth_below(root, pid, alive) for pid in descendants(root)}
    if kind == "zygote":
        return [pid for pid, depth in depths.items() if depth == PROCESSES_OF_A_WORKER]
    return [pid for pid, depth in depths.items() if depth > PROCESSES_OF_A_WORKER]


@dataclass
class Soak:
    """Verdicts so far and what was killed."""

    verdicts: list[list[Result]] = field(default_factory=lambda: [[] for _ in range(JOBS)])
    done: int = 0
    killed: Counter[str] = field(default_factory=Counter)

    async def work(self, sandbox: Pool, numbers: list[int]) -> None:
        while numbers:
            number = numbers.pop()
            self.verdicts[number].append(await sandbox.run(job_of(number)[0]))
            self.done += 1

    async def kill(self, sandbox: Pool, chance: random.Random) -> None:
        last: dict[int, int] = {}  # slot -> verdicts at its last kill
        while True:
            await asyncio.sleep(0.01)
            roots = worker_pids(sandbox)
            slot = chance.randrange(2)
            if len(roots) < 2 or self.done < last.get(slot, 0) + BETWEEN_KILLS:
                continue
            if sandbox._slots[slot].jobs < SINCE_START:
                continue
            kind = KINDS[sum(self.killed.values()) % len(KINDS)]
            found = victims(roots[slot], kind)
            if found:
                try:
                    os.kill(chance.choice(found), signal.SIGKILL)
                except ProcessLookupError:
                    continue  # it ended meanwhile
                self.killed[kind] += 1
                last[slot] = self.done


@pytest.mark.slow
def test_every_job_ends_with_one_correct_verdict_whatever_is_killed() -> None:
    soak = Soak()

    async def run() -> None:
        async with open_pool(2) as sandbox:
            killer = asyncio.create_task(soak.kill(sandbox, random.Random(0)))
            numbers = list(range(JOBS))
            await asyncio.gather(*(soak.work(sandbox, numbers) for _ in range(4)))
            killer.cancel()
            outcome = (await asyncio.gather(killer, return_exceptions=True))[0]
            assert isinstance(outcome, asyncio.CancelledError), outcome

    asyncio.run(run())
    assert [len(verdicts) for verdicts in soak.verdicts] == [1] * JOBS
    wrong, hit = [], 0
    for number, (result,) in enumerate(soak.verdicts):
        if result.status == "killed" and result.detail == "died by SIGKILL":
            hit += 1  # the program itself was killed, and that is what its verdict says
        elif result.status != job_of(number)[1]:
            wrong.append((number, result.status, result.detail))
    assert not wrong
    assert hit <= soak.killed["program"]
    assert min(soak.killed[kind] for kind in KINDS) >= 5
