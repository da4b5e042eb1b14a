"""What travels between host and guest, written down once for both sides.

Three channels per program, all made by the host and handed over as file descriptors (SCM_RIGHTS):

- the *control* socket (one per worker): `StartOrder` to the zygote, `ExitReport` back. The zygote never sees source
  code, tests, output or verdicts, so no later program can find them in the memory it is forked from;
- a memory file (`payload.py`): `Program` (what the program may know), then `Tests` (what only the checker may know);
- the *verdict* socket: it already holds the job's nonce; the guest answers `READY`, then one `Record` with that nonce.

Limits: descriptors have fixed places (below), so both sides have to change together.
"""

import os
import struct
from typing import NamedTuple, TypedDict

SITE_FOLDER = "/run/codewright/site-packages"
"""Where a worker with third-party modules preloaded finds them."""

VERDICT_FD = 3
"""Where a program's runner finds its verdict socket; 0, 1 and 2 are the program's own."""

GUEST_FDS = 5
"""Descriptors sent with a `StartOrder`, in this order: stdin, stdout, stderr, verdict, payload."""

Sizes = tuple[int, int]
"""Bytes of a payload's program and of its tests."""

MESSAGE_BYTES = 60_000
"""Longest message on a socket; below the default socket buffer of 212,992 (`net.core.wmem_default`)."""

DETAIL_CHARACTERS = 2_000
"""Longest `detail`; keeps a `Record` with escaped characters far below MESSAGE_BYTES."""

READY = b"ready"
"""First message on the verdict socket: the confinement stands, untrusted code starts now."""

MISSING_PACKAGE = b"missing package "
"""First message instead of READY when the interpreter lacks a package the job asks for; its name follows."""

TROUBLE = b"trouble "
"""First message instead of READY when the confinement failed; the reason follows."""

STOP = b"stop"
"""Host to zygote: end the running program (its output grew too long)."""


class WireLimits(TypedDict):
    """`codewright.sandbox.job.Limits`, field by field."""

    wall_s: float
    cpu_s: float
    address_space_bytes: int
    tree_bytes: int
    processes: int
    open_files: int
    disk_bytes: int
    inodes: int
    output_bytes: int


class StartOrder(TypedDict):
    """Host to zygote, with GUEST_FDS descriptors. server: command of a compiler that a zygote may keep warm, or nothing."""

    runner: str
    limits: WireLimits
    packages: list[str]
    sizes: Sizes
    server: list[str]


JUDGE_LOST = "judge_lost"
CAUSES = ("", "timeout", "memory_limit", "stopped", JUDGE_LOST)
"""Why a program was ended by those who watch it; "": it ended by itself; JUDGE_LOST: nobody is left to judge it."""

_REPORT = struct.Struct("<BhhddQQ")
_NOTHING = -1


class ExitReport(NamedTuple):
    """Zygote to host, after every process of the program is gone.

    cause: one of CAUSES; exit_code, signal: None where that was not how it ended. zygote_rss_bytes: the most memory the zygote
    itself ever held; 0 where there is none.
    """

    cause: str
    exit_code: int | None
    signal: int | None
    cpu_s: float
    wall_s: float
    max_rss_bytes: int
    zygote_rss_bytes: int

    @classmethod
    def of(
        cls,
        cause: str,
        status: int,
        *,
        cpu_s: float,
        wall_s: float,
        max_rss_bytes: int,
        zygote_rss_bytes: int = 0,
    ) -> "ExitReport":
        """Report a process that ended with this wait status (wait(2))."""
        signalled = os.WIFSIGNALED(status)
        code = None if signalled else os.WEXITSTATUS(status)
        number = os.WTERMSIG(status) if signalled else None
        return cls(cause, code, number, cpu_s, wall_s, max_rss_bytes, zygote_rss_bytes)

    def encode(self) -> bytes:
        """Fixed length."""
        code, number = (_NOTHING if value is None else value for value in (self.exit_code, self.signal))
        return _REPORT.pack(CAUSES.index(self.cause), code, number, *self[3:])

    @classmethod
    def decode(cls, message: bytes) -> "ExitReport":
        """Read it. Raises ValueError for anything else."""
        try:
            cause, code, number, cpu_s, wall_s, rss, zygote_rss = _REPORT.unpack(message)
            code, number = (None if value == _NOTHING else value for value in (code, number))
            return cls(CAUSES[cause], code, number, cpu_s, wall_s, rss, zygote_rss)
        except (struct.error, IndexError):
            raise ValueError(f"not an exit report: {message[:40]!r}") from None


class Program(TypedDict):
    """All that the untrusted side may know of a job. What follows args is for runners other than Python's.

    compile, run, env: commands and their environment. cache, root: the host's folders with the toolchain's cache and with a
    toolchain that is not in /usr, or "". server_options: for a compiler that stays warm. begin, end, rule_files: what goes around and beside the tests. mark: name of the file that says the last test was reached, or "".
    """

    files: dict[str, str]
    args: list[str]
    language: str
    compile: list[str]
    run: list[str]
    env: dict[str, str]
    cache: str
    root: str
    begin: str
    end: str
    rule_files: dict[str, str]
    mark: str
    server_options: list[str]


class Tests(TypedDict):
    """What only the checker may know (in `inproc` the program can find it too)."""

    tests: str
    prelude: str
    entry_point: str | None


class Record(NamedTuple):
    """The runner's verdict; worthless without the nonce. exit_code: None without one; signal: 0 without one."""

    nonce: str
    status: str
    detail: str = ""
    exit_code: int | None = None
    signal: int = 0

    def encode(self) -> bytes:
        """Fields with a zero byte between them, the free text last."""
        code = "" if self.exit_code is None else str(self.exit_code)
        text = f"{self.nonce}\0{self.status}\0{code}\0{self.signal}\0{self.detail[:DETAIL_CHARACTERS]}"
        return text.encode("utf-8", "backslashreplace")

    @classmethod
    def decode(cls, message: bytes) -> "Record | None":
        """Read a message that anyone may have written; None if it is no record."""
        fields = message.decode("utf-8", "replace").split("\0", 4)
        if len(fields) != len(cls._fields):
            return None
        nonce, status, code, number, detail = fields
        if not (code.isascii() and number.isascii() and number.isdigit() and (code.isdigit() or not code)):
            return None
        return cls(nonce, status, detail, int(code) if code else None, int(number))
