"""First process of a gVisor container: runs one program in it, watches it, reports, and the container ends with it.

The host talks over descriptor 0: a header, then the bytes of stdin and payload. Answers: STARTED, every message of the verdict
socket behind VERDICT, and last an `ExitReport` behind REPORT. The program's process is forked before the first byte is
read, so its memory starts without tests and nonce; from READY on it has another uid, a pid namespace of its own and no
capability, so it has no name for this process.

Old releases of runsc (2022) take CLONE_NEWNS and do nothing: mounts are then shared by all processes of the container. So in
`split` nothing hangs on it: the checker has another uid than the solution and works in a folder that only it can open, and the
solution's /tmp, /dev/shm and /proc are mounted over everyone's. Limits: tests of a `split` job can therefore not use /tmp by its name,
only through `tempfile`; the number of inodes is limited only where gVisor's tmpfs can do that.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import time
from typing import NoReturn, TypedDict

from codewright.sandbox.guest import commands, confine, kernel, seccomp, usage
from codewright.sandbox.guest.python_code import offer_site_builtins
from codewright.sandbox.guest.start import Confinement, start_program
from codewright.sandbox.guest.wire import (
    MESSAGE_BYTES,
    SITE_FOLDER,
    VERDICT_FD,
    ExitReport,
    StartOrder,
    WireLimits,
)

STARTED, VERDICT, REPORT = b"s", b"v", b"r"
"""First byte of an answer."""

CHECKER_FOLDER = "/run/codewright/checker"
"""An empty folder of the container's root, where the checker's files are mounted."""

_PROGRAM_UID, _REFEREE_UID = 1000, 1001
_MOST_MESSAGES = 64
_LOOK_S = 0.05
_PR_SET_KEEPCAPS = 8  # linux/prctl.h
_CAP_KILL, _CAP_SETGID, _CAP_SETUID = 5, 6, 7  # linux/capability.h


class Header(TypedDict):
    """The host's first message; the bytes of stdin and of the payload follow."""

    order: StartOrder
    nonce: str
    stdin_bytes: int
    payload_bytes: int


class _Walls:
    """What stands around each process of the program; says by uid who is who."""

    def __init__(self, order: StartOrder) -> None:
        self._checks = order["runner"] == "split"
        self._commands = order["runner"] == "command"

    def fork(self) -> int:
        """Fork the solution of a `split` job."""
        pid = kernel.clone(confine.NAMESPACES)
        if pid == 0:
            self._checks = False
        return pid

    def files(self, limits: WireLimits) -> None:
        """Give this process a session and a folder to work in."""
        os.setsid()
        if self._checks:
            _mount_tmpfs(CHECKER_FOLDER, limits, f"mode=0700,uid={_REFEREE_UID}")
            os.environ["TMPDIR"] = os.environ["HOME"] = CHECKER_FOLDER
            return
        for folder in ("/tmp", "/dev/shm"):  # noqa: S108
            _mount_tmpfs(folder, limits, "mode=0777" if self._commands else f"mode=0700,uid={_PROGRAM_UID}")
        kernel.mount(b"proc", b"/proc", b"proc", confine.PROC_FLAGS)

    def lock(self, limits: WireLimits, readable_by_itself: bool) -> None:
        """Limits on, privileges gone.

        Who judges has another uid than who is judged: old gVisor lets a program signal PID 1 of its namespace. The checker may
        still end the solution, the runner of commands may still give them their uid; exec takes that away.
        """
        kept = [_CAP_KILL] if self._checks else [_CAP_SETGID, _CAP_SETUID] if self._commands else []
        uid = _REFEREE_UID if kept else _PROGRAM_UID
        kernel.prctl(_PR_SET_KEEPCAPS, int(bool(kept)))
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.chdir(os.environ["HOME"])  # only its owner may enter
        confine.set_limits(limits)
        confine.limit_processes(limits)
        kernel.keep_capabilities(kept)
        if self._commands:
            commands.run_as = _PROGRAM_UID
            os.umask(0)  # what the runner writes, the program may change
        kernel.prctl(kernel.PR_SET_DUMPABLE, int(readable_by_itself))


def _mount_tmpfs(folder: str, limits: WireLimits, owner: str) -> None:
    options = f"size={limits['disk_bytes']},{owner}"
    inodes = f",nr_inodes={limits['inodes']}"
    try:
        kernel.mount(b"tmpfs", folder.encode(), b"tmpfs", confine.NO_EXTRAS, (options + inodes).encode())
    except OSError:  # old gVisor does not know the option
        kernel.mount(b"tmpfs", folder.encode(), b"tmpfs", confine.NO_EXTRAS, options.encode())


