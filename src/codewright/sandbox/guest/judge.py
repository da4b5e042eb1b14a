"""The process that runs the tests of `split`, and the zygote's handle on it.

One judge stays for many programs and takes only tests that can do nothing but compute and compare (`pure.py`); other tests
get a judge of their own that ends with them. Either is confined as a program is, hides its memory, and is a sibling of the
solution's process, which has no name for it. Messages, with descriptors in ATTACHED's order beside an order:

    zygote -> judge   JOB                    examine these tests
    judge -> zygote   UNFIT                  not in a process that stays: nothing was read from link or verdict socket
    judge -> zygote   ENDED, zygote -> judge a wait status: how did the solution's process end?
    judge -> zygote   DONE, CPU seconds      the verdict is sent; LAST: and this judge is not to be used again
"""

import gc
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from codewright.sandbox.guest import checker, confine, kernel, pure, sockets
from codewright.sandbox.guest.payload import read_tests
from codewright.sandbox.guest.solution import HIGHEST_FD
from codewright.sandbox.guest.verdict import VerdictChannel, flush_output
from codewright.sandbox.guest.wire import TROUBLE, VERDICT_FD, Sizes, WireLimits

JOB, UNFIT, ENDED, DONE, LAST = (bytes([kind]) for kind in range(1, 6))
_STATUS = struct.Struct("<i")
_SECONDS = struct.Struct("<d")
_SIZES = struct.Struct("<QQ")
ATTACHED = 5
"""Descriptors beside JOB: stdout, stderr, verdict, payload, link."""

_CONTROL_FD = VERDICT_FD + 1
_LINK_FD = _CONTROL_FD + 1
_MESSAGE_BYTES = 64
_MOST_GROWTH_KIB = 32 << 10
"""After more than this it makes room for a fresh one, so that no program pays for an earlier one's large answers."""


class Judge:
    """The zygote's side."""

    def __init__(self, limits: WireLimits, *, stays: bool) -> None:
        """Fork one. stays: it takes pure tests only, and more than once."""
        ours, theirs = sockets.make_pair(sockets.SEQPACKET)
        self.limits = memory_limits(limits)
        self.stays = stays
        self.pid = kernel.clone(confine.NAMESPACES)
        if self.pid == 0:
            _become_judge(theirs.detach(), limits, stays=stays)
        theirs.close()
        self._control = ours
        self._cpu: int | None = None

    def fileno(self) -> int:
        """For poll(2)."""
        return self._control.fileno()

    def bind(self, cpu: int | None) -> None:
        """Let it run on this processor, None: on all the zygote may use."""
        if cpu != self._cpu:
            os.sched_setaffinity(self.pid, os.sched_getaffinity(0) if cpu is None else {cpu})
            self._cpu = cpu

    def give(self, fds: list[int], sizes: Sizes) -> None:
        """Hand over one program's descriptors, ATTACHED of them. OSError if the judge is gone."""
        sockets.send_fds(self._control, JOB + _SIZES.pack(*sizes), fds)

    def hear(self) -> tuple[bytes, float]:
        """Return what it says, and its CPU seconds if that is DONE or LAST; empty once it is gone."""
        try:
            message = self._control.recv(_MESSAGE_BYTES)
        except OSError:
            return b"", 0.0
        return message[:1], _SECONDS.unpack_from(message, 1)[0] if message[:1] in (DONE, LAST) else 0.0

    def tell_end(self, status: int) -> None:
        """Answer ENDED."""
        self._control.send(_STATUS.pack(status))

    def close(self) -> tuple[int, resource.struct_rusage]:
        """Kill and collect it; its wait status and what it used."""
        self._control.close()
        os.kill(self.pid, signal.SIGKILL)
        _, status, used = os.wait4(self.pid, 0)
        return status, used


def memory_limits(limits: WireLimits) -> tuple[int, ...]:
    """Those of a program's limits that a judge which stays has to share."""
    return limits["address_space_bytes"], limits["disk_bytes"], limits["open_files"]


def _become_judge(control: int, limits: WireLimits, *, stays: bool) -> NoReturn:
    try:
        os.dup2(0, VERDICT_FD, inheritable=False)  # there the zygote has its socket to the host
        os.dup2(control, _CONTROL_FD, inheritable=False)
        os.closerange(_LINK_FD, HIGHEST_FD)
        confine.private_files(limits)
        confine.lock_down(confine.without_cpu_limit(limits) if stays else limits, readable_by_itself=False)
        gc.enable()
        _serve(sockets.open_socket(_CONTROL_FD), stays=stays)
    finally:
        os._exit(1)


def _serve(control: sockets.Socket, *, stays: bool) -> NoReturn:
    first_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while True:
        message, fds = sockets.recv_fds(control, _MESSAGE_BYTES, ATTACHED)
        if not message:
            os._exit(0)
        started = time.process_time()
        if not _examine(control, fds, _SIZES.unpack_from(message, 1), stays=stays):
            control.send(UNFIT)
            continue
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - first_kib > _MOST_GROWTH_KIB
        kind = DONE if stays and not grown else LAST
        control.send(kind + _SECONDS.pack(time.process_time() - started))


def _examine(control: sockets.Socket, fds: list[int], sizes: Sizes, *, stays: bool) -> bool:
    """Judge one program; False if its tests are not for this judge."""
    *streams, verdict, payload, link_fd = fds
    tests = checker.compile_tests(read_tests(payload, sizes))
    unfit = stays and not pure.is_pure(tests.parts, tests.entry_point, sys.modules.keys())
    if not unfit:
        for target, fd in enumerate(streams, start=1):
            os.dup2(fd, target)
        os.dup2(verdict, VERDICT_FD, inheritable=False)
    for fd in (*streams, verdict, payload):
        os.close(fd)
    if not unfit:
        _report(VerdictChannel(), checker.Link(link_fd, _ask(control)), tests)
    os.close(link_fd)
    return not unfit


def _report(channel: VerdictChannel, link: checker.Link, tests: checker.CompiledTests) -> None:
    if not link.start():
        channel.refuse(TROUBLE + b"the solution's process could not be confined")
        return
    channel.confined()
    ending = checker.examine(link, tests)
    flush_output()
    channel.report(ending.status, ending.detail, signal=ending.signal)


def _ask(control: sockets.Socket) -> Callable[[], int]:
    def await_end() -> int:
        control.send(ENDED)
        (status,) = _STATUS.unpack(control.recv(_MESSAGE_BYTES))
        return int(status)

    return await_end
