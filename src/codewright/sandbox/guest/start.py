"""From a forked process with six descriptors to a running program, with or without namespaces.

The order matters: the solution's process is forked before the tests are read, privileges go before untrusted code comes,
and READY is said in between, so that trouble before it is the sandbox's and trouble after it is the program's.
"""

import importlib.util
import marshal
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from codewright.sandbox.guest import commands, kernel, runners, split
from codewright.sandbox.guest.verdict import VerdictChannel, describe
from codewright.sandbox.guest.wire import MISSING_PACKAGE, TROUBLE, VERDICT_FD, StartOrder, WireLimits

_SIMPLE: dict[str, runners.Runner] = {
    "inproc": runners.run_inproc,
    "script": runners.run_script,
    "command": commands.run_command,
}


_Run = Callable[[VerdictChannel], NoReturn]


@dataclass(frozen=True)
class Confinement:
    """What a backend does to a program's process: files before the payload is read, lock before code runs.

    lock gets the limits and whether the process may read itself; fork makes the solution's process in `split`.
    """

    files: Callable[[WireLimits], None]
    lock: Callable[[WireLimits, bool], None]
    fork: Callable[[], int]


def start_program(order: StartOrder, program_fd: int, tests_fd: int, confinement: Confinement) -> NoReturn:
    """Confine this process and run the job in it. Descriptors 0 to 3 are in place already."""
    channel = VerdictChannel()
    random.seed()  # kernel.fork() does not; two programs must not draw the same numbers, nor a solution its tests'
    for package in order["packages"]:
        if importlib.util.find_spec(package.partition(".")[0]) is None:
            channel.refuse(MISSING_PACKAGE + package.encode())
            os._exit(1)
    try:
        if order["runner"] == "split":
            run = _prepare_split(order, program_fd, tests_fd, confinement)
        else:
            run = _prepare_simple(order, program_fd, tests_fd, confinement)
    except Exception as error:
        channel.refuse(TROUBLE + describe(error).encode("utf-8", "replace"))
        os._exit(1)
    channel.confined()
    run(channel)


def _prepare_simple(order: StartOrder, program_fd: int, tests_fd: int, confinement: Confinement) -> _Run:
    runner = order["runner"]
    confinement.files(order["limits"])
    program, tests = _read(program_fd), _read(tests_fd)
    os.closerange(VERDICT_FD + 1, split.HIGHEST_FD)
    confinement.lock(order["limits"], runner != "command")
    return lambda channel: _SIMPLE[runner](program, tests, channel)


def _prepare_split(order: StartOrder, program_fd: int, tests_fd: int, confinement: Confinement) -> _Run:
    limits = order["limits"]

    def confine_solution() -> None:
        confinement.files(limits)
        confinement.lock(limits, True)

    kernel.stay_on_this_cpu()  # two processes that take turns: waking another processor costs an eighth of a job
    confinement.files(limits)
    link = split.fork_solution(confinement.fork, confine_solution, lambda: _read(program_fd))
    tests = _read(tests_fd)
    os.closerange(VERDICT_FD + 1, link.fd)
    os.closerange(link.fd + 1, split.HIGHEST_FD)
    confinement.lock(limits, False)
    if not link.start():
        raise OSError("the solution's process could not be confined")
    return lambda channel: split.check(link, tests, channel)


def _read(fd: int) -> Any:
    """Read a whole memory file, wherever its offset stands: the descriptor is shared between processes."""
    return marshal.loads(os.pread(fd, os.fstat(fd).st_size, 0))  # noqa: S302 - written by the host
