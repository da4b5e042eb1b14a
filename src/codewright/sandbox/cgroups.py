"""Memory and process limits of one worker by the kernel's own count (cgroups(7)), where this process may make cgroups.

One cgroup per worker, made below or beside this process's own, so that every limit on this process's surroundings stays in force. Counts
what the watchdog sees badly or late: tmpfs pages, shared memory, kernel memory, bursts between two looks. Both versions of
the interface are spoken; `open_cgroup` returns None where neither can be written, and then the watchdog works alone.
Limits: swap counts with memory where the kernel accounts for it. A host killed by SIGKILL leaves empty cgroups; the next start removes them.
"""

import asyncio
import contextlib
import functools
import itertools
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from codewright.sandbox.guest.confine import INFRASTRUCTURE_PROCESSES
from codewright.sandbox.guest.wire import WireLimits

ALLOWANCE_BYTES = 16 << 20
"""Beyond `tree_bytes` and what an idle worker holds: page tables, kernel stacks and buffers, which the kernel counts here and
nobody means by resident memory. Measured: 64 small processes hold 9 MB of it."""

_LOOK_S = 0.1
"""How often a running program's worker is asked whether the kernel killed something in it."""

_REMOVE_S = 2.0
"""Killed processes are gone after some milliseconds; a large one takes the kernel longer to free."""

_CONTROLLERS = ("memory", "pids")
_UNLIMITED = "-1"  # cgroup v1, memory.rst
_PREFIX = "codewright-"
_NAME = re.compile(r"codewright-(\d+)-(\d+)-\d+")
_OOM_KILLS = re.compile(rb"^oom_kill (\d+)", re.MULTILINE)

_numbers = itertools.count()


@dataclass(frozen=True)
class Parents:
    """Folders in which cgroups of workers are made: of the memory controller, and of pids (None: not to be had)."""

    version: int
    memory: Path
    pids: Path | None


def find_parents(mountinfo: str, membership: str) -> Parents | None:
    """Read /proc/self/mountinfo and /proc/self/cgroup; None where there is no memory controller.

    Version 1: this process's own cgroup. Version 2: its own if children there get the controllers, else the one above,
    unless the own one has a limit that they would escape: only the root may hold processes beside children.
    """
    mounts = _mounts(mountinfo)
    own = {names: path for _, names, path in (line.split(":", 2) for line in membership.splitlines())}
    folders = {
        controller: _folder(mounts[controller], path)
        for names, path in own.items()
        for controller in names.split(",")
        if controller in _CONTROLLERS and controller in mounts
    }
    if folders.get("memory"):
        return Parents(1, folders["memory"], folders.get("pids"))
    if "" not in own or "" not in mounts:
        return None
    here = _folder(mounts[""], own[""])
    for folder in (here, here.parent):
        if set(_CONTROLLERS) <= set(_read(folder / "cgroup.subtree_control").split()):
            return Parents(2, folder, folder)
        if any(_read(folder / name).strip() not in ("", "max") for name in ("memory.max", "pids.max")):
            return None
    return None


def _mounts(mountinfo: str) -> dict[str, tuple[str, Path]]:
    """Map each v1 controller, and "" for v2, to the root and the place of its mount; proc_pid_mountinfo(5)."""
    found: dict[str, tuple[str, Path]] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        _, _, _, root, place, *_ = before.split()
        kind, _, options = after.split(maxsplit=2)
        if kind == "cgroup2":
            found.setdefault("", (root, Path(place)))
        elif kind == "cgroup":
            for option in options.split(","):
                found.setdefault(option, (root, Path(place)))
    return found


def _folder(mount: tuple[str, Path], path: str) -> Path:
    root, place = mount
    pure = PurePosixPath(path.strip())
    # In a container the mount may show only a part of the tree: then its top is the container's own.
    return place / pure.relative_to(root) if pure.is_relative_to(root) else place


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


@functools.cache
def _parents() -> Parents | None:
    parents = find_parents(_read(Path("/proc/self/mountinfo")), _read(Path("/proc/self/cgroup")))
    if parents is not None:
        remove_stale(parents)
    return parents


def remove_stale(parents: Parents) -> None:
    """Remove the cgroups that killed hosts have left anywhere in these hierarchies; one that is in use refuses to go."""
    for controller in (parents.memory, *([parents.pids] if parents.pids else [])):
        top = controller
        while (top.parent / "cgroup.procs").exists():
            top = top.parent
        for folder, names, _ in os.walk(top, topdown=False):
            for name in names:
                match = _NAME.fullmatch(name)
                if match and start_time(match[1]) != match[2]:
                    with contextlib.suppress(OSError):
                        Path(folder, name).rmdir()


def start_time(pid: str) -> str | None:
    """Return when a process started, in ticks since boot (proc_pid_stat(5)); None if there is no such process."""
    stat = _read(Path("/proc", pid, "stat"))
    return stat.rpartition(")")[2].split()[19] if stat else None


def open_cgroup(parents: Callable[[], Parents | None] = _parents) -> "WorkerCgroup | None":
    """Make the cgroup of one worker; None where that is not allowed."""
    found = parents()
    if found is None:
        return None
    name = f"{_PREFIX}{os.getpid()}-{start_time('self')}-{next(_numbers)}"
    try:
        return WorkerCgroup(found, name)
    except OSError:
        return None


def describe_limits() -> str:
    """Say for users who holds programs to their memory here."""
    cgroup = open_cgroup()
    if cgroup is None:
        return "memory limited by a watchdog (cgroups are not writable here)"
    cgroup.remove()
    return f"memory limited by cgroups v{cgroup.version} and a watchdog"