class _Tree:
    """The program's processes, seen through descriptors that no later mount covers."""

    def __init__(self) -> None:
        self._proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        self._meminfo = os.open("/proc/meminfo", os.O_RDONLY)
        self._idle_bytes = self._used_bytes()
        self._cores = len(os.sched_getaffinity(0))
        self.peak_bytes = 0
        self.peak_cpu_s = 0.0

    def _used_bytes(self) -> int:
        lines = dict(line.split(":", 1) for line in os.pread(self._meminfo, 4096, 0).decode().splitlines())
        return (int(lines["MemTotal"].split()[0]) - int(lines["MemFree"].split()[0])) << 10

    def measure(self, elapsed_s: float) -> None:
        """Memory: all that the container holds, tmpfs included. CPU: of the living, and of the dead they waited for.

        gVisor also charges the time for which a task waits for a processor of the host, so no more than there can be counts.
        """
        self.peak_bytes = max(self.peak_bytes, self._used_bytes() - self._idle_bytes)
        ticks = 0
        for name in os.listdir(self._proc):
            if name.isdigit() and name != "1":
                with contextlib.suppress(OSError, IndexError, ValueError):  # it ended while we looked
                    fd = os.open(f"{name}/stat", os.O_RDONLY, dir_fd=self._proc)
                    try:
                        fields = usage.fields_of(os.read(fd, 4096).decode("utf-8", "replace"))
                    finally:
                        os.close(fd)
                    ticks += usage.ticks_of(fields)
        self.peak_cpu_s = max(self.peak_cpu_s, self.possible_cpu_s(ticks / usage.TICKS_PER_SECOND, elapsed_s))

    def possible_cpu_s(self, cpu_s: float, elapsed_s: float) -> float:
        """Cut what was counted at what the processors can have given, and one tick of gVisor's clock."""
        return min(cpu_s, elapsed_s * self._cores + 1 / usage.TICKS_PER_SECOND)


def _receive(control: socket.socket, target: int, count: int) -> None:
    while count > 0:
        part = control.recv(MESSAGE_BYTES)
        if not part:
            os._exit(1)  # the host is gone
        os.write(target, part)
        count -= len(part)


def _become_program(gate: int, fds: tuple[int, int, int], package_folders: list[str]) -> NoReturn:
    try:
        parts = []
        while part := os.read(gate, MESSAGE_BYTES):
            parts.append(part)
        order: StartOrder = json.loads(b"".join(parts))
        stdin, verdict, payload = fds
        os.dup2(stdin, 0)
        os.dup2(verdict, VERDICT_FD, inheritable=False)
        sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors="replace", closefd=False)  # type: ignore[misc]  # noqa: SIM115
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
        sys.path += package_folders
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        walls = _Walls(order)
        start_program(order, payload, Confinement(files=walls.files, lock=walls.lock, fork=walls.fork))
    finally:
        os._exit(1)


def _watch(pid: int, limits: WireLimits, tree: _Tree) -> ExitReport:
    """Wait for the program's end; end it where it is over a limit."""
    started, cause = time.monotonic(), ""
    while True:
        signal.sigtimedwait({signal.SIGCHLD}, _LOOK_S)
        ended, status, used = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        elapsed_s = time.monotonic() - started
        tree.measure(elapsed_s)
        if not cause:
            if elapsed_s >= limits["wall_s"] or tree.peak_cpu_s > limits["cpu_s"]:
                cause = "timeout"
            elif tree.peak_bytes > limits["tree_bytes"]:
                cause = "memory_limit"
            if cause:
                os.kill(pid, signal.SIGKILL)  # PID 1 of its namespace: every process in there goes with it
    wall_s = time.monotonic() - started
    return ExitReport.of(
        cause,
        status,
        cpu_s=max(tree.possible_cpu_s(used.ru_utime + used.ru_stime, wall_s), tree.peak_cpu_s),
        wall_s=wall_s,
        max_rss_bytes=max(used.ru_maxrss << 10, tree.peak_bytes),
    )


def main() -> NoReturn:
    """Arguments: "packages" if the container shows SITE_FOLDER."""
    control = socket.socket(fileno=os.dup(0))
    sys.set_int_max_str_digits(
        0
    )  # as in every other backend: published tests hold integers of more than 4,300 digits
    offer_site_builtins()
    stdin, payload = os.memfd_create("stdin"), os.memfd_create("payload")
    inside, outside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    gate, opener = os.pipe()
    for device in ("/dev/fuse", "/dev/net/tun"):  # gVisor's own; no program needs what is behind them
        with contextlib.suppress(OSError):
            os.unlink(device)
    tree = _Tree()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    kernel.empty_bounding_set()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    seccomp.install()
    pid = kernel.clone(confine.NAMESPACES)
    if pid == 0:
        os.close(opener)
        _become_program(gate, (stdin, inside.fileno(), payload), [SITE_FOLDER] if sys.argv[1:] else [])
    inside.close()
    header: Header = json.loads(control.recv(MESSAGE_BYTES))
    _receive(control, stdin, header["stdin_bytes"])
    os.lseek(stdin, 0, os.SEEK_SET)
    _receive(control, payload, header["payload_bytes"])
    outside.send(header["nonce"].encode())
    os.write(opener, json.dumps(header["order"]).encode())
    os.close(opener)
    control.send(STARTED)
    report = _watch(pid, header["order"]["limits"], tree)
    outside.setblocking(False)
    with contextlib.suppress(OSError):  # nothing more in there
        for _ in range(_MOST_MESSAGES):
            message = outside.recv(MESSAGE_BYTES)
            if not message:
                break
            control.send(VERDICT + message)
    control.send(REPORT + report.encode())
    os._exit(0)
