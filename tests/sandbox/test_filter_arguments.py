"""Calls that the system call filter refuses for what they ask, on both architectures."""

import errno

import pytest

from tests.sandbox.test_guest import ALLOW, ERRNO, answer

SHARED, PRIVATE, VALIDATE, ANONYMOUS = 0x01, 0x02, 0x03, 0x20  # asm-generic/mman-common.h
SET_LEASE, GET_LEASE, NOTIFY, DUPLICATE = 1024, 1025, 1026, 1030  # linux/fcntl.h


@pytest.mark.parametrize(("machine", "mmap", "fcntl"), [("x86_64", 9, 72), ("aarch64", 222, 25)])
def test_memory_that_nobody_counts_and_news_of_files_are_refused(machine: str, mmap: int, fcntl: int) -> None:
    refused = ERRNO | errno.EPERM
    for sharing, expected in ((SHARED, refused), (VALIDATE, refused), (PRIVATE, ALLOW)):
        assert answer(machine, mmap, (0, 4096, 3, sharing | ANONYMOUS)) == expected
        assert answer(machine, mmap, (0, 4096, 3, sharing)) == ALLOW
    for command, expected in (
        (SET_LEASE, refused),
        (NOTIFY, refused),
        (GET_LEASE, ALLOW),
        (DUPLICATE, ALLOW),
        (0, ALLOW),
    ):
        assert answer(machine, fcntl, (3, command, 0)) == expected
