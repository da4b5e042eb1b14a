"""The default backend: bubblewrap, one warm zygote per worker, one namespaced child per program.

What it stops is in docs/sandbox-security.md. Limits: Linux 5.4 or newer on x86-64 or aarch64, bubblewrap 0.8 or newer.
"""

import asyncio
import contextlib
import json
import socket

from codewright.core.errors import SandboxUnavailable
from codewright.sandbox.exchange import Exchange, Prepared, WorkerDiedError, conclude
from codewright.sandbox.guest.wire import MESSAGE_BYTES, STOP, ExitReport
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


class NamespaceWorker:
    """One zygote, one program at a time."""

    def __init__(self, zygote: ZygoteProcess) -> None:
        self._zygote = zygote
        self._closed = False
        self._first_rss_bytes: int | None = None
        self.worn = False

    @property
    def pid(self) -> int:
        """The outermost process; killing it ends everything inside."""
        return self._zygote.process.pid

    async def run(self, prepared: Prepared) -> Result:
        """Run one program. Raises WorkerDiedError for trouble of the worker."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(prepared, on_overflow=self._stop_program)
        try:
            socket.send_fds(self._zygote.control, [json.dumps(prepared.order).encode()], exchange.guest_fds)
            exchange.handed_over()
            exchange.listen(loop)
            async with asyncio.timeout(prepared.job.limits.wall_s + _GRACE_S):
                message = await loop.sock_recv(self._zygote.control, MESSAGE_BYTES)
            if not message:
                raise WorkerDiedError(f"the worker died: {self._zygote.complaint()}")
            report: ExitReport = json.loads(message)
            self._weigh(report["zygote_rss_bytes"])
            return conclude(prepared, report, exchange.collect(), ISOLATION, forgeable=False)
        except TimeoutError:
            raise WorkerDiedError("the worker hangs") from None
        except OSError as error:
            raise WorkerDiedError(f"the worker died: {error}") from None
        finally:
            exchange.close()

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
