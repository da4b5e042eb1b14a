"""The system call filter every process of the sandbox runs under, for x86-64 and aarch64.

A deny-list: programs in eleven languages have to run, so what is refused is what reaches for the kernel's privileged or
rarely audited parts, what could hold memory that no limit counts, and ways out of the program's namespaces. It is the
second wall: programs also have no capabilities and no_new_privs. mount(2), unshare(2) and setns(2) stay open because the
zygote needs them under the same filter; they are powerless without capabilities, and new user namespaces are refused.

Limits: the filter sees numbers, not the memory behind pointers. Numbers: arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h; None where an architecture has no such call.
"""

import ctypes
import errno
import os
import struct
from typing import NamedTuple

from codewright.sandbox.guest import kernel

DENIED: dict[str, tuple[int | None, int | None]] = {
    # other processes' memory and descriptors
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # mounts, beyond the plain mount(2) that capabilities guard
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "fanotify_init": (300, 262),
    # news of what the host does with the files that both can see
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    # kernel code, kernel keys, kernel rings
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # the machine as a whole
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "nfsservctl": (180, 42),
    "personality": (135, 92),
    # memory policy and page tricks
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "vmsplice": (278, 75),
}
"""Answered with EPERM."""

ABSENT: dict[str, tuple[int | None, int | None]] = {
    # clone3 hides its flags behind a pointer; with ENOSYS the C library falls back to clone, whose flags can be read
    "clone3": (435, 435),
    # memory that belongs to no process, so neither rlimits nor the watchdog would count it
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
}
"""Answered with ENOSYS, as on a kernel without the call: libraries then use something else."""

_CLONE = (56, 220)
_MMAP = (9, 222)
_FCNTL = (72, 25)
_UNSHARE = (272, 97)
_SOCKET = (41, 198)
_IOCTL = (16, 29)

_SOCKET_FAMILIES = (0, 1, 2, 10)  # AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6 (linux/socket.h)
_SHARED_ANONYMOUS = (0x01, 0x20)
"""MAP_SHARED and MAP_ANONYMOUS (asm-generic/mman-common.h), together: what is mapped so stays in memory while any page of
it is mapped, but neither limits nor the watchdog see more than what is mapped now. Shared memory with a file in /dev/shm
is counted there."""

_WATCH_AND_BLOCK = (
    1024,
    1026,
)  # F_SETLEASE, F_NOTIFY (linux/fcntl.h): hold up writers, learn who reads a folder
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX (asm-generic/ioctls.h)

_X32_BIT = 0x40000000  # asm/unistd.h: numbers of the x32 ABI carry it
_SECCOMP_MODE_FILTER = 2  # linux/seccomp.h
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h, word-sized
_NUMBER_OFFSET, _ARCH_OFFSET, _ARGS_OFFSET = (
    0,
    4,
    16,
)  # struct seccomp_data; arguments are 8 bytes, little-endian


class _Architecture(NamedTuple):
    column: int
    audit: int


_ARCHITECTURES = {
    "x86_64": _Architecture(0, 0xC000003E),
    "aarch64": _Architecture(1, 0xC00000B7),
}  # AUDIT_ARCH_*: linux/audit.h

_Instruction = tuple[int, int, int, int]


def supported(machine: str) -> bool:
    """True where there is a table for this architecture (`platform.machine()`)."""
    return machine in _ARCHITECTURES


def _refuse(number: int, error: int) -> list[_Instruction]:
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | error)]


def _refuse_bits(number: int, argument: int, mask: int, error: int) -> list[_Instruction]:
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _ARGS_OFFSET + 8 * argument),
        (_ANY_BIT, 0, 1, mask),
        (_RETURN, 0, 0, _ERRNO | error),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _refuse_both(number: int, argument: int, bits: tuple[int, int], error: int) -> list[_Instruction]:
    return [
        (_EQUAL, 0, 5, number),
        (_LOAD, 0, 0, _ARGS_OFFSET + 8 * argument),
        (_ANY_BIT, 0, 2, bits[0]),
        (_ANY_BIT, 0, 1, bits[1]),
        (_RETURN, 0, 0, _ERRNO | error),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _by_value(
    number: int, argument: int, values: tuple[int, ...], listed: int, others: int
) -> list[_Instruction]:
    """Return `listed` if the argument is one of the values, else `others`."""
    count = len(values)
    tests = [(_EQUAL, count - position, 0, value) for position, value in enumerate(values)]
    return [
        (_EQUAL, 0, count + 3, number),
        (_LOAD, 0, 0, _ARGS_OFFSET + 8 * argument),
        *tests,
        (_RETURN, 0, 0, others),
        (_RETURN, 0, 0, listed),
    ]


def build_filter(machine: str) -> bytes:
    """Assemble the filter as an array of `struct sock_filter` (linux/filter.h)."""
    architecture = _ARCHITECTURES[machine]
    column = architecture.column
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        (_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
    ]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    program += _refuse_bits(_CLONE[column], 0, kernel.CLONE_NEWUSER, errno.EPERM)
    program += _refuse_bits(_UNSHARE[column], 0, kernel.CLONE_NEWUSER, errno.EPERM)
    program += _refuse_both(_MMAP[column], 3, _SHARED_ANONYMOUS, errno.EPERM)
    program += _by_value(_FCNTL[column], 1, _WATCH_AND_BLOCK, _ERRNO | errno.EPERM, _ALLOW)
    program += _by_value(_SOCKET[column], 0, _SOCKET_FAMILIES, _ALLOW, _ERRNO | errno.EAFNOSUPPORT)
    program += _by_value(_IOCTL[column], 1, _TERMINAL_INJECTION, _ERRNO | errno.EPERM, _ALLOW)
    for table, error in ((DENIED, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                program += _refuse(number, error)
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(
        struct.pack("HBBI", code, if_true, if_false, value) for code, if_true, if_false, value in program
    )


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install() -> None:
    """Put this process and all its descendants under the filter; there is no way back."""
    code = build_filter(os.uname().machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = _FilterProgram(len(code) // 8, ctypes.addressof(buffer))
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))
