"""gVisor: one container per program, with a kernel of its own in user space. The strong and slow way.

What it stops is in docs/sandbox-security.md. Limits: needs runsc (`apt-get install runsc`); a program costs some hundred milliseconds of CPU more than
with `namespace`, and system calls are slow. The first process inside enforces the limits, the host ends the container where it does not.
"""

import asyncio
import contextlib
import json
import os
import time

from codewright.core.errors import SandboxUnavailable
from codewright.sandbox.cgroups import OomWatch
from codewright.sandbox.exchange import Exchange, Prepared, WorkerDiedError, conclude, prepare
from codewright.sandbox.guest.contained import REPORT, STARTED, VERDICT, Header
from codewright.sandbox.guest.wire import MESSAGE_BYTES, ExitReport
from codewright.sandbox.gvisor_bundle import Bundle, Container, find_runsc, open_worker_cgroup
from codewright.sandbox.job import Job, Result
from codewright.sandbox.pool import Worker
from codewright.sandbox.selftest import self_test

ISOLATION = "gvisor"

_START_S = 60.0
"""A container starts in a third of a second; on a machine that does much else it may take long."""

_GRACE_S = 5.0
"""How much longer than the wall limit the first process inside may take to report, before the host ends the container."""

_END_S = 5.0
"""How long runsc may take to clean up after a container that has ended."""


class GvisorWorker:
    """Runs one program at a time, each in a container of its own."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._cgroup = open_worker_cgroup()
        self._running: _Run | None = None
        self._closed = False
        self.worn = False

    async def run(self, prepared: Prepared) -> Result:
        """Start a container, run the program in it, end it. Raises WorkerDiedError for trouble of gVisor's."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(prepared, on_overflow=self._stop_program)
        memory = OomWatch(self._cgroup, prepared.order["limits"], on_kill=self._stop_program)
        try:
            _, stdout, stderr, *_ = exchange.guest_fds
            self._running = _Run(self._bundle.start(stdout, stderr, self._cgroup), prepared)
            exchange.listen(loop)
            report = await self._running.report(loop, exchange)
            self._running.close()  # before anything is collected: nobody writes any more
            if memory.killed():
                report = report._replace(cause="memory_limit")
            elif report.cause == "" and not self._running.reported:
                raise WorkerDiedError(f"the container died: {self._running.complaint}")
            exchange.handed_over()
            return conclude(prepared, report, exchange.collect(), ISOLATION, forgeable=False)
        except OSError as error:
            raise WorkerDiedError(f"the container died: {error}") from None
        finally:
            memory.close()
            self._end_container()
            exchange.close()

    def _stop_program(self) -> None:
        if self._running is not None:
            self._running.stop("stopped")

    def _end_container(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None

    def close(self) -> None:
        """Kill what runs, remove the worker's folder."""
        if not self._closed:
            self._closed = True
            self._end_container()
            if self._cgroup is not None:
                self._cgroup.remove()
            self._bundle.remove()


class _Run:
    """One container and the talk with its first process."""

    def __init__(self, container: Container, prepared: Prepared) -> None:
        self.reported = False
        self.complaint = ""
        self._container = container
        self._prepared = prepared
        self._cause = ""
        self._started = time.monotonic()
        self._closed = False

    async def report(self, loop: asyncio.AbstractEventLoop, exchange: Exchange) -> ExitReport:
        """Hand the job over, wait for the end. Verdict messages go on to where the exchange looks for them."""
        *_, verdict, payload = exchange.guest_fds
        started = False
        try:
            async with asyncio.timeout(_START_S):
                await self._hand_over(loop, exchange, os.read(verdict, MESSAGE_BYTES).decode(), payload)
                started = await loop.sock_recv(self._container.control, MESSAGE_BYTES) == STARTED
            if started:
                self._started = time.monotonic()
                async with asyncio.timeout(self._prepared.job.limits.wall_s + _GRACE_S):
                    report = await self._listen(loop, verdict)
                if report is not None:
                    await self._await_end(loop)
                    self.reported = True
                    return report._replace(cause=self._cause or report.cause)
        except TimeoutError:
            if not started:
                raise WorkerDiedError(f"no container started within {_START_S:g} s") from None
            self.stop("timeout")
        except OSError:
            pass  # it hung up: what that means is told by cause and complaint
        return self._own_report()

    async def _await_end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let runsc clean up; once it has, nobody holds the other end of the socket."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_END_S):
                while await loop.sock_recv(self._container.control, MESSAGE_BYTES):
                    pass

    async def _hand_over(
        self, loop: asyncio.AbstractEventLoop, exchange: Exchange, nonce: str, payload: int
    ) -> None:
        stdin = exchange.guest_fds[0]
        header = Header(
            order=self._prepared.order,
            nonce=nonce,
            stdin_bytes=os.fstat(stdin).st_size,
            payload_bytes=os.fstat(payload).st_size,
        )
        await loop.sock_sendall(self._container.control, json.dumps(header).encode())
        for fd in (stdin, payload):
            place = 0
            while part := os.pread(fd, MESSAGE_BYTES, place):
                await loop.sock_sendall(self._container.control, part)
                place += len(part)

    async def _listen(self, loop: asyncio.AbstractEventLoop, verdict: int) -> ExitReport | None:
        os.set_blocking(verdict, False)
        while message := await loop.sock_recv(self._container.control, MESSAGE_BYTES + 1):
            if message[:1] == VERDICT:
                with contextlib.suppress(BlockingIOError):  # more than an honest runner says
                    os.write(verdict, message[1:])
            elif message[:1] == REPORT:
                try:
                    return ExitReport.decode(message[1:])
                except ValueError:
                    return None
        return None

    def _own_report(self) -> ExitReport:
        """What the host knows of a container that said nothing."""
        return ExitReport(
            cause=self._cause,
            exit_code=None,
            signal=None,
            cpu_s=0.0,
            wall_s=time.monotonic() - self._started,
            max_rss_bytes=0,
            zygote_rss_bytes=0,
        )

    def stop(self, cause: str) -> None:
        """Kill the container, remembering why."""
        if not self._cause:
            self._cause = cause
            self._container.process.kill()

    def close(self) -> None:
        """Make sure it is gone."""
        if not self._closed:
            self._closed = True
            self.complaint = self._container.complaint()
            self._container.close()


class GvisorBackend:
    """See the module."""

    isolation = ISOLATION

    def check(self) -> str | None:
        """Run a program for real; None if it passes."""
        try:
            find_runsc()
            return asyncio.run(self._try())
        except SandboxUnavailable as error:
            return str(error)

    async def _try(self) -> str | None:
        worker = await self.start_worker(0, ())
        try:
            result = await worker.run(prepare(Job("script", {"main.py": "print('works')"})))
        except WorkerDiedError as error:
            return f"gVisor does not work here: {error}"
        finally:
            worker.close()
        return None if result.stdout == "works\n" else f"gVisor does not work here: {result.detail}"

    async def start_worker(self, index: int, modules: tuple[str, ...]) -> Worker:  # noqa: ARG002
        """Prepare a worker's folder; containers start with their programs. Raises SandboxUnavailable without runsc."""
        return GvisorWorker(Bundle(modules))

    async def self_test(self, worker: Worker) -> None:
        """Refuse to work if a probe gets through, or if no container starts."""
        try:
            await self_test(worker)
        except WorkerDiedError as error:
            raise SandboxUnavailable(f"gVisor does not work here: {error}") from None


BACKEND = GvisorBackend()
