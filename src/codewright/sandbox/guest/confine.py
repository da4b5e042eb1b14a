"""What a program's first process does to itself before untrusted code starts: private files, limits, no privileges.

Limits: RLIMIT_NPROC counts per user namespace since Linux 5.14; on older kernels it counts all processes of the user.
"""

import os
import resource

from codewright.sandbox.guest import kernel
from codewright.sandbox.guest.wire import WireLimits

WORK_FOLDER = b"/tmp"
NO_EXTRAS = kernel.MS_NOSUID | kernel.MS_NODEV
PROC_FLAGS = NO_EXTRAS | kernel.MS_NOEXEC | kernel.MS_RDONLY

NAMESPACES = kernel.CLONE_NEWPID | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC
"""What each process that runs untrusted code is born into: it sees no process, mount or message queue of another one."""

_PROGRAM_OOM_SCORE = b"1000"
"""Short of memory, the kernel takes programs first: proc_pid_oom_score_adj(5). A program cannot lower its own, its /proc is
read-only."""

_UNLIMITED_CPU_S = 1e8  # three years

INFRASTRUCTURE_PROCESSES = 32
"""RLIMIT_NPROC counts them too: bubblewrap's two, the zygote's two, the program's runners, two judges, a compile server's
threads (14 of a JVM)."""


def private_files(limits: WireLimits) -> None:
    """Give this process a session, an empty /tmp, which is /dev/shm too, and its own /proc.

    Needs CAP_SYS_ADMIN in the user namespace, to be PID 1 of the pid namespace that /proc should show, and a mount namespace
    of its own.
    """
    _offer_to_oom_killer()
    os.setsid()  # kill(2) with pid 0 reaches the process group, which pid namespaces do not divide
    size = b"size=%d,nr_inodes=%d,mode=1777" % (limits["disk_bytes"], limits["inodes"])
    kernel.mount(b"tmpfs", WORK_FOLDER, b"tmpfs", NO_EXTRAS, size)
    kernel.mount(WORK_FOLDER, b"/dev/shm", b"", kernel.MS_BIND)
    # Read-only: the network namespace outlives a program, and its settings under /proc/sys/net belong to this very user.
    kernel.mount(b"proc", b"/proc", b"proc", PROC_FLAGS)
    os.chdir(WORK_FOLDER)


def _offer_to_oom_killer() -> None:
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else the file belongs to root; `lock_down` decides anew
    fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(fd, _PROGRAM_OOM_SCORE)
    os.close(fd)


def without_cpu_limit(limits: WireLimits) -> WireLimits:
    """For a process that stays for many programs: its limit would count all together. Each one's wall limit holds for it."""
    return WireLimits({**limits, "cpu_s": _UNLIMITED_CPU_S})


def set_limits(limits: WireLimits) -> None:
    """Per-process limits (setrlimit(2)) that hold with and without namespaces."""
    disk, space, files = limits["disk_bytes"], limits["address_space_bytes"], limits["open_files"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (disk, disk))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    # Whole seconds only. SIGXCPU at the soft limit can be caught, SIGKILL at the hard one cannot.
    seconds = int(limits["cpu_s"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def limit_processes(limits: WireLimits) -> None:
    """For a user of the program's own: the kernel counts all of that user's."""
    processes = limits["processes"] + INFRASTRUCTURE_PROCESSES
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def lock_down(limits: WireLimits, *, readable_by_itself: bool) -> None:
    """Limits on, privileges gone for good. Seccomp and no_new_privs are inherited from the zygote.

    readable_by_itself: a program may look at its own /proc/self; a checker hides its memory from everyone.
    """
    set_limits(limits)
    limit_processes(limits)
    kernel.drop_all_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, int(readable_by_itself))
