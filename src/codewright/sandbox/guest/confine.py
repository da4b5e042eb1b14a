"""What a program's first process does to itself before untrusted code starts: private files, limits, no privileges.

Limits: RLIMIT_NPROC counts per user namespace since Linux 5.14; on older kernels it counts all processes of the user.
"""

import os
import resource

from codewright.sandbox.guest import kernel
from codewright.sandbox.guest.wire import WireLimits

WORK_FOLDER = "/tmp"  # noqa: S108 - a tmpfs of the program's own, mounted below
_NO_EXTRAS = kernel.MS_NOSUID | kernel.MS_NODEV

INFRASTRUCTURE_PROCESSES = 8
"""RLIMIT_NPROC counts them too: bubblewrap's two, the zygote's two, the program's runners."""


def private_files(limits: WireLimits) -> None:
    """Give this process a session, an empty /tmp and /dev/shm, its own /proc, and IPC objects nobody else sees.

    Needs CAP_SYS_ADMIN in the user namespace, and to be PID 1 of the pid namespace that /proc should show.
    """
    os.setsid()  # kill(2) with pid 0 reaches the process group, which pid namespaces do not divide
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
    size = f"size={limits['disk_bytes']},nr_inodes={limits['inodes']},mode=1777"
    kernel.mount("tmpfs", WORK_FOLDER, "tmpfs", _NO_EXTRAS, size)
    kernel.mount("tmpfs", "/dev/shm", "tmpfs", _NO_EXTRAS | kernel.MS_NOEXEC, size)  # noqa: S108
    # Read-only: the network namespace outlives a program, and its settings under /proc/sys/net belong to this very user.
    kernel.mount("proc", "/proc", "proc", _NO_EXTRAS | kernel.MS_NOEXEC | kernel.MS_RDONLY)
    os.chdir(WORK_FOLDER)


def set_limits(limits: WireLimits) -> None:
    """Per-process limits (setrlimit(2)) that hold with and without namespaces."""
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits["address_space_bytes"]),
        (resource.RLIMIT_FSIZE, limits["disk_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
    ):
        resource.setrlimit(kind, (value, value))
    # Whole seconds only. SIGXCPU at the soft limit can be caught, SIGKILL at the hard one cannot.
    seconds = int(limits["cpu_s"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def lock_down(limits: WireLimits, *, readable_by_itself: bool) -> None:
    """Limits on, privileges gone for good. Seccomp and no_new_privs are inherited from the zygote.

    readable_by_itself: a program may look at its own /proc/self; a checker hides its memory from everyone.
    """
    set_limits(limits)
    processes = limits["processes"] + INFRASTRUCTURE_PROCESSES
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    kernel.drop_all_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, int(readable_by_itself))