class WorkerCgroup:
    """One worker's cgroup: made, entered by the launcher, limited per program, removed. Raises OSError if refused."""

    def __init__(self, parents: Parents, name: str) -> None:
        self.version = parents.version
        self._memory = parents.memory / name
        self._memory.mkdir()
        self._folders = [self._memory]
        self._pids: Path | None = None
        if parents.pids == parents.memory:
            self._pids = self._memory
        elif parents.pids is not None:
            self._pids = self._make_pids(parents.pids / name)
        self._baseline_bytes, self._baseline_processes = 0, INFRASTRUCTURE_PROCESSES
        self._limits: tuple[int, int] | None = None
        self._kills = 0
        # memory.oom.group stays off: the zygote is in the same cgroup and has to survive.
        events = "memory.oom_control" if self.version == 1 else "memory.events"
        try:
            self._events = os.open(self._memory / events, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._remove_folders(0.0)
            raise

    def _make_pids(self, folder: Path) -> Path | None:
        try:
            folder.mkdir()
        except OSError:
            return None  # memory is the one that matters: RLIMIT_NPROC counts processes too
        self._folders.append(folder)
        return folder

    @property
    def entrances(self) -> list[str]:
        """Files that a process writes 0 to in order to get in, with all it starts from then on."""
        return [str(folder / "cgroup.procs") for folder in self._folders]

    def settle(self) -> bool:
        """Call once the worker is ready: note what it holds. False if it never got in."""
        if not all(_read(folder / "cgroup.procs") for folder in self._folders):
            return False
        self._baseline_bytes = self.usage_bytes()
        self._kills = self._count_kills()
        return True

    def assume(self, baseline_bytes: int, baseline_processes: int) -> None:
        """Instead of `settle`, for a worker that is empty between programs: what it takes beside a program."""
        self._baseline_bytes, self._baseline_processes = baseline_bytes, baseline_processes

    def set_limits(self, limits: WireLimits) -> None:
        """Make room for one program; writes only what differs from the last one's."""
        wanted = (limits["tree_bytes"], limits["processes"])
        if wanted == self._limits:
            return
        try:
            self._write_memory(self._baseline_bytes + ALLOWANCE_BYTES + limits["tree_bytes"])
            if self._pids is not None:
                _write(self._pids / "pids.max", str(limits["processes"] + self._baseline_processes))
            self._limits = wanted
        except OSError:
            # Refused while the last program's memory is still being freed: the old limit holds, the watchdog has the new one.
            self._limits = None

    def _write_memory(self, most_bytes: int) -> None:
        if self.version == 2:
            _write(self._memory / "memory.max", str(most_bytes))
            with contextlib.suppress(OSError):  # a kernel without swap accounting
                _write(self._memory / "memory.swap.max", "0")
            return
        # The sum with swap must never be below the memory alone, so it goes out of the way first.
        both = self._memory / "memory.memsw.limit_in_bytes"
        with contextlib.suppress(OSError):
            _write(both, _UNLIMITED)
        _write(self._memory / "memory.limit_in_bytes", str(most_bytes))
        with contextlib.suppress(OSError):
            _write(both, str(most_bytes))

    def memory_limit_bytes(self) -> int:
        """Return what the kernel holds it to now."""
        name = "memory.limit_in_bytes" if self.version == 1 else "memory.max"
        return int(_read(self._memory / name))

    def usage_bytes(self) -> int:
        """Return what the kernel counts in it now."""
        name = "memory.usage_in_bytes" if self.version == 1 else "memory.current"
        return int(_read(self._memory / name) or 0)

    def _count_kills(self) -> int:
        match = _OOM_KILLS.search(os.pread(self._events, 4096, 0))
        return int(match[1]) if match else 0

    def has_killed(self) -> bool:
        """True if the kernel has killed something in here for its memory since `forget_kills`."""
        return self._count_kills() != self._kills

    def forget_kills(self) -> None:
        """Start counting anew, for the next program."""
        self._kills = self._count_kills()

    def remove(self) -> None:
        """Remove it, once the kernel has buried what was killed in it; never raises, may be called twice."""
        if self._events >= 0:
            os.close(self._events)
            self._events = -1
            self._remove_folders(_REMOVE_S)

    def _remove_folders(self, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        for folder in self._folders:
            while True:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:  # EBUSY: somebody is still in there
                    if time.monotonic() >= deadline:
                        break
                    time.sleep(0.002)
                else:
                    break


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


class OomWatch:
    """One program under a worker's cgroup: limits before, a look now and then, and what the kernel did, after.

    on_kill is called once if the kernel has killed a process of the program while others of it live on.
    """

    def __init__(self, cgroup: WorkerCgroup | None, limits: WireLimits, on_kill: Callable[[], None]) -> None:
        self._cgroup = cgroup
        self._on_kill = on_kill
        self._timer: asyncio.TimerHandle | None = None
        if cgroup is not None:
            cgroup.set_limits(limits)
            self._look_later(cgroup)

    def _look_later(self, cgroup: WorkerCgroup) -> None:
        self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._look, cgroup)

    def _look(self, cgroup: WorkerCgroup) -> None:
        if cgroup.has_killed():
            self._on_kill()
        else:
            self._look_later(cgroup)

    def killed(self) -> bool:
        """True if memory ran out; call after the program's end."""
        if self._cgroup is None or not self._cgroup.has_killed():
            return False
        self._cgroup.forget_kills()
        return True

    async def wait_until_freed(self, tree_bytes: int) -> None:
        """Wait until a killed program's memory is given back: files go some time after the last process, and until then the
        worker could not even start the next one."""
        if self._cgroup is not None:
            most_bytes = self._cgroup.memory_limit_bytes() - tree_bytes
            deadline = time.monotonic() + _REMOVE_S
            while self._cgroup.usage_bytes() > most_bytes and time.monotonic() < deadline:
                await asyncio.sleep(0.002)

    def close(self) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
