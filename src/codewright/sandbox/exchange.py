"""The host's side of one run: what is handed to the guest, what is read back while it runs, what it amounts to.

Everything a guest sends is untrusted: output is cut at its limit, a verdict counts only with the job's nonce and only with
a status its mode can end in. Limits: one event loop, one run per `Exchange`.
"""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import cast

from codewright.core.errors import ConfigError
from codewright.sandbox.guest.commands import ENDED
from codewright.sandbox.guest.payload import pack_payload
from codewright.sandbox.guest.wire import (
    DETAIL_CHARACTERS,
    JUDGE_LOST,
    MESSAGE_BYTES,
    MISSING_PACKAGE,
    READY,
    TROUBLE,
    ExitReport,
    Program,
    Record,
    StartOrder,
    Tests,
    WireLimits,
)
from codewright.sandbox.job import Job, Limits, Result, Status
from codewright.sandbox.toolchain_cache import language_cache, server_command
from codewright.sandbox.toolchains import Language, find_root, load_language

_READ_BYTES = 1 << 16
_LISTEN_AFTER_S = 0.01
"""Longest that a program which prints more than the kernel buffers waits for us; looking at once costs every program."""

_MOST_VERDICT_MESSAGES = 64

_ENDINGS: dict[str, dict[str, Status]] = {
    "inproc": {
        "passed": "passed",
        "failed": "failed",
        "error": "error",
        "memory_limit": "memory_limit",
        "exited_early": "exited_early",
        "compile_error": "compile_error",
    },
    "script": {"error": "error", "memory_limit": "memory_limit", "compile_error": "compile_error"},
    "command": {"compile_error": "compile_error", "exited_early": "exited_early"},
}
_ENDINGS["split"] = {**_ENDINGS["inproc"], "not_plain": "not_plain", "killed": "killed"}


_Judgement = tuple[Status, str, int | None]
"""Status, detail, exit code."""


class WorkerDiedError(Exception):
    """Trouble of the sandbox, not of the program: the worker is to be replaced and the job tried again."""


@dataclass(frozen=True)
class Prepared:
    """A job, checked, in the form it travels in."""

    job: Job
    order: StartOrder
    payload: bytes


@dataclass(frozen=True)
class Collected:
    """What came out of a run."""

    stdout: bytes
    stderr: bytes
    overflow: bool
    verdict: tuple[bytes, ...]
    nonce: str


def prepare(job: Job) -> Prepared:
    """Check a job. Raises ConfigError for what no sandbox can run."""
    language = load_language(job.language)
    if not job.files:
        raise ConfigError("a sandbox job needs at least one file")
    for name in job.files:
        _check_name(name)
    _check_limits(job.limits)
    if job.mode not in ("split", "inproc", "script"):
        raise ConfigError(f"unknown sandbox mode '{job.mode}'; there are: split, inproc, script")
    if job.mode != "script" and language.runner != "python":
        raise ConfigError(
            f"sandbox mode '{job.mode}' is for Python; language '{job.language}' runs in mode 'script'"
        )
    runner: str = job.mode if language.runner == "python" else "command"
    tests = Tests(tests=job.tests, prelude=job.prelude, entry_point=job.entry_point)
    payload, sizes = pack_payload(_program(job, language), tests)
    order = StartOrder(
        runner=runner,
        limits=cast(WireLimits, vars(language.floor_limits(job.limits))),
        packages=list(job.packages),
        sizes=sizes,
        server=server_command(language),
    )
    return Prepared(job, order, payload)


def _program(job: Job, language: Language) -> Program:
    rule = language.rule_for(job.tests)
    main, *others = job.files
    name = rule.file or main
    if name in others:
        raise ConfigError(f"sandbox job: {name!r} is the name that {main!r} gets for its tests")
    compiling, running = (
        language.compile if rule.compile is None else rule.compile,
        language.run if rule.run is None else rule.run,
    )
    return Program(
        files={name: job.files[main], **{other: job.files[other] for other in others}},
        args=list(job.args),
        language=language.name,
        compile=language.fill(compiling, name, job.limits),
        run=language.fill(running, name, job.limits),
        env=dict(language.env),
        cache=language_cache(language.name) if language.cache else "",
        root=str(find_root(language.name) or ""),
        begin=rule.begin,
        end=rule.end,
        rule_files=dict(rule.files or {}),
        server_options=list(language.server.options) if language.server else [],
        mark=f".ended-{secrets.token_hex(16)}" if rule.marks else "",
    )


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if not name or "\0" in name or path.is_absolute() or ".." in path.parts or not path.name:
        raise ConfigError(f"sandbox job: {name!r} is no file name inside the working folder")


