"""Processes as the host sees them: who descends from whom, who is gone, and a host that is killed."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from codewright.sandbox.backends.namespace import NamespaceWorker
from codewright.sandbox.pool import Pool

PROCESSES_OF_A_WORKER = 3
"""Below the outermost bubblewrap, while it runs nothing: its inner half, the zygote's parent, the zygote."""


def worker_pids(sandbox: Pool) -> list[int]:
    return [slot.worker.pid for slot in sandbox._slots if isinstance(slot.worker, NamespaceWorker)]


def processes() -> dict[int, tuple[int, str]]:
    """pid -> parent and state, of every process here."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(path.parent.name)] = (int(fields[1]), fields[0])
    return found


def descendants(root: int) -> set[int]:
    alive = processes()
    family = {root}
    while True:
        grown = family | {pid for pid, (parent, _) in alive.items() if parent in family}
        if grown == family:
            return family - {root}
        family = grown


def wait_until_gone(pids: set[int]) -> set[int]:
    """Those still alive after ten seconds; a zombie is gone, its parent's business."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        alive = processes()
        left = {pid for pid in pids if pid in alive and alive[pid][1] != "Z"}
        if not left:
            break
        time.sleep(0.05)
    return left


@contextlib.contextmanager
def killed_host(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a Python program, wait until it prints `running`, and kill it when the block ends: it cannot clean up."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as host:
        try:
            assert host.stdout is not None
            assert host.stdout.readline() == b"running\n"
            yield host
        finally:
            host.kill()
