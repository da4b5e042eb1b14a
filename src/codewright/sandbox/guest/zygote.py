"""The warm process inside each worker's bubblewrap: one confined child per program, killed as a tree, measured as a tree.

It never reads what it passes on (see `wire.py`), is PID 1 of a pid namespace that programs live below, cannot be traced,
and ends when the host's end of the control socket closes. One program at a time.
"""

import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable
from typing import NoReturn

from codewright.sandbox.guest import confine, kernel, seccomp, usage
from codewright.sandbox.guest.start import Confinement, start_program
from codewright.sandbox.guest.wire import (
    GUEST_FDS,
    MESSAGE_BYTES,
    SITE_FOLDER,
    STOP,
    VERDICT_FD,
    ExitReport,
    StartOrder,
)

CONTROL_FD = 3
PRELOADED = (
    "typing math cmath re collections itertools functools json random string hashlib heapq bisect datetime copy operator "
    "statistics decimal fractions unittest dataclasses enum inspect traceback threading multiprocessing socket tempfile "
    "glob shutil pathlib textwrap time io contextlib abc calendar types queue subprocess"
)
"""Imported once, so that programs get them for nothing. Leaving out the few that functions seldom use was tried: a cheaper
fork, but dearer on average, since whoever imports hashlib then pays for libcrypto."""

_FIRST_LOOK_S = 0.02
"""Most programs end before the watchdog looks at all."""

_WATCH_COST = 20
"""The watchdog rests this many times as long as a look took, so it costs at most 5 % of a core."""

_MOST_FDS = 1024


def _become_init() -> int:
    """Move into pid and mount namespaces that this user namespace owns; return a descriptor of the pid namespace.

    bubblewrap's own ones belong to an outer user namespace, so that setns(2) back into them would be refused.
    """
    kernel.unshare(kernel.CLONE_NEWPID | kernel.CLONE_NEWNS)
    child = os.fork()
    if child:
        os.closerange(CONTROL_FD, _MOST_FDS)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    return os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def _prepare(modules: Iterable[str]) -> None:
    """Load what programs need, then give up what the zygote does not."""
    sys.set_int_max_str_digits(0)  # published tests hold integers of more than 4,300 digits
    for name in modules:
        importlib.import_module(name)
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = open(descriptor, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("1000")  # short of memory, the kernel takes programs first; proc_pid_oom_score_adj(5)
    kernel.empty_bounding_set()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    # As programs expect them; the zygote itself is PID 1, which the kernel spares signals without a handler, and in a
    # session without a terminal, from which SIGINT would come.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seccomp.install()
    gc.collect()
    gc.disable()
    gc.freeze()


class Zygote:
    """Forks and watches."""

    def __init__(self, control: socket.socket, pid_namespace: int) -> None:
        self._control = control
        self._pid_namespace = pid_namespace
        self._confinement = Confinement(
            files=confine.private_files,
            lock=lambda limits, readable: confine.lock_down(limits, readable_by_itself=readable),
            fork=_fork_into_new_namespace,
        )

    def serve(self) -> NoReturn:
        """Run programs until the host hangs up."""
        while True:
            message, fds, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, GUEST_FDS)
            if not message:
                os._exit(0)
            if message == STOP:
                continue  # came too late: that program had ended
            order: StartOrder = json.loads(message)
            report = self._run(order, fds)
            self._control.send(json.dumps(report).encode())

    def _run(self, order: StartOrder, fds: list[int]) -> ExitReport:
        started = time.monotonic()
        pid = _fork_into_new_namespace()
        if pid == 0:
            self._become_program(order, fds)
        kernel.enter_namespace(self._pid_namespace, kernel.CLONE_NEWPID)
        for fd in fds:
            os.close(fd)
        pidfd = os.pidfd_open(pid)
        watch = _Watch(order, started, pidfd)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll(watch.rest_ms())]
            if pidfd in ready:
                break
            if ready:
                self._stop_or_exit(watch)
            else:
                watch.look()
        os.close(pidfd)
        _, status, used = os.wait4(pid, 0)
        return watch.report(status, used, started)

    def _stop_or_exit(self, watch: "_Watch") -> None:
        if self._control.recv(MESSAGE_BYTES) == STOP:
            watch.kill("stopped")
        else:
            os._exit(0)  # the host is gone; PID 1's end takes every program along

    def _become_program(self, order: StartOrder, fds: list[int]) -> NoReturn:
        try:
            *streams, verdict, program, tests = fds
            for target, fd in enumerate(streams):
                os.dup2(fd, target)
            os.dup2(verdict, VERDICT_FD, inheritable=False)  # takes the control socket's place
            gc.enable()
            start_program(order, program, tests, self._confinement)
        finally:
            os._exit(1)