def _check_limits(limits: Limits) -> None:
    for field, value in vars(limits).items():
        if value <= 0:
            raise ConfigError(f"sandbox job: limit {field} is {value}, it has to be positive")


def memory_file(data: bytes) -> int:
    """Make an anonymous file with this content, its offset at the start."""
    fd = os.memfd_create("codewright")
    if data:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _stream(mode: str) -> tuple[int, int]:
    """Make one output stream: the end to read, the end to write.

    Two processes write to it in `split`. A pipe can be opened once more for reading (/proc/self/fd/1), so a solution could
    take from it what the tests have printed; a socket cannot.
    """
    if mode != "split":
        return os.pipe()
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


class _Output:
    """One output stream, read while the program runs, kept up to its limit."""

    def __init__(self, fd: int, limit: int, on_overflow: Callable[[], None]) -> None:
        self.fd = fd
        self.data = bytearray()
        self.overflow = False
        self._limit = limit
        self._on_overflow = on_overflow
        os.set_blocking(fd, False)

    def read(self) -> bool:
        """Take what is there; False at the end or when there is nothing now."""
        try:
            part = os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return False
        self.data += part[: max(0, self._limit + 1 - len(self.data))]
        if len(self.data) > self._limit and not self.overflow:
            self.overflow = True
            self._on_overflow()
        return bool(part)


class Exchange:
    """Descriptors of one run. Use: hand over `guest_fds`, `listen`, await the exit, `collect`, `close`."""

    def __init__(self, prepared: Prepared, on_overflow: Callable[[], None]) -> None:
        self._nonce = secrets.token_hex(16)
        limit = prepared.job.limits.output_bytes
        stdout, stdout_guest = _stream(prepared.job.mode)
        stderr, stderr_guest = _stream(prepared.job.mode)
        self._verdict, verdict_guest = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._verdict.setblocking(False)
        self._verdict.send(self._nonce.encode())
        self._outputs = (_Output(stdout, limit, on_overflow), _Output(stderr, limit, on_overflow))
        self._listening: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.guest_fds = [
            memory_file(prepared.job.stdin.encode("utf-8", "replace")),
            stdout_guest,
            stderr_guest,
            verdict_guest.detach(),
            memory_file(prepared.payload),
        ]

    def handed_over(self) -> None:
        """Close this side's copies of what the guest has now."""
        while self.guest_fds:
            os.close(self.guest_fds.pop())

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read output soon and from then on. Most programs end before, and what they print waits in the kernel."""
        self._timer = loop.call_later(_LISTEN_AFTER_S, self._listen, loop)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        self._listening = loop
        for output in self._outputs:
            loop.add_reader(output.fd, self._readable, output)

    def _readable(self, output: _Output) -> None:
        if not output.read() and self._listening is not None:
            self._listening.remove_reader(output.fd)

    def collect(self) -> Collected:
        """Take the rest, once every process of the program is gone."""
        for output in self._outputs:
            while output.read():
                pass
        stdout, stderr = self._outputs
        overflow = stdout.overflow or stderr.overflow
        return Collected(
            bytes(stdout.data), bytes(stderr.data), overflow, tuple(self._messages()), self._nonce
        )

    def _messages(self) -> list[bytes]:
        messages: list[bytes] = []
        while len(messages) < _MOST_VERDICT_MESSAGES:
            try:
                message = self._verdict.recv(MESSAGE_BYTES)
            except ConnectionResetError:
                continue  # said once if the guest left the nonce unread; its messages come after
            except BlockingIOError:
                break
            if not message:
                break
            messages.append(message)
        return messages

    def close(self) -> None:
        """Release everything."""
        self.handed_over()
        if self._timer is not None:
            self._timer.cancel()
        for output in self._outputs:
            if self._listening is not None:
                self._listening.remove_reader(output.fd)
            os.close(output.fd)
        self._verdict.close()


def conclude(
    prepared: Prepared, report: ExitReport, collected: Collected, isolation: str, forgeable: bool
) -> Result:
    """Weigh what was seen. Raises WorkerDiedError if the program never started, ConfigError for a missing package."""
    job = prepared.job
    status, detail, exit_code = _judge(prepared, report, collected)
    limit = job.limits.output_bytes
    return Result(
        status=status,
        stdout=collected.stdout[:limit].decode("utf-8", "replace"),
        stderr=collected.stderr[:limit].decode("utf-8", "replace"),
        cpu_s=report.cpu_s,
        wall_s=report.wall_s,
        max_rss_bytes=report.max_rss_bytes,
        isolation=isolation,
        forgeable=forgeable or job.mode == "inproc" or (job.mode == "script" and bool(job.tests)),
        detail=_one_line(detail),
        exit_code=exit_code,
    )


def _one_line(detail: str) -> str:
    """Make a program's text safe to log: what cannot be encoded or would steer a terminal becomes a question mark."""
    text = " ".join(detail.split())[:DETAIL_CHARACTERS]
    return "".join(character if character.isprintable() else "?" for character in text)


