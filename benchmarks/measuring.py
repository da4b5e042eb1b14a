"""What several benchmarks need: CPU time of process trees, `codewright` as a measured child, peers from PyPI, Markdown tables.

Standard library only: the peers' interpreters, which have no codewright, import it too. Linux only, as it reads /proc.
"""

import contextlib
import ctypes
import gc
import gzip
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "codewright" / "benchmarks"
"""Where packages, corpora and the peers' environments are kept: below `codewright.core.cache.cache_root()`."""

_PR_SET_CHILD_SUBREAPER = 36
"""Source: prctl(2)."""

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_EVERY_S = 0.05
"""How often a running command is looked at: a stage's CPU seconds are wrong by this at most."""


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# ------------------------------------------------------------------------------------------------ what a tree has used


def cpu_seconds() -> float:
    """User and system time of this process and of its children that ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in usage)


def become_subreaper() -> None:
    """Make orphans below us our children, so that their CPU time is counted."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def read_stats() -> dict[int, tuple[int, int, int]]:
    """pid -> parent, clock ticks and page faults, those of its collected children included (proc_pid_stat(5))."""
    found = {}
    for path in Path("/proc").iterdir():
        name = path.name
        if name.isdigit():
            try:
                fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            faults, ticks = (sum(int(field) for field in part) for part in (fields[7:9], fields[11:15]))
            found[int(name)] = (int(fields[1]), ticks, faults)
    return found


def family(stats: dict[int, tuple[int, int, int]], root: int | None = None) -> set[int]:
    """Return a process, this one unless another is named, and everything below it."""
    members = {root or os.getpid()} & stats.keys()
    while True:
        grown = members | {pid for pid, (parent, *_) in stats.items() if parent in members}
        if grown == members:
            return members
        members = grown


def tree_seconds(root: int | None = None) -> float:
    """CPU seconds of a process, this one unless another is named, of all that live below it, and of all that ended there."""
    gc.collect()
    stats = read_stats()
    return sum(stats[pid][1] for pid in family(stats, root)) / _TICKS


def peak_bytes() -> int:
    """Return the most resident memory of this process since it was started; ru_maxrss would count its parent's, too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "no VmHWM in /proc/self/status"
    return int(found[1]) * 1024


@dataclass(frozen=True)
class Cost:
    """What a command and all that it started has used.

    peak_bytes: the most resident memory of the command's own process, or of one that it waited for; worker_peak_bytes: that of the
    largest process it left to its fork server, which are the workers; 0 where it had none. Neither is less than
    what the measuring process held when it started the command: the kernel counts that, too.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int
    worker_peak_bytes: int


def run_codewright(*arguments: str, watch: Callable[[int], None] | None = None) -> Cost:
    """Run the command line `codewright`, all its processes to their end; what it prints on stdout is thrown away.

    watch: called with its pid, twenty times a second while it runs. There must be no other child of this process.
    Raises: CalledProcessError where it fails.
    """
    become_subreaper()
    command = [sys.executable, "-m", "codewright", *arguments]
    started = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while watch and not os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            watch(child.pid)
            time.sleep(_LOOK_EVERY_S)
        _, status, own = os.wait4(child.pid, 0)
    except BaseException:
        child.kill()
        raise
    wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    others = []
    with contextlib.suppress(ChildProcessError):
        while True:  # its fork server ends after it, and brings the workers' time along
            others.append(os.wait4(-1, 0)[2])
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in (own, *others))
    peak = max((usage.ru_maxrss for usage in others), default=0)
    return Cost(cpu, wall, own.ru_maxrss * 1024, peak * 1024)  # ru_maxrss: kibibytes, getrusage(2)


# ---------------------------------------------------------------------------------------------------------- contenders


def peer_python(name: str, packages: Sequence[str], cache: Path) -> str | None:
    """Return the interpreter of an environment `cache`/`name` with these packages of PyPI, made if need be.

    None, and a line that says so, where they cannot be had.
    """
    python = cache / name / "bin" / "python"
    if not (cache / name / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(cache / name)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: not installed, left out: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
            return None
        (cache / name / "installed").touch()
    return str(python)


_ANSWERS = sys.stdout
"""As it was before a contender's libraries could put something else in its place."""


def say(message: dict[str, Any]) -> None:
    """Answer the referee, as a contender."""
    print(json.dumps(message), file=_ANSWERS, flush=True)


class Contender:
    """A process that says when it is ready, then answers every order; the referee's side. All of it is JSON, line by line."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._hear()

    def ask(self, order: Any) -> dict[str, Any]:
        """Give an order; returns the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return self._hear()

    def end(self) -> dict[str, Any]:
        """End it; returns its last words, if it has any."""
        last, _ = self._process.communicate()
        return dict(json.loads(last)) if last else {}

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a contender died; its complaint stands above")
        return dict(json.loads(line))


# ------------------------------------------------------------------------------------------------------------ Markdown


def table_row(*cells: object) -> str:
    """Format a row of a Markdown table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def table_head(*names: str) -> str:
    """Format what a Markdown table begins with: its columns' names and the line below."""
    return f"{table_row(*names)}\n{table_row(*['---'] * len(names))}"


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format a Markdown table."""
    return "\n".join([table_head(*names), *(table_row(*row) for row in rows)])
