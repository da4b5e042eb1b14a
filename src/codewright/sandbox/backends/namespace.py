"""The default backend: bubblewrap, one warm zygote per worker, one namespaced child per program.

What it stops is in docs/sandbox-security.md. Limits: Linux 5.4 or newer on x86-64 or aarch64, bubblewrap 0.8 or newer.
"""

import asyncio
import contextlib
import marshal
import signal
import socket

from codewright.core.errors import SandboxUnavailable
from codewright.sandbox.cgroups import OomWatch
from codewright.sandbox.exchange import Exchange, Prepared, WorkerDiedError, conclude
from codewright.sandbox.guest.wire import MESSAGE_BYTES, STOP, ExitReport, StartOrder, WireLimits
from codewright.sandbox.isolation import ZygoteProcess, explain, start_zygote
from codewright.sandbox.job import Result
from codewright.sandbox.pool import Worker
from codewright.sandbox.selftest import self_test

ISOLATION = "namespace"

_START_S = 30.0
_GRACE_S = 10.0
"""How much longer than the wall limit a zygote may take to report; after that it hangs."""


_MOST_GROWTH_BYTES = 32 << 20
"""A zygote keeps nothing of a program, so its memory stands still; one that grew by as
much as it is large leaks into every fork."""


_JUDGE_BYTES, _SERVER_BYTES = 48 << 20, 512 << 20
"""Room in a worker's cgroup for a judge that stays and for a compile server (a JVM with a heap of 256 MiB)."""


class NamespaceWorker:
    """One zygote, one program at a time."""

    def __init__(self, zygote: ZygoteProcess) -> None:
        self._zygote = zygote
        self._closed = False
        self._first_rss_bytes: int | None = None
        self._cgroup = zygote.cgroup if zygote.cgroup is not None and zygote.cgroup.settle() else None
        self._beside: dict[str, int] = {}
        self.worn = False

    @property
    def pid(self) -> int:
        """The outermost process; killing it ends everything inside."""
        return self._zygote.process.pid

    async def run(self, prepared: Prepared) -> Result:
        """Run one program. Raises WorkerDiedError for trouble of the worker."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(prepared, on_overflow=self._stop_program)
        memory = OomWatch(self._cgroup, self._limits_of_all(prepared.order), on_kill=self._stop_program)
        started = loop.time()
        try:
            socket.send_fds(self._zygote.control, [marshal.dumps(dict(prepared.order))], exchange.guest_fds)
            exchange.handed_over()
            exchange.listen(loop)
            async with asyncio.timeout(prepared.job.limits.wall_s + _GRACE_S):
                message = await self._receive(loop)
            out_of_memory = memory.killed()
            if message:
                report = ExitReport.decode(message)
                self._weigh(report.zygote_rss_bytes)
            elif out_of_memory:
                # The program's files outlive it by milliseconds, and where the zygote may not be spared it can be the next
                # to go. Whose memory it was is certain, so the job is not tried again.
                self.worn = True
                report = ExitReport(
                    "memory_limit",
                    None,
                    signal.SIGKILL,
                    0.0,
                    loop.time() - started,
                    prepared.job.limits.tree_bytes,
                    0,
                )
            else:
                raise WorkerDiedError(f"the worker died: {self._zygote.complaint()}")
            if out_of_memory:
                report = report._replace(cause="memory_limit")
                await memory.wait_until_freed(prepared.job.limits.tree_bytes)
            return conclude(prepared, report, exchange.collect(), ISOLATION, forgeable=False)
        except TimeoutError:
            raise WorkerDiedError("the worker hangs") from None
        except (OSError, ValueError) as error:
            raise WorkerDiedError(f"the worker died: {error}") from None
        finally:
            memory.close()
            exchange.close()

    async def _receive(self, loop: asyncio.AbstractEventLoop) -> bytes:
        try:
            return await loop.sock_recv(self._zygote.control, MESSAGE_BYTES)
        except ConnectionResetError:  # it died with our STOP unread
            return b""

    def _limits_of_all(self, order: StartOrder) -> WireLimits:
        """Return the program's limits with room for what has come to live beside it; the watchdog tells them apart."""
        if order["runner"] == "split":
            self._beside["judge"] = _JUDGE_BYTES
        if order["server"]:
            self._beside["server"] = _SERVER_BYTES
        limits = order["limits"]
        return WireLimits({**limits, "tree_bytes": limits["tree_bytes"] + sum(self._beside.values())})

    def _weigh(self, rss_bytes: int) -> None:
        if self._first_rss_bytes is None:
            self._first_rss_bytes = rss_bytes
        self.worn = rss_bytes > self._first_rss_bytes + _MOST_GROWTH_BYTES

    def _stop_program(self) -> None:
        with contextlib.suppress(OSError):  # a dead worker shows in run()
            self._zygote.control.send(STOP)

    def close(self) -> None:
        """Kill the zygote and everything inside."""
        if not self._closed:
            self._closed = True
            self._zygote.close()


class NamespaceBackend:
    """See the module."""

    isolation = ISOLATION

    def check(self) -> str | None:
        """Start a zygote for real; None if it answers."""
        try:
            zygote = start_zygote(0)
        except SandboxUnavailable as error:
            return str(error)
        try:
            zygote.control.settimeout(_START_S)
            answered = bool(zygote.control.recv(MESSAGE_BYTES))
            return None if answered else explain(zygote.complaint())
        except OSError as error:
            return f"the namespace sandbox does not start: {error}"
        finally:
            zygote.close()

    async def start_worker(self, index: int, modules: tuple[str, ...]) -> Worker:
        """Start bubblewrap and wait for its zygote. Raises SandboxUnavailable with the remedy."""
        zygote = start_zygote(index, modules)
        zygote.control.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_START_S):
                ready = await loop.sock_recv(zygote.control, MESSAGE_BYTES)
        except BaseException as error:
            zygote.close()
            if isinstance(error, TimeoutError):
                raise SandboxUnavailable(f"the sandbox did not start within {_START_S:g} s") from None
            raise
        if not ready:
            zygote.process.wait()
            reason = explain(zygote.complaint())
            zygote.close()
            raise SandboxUnavailable(reason)
        return NamespaceWorker(zygote)

    async def self_test(self, worker: Worker) -> None:
        """Refuse to work if a probe gets through."""
        await self_test(worker)


BACKEND = NamespaceBackend()
