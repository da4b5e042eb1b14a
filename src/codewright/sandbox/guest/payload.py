"""What a job brings, in one memory file: the program, then the tests, each read only by who may know it."""

import marshal
import os

from codewright.sandbox.guest.wire import Program, Sizes, Tests


def write_payload(fd: int, program: Program, tests: Tests) -> Sizes:
    """The host's side: fill the file; how long both parts are."""
    parts = [marshal.dumps(dict(part)) for part in (program, tests)]
    view = memoryview(b"".join(parts))
    while view:
        view = view[os.write(fd, view) :]
    return len(parts[0]), len(parts[1])


def read_program(fd: int, sizes: Sizes) -> Program:
    """Read the program and nothing else, wherever the offset stands: the descriptor is shared between processes."""
    program: Program = marshal.loads(os.pread(fd, sizes[0], 0))  # noqa: S302 - written by the host
    return program


def read_tests(fd: int, sizes: Sizes) -> Tests:
    """Read the tests and nothing else."""
    tests: Tests = marshal.loads(os.pread(fd, sizes[1], sizes[0]))  # noqa: S302
    return tests
