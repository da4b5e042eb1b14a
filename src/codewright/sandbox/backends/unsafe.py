"""No isolation: one plain subprocess per program, with rlimits and a wall limit. For machines that refuse namespaces and
code you would run yourself. It has to be asked for by this name, and it warns.

Limits: a program can read and write what you can, use the network, outlive its run by leaving its process group, and forge
its verdict in `split` and `inproc`. `tree_bytes`, `processes`, `disk_bytes` in sum and `inodes` are not enforced.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from codewright.sandbox.exchange import Exchange, Prepared, conclude
from codewright.sandbox.guest.wire import ExitReport
from codewright.sandbox.isolation import python_start
from codewright.sandbox.job import Result
from codewright.sandbox.pool import Worker
from codewright.sandbox.toolchains import SANDBOX_PATH

ISOLATION = "unsafe"

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])
_log = logging.getLogger(__name__)


class UnsafeWorker:
    """Runs one program at a time; keeps nothing between them."""

    def __init__(self) -> None:
        self._running: _Run | None = None
        self.worn = False

    async def run(self, prepared: Prepared) -> Result:
        """Start the program, wait for it, clean up."""
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryDirectory(prefix="codewright-", ignore_cleanup_errors=True) as folder:
            exchange = Exchange(prepared, on_overflow=self._stop_program)
            try:
                self._running = _Run(prepared, exchange, folder)
                exchange.handed_over()
                exchange.listen(loop)
                timer = loop.call_later(prepared.job.limits.wall_s, self._running.kill, "timeout")
                try:
                    report = await self._running.wait(loop)
                finally:
                    timer.cancel()
                return conclude(
                    prepared, report, exchange.collect(), ISOLATION, forgeable=prepared.job.mode != "script"
                )
            finally:
                self.close()
                exchange.close()

    def _stop_program(self) -> None:
        if self._running is not None:
            self._running.kill("stopped")

    def close(self) -> None:
        """Kill what runs."""
        if self._running is not None:
            self._running.close()
            self._running = None


class _Run:
    """One running process group."""

    def __init__(self, prepared: Prepared, exchange: Exchange, folder: str) -> None:
        stdin, stdout, stderr, *others = exchange.guest_fds
        self._cause = ""
        self._started = time.monotonic()
        arguments = [json.dumps(prepared.order), str(os.getpid()), *(str(fd) for fd in others)]
        self._process = subprocess.Popen(
            [
                sys.executable,
                *python_start("codewright.sandbox.guest.direct", _PACKAGE_ROOT, site=True),
                *arguments,
            ],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=others,
            cwd=folder,
            env={
                # The toolchains that other backends take come first: a user's own may want that user's home (rustup).
                "PATH": f"{SANDBOX_PATH}:{os.environ.get('PATH', os.defpath)}",
                "HOME": folder,
                "TMPDIR": folder,
                "LANG": "C.UTF-8",
                "PYTHONHASHSEED": "0",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            start_new_session=True,
        )
        self._pidfd = os.pidfd_open(self._process.pid)

    async def wait(self, loop: asyncio.AbstractEventLoop) -> ExitReport:
        """Wait until the program's first process has ended, then end the rest of its group."""
        ended = asyncio.Event()
        loop.add_reader(self._pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._pidfd)
        self._kill_group()  # before it is collected: until then its number cannot belong to anyone else
        _, status, used = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return ExitReport.of(
            self._cause,
            status,
            cpu_s=used.ru_utime + used.ru_stime,
            wall_s=time.monotonic() - self._started,
            max_rss_bytes=used.ru_maxrss << 10,
        )

    def kill(self, cause: str) -> None:
        """End it, remembering why."""
        if not self._cause and self._process.returncode is None:
            self._cause = cause
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Make sure nothing is left."""
        if self._process.returncode is None:
            self._kill_group()
            self._process.wait()
        os.close(self._pidfd)


class UnsafeBackend:
    """See the module."""

    isolation = ISOLATION

    def check(self) -> str | None:
        """It works wherever Linux does."""
        return None if sys.platform == "linux" else f"the unsafe sandbox needs Linux, this is {sys.platform}"

    async def start_worker(self, index: int, modules: tuple[str, ...]) -> Worker:  # noqa: ARG002
        """Warn; there is nothing to start, and programs see what codewright's own interpreter sees."""
        if index == 0:
            _log.warning("the sandbox is 'unsafe': programs run with your rights, nothing isolates them")
        return UnsafeWorker()

    async def self_test(self, worker: Worker) -> None:
        """There is no isolation to test."""


BACKEND = UnsafeBackend()
