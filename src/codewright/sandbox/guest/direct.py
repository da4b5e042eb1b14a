"""One program without namespaces, in a process of its own: what the `unsafe` backend starts.

The same runners, the same contract, no walls: only setrlimit(2), and an end when the host ends.
"""

import fcntl
import json
import os
import signal
import sys
from typing import NoReturn

from codewright.sandbox.guest import confine, kernel
from codewright.sandbox.guest.start import Confinement, start_program
from codewright.sandbox.guest.wire import GUEST_FDS, VERDICT_FD, StartOrder, WireLimits

_OUT_OF_THE_WAY = 64
_STREAMS = 3


def _no_files(_limits: WireLimits) -> None:
    """The host made the working folder and started us in it."""


def _limits_only(limits: WireLimits, _readable: bool) -> None:
    confine.set_limits(limits)


def main() -> NoReturn:
    """Arguments: the order as JSON, the host's pid, then the descriptors after stdin, stdout and stderr."""
    order: StartOrder = json.loads(sys.argv[1])
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[2]):
        os._exit(1)
    given = [int(argument) for argument in sys.argv[3 : 3 + GUEST_FDS - _STREAMS]]
    verdict, payload = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY) for fd in given)
    os.dup2(verdict, VERDICT_FD, inheritable=False)
    sys.set_int_max_str_digits(0)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    start_program(order, payload, Confinement(files=_no_files, lock=_limits_only))
