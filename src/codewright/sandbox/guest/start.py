"""From a forked process with its descriptors to a running program, with or without namespaces.

The order matters: privileges go before untrusted code comes, and READY is said in between, so that trouble before it is the
sandbox's and trouble after it is the program's.
"""

import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple, NoReturn

from codewright.sandbox.guest import checker, commands, runners, sockets
from codewright.sandbox.guest.compile_server import BUSY_FD
from codewright.sandbox.guest.payload import read_program, read_tests
from codewright.sandbox.guest.solution import HIGHEST_FD, become_solution
from codewright.sandbox.guest.verdict import VerdictChannel, describe, flush_output
from codewright.sandbox.guest.wire import (
    MISSING_PACKAGE,
    TROUBLE,
    VERDICT_FD,
    Program,
    StartOrder,
    Tests,
    WireLimits,
)

_SIMPLE: dict[str, runners.Runner] = {
    "inproc": runners.run_inproc,
    "script": runners.run_script,
    "command": commands.run_command,
}


_Run = Callable[[VerdictChannel], NoReturn]


class Confinement(NamedTuple):
    """What a backend does to a program's process: files before the payload is read, lock before code runs.

    lock gets the limits and whether the process may read itself; fork makes the solution's process in `split`.
    """

    files: Callable[[WireLimits], None]
    lock: Callable[[WireLimits, bool], None]
    fork: Callable[[], int] = os.fork


def missing_package(packages: Iterable[str]) -> str | None:
    """Name the first package that cannot be imported here."""
    for package in packages:
        if importlib.util.find_spec(package.partition(".")[0]) is None:
            return package
    return None


def seed_random(program: Program, tests: Tests | None = None) -> None:
    """Draw a new seed where `random` is preloaded and the source names it: two programs should not draw the same numbers.

    (`kernel.clone` does not do it.) Whoever gets at the module by another spelling finds it in the state all programs start in.
    """
    module = sys.modules.get("random")
    if module and (
        any("random" in text for text in program["files"].values()) or (tests and "random" in tests["tests"])
    ):
        module.seed()


def start_program(order: StartOrder, payload: int, confinement: Confinement) -> NoReturn:
    """Confine this process and run the job in it; in `split`, the tests, with the solution in a child that `fork` makes.

    Descriptors 0 to 3 are in place already.
    """
    channel = VerdictChannel()
    missing = missing_package(order["packages"])
    if missing is not None:
        channel.refuse(MISSING_PACKAGE + missing.encode())
        os._exit(1)
    try:
        prepare = _prepare_split if order["runner"] == "split" else _prepare_simple
        run = prepare(order, payload, confinement)
    except Exception as error:
        channel.refuse(TROUBLE + describe(error).encode("utf-8", "replace"))
        os._exit(1)
    channel.confined()
    run(channel)


def _prepare_simple(order: StartOrder, payload: int, confinement: Confinement) -> _Run:
    runner = order["runner"]
    confinement.files(order["limits"])
    program, tests = read_program(payload, order["sizes"]), read_tests(payload, order["sizes"])
    os.closerange((BUSY_FD if commands.has_server else VERDICT_FD) + 1, HIGHEST_FD)
    seed_random(program, tests)
    confinement.lock(order["limits"], runner != "command")
    return lambda channel: _SIMPLE[runner](program, tests, channel)


def _prepare_split(order: StartOrder, payload: int, confinement: Confinement) -> _Run:
    """For backends without a zygote: the solution's process is forked before the tests are read."""
    limits = order["limits"]

    def confine_solution() -> None:
        confinement.files(limits)
        confinement.lock(limits, True)

    ours, theirs = sockets.make_pair()
    pid = confinement.fork()
    if pid == 0:
        become_solution(theirs.detach(), confine_solution, lambda: read_program(payload, order["sizes"]))
    theirs.close()
    child = _Child(pid)
    confinement.files(limits)
    tests = read_tests(payload, order["sizes"])
    link_fd = ours.detach()
    os.closerange(VERDICT_FD + 1, link_fd)
    os.closerange(link_fd + 1, HIGHEST_FD)
    confinement.lock(limits, False)
    link = checker.Link(link_fd, child.await_end)
    if not link.start():
        raise OSError("the solution's process could not be confined")

    def run(channel: VerdictChannel) -> NoReturn:
        ending = checker.examine(link, checker.compile_tests(tests))
        os.close(link_fd)
        child.close()
        flush_output()
        channel.report(ending.status, ending.detail, signal=ending.signal)
        runners.finish(0)

    return run


class _Child:
    """The solution's process, collected once."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._status: int | None = None

    def await_end(self) -> int:
        if self._status is None:
            _, self._status = os.waitpid(self._pid, 0)
        return self._status

    def close(self) -> None:
        """Kill it and wait, so that its CPU time counts."""
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            self.await_end()
