"""One program in `split`, as the zygote sees it: a solution's process, a judge, and what to do when either ends."""

import os
import resource
import select
import signal
import time
from collections.abc import Callable, Collection

from codewright.sandbox.guest import confine, kernel, sockets, usage
from codewright.sandbox.guest.judge import DONE, ENDED, LAST, UNFIT, Judge, memory_limits
from codewright.sandbox.guest.payload import read_program
from codewright.sandbox.guest.solution import become_solution
from codewright.sandbox.guest.start import seed_random
from codewright.sandbox.guest.watch import Watch
from codewright.sandbox.guest.wire import JUDGE_LOST, ExitReport, Program, StartOrder

_LEFT_QUIETLY = 0


class Trials:
    """Runs them one after the other; keeps a judge between them."""

    def __init__(
        self,
        control: sockets.Socket,
        on_message: Callable[[Watch], None],
        beside: Callable[[], Collection[int]],
    ) -> None:
        """on_message: reads what the host sends on `control` while a program runs; beside: processes of the zygote's own."""
        self._beside = beside
        self._control = control
        self._on_message = on_message
        self._judge: Judge | None = None

    @property
    def judge_pid(self) -> int | None:
        """The judge that waits for the next program."""
        return self._judge.pid if self._judge else None

    def run(self, order: StartOrder, fds: list[int]) -> ExitReport:
        """Run one program to its end."""
        started = time.monotonic()
        stdin, stdout, stderr, verdict, payload = fds
        ours, theirs = sockets.make_pair()
        cpu = kernel.current_cpu()
        pid = kernel.clone(confine.NAMESPACES)
        if pid == 0:
            _become_solution(order, [stdin, stdout, stderr], payload, theirs.detach(), cpu)
        theirs.close()
        os.close(stdin)
        trial = _Trial(order, pid, started, cpu)
        try:
            return self._follow(trial, [stdout, stderr, verdict, payload, ours.fileno()])
        finally:
            ours.close()
            for fd in (stdout, stderr, verdict, payload):
                os.close(fd)
            trial.close()

    def _follow(self, trial: "_Trial", attached: list[int]) -> ExitReport:
        judge = self._staying_judge(trial.order)
        self._judge = None  # until it has proved to be fit for another one
        said, judge_cpu_s = self._await_judge(trial, judge, attached)
        if said == UNFIT:
            self._judge = judge
            judge = Judge(trial.order["limits"], stays=False)
            said, judge_cpu_s = self._await_judge(trial, judge, attached)
        if said == DONE:
            self._judge = judge
            return trial.report(_LEFT_QUIETLY, judge_cpu_s)
        status, used = judge.close()
        if said == LAST:
            return trial.report(_LEFT_QUIETLY, judge_cpu_s)
        if judge.stays:
            trial.watch.kill(JUDGE_LOST)  # pure tests do not end their process: somebody else did
        return trial.report(status, used.ru_utime + used.ru_stime)

    def _staying_judge(self, order: StartOrder) -> Judge:
        judge = self._judge
        if judge is not None and judge.limits != memory_limits(order["limits"]):
            judge.close()
            judge = None
        return judge or Judge(order["limits"], stays=True)

    def _await_judge(self, trial: "_Trial", judge: Judge, attached: list[int]) -> tuple[bytes, float]:
        """Have the judge examine; what it said last, empty once it or the program was killed, and its CPU seconds."""
        watch = trial.watch
        watch.judge = judge.pid
        judge.bind(trial.cpu)
        try:
            judge.give(attached, trial.order["sizes"])
        except OSError:
            return b"", 0.0
        poll = select.poll()
        for source in (self._control, judge):
            poll.register(source, select.POLLIN)
        while not watch.cause:
            ready = [fd for fd, _ in poll.poll(watch.rest_ms())]
            if judge.fileno() in ready:
                said, seconds = judge.hear()
                if said != ENDED:
                    return said, seconds
                poll.register(trial.pidfd, select.POLLIN)
            elif trial.pidfd in ready:
                poll.unregister(trial.pidfd)
                judge.tell_end(trial.collect())
            elif ready:
                self._on_message(watch)
            else:
                self._look(trial, judge)
        return b"", 0.0

    def _look(self, trial: "_Trial", judge: Judge) -> None:
        if trial.cpu is not None:  # two that run long must not be stuck behind each other on one processor
            trial.cpu = None
            usage.unbind(os.sched_getaffinity(0), self._beside())
            judge.bind(None)
        trial.watch.look(self._beside())


class _Trial:
    """The solution's process. cpu: the processor it is bound to."""

    def __init__(self, order: StartOrder, pid: int, started: float, cpu: int | None) -> None:
        self.order = order
        self.cpu = cpu
        self._pid = pid
        self.pidfd = os.pidfd_open(pid)
        self.watch = Watch(order, started, self.pidfd)
        self._status: int | None = None
        self._used: resource.struct_rusage | None = None

    def collect(self) -> int:
        """Wait for its end; its wait status."""
        if self._status is None:
            _, self._status, self._used = os.wait4(self._pid, 0)
        return self._status

    def report(self, status: int, judge_cpu_s: float) -> ExitReport:
        """Sum up, with the judge's wait status."""
        self.close()
        return self.watch.report(status, self._used, judge_cpu_s)

    def close(self) -> None:
        """Kill it unless it has ended."""
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            self.collect()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


def _become_solution(order: StartOrder, streams: list[int], payload: int, link: int, cpu: int) -> None:
    try:
        # Two processes that take turns: waking another processor costs an eighth of a job.
        os.sched_setaffinity(0, {cpu})
        for target, fd in enumerate(streams):
            os.dup2(fd, target)

        def read() -> Program:
            program = read_program(payload, order["sizes"])
            seed_random(program)
            return program

        def confine_it() -> None:
            confine.private_files(order["limits"])
            confine.lock_down(order["limits"], readable_by_itself=True)

        become_solution(link, confine_it, read)
    finally:
        os._exit(1)
