"""The sandbox contract: what goes in (`Job`), what comes out (`Result`), and who stands between (`Sandbox`).

Every backend keeps this contract; `tests/contracts/` holds the suite that each of them inherits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self

Mode = Literal["split", "inproc", "script"]
"""split: solution and tests in separate processes, only plain data crosses; inproc: both in one process (forgeable);
script: compile and run a whole program with stdin and arguments. `session` (stateful chat) comes later."""

Status = Literal[
    "passed",
    "failed",
    "error",
    "timeout",
    "memory_limit",
    "output_limit",
    "killed",
    "exited_early",
    "not_plain",
    "compile_error",
    "sandbox_error",
]
"""passed: every test ran and held. failed: an assertion did not hold. error: any other exception or a non-zero exit.
timeout, memory_limit, output_limit: that limit was hit. killed: died by a signal nobody here sent.
exited_early: ended before the last test without a verdict. not_plain: `split` met a value that is not plain data.
compile_error: the program does not compile or parse. sandbox_error: infrastructure trouble, never a wrong answer."""


@dataclass(frozen=True)
class Limits:
    """What one program may use. Defaults: measured to be enough for published benchmarks (docs/sandbox-security.md)."""

    wall_s: float = 10.0
    cpu_s: float = 10.0
    address_space_bytes: int = 4 << 30
    """Virtual memory of one process; less than 4 GiB breaks the JVM."""
    tree_bytes: int = 2 << 30
    """Resident memory of all the program's processes together."""
    processes: int = 64
    open_files: int = 256
    disk_bytes: int = 64 << 20
    inodes: int = 4096
    output_bytes: int = 256 << 10
    """Of stdout and of stderr, each; more ends the program with `output_limit`."""


@dataclass(frozen=True)
class Job:
    """One program to run.

    files: name -> text; the first is the program itself (the solution in `split` and `inproc`).
    tests: source that runs after the solution and sees its public names; empty in `script`, or appended to the program
        there, which makes a pass forgeable.
    entry_point: the one name the tests may call in `split`; None lets them call every public function.
    prelude: in `split`, source of the problem's own (helpers its tests call): it runs with the tests, before the
        solution's names arrive, and a solution cannot replace what it defines. The other modes ignore it.
    stdin, args: what the program reads and finds in its arguments.
    packages: what the program imports beyond the standard library; ConfigError where the sandbox lacks one.
    """

    mode: Mode
    files: Mapping[str, str]
    language: str = "python"
    entry_point: str | None = None
    tests: str = ""
    prelude: str = ""
    stdin: str = ""
    args: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Result:
    """What one program did.

    isolation: the backend's level, e.g. `namespace` or `unsafe`; stamped into every verdict and manifest.
    forgeable: True where the program could have written its own `passed` (see `Mode`).
    detail: one line: exception type and message, or why the sandbox ended the program.
    exit_code: of the program in `script` mode; None where it did not end by itself.
    """

    status: Status
    stdout: str
    stderr: str
    cpu_s: float
    wall_s: float
    max_rss_bytes: int
    isolation: str
    forgeable: bool
    detail: str = ""
    exit_code: int | None = None


class Sandbox(Protocol):
    """A pool of isolated workers. Use as `async with open_sandbox() as sandbox: await sandbox.run(job)`.

    Raises SandboxUnavailable on entering when isolation is not available here.
    """

    isolation: str

    async def run(self, job: Job) -> Result:
        """Run one job; never raises for what the program does. Concurrent calls share the workers."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...
