"""Wall, CPU and memory limits of one running program: when to look, what is too much, what to end."""

import resource
import signal
import time
from collections.abc import Collection

from codewright.sandbox.guest import usage
from codewright.sandbox.guest.wire import ExitReport, StartOrder

_FIRST_LOOK_S = 0.02
"""Most programs end before the watchdog looks at all."""

_WATCH_COST = 20
"""The watchdog rests this many times as long as a look took, so it costs at most 5 % of a core."""


class Watch:
    """See the module."""

    def __init__(self, order: StartOrder, started: float, pidfd: int) -> None:
        """started: time.monotonic()."""
        self.cause = ""
        self.judge: int | None = None
        """The process that runs the tests: its memory counts, its time does not, which is that of all programs it judged; it
        says itself what this one cost."""
        self._limits = order["limits"]
        self._started = started
        self._deadline = started + self._limits["wall_s"]
        self._next_look = started + _FIRST_LOOK_S
        self._pidfd = pidfd
        self._peak = usage.Usage(0, 0.0)

    def rest_ms(self) -> float | None:
        """How long to sleep; None once the program is killed."""
        if self.cause:
            return None
        return max(0.0, min(self._deadline, self._next_look) - time.monotonic()) * 1000 + 1

    def look(self, idle: Collection[int]) -> None:
        """Compare with the limits and kill what is over them. idle: processes that are no part of the program."""
        before = time.monotonic()
        if before >= self._deadline:
            self.kill("timeout")
            return
        seen = usage.measure(idle, self.judge)
        self._peak = usage.Usage(
            max(self._peak.resident_bytes, seen.resident_bytes), max(self._peak.cpu_s, seen.cpu_s)
        )
        if seen.cpu_s > self._limits["cpu_s"]:
            self.kill("timeout")
        elif seen.resident_bytes > self._limits["tree_bytes"]:
            proportional = usage.proportional_bytes(idle)
            if proportional == 0 or proportional > self._limits["tree_bytes"]:
                self.kill("memory_limit")
        now = time.monotonic()
        self._next_look = now + max(_FIRST_LOOK_S, _WATCH_COST * (now - before))

    def kill(self, cause: str) -> None:
        """End the tree: its PID 1 takes every process of the namespace along."""
        if not self.cause:
            self.cause = cause
            try:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            except ProcessLookupError:
                return  # it ended by itself and is collected

    def report(
        self, status: int, used: resource.struct_rusage | None, judge_cpu_s: float = 0.0
    ) -> ExitReport:
        """Sum up after the end. status: of the process whose end counts; used: by the program."""
        cpu_s = used.ru_utime + used.ru_stime if used else 0.0
        return ExitReport.of(
            self.cause,
            status,
            cpu_s=max(cpu_s, self._peak.cpu_s) + judge_cpu_s,
            wall_s=time.monotonic() - self._started,
            max_rss_bytes=max(used.ru_maxrss << 10 if used else 0, self._peak.resident_bytes),
            zygote_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
        )
