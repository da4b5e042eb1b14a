"""What a job brings, in one memory file: the program, then the tests, each read only by who may know it."""

import marshal
import os

from codewright.sandbox.guest.wire import Program, Sizes, Tests


def pack_payload(program: Program, tests: Tests) -> tuple[bytes, Sizes]:
    """The host's side: what the file holds, and how long both parts are."""
    parts = [marshal.dumps(dict(part)) for part in (program, tests)]
    return b"".join(parts), (len(parts[0]), len(parts[1]))


def read_program(fd: int, sizes: Sizes) -> Program:
    """Read the program and nothing else, wherever the offset stands: the descriptor is shared between processes."""
    program: Program = marshal.loads(os.pread(fd, sizes[0], 0))  # noqa: S302 - written by the host
    return program


def read_tests(fd: int, sizes: Sizes) -> Tests:
    """Read the tests and nothing else."""
    tests: Tests = marshal.loads(os.pread(fd, sizes[1], sizes[0]))  # noqa: S302
    return tests