def _judge(prepared: Prepared, report: ExitReport, collected: Collected) -> _Judgement:
    limits = prepared.job.limits
    first = collected.verdict[0] if collected.verdict else b""
    if first.startswith(MISSING_PACKAGE):
        name = first.removeprefix(MISSING_PACKAGE).decode("utf-8", "replace")
        raise ConfigError(f"the sandbox's Python has no package '{name}'")
    if collected.overflow:
        return "output_limit", f"wrote more than {limits.output_bytes} bytes", None
    if report.cause == "memory_limit":
        return "memory_limit", f"its processes used more than {limits.tree_bytes} bytes together", None
    if report.cause == "timeout":
        return "timeout", f"ran longer than {limits.wall_s:g} s, or {limits.cpu_s:g} s of CPU", None
    if report.cause == JUDGE_LOST:
        raise WorkerDiedError("the process that ran the tests died")
    if first != READY:
        reason = first.removeprefix(TROUBLE).decode("utf-8", "replace") or "no reason given"
        raise WorkerDiedError(f"the program's process could not be confined: {reason}")
    return _judge_ending(prepared, report, collected)


def _judge_ending(prepared: Prepared, report: ExitReport, collected: Collected) -> _Judgement:
    """Judge a program that ended by itself."""
    limits, runner = prepared.job.limits, prepared.order["runner"]
    record = _find_record(collected)
    if record is not None and runner == "command" and record.status == ENDED:
        return _judge_exit(record.exit_code, record.signal, report, limits)
    if record is not None and record.status in _ENDINGS[runner]:
        status = _ENDINGS[runner][record.status]
        if status == "killed":
            return _judge_exit(None, record.signal, report, limits)
        return status, record.detail, report.exit_code if prepared.job.mode == "script" else None
    if runner == "script" or report.signal:
        return _judge_exit(report.exit_code, report.signal, report, limits)
    return "exited_early", f"ended with exit code {report.exit_code} before the last test", None


def _judge_exit(code: int | None, number: int | None, report: ExitReport, limits: Limits) -> _Judgement:
    if number:
        # The kernel's count for SIGXCPU runs ahead of the times it reports, by tenths on a busy machine.
        if number == signal.SIGXCPU or (number == signal.SIGKILL and report.cpu_s >= limits.cpu_s):
            return "timeout", f"used more than {limits.cpu_s:g} s of CPU", None
        return "killed", f"died by {_signal_name(number)}", None
    if code == 0:
        return "passed", "", 0
    return "error", f"exit code {code}", code


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _find_record(collected: Collected) -> Record | None:
    """Return the one message that carries the nonce; anything may be in it and around it."""
    for message in collected.verdict[1:]:
        record = Record.decode(message)
        if record is not None and record.nonce == collected.nonce:
            return record
    return None
