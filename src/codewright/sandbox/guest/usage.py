"""What a program's whole process tree uses, read from /proc: the watchdog's eyes where cgroups are not writable.

Limits: a sample, not an account. CPU of processes that ended between two samples and were never waited for is lost, and a
tree can outgrow its limit by what it touches between two samples.
"""

import os
from dataclasses import dataclass

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_COUNTED = ("RssAnon:", "RssShmem:", "VmSwap:")  # proc_pid_status(5), in KiB
_COUNTED_PROPORTIONALLY = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")  # smaps_rollup, proc_pid_smaps(5), in KiB
_FIRST_CPU_FIELD, _LAST_CPU_FIELD = (
    11,
    15,
)  # utime, stime, cutime, cstime counted after the name: proc_pid_stat(5)


@dataclass(frozen=True)
class Usage:
    """Memory that belongs to the tree (shared pages counted once per process) and CPU seconds of the living."""

    resident_bytes: int
    cpu_s: float


def _pids() -> list[str]:
    """Every process of this pid namespace except its PID 1, the zygote."""
    return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]  # noqa: PTH208 - ten times cheaper


def _sum_kib(path: str, fields: tuple[str, ...]) -> int:
    with open(path, encoding="ascii", errors="replace") as lines:  # noqa: PTH123 - in the watchdog's loop
        return sum(int(line.split()[1]) for line in lines if line.startswith(fields)) << 10


def unbind(processors: set[int]) -> None:
    """Let every thread of the tree run on these processors."""
    for pid in _pids():
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
                os.sched_setaffinity(int(thread), processors)
        except OSError:
            continue  # it ended while we looked


def measure() -> Usage:
    """Sample the tree."""
    resident, ticks = 0, 0
    for pid in _pids():
        try:
            resident += _sum_kib(f"/proc/{pid}/status", _COUNTED)
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123
                after_name = file.read().rpartition(")")[2].split()
            ticks += sum(int(field) for field in after_name[_FIRST_CPU_FIELD:_LAST_CPU_FIELD])
        except (OSError, IndexError, ValueError):
            continue  # it ended while we looked
    return Usage(resident, ticks / _TICKS_PER_SECOND)


def proportional_bytes() -> int:
    """Memory of the tree with every shared page counted once: what forked workers really cost. Slow, so on suspicion."""
    total = 0
    for pid in _pids():
        try:
            total += _sum_kib(f"/proc/{pid}/smaps_rollup", _COUNTED_PROPORTIONALLY)
        except (OSError, IndexError, ValueError):
            continue
    return total
