"""What an attack program is; the programs themselves are in the files beside this one.

Attacks on the host, on the next program and on resources define `attack()`, true if it got through. Only an OSError counts as
being stopped: a mistake in an attack must not look like a wall. Forgeries define `solve`, see forgeries.py.
`CANARY`, `SOURCE`, `PORT`, `ABSTRACT`, `READ_OFTEN` and `HOSTNAME` are things of the host that suite.py puts there.
"""

from dataclasses import dataclass
from typing import Literal

from codewright.sandbox.job import Limits, Status

Kind = Literal["host access", "leftovers", "denial of service", "forged verdicts"]

SHORT = Limits(wall_s=3.0, cpu_s=3.0)

CALLS = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def works(result):
    return result >= 0
"""

# `solve` would have to know a text that only the tests have.
SECRET_TESTS = (
    "EXPECTED = 'only-the-checker-knows'\nassert solve(1) == EXPECTED\nassert solve(2) == EXPECTED[::-1]"
)


@dataclass(frozen=True)
class Attack:
    """One program.

    tries: one line; limits: what it runs under; ends: how it ends where it is stopped.
    harmless: it only looks, so it may run on `unsafe` too, where it has to succeed.
    tests: of a forgery; crossing: a forgery of what crosses between two processes, pointless where there is one.
    """

    kind: Kind
    name: str
    tries: str
    code: str
    limits: Limits = SHORT
    ends: tuple[Status, ...] = ("passed",)
    harmless: bool = False
    tests: str = SECRET_TESTS
    crossing: bool = False
