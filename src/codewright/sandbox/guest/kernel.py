"""The few system calls that Python 3.11's standard library lacks, with errors as OSError.

Limits: Linux only; constants are from the kernel headers named beside them.
"""

import ctypes
import os
import signal
from collections.abc import Iterable

CLONE_NEWNS = 0x00020000  # linux/sched.h
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1  # linux/mount.h
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38

_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
_LAST_POSSIBLE_CAPABILITY = 63

_CLONE_CALL = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine, -1)
"""Number of clone(2): syscall_64.tbl, asm-generic/unistd.h. -1: an architecture that `seccomp.py` has no table for either."""

# PyDLL keeps the interpreter lock: every caller is single-threaded, and a fork must never find the lock handed over.
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
_libc.syscall.argtypes = [ctypes.c_long] * 6
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


_own_capabilities = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
_no_capabilities = (_CapabilityData * 2)()


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the named namespaces; with CLONE_NEWPID only children born from now on are in the new one."""
    _check(_libc.unshare(flags), "unshare")


def clone(namespaces: int) -> int:
    """Fork a child into new namespaces with one clone(2), without the hooks of the interpreter and of the C library.

    Those hooks cost time and copied pages. They repair locks that other threads held, so the caller must be single-threaded;
    they note the child's thread id, which stays the parent's, so both have to be PID 1 of their pid namespaces; and they
    reseed `random`: see `start.seed_random`.
    """
    pid: int = _libc.syscall(_CLONE_CALL, namespaces | signal.SIGCHLD, 0, 0, 0, 0)
    _check(pid, "clone")
    return pid


def current_cpu() -> int:
    """Return the number of the processor this runs on."""
    cpu: int = _libc.sched_getcpu()
    return cpu


def mount(source: bytes, target: bytes, filesystem: bytes, flags: int, options: bytes = b"") -> None:
    """mount(2)."""
    if _libc.mount(source, target, filesystem, flags, options) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {target.decode()}: {os.strerror(number)}")


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    """prctl(2) for the options that take at most two arguments."""
    _check(_libc.prctl(option, first, second, 0, 0), f"prctl {option}")


def drop_all_capabilities() -> None:
    """Empty this process's effective, permitted and inheritable sets."""
    _check(_libc.capset(ctypes.byref(_own_capabilities), _no_capabilities), "capset")


def keep_capabilities(numbers: Iterable[int]) -> None:
    """Drop every capability but these; their numbers are below 32."""
    mask = sum(1 << number for number in numbers)
    kept = (_CapabilityData * 2)(_CapabilityData(mask, mask, 0))
    _check(_libc.capset(ctypes.byref(_own_capabilities), kept), "capset")


def empty_bounding_set() -> None:
    """No descendant gets a capability back through exec."""
    for capability in range(_LAST_POSSIBLE_CAPABILITY + 1):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            return  # EINVAL: past the last capability this kernel knows