def _fork_into_new_namespace() -> int:
    """Fork a child that is PID 1 of a new pid namespace."""
    kernel.unshare(kernel.CLONE_NEWPID)
    return kernel.fork()


class _Watch:
    """Wall, CPU and memory limits of one running program."""

    def __init__(self, order: StartOrder, started: float, pidfd: int) -> None:
        self._limits = order["limits"]
        self._deadline = started + self._limits["wall_s"]
        self._next_look = started + _FIRST_LOOK_S
        self._pidfd = pidfd
        self._cause = ""
        self._unbound = order["runner"] != "split"
        self._peak = usage.Usage(0, 0.0)

    def rest_ms(self) -> float | None:
        """How long to sleep; None once the program is killed."""
        if self._cause:
            return None
        return max(0.0, min(self._deadline, self._next_look) - time.monotonic()) * 1000 + 1

    def look(self) -> None:
        """Compare with the limits and kill what is over them."""
        before = time.monotonic()
        if before >= self._deadline:
            self.kill("timeout")
            return
        if not self._unbound:  # one that runs long must not be stuck behind another on its processor
            self._unbound = True
            usage.unbind(os.sched_getaffinity(0))
        seen = usage.measure()
        self._peak = usage.Usage(
            max(self._peak.resident_bytes, seen.resident_bytes), max(self._peak.cpu_s, seen.cpu_s)
        )
        if seen.cpu_s > self._limits["cpu_s"]:
            self.kill("timeout")
        elif seen.resident_bytes > self._limits["tree_bytes"]:
            proportional = usage.proportional_bytes()
            if proportional == 0 or proportional > self._limits["tree_bytes"]:
                self.kill("memory_limit")
        now = time.monotonic()
        self._next_look = now + max(_FIRST_LOOK_S, _WATCH_COST * (now - before))

    def kill(self, cause: str) -> None:
        """End the tree: its PID 1 takes every process of the namespace along."""
        if not self._cause:
            self._cause = cause
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def report(self, status: int, used: resource.struct_rusage, started: float) -> ExitReport:
        """Sum up after the end."""
        signalled = os.WIFSIGNALED(status)
        return ExitReport(
            cause=self._cause,
            exit_code=None if signalled else os.WEXITSTATUS(status),
            signal=os.WTERMSIG(status) if signalled else None,
            cpu_s=max(used.ru_utime + used.ru_stime, self._peak.cpu_s),
            wall_s=time.monotonic() - started,
            max_rss_bytes=max(used.ru_maxrss << 10, self._peak.resident_bytes),
            zygote_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
        )


def main() -> NoReturn:
    """Arguments: the control socket's number, then modules to import from SITE_FOLDER beyond the plain ones."""
    given = int(sys.argv[1])
    if given != CONTROL_FD:
        os.dup2(given, CONTROL_FD, inheritable=False)
    os.closerange(CONTROL_FD + 1, _MOST_FDS)
    pid_namespace = _become_init()
    extra = sys.argv[2:]
    # Whatever the interpreter itself has installed: programs see what the preload set says, on every machine.
    sys.path[:] = [entry for entry in sys.path if not entry.endswith(("site-packages", "dist-packages"))]
    if extra:
        sys.path.append(SITE_FOLDER)
    _prepare([*PRELOADED.split(), *extra])
    control = socket.socket(fileno=CONTROL_FD)
    control.send(json.dumps({"pid_namespace": os.readlink("/proc/self/ns/pid")}).encode())  # noqa: PTH115
    Zygote(control, pid_namespace).serve()
