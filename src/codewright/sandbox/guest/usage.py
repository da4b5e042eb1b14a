"""What a program's whole process tree uses, read from /proc: the watchdog's eyes where cgroups are not writable.

Limits: a sample, not an account. CPU of processes that ended between two samples and were never waited for is lost, and a
tree can outgrow its limit by what it touches between two samples.
"""

import contextlib
import os
from collections.abc import Iterable
from typing import NamedTuple

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_COUNTED = ("RssAnon:", "RssShmem:", "VmSwap:")  # proc_pid_status(5), in KiB
_COUNTED_PROPORTIONALLY = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")  # smaps_rollup, proc_pid_smaps(5), in KiB
_SOCKET_BYTES = 425_984
"""Twice `net.core.wmem_max`'s default (socket(7)): a sender's largest buffer, kernel memory that is nobody's."""

_SOCKETS_FOR_NOTHING = 64
"""Few programs open more, and so many hold little."""

_CPU_FIELDS = slice(11, 15)  # utime, stime, cutime, cstime counted after the name: proc_pid_stat(5)


class Usage(NamedTuple):
    """Memory that belongs to the tree (shared pages counted once per process) and CPU seconds of the living."""

    resident_bytes: int
    cpu_s: float


def _pids(idle: Iterable[int]) -> list[str]:
    """Every process of this pid namespace except its PID 1, the zygote, and those that are no part of the program."""
    left_out = {"1", *map(str, idle)}
    return [name for name in os.listdir("/proc") if name.isdigit() and name not in left_out]


def _sum_kib(path: str, fields: tuple[str, ...]) -> int:
    with open(path, encoding="ascii", errors="replace") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith(fields)) << 10


def unbind(processors: set[int], idle: Iterable[int]) -> None:
    """Let every thread of the tree run on these processors."""
    for pid in _pids(idle):
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), processors)
        except OSError:
            continue  # it ended while we looked


def _resident(pid: str, state: str) -> int:
    if state != "Z":
        return _sum_kib(f"/proc/{pid}/status", _COUNTED)
    # Its first thread has ended, and with it what /proc/PID says of memory; other threads may still hold all of it.
    threads = os.listdir(f"/proc/{pid}/task")
    return max(_sum_kib(f"/proc/{pid}/task/{thread}/status", _COUNTED) for thread in threads)


def fields_of(stat: str) -> list[str]:
    """Split what stands after the name, which may hold anything: proc_pid_stat(5). The first is the state."""
    return stat.rpartition(")")[2].split()


def ticks_of(fields: list[str]) -> int:
    """CPU of a process and of those it waited for, in TICKS_PER_SECOND."""
    return sum(int(field) for field in fields[_CPU_FIELDS])


def measure(idle: Iterable[int], judge: int | None) -> Usage:
    """Sample the tree. idle: processes to leave out; judge: one whose time is that of many programs."""
    resident, ticks = 0, 0
    for pid in _pids(idle):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = fields_of(file.read())
            if pid != str(judge):
                ticks += ticks_of(fields)
            resident += _resident(pid, fields[0])
        except (OSError, IndexError, ValueError):
            continue  # it ended while we looked
    return Usage(resident + _socket_bytes(), ticks / TICKS_PER_SECOND)


def _socket_bytes() -> int:
    """Return the most that can wait unread in the tree's sockets: /proc tells their number, not what they hold."""
    with open("/proc/net/sockstat", encoding="ascii") as lines:
        used = int(lines.readline().split()[2])
    return max(0, used - _SOCKETS_FOR_NOTHING) * _SOCKET_BYTES


def proportional_bytes(idle: Iterable[int]) -> int:
    """Memory of the tree with every shared page counted once: what forked workers really cost. Slow, so on suspicion."""
    total = 0
    for pid in _pids(idle):
        try:
            total += _sum_kib(f"/proc/{pid}/smaps_rollup", _COUNTED_PROPORTIONALLY)
        except ProcessLookupError:  # no memory of its own, or its first thread has ended
            with contextlib.suppress(OSError, ValueError):
                total += _resident(pid, "Z")
        except (OSError, IndexError, ValueError):
            continue
    return total + _socket_bytes() if total else 0
