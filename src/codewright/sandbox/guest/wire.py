"""What travels between host and guest, written down once for both sides.

Three channels per program, all made by the host and handed over as file descriptors (SCM_RIGHTS):

- the *control* socket (one per worker): `StartOrder` to the zygote, `ExitReport` back. The zygote never sees source
  code, tests, output or verdicts, so no later program can find them in the memory it is forked from;
- two sealed-off memory files: `Program` (what the program may know) and `Tests` (what only the checker may know);
- the *verdict* socket: it already holds the job's nonce; the guest answers `READY`, then one `Record` with that nonce.

Limits: descriptors have fixed places (below), so both sides have to change together.
"""

from typing import NotRequired, TypedDict

SITE_FOLDER = "/run/codewright/site-packages"
"""Where a worker with third-party modules preloaded finds them."""

VERDICT_FD = 3
"""Where a program's runner finds its verdict socket; 0, 1 and 2 are the program's own."""

GUEST_FDS = 6
"""Descriptors sent with a `StartOrder`, in this order: stdin, stdout, stderr, verdict, program, tests."""

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
    """Host to zygote, with GUEST_FDS descriptors."""

    runner: str
    limits: WireLimits
    packages: list[str]


class ExitReport(TypedDict):
    """Zygote to host, after every process of the program is gone.

    zygote_rss_bytes: the most memory the zygote itself ever held; 0 where there is none.
    cause: why the zygote ended the program (`timeout`, `memory_limit`, `stopped`), or "" where it ended by itself.
    """

    cause: str
    exit_code: int | None
    signal: int | None
    cpu_s: float
    wall_s: float
    max_rss_bytes: int
    zygote_rss_bytes: int


class Program(TypedDict):
    """All that the untrusted side may know of a job. What follows args is for runners other than Python's.

    compile, run, env: commands and their environment. cache, root: the host's folders with the toolchain's cache and with a
    toolchain that is not in /usr, or "". begin, end, rule_files: what goes around and beside the tests. mark: name of the file that says the last test was reached, or "".
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


class Tests(TypedDict):
    """What only the checker may know (in `inproc` the program can find it too)."""

    tests: str
    prelude: str
    entry_point: str | None


class Record(TypedDict):
    """The runner's verdict; worthless without the nonce."""

    nonce: str
    status: str
    detail: str
    exit_code: NotRequired[int]
    signal: NotRequired[int]
