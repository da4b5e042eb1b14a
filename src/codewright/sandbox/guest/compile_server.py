"""A compiler that stays warm for a worker's programs: the zygote's handle on it, and how a program's runner asks it.

It is confined as a program is, in namespaces of its own. It gets sources and answers with what it made of them, which the
runner writes into the program's own folder; it runs nothing of a program (no annotation processors, no plugins). Trouble
with it is never a verdict: the runner then starts the compiler as a command. Messages on a stream socket, numbers as 4
bytes big-endian, each text or file with its length before it:

    number of options, options; number of sources, name and text of each
    exit code; what the compiler said; number of files, name and content of each
"""

import os
import signal
import struct
from typing import BinaryIO, NamedTuple, NoReturn

from codewright.sandbox.guest import confine, kernel, sockets
from codewright.sandbox.guest.solution import HIGHEST_FD
from codewright.sandbox.guest.wire import VERDICT_FD, WireLimits

COMPILER_FD, BUSY_FD = VERDICT_FD + 1, VERDICT_FD + 2
"""Where a program's runner finds the server's socket and a pipe that says when it is in use; both are closed before anything
of the program runs."""

_NUMBER = struct.Struct(">I")
_MOST_FILES = 4096
_MOST_BYTES = 64 << 20
_MOST_MARKS = 16
_AFTER = 200
"""Compilations after which a fresh one takes over; it starts in half a second and grows with each."""


class Compiled(NamedTuple):
    """What a compiler answers. files: name to content."""

    code: int
    said: str
    files: dict[str, bytes]


class CompileServer:
    """The zygote's side."""

    def __init__(self, command: list[str], limits: WireLimits) -> None:
        ours, theirs = sockets.make_pair()
        self.command = command
        self._left = _AFTER
        self._busy, self._mark_busy = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.pid = kernel.clone(confine.NAMESPACES)
        if self.pid == 0:
            _become_server(theirs.detach(), command, limits)
        theirs.close()
        self._socket = ours

    def hand_down(self) -> None:
        """Call in a program's runner: put the descriptors where `ask_server` finds them."""
        os.dup2(self._socket.fileno(), COMPILER_FD, inheritable=False)
        os.dup2(self._mark_busy, BUSY_FD, inheritable=False)

    def fit(self) -> bool:
        """True if it lives, is not worn out and waits for a request; call once per program."""
        self._left -= 1
        try:
            in_use = len(os.read(self._busy, _MOST_MARKS)) % 2
        except BlockingIOError:
            in_use = 0
        return self._left >= 0 and not in_use and os.waitpid(self.pid, os.WNOHANG) == (0, 0)

    def close(self) -> None:
        """Kill and collect it."""
        self._socket.close()
        os.close(self._busy)
        os.close(self._mark_busy)
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            return  # `fit` has seen its end


def _become_server(control: int, command: list[str], limits: WireLimits) -> NoReturn:
    try:
        for target in (0, 1):
            os.dup2(control, target)
        os.closerange(VERDICT_FD, HIGHEST_FD)
        confine.private_files(limits)
        confine.lock_down(confine.without_cpu_limit(limits), readable_by_itself=True)
        os.execvp(command[0], command)  # noqa: S606 - the host's command, not the program's
    finally:
        os._exit(1)


def ask_server(options: list[str], sources: dict[str, str]) -> Compiled | None:
    """Have it compile, and let go of it; None if it does not answer as it should, and then it is not asked again."""
    message = [_NUMBER.pack(len(options)), *map(_text, options), _NUMBER.pack(len(sources))]
    for name, source in sources.items():
        message += [_text(name), _text(source)]
    os.write(BUSY_FD, b"x")
    stream = sockets.open_socket(COMPILER_FD)
    try:
        stream.sendall(b"".join(message))
        with open(COMPILER_FD, "rb", closefd=False) as answer:
            code = _read_number(answer)
            said = _read(answer).decode("utf-8", "replace")
            count = _read_number(answer, _MOST_FILES)
            files = {_checked(_read(answer).decode()): _read(answer) for _ in range(count)}
    except (OSError, ValueError, EOFError):
        return None  # and the pipe says that a request was not finished
    finally:
        stream.close()
    os.write(BUSY_FD, b"x")
    return Compiled(code, said, files)


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return _NUMBER.pack(len(data)) + data


def _read(answer: BinaryIO) -> bytes:
    return _exactly(answer, _read_number(answer, _MOST_BYTES))


def _read_number(answer: BinaryIO, most: int = 1 << 31) -> int:
    (number,) = _NUMBER.unpack(_exactly(answer, _NUMBER.size))
    if number > most:
        raise ValueError(number)
    return int(number)


def _exactly(answer: BinaryIO, count: int) -> bytes:
    data = answer.read(count)
    if len(data) != count:
        raise EOFError
    return data


def _checked(name: str) -> str:
    if not name or name.startswith("/") or "\0" in name or ".." in name.split("/"):
        raise ValueError(name)
    return name
