"""The warm process inside each worker's bubblewrap: one confined child per program, killed as a tree, measured as a tree.

It never reads what it passes on (see `wire.py`), is PID 1 of a pid namespace that programs live below, cannot be traced,
and ends when the host's end of the control socket closes. One program at a time.
"""

import gc
import importlib
import marshal
import os
import select
import signal
import sys
import time
from collections.abc import Iterable
from typing import NoReturn

from codewright.sandbox.guest import commands, confine, kernel, seccomp, sockets
from codewright.sandbox.guest.compile_server import CompileServer
from codewright.sandbox.guest.network import Network
from codewright.sandbox.guest.python_code import offer_site_builtins
from codewright.sandbox.guest.start import Confinement, missing_package, start_program
from codewright.sandbox.guest.trial import Trials
from codewright.sandbox.guest.watch import Watch
from codewright.sandbox.guest.wire import (
    GUEST_FDS,
    MESSAGE_BYTES,
    MISSING_PACKAGE,
    READY,
    SITE_FOLDER,
    STOP,
    VERDICT_FD,
    ExitReport,
    StartOrder,
)

CONTROL_FD = 3
PRELOADED = (
    "typing math cmath re collections itertools functools json string heapq bisect copy operator enum traceback time io "
    "contextlib abc types array"
)
"""Imported once, so that programs get them for nothing: what at least one in 600 of 1,881 published solutions (HumanEval, MBPP,
LeetCode, two sets of model answers) imports, and what comes along. Each module makes every fork dearer, by a percent for a
quarter of a megabyte: `random`, `datetime` and `hashlib` (one solution each; 1 to 6 ms) are imported by those who need them."""

_MOST_FDS = 1024

_ZERO_BYTES = 1 << 40
"""Of the file behind /dev/zero: more than anyone reads; a hole costs nothing."""


def _become_init() -> None:
    """Move into pid and mount namespaces that this user namespace owns.

    bubblewrap's own ones belong to an outer user namespace, which keeps their mounts locked.
    """
    kernel.unshare(kernel.CLONE_NEWPID | kernel.CLONE_NEWNS)
    child = os.fork()
    if child:
        os.closerange(CONTROL_FD, _MOST_FDS)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.mount(b"proc", b"/proc", b"proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    _replace_zero_device()


def _replace_zero_device() -> None:
    """Offer zeros from a file: mapping the device gives memory that no limit counts (seccomp.py refuses the other way).

    What a program maps of the file counts towards this small tmpfs. Programs get a /dev/shm of their own above it.
    """
    kernel.mount(b"tmpfs", b"/dev/shm", b"tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, b"size=1m,mode=755")
    with open("/dev/shm/zero", "wb") as file:  # noqa: S108
        os.truncate(file.fileno(), _ZERO_BYTES)
    kernel.mount(b"/dev/shm/zero", b"/dev/zero", b"", kernel.MS_BIND)
    read_only = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount(b"", b"/dev/zero", b"", read_only)


def _prepare(modules: Iterable[str]) -> None:
    """Load what programs need, then give up what the zygote does not."""
    sys.set_int_max_str_digits(0)  # published tests hold integers of more than 4,300 digits
    offer_site_builtins()
    for name in modules:
        importlib.import_module(name)
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = open(descriptor, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
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

    def __init__(self, control: sockets.Socket) -> None:
        self._control = control
        self._network = Network()
        self._trials = Trials(control, self._stop_or_exit, self._beside)
        self._server: CompileServer | None = None
        self._confinement = Confinement(
            files=confine.private_files,
            lock=lambda limits, readable: confine.lock_down(limits, readable_by_itself=readable),
        )

    def serve(self) -> NoReturn:
        """Run programs until the host hangs up."""
        while True:
            message, fds = sockets.recv_fds(self._control, MESSAGE_BYTES, GUEST_FDS)
            if not message:
                os._exit(0)
            if message == STOP:
                continue  # came too late: that program had ended
            order: StartOrder = marshal.loads(message)  # noqa: S302 - the host wrote it
            report = self._run_split(order, fds) if order["runner"] == "split" else self._run(order, fds)
            self._control.send(report.encode())
            self._network.renew_if_used()

    def _run_split(self, order: StartOrder, fds: list[int]) -> ExitReport:
        missing = missing_package(order["packages"])
        if missing is None:
            return self._trials.run(order, fds)
        os.write(fds[GUEST_FDS - 2], MISSING_PACKAGE + missing.encode())
        for fd in fds:
            os.close(fd)
        return ExitReport("", 1, None, 0.0, 0.0, 0, 0)

    def _run(self, order: StartOrder, fds: list[int]) -> ExitReport:
        started = time.monotonic()
        server = self._server_for(order)
        pid = kernel.clone(confine.NAMESPACES)
        if pid == 0:
            self._become_program(order, fds, server)
        for fd in fds:
            os.close(fd)
        pidfd = os.pidfd_open(pid)
        watch = Watch(order, started, pidfd)
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
                watch.look(self._beside())
        os.close(pidfd)
        _, status, used = os.wait4(pid, 0)
        if order["server"] and self._server is None:  # for the next one, while the host thinks
            self._server = CompileServer(order["server"], order["limits"])
        return watch.report(status, used)

    def _server_for(self, order: StartOrder) -> CompileServer | None:
        """Return the compiler that an earlier program of the same language has left warm."""
        server = self._server if order["server"] else None
        if server is None or (server.command == order["server"] and server.fit()):
            return server
        server.close()
        self._server = None
        return None

    def _beside(self) -> list[int]:
        """Processes that are no part of a program."""
        pids = (self._trials.judge_pid, self._server.pid if self._server else None)
        return [pid for pid in pids if pid is not None]

    def _stop_or_exit(self, watch: Watch) -> None:
        if self._control.recv(MESSAGE_BYTES) == STOP:
            watch.kill("stopped")
        else:
            os._exit(0)  # the host is gone; PID 1's end takes every program along

    def _become_program(self, order: StartOrder, fds: list[int], server: CompileServer | None) -> NoReturn:
        try:
            *streams, verdict, payload = fds
            for target, fd in enumerate(streams):
                os.dup2(fd, target)
            os.dup2(verdict, VERDICT_FD, inheritable=False)  # takes the control socket's place
            if server is not None:
                server.hand_down()
                commands.has_server = True
            gc.enable()
            start_program(order, payload, self._confinement)
        finally:
            os._exit(1)


def main() -> NoReturn:
    """Arguments: the control socket's number, then modules to import from SITE_FOLDER beyond the plain ones."""
    given = int(sys.argv[1])
    if given != CONTROL_FD:
        os.dup2(given, CONTROL_FD, inheritable=False)
    os.closerange(CONTROL_FD + 1, _MOST_FDS)
    _become_init()
    extra = sys.argv[2:]
    # Whatever the interpreter itself has installed: programs see what the preload set says, on every machine.
    sys.path[:] = [entry for entry in sys.path if not entry.endswith(("site-packages", "dist-packages"))]
    if extra:
        sys.path.append(SITE_FOLDER)
    _prepare([*PRELOADED.split(), *extra])
    control = sockets.open_socket(CONTROL_FD)
    control.send(READY)
    Zygote(control).serve()
