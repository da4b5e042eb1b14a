"""The self-test that users see (`codewright sandbox check`): attacks by area, each contained or not.

Longer than the probes every pool runs when it opens, shorter than the attack suite in tests/sandbox. An attack says
itself whether it got through; what it is after (a file, a server) is put on the host for it.
"""

import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from codewright.sandbox.job import Job, Limits, Result, Sandbox

_SMALL = Limits(
    wall_s=5.0, cpu_s=2.0, tree_bytes=128 << 20, processes=16, disk_bytes=8 << 20, output_bytes=64 << 10
)

UNISOLATED = "unsafe"
"""The isolation level of the backend that has none."""

_STOPPED = "stopped"


@dataclass(frozen=True)
class Host:
    """What the attacks are after: a file's path, and the port of a server on 127.0.0.1."""

    canary: str
    port: int


@dataclass(frozen=True)
class Probe:
    """One attack. contained: whether the result shows that it was stopped."""

    area: str
    tries: str
    job: Callable[[Host], Job]
    contained: Callable[[Result], bool]


@dataclass(frozen=True)
class Outcome:
    """What came of one probe."""

    area: str
    tries: str
    contained: bool
    detail: str


def _escape(area: str, tries: str, code: str) -> Probe:
    """Return a probe whose program tries `code`; only an OSError counts as being stopped."""
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    program = (
        "import ctypes, os, pathlib, socket, sys\nCANARY, PORT = sys.argv[1], int(sys.argv[2])\n"
        f"try:\n{lines}    print('got through')\nexcept OSError as error:\n    print('{_STOPPED}', error)\n"
    )
    return Probe(
        area,
        tries,
        lambda host: Job("script", {"main.py": program}, args=(host.canary, str(host.port)), limits=_SMALL),
        lambda result: result.status == "passed" and result.stdout.startswith(_STOPPED),
    )


def _starve(tries: str, program: str, *statuses: str) -> Probe:
    job = Job("script", {"main.py": program}, limits=_SMALL)
    return Probe("resources", tries, lambda _: job, lambda result: result.status in statuses)


def _forge(tries: str, solution: str) -> Probe:
    tests = "SECRET = 'only the tests know'\nassert solve() == SECRET\n"
    job = Job("split", {"solution.py": solution}, entry_point="solve", tests=tests, limits=_SMALL)
    return Probe("verdict", tries, lambda _: job, lambda result: result.status != "passed")


_REFUSED = "if result < 0: raise OSError(ctypes.get_errno(), 'refused')"
_LIBC = "libc = ctypes.CDLL(None, use_errno=True)"

PROBES = (
    _escape("host", "read a file of the host", "pathlib.Path(CANARY).read_text()"),
    _escape("host", "read the host's password hashes", "pathlib.Path('/etc/shadow').read_text()"),
    _escape("host", "write into a system folder", "pathlib.Path('/usr/lib/codewright-probe').write_text('x')"),
    _escape("host", "see the process that started it", "os.kill(os.getppid() or 2, 0)"),
    _escape("network", "reach a server on the host's loopback", "socket.create_connection(('127.0.0.1', PORT), 1)"),
    _escape("network", "send a packet away", "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))"),
    _escape("kernel", "become root", "os.setuid(0)"),
    _escape("kernel", "make a user namespace", f"{_LIBC}\nresult = libc.unshare(0x10000000)\n{_REFUSED}"),
    _escape("kernel", "mount a file system", f"{_LIBC}\nresult = libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)\n{_REFUSED}"),
    _escape("kernel", "trace a process", f"{_LIBC}\nresult = libc.ptrace(0, 0, 0, 0)\n{_REFUSED}"),
    _escape("resources", "fill the disk", "open('/tmp/big', 'wb').write(b'x' * (64 << 20))"),
    _starve("take all memory", "kept = []\nwhile True:\n    kept.append(bytearray(b'x' * (8 << 20)))\n", "memory_limit", "error"),
    _starve("start processes without end", "import os, time\nwhile True:\n    if os.fork() == 0:\n        time.sleep(9)\n", "error", "timeout", "killed", "memory_limit"),
    _starve("compute without end", "while True:\n    pass\n", "timeout"),
    _starve("print without end", "while True:\n    print('x' * 1000)\n", "output_limit"),
    _forge("leave with exit code 0", "import os\ndef solve():\n    os._exit(0)\n"),
    _forge("return an object that equals everything", "class Yes(str):\n    __eq__ = lambda *_: True\ndef solve():\n    return Yes()\n"),
    _forge("look for the answer in the frames", "import sys\ndef solve():\n    frame = sys._getframe()\n    while frame:\n        if 'SECRET' in frame.f_globals:\n            return frame.f_globals['SECRET']\n        frame = frame.f_back\n"),
    _forge("look for the answer among all objects", "import gc\ndef solve():\n    for value in gc.get_objects():\n        if type(value) is dict and 'SECRET' in value:\n            return value['SECRET']\n"),
)  # fmt: skip


async def run_battery(sandbox: Sandbox) -> list[Outcome]:
    """Run every probe, and after each one a plain program, which must still work.

    The attacks are real. Raises ValueError for a sandbox that isolates nothing: they would hit the machine itself.
    """
    if sandbox.isolation == UNISOLATED:
        raise ValueError("the battery must not run without isolation")
    outcomes: list[Outcome] = []
    with (
        tempfile.NamedTemporaryFile(prefix="codewright-canary-") as canary,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        host = Host(canary.name, server.getsockname()[1])
        for probe in PROBES:
            result = await sandbox.run(probe.job(host))
            after = await sandbox.run(Job("script", {"main.py": "print('still here')"}))
            contained = probe.contained(result) and after.stdout == "still here\n"
            said = (result.stdout.strip() or result.detail) if probe.area != "resources" else result.detail
            outcomes.append(Outcome(probe.area, probe.tries, contained, f"{result.status}: {said}"[:80]))
    return outcomes
