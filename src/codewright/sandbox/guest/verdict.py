"""The runner's end of the verdict socket, and how an exception becomes a status.

The nonce waits inside the socket, not in memory: a program that is to forge a verdict in `inproc` has to read the socket
itself. In `split` the solution's process has no such socket.
"""

import os
import sys
import traceback

from codewright.sandbox.guest.wire import DETAIL_CHARACTERS, MESSAGE_BYTES, READY, VERDICT_FD, Record

_OWN_FOLDER = __file__.rpartition("/")[0] + "/"
_FRAMES_SHOWN = 30
"""Innermost frames of a printed traceback; a RecursionError has a thousand of them."""


class VerdictChannel:
    """Says when the confinement stands and, once, how it ended."""

    def confined(self) -> None:
        """From here on nothing the program does can look like trouble with the sandbox."""
        os.write(VERDICT_FD, READY)

    def refuse(self, message: bytes) -> None:
        """End before any untrusted code, with a message instead of READY."""
        os.write(VERDICT_FD, message)

    def report(self, status: str, detail: str = "", *, exit_code: int | None = None, signal: int = 0) -> None:
        """Send the verdict. Without a nonce left to read there is none, and the host sees an early exit."""
        os.set_blocking(VERDICT_FD, False)  # a program may have read the nonce, or filled the socket
        try:
            nonce = os.read(VERDICT_FD, MESSAGE_BYTES).decode()
            os.write(VERDICT_FD, Record(nonce, status, detail, exit_code, signal).encode())
        except BlockingIOError:
            return


def status_of(error: BaseException) -> str:
    """Name the status an uncaught exception of a program or a test leads to."""
    if isinstance(error, AssertionError):
        return "failed"
    if isinstance(error, MemoryError):
        return "memory_limit"
    if isinstance(error, SystemExit):
        return "exited_early"
    return "error"


def describe(error: BaseException) -> str:
    """Exception type and message in one line, whatever the exception's own `__str__` does."""
    try:
        message = str(error)
        name = type(error).__name__
        line = f"{name}: {message}" if message else str(name)
        return " ".join(line.split())[:DETAIL_CHARACTERS]
    except BaseException:  # untrusted code runs in str(); it may raise anything
        return "exception without a readable message"


def format_traceback(error: BaseException) -> str:
    """Format as Python would, without the runner's own frames; empty where untrusted code gets in the way."""
    try:
        report = traceback.TracebackException(type(error), error, error.__traceback__, limit=-_FRAMES_SHOWN)
        report.stack[:] = [frame for frame in report.stack if not frame.filename.startswith(_OWN_FOLDER)]
        return "".join(report.format())
    except BaseException:  # an exception's __str__ is untrusted code; the verdict does not depend on it
        return ""


def print_traceback(error: BaseException) -> None:
    """Print it to stderr; never raises."""
    try:
        sys.stderr.write(format_traceback(error))
    except BaseException:  # the program may have put any object there
        return


def flush_output() -> None:
    """Hand over what the program printed, to its own stream objects and to the ones it may have replaced."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except BaseException:  # noqa: S112 - the program may have put any object there, there is nobody to tell
            continue
