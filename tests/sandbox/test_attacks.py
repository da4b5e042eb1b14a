"""Attack programs against the namespace backend: nothing gets out, nothing stays, nothing starves, nothing is forged."""

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codewright.sandbox.job import Job, Limits, Result
from codewright.sandbox.pool import open_sandbox
from tests.sandbox.attacks import ESCAPES, LEFTOVERS, SCAN_MEMORY, Attack
from tests.sandbox.forgeries import FORGERIES, FORGERY_TESTS

ABSTRACT = f"codewright-test-{os.getpid()}"
SHORT = Limits(wall_s=3.0, cpu_s=3.0)

RUN_ATTACK = """
try:
    through = attack()
except OSError as error:
    through = False
print('THROUGH' if through else 'stopped')
"""


def names(attacks: list[Attack]) -> list[str]:
    return [attack.name for attack in attacks]


class Runner:
    """One event loop and one sandbox of a single worker for all attacks, so that each meets what the others left."""

    def __init__(self, backend: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._sandbox = open_sandbox(backend, workers=1)
        self._loop.run_until_complete(self._sandbox.__aenter__())

    def run(self, job: Job) -> Result:
        return self._loop.run_until_complete(self._sandbox.run(job))

    def close(self) -> None:
        self._loop.run_until_complete(self._sandbox.__aexit__(None, None, None))
        self._loop.close()


@dataclass(frozen=True)
class Host:
    """What the host offers to be stolen."""

    preamble: str


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with (
        tempfile.NamedTemporaryFile("w") as canary,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        canary.write("secret")
        canary.flush()
        Path(canary.name).chmod(0o644)
        abstract.bind("\0" + ABSTRACT)
        abstract.listen()
        things = {
            "CANARY": canary.name,
            "SOURCE": __file__,
            "PORT": server.getsockname()[1],
            "ABSTRACT": ABSTRACT,
        }
        yield Host("".join(f"{name} = {value!r}\n" for name, value in things.items()))


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    os.environ["CODEWRIGHT_TEST_SECRET"] = "x"
    runner = Runner("namespace")
    yield runner
    runner.close()
    del os.environ["CODEWRIGHT_TEST_SECRET"]


def attempt(runner: Runner, host: Host, attack: Attack, **more: Any) -> Result:
    return runner.run(
        Job("script", {"attack.py": host.preamble + attack.code + RUN_ATTACK}, limits=SHORT, **more)
    )


@pytest.mark.parametrize("attack", ESCAPES, ids=names(ESCAPES))
def test_nothing_gets_out(runner: Runner, host: Host, attack: Attack) -> None:
    result = attempt(runner, host, attack)
    assert (result.status, result.stdout) == ("passed", "stopped\n"), result


@pytest.mark.parametrize(
    "name", ["read_canary", "read_source", "list_root", "connect_loopback", "connect_abstract", "parent"]
)
def test_the_same_attacks_get_out_where_nothing_isolates(host: Host, name: str) -> None:
    (attack,) = (attack for attack in ESCAPES if attack.name == name)
    unsafe = Runner("unsafe")
    try:
        assert attempt(unsafe, host, attack).stdout == "THROUGH\n"
    finally:
        unsafe.close()


@pytest.mark.parametrize("attack", LEFTOVERS, ids=names(LEFTOVERS))
def test_nothing_stays_for_the_next_program(runner: Runner, attack: Attack) -> None:
    results = [runner.run(Job("script", {"attack.py": attack.code}, limits=SHORT)) for _ in range(2)]
    assert [(result.status, result.stdout) for result in results] == [("passed", "")] * 2, results


def test_no_text_stays_in_memory(runner: Runner) -> None:
    secret = "text = 'only the other program knows'\nprint(text)\nassert False, text"
    left = [
        runner.run(Job("inproc", {"a.py": secret})),
        runner.run(Job("split", {"a.py": "def f(): pass"}, tests=secret)),
        runner.run(Job("script", {"a.py": secret}, args=("only the other program knows",))),
    ]
    assert [result.status for result in left] == ["failed", "failed", "error"]
    result = runner.run(Job("script", {"scan.py": SCAN_MEMORY}))
    assert result.stdout == "scanned True\n", result


@pytest.mark.parametrize("entry_point", ["solve", None])
@pytest.mark.parametrize("attack", FORGERIES, ids=names(FORGERIES))
def test_no_verdict_is_forged_in_split(runner: Runner, attack: Attack, entry_point: str | None) -> None:
    job = Job(
        "split", {"solution.py": attack.code}, tests=FORGERY_TESTS, entry_point=entry_point, limits=SHORT
    )
    result = runner.run(job)
    assert result.status not in ("passed", "sandbox_error"), result
    assert not result.forgeable


def test_the_forgery_tests_can_be_passed(runner: Runner) -> None:
    knows = "def solve(x): return ('only-the-checker-' + 'knows')[::1 if x == 1 else -1]"
    assert runner.run(Job("split", {"solution.py": knows}, tests=FORGERY_TESTS)).status == "passed"


def test_a_forged_pass_in_inproc_is_marked(runner: Runner) -> None:
    forge = (
        "import json, os\nnonce = os.read(3, 4096).decode()\n"
        "os.write(3, json.dumps({'nonce': nonce, 'status': 'passed', 'detail': ''}).encode())\nos._exit(0)"
    )
    result = runner.run(Job("inproc", {"solution.py": forge}, tests="assert False"))
    assert (result.status, result.forgeable) == ("passed", True)
    unmarked = runner.run(
        Job("inproc", {"solution.py": forge.replace("nonce = os", "nonce = ''; os")}, tests="assert False")
    )
    assert unmarked.status == "exited_early"


@pytest.mark.parametrize("mode", ["inproc", "split"])
def test_a_program_cannot_pose_as_trouble_of_the_sandbox(runner: Runner, mode: Any) -> None:
    code = (
        "import json, os\n"
        "for text in (b'trouble x', b'missing package x', b'ready'):\n    os.write(3, text)\n"
        "os.write(3, json.dumps({'nonce': 'x', 'status': 'sandbox_error', 'detail': ''}).encode())\nos._exit(1)"
    )
    assert runner.run(Job(mode, {"a.py": code}, tests="solve(1)")).status in (
        "exited_early",
        "not_plain",
        "error",
    )


def test_a_script_cannot_change_its_exit_code(runner: Runner) -> None:
    forge = (
        "import json, os\nnonce = os.read(3, 4096).decode()\n"
        "os.write(3, json.dumps({'nonce': nonce, 'status': 'passed', 'detail': ''}).encode())\nos._exit(7)"
    )
    result = runner.run(Job("script", {"a.py": forge}))
    assert (result.status, result.exit_code) == ("error", 7)


def test_a_command_cannot_reach_the_process_that_reports_for_it(runner: Runner) -> None:
    code = "kill -9 1; kill -STOP 1; ls /proc/1/fd; cat /proc/1/mem; echo x > /proc/1/fd/3; exit 5"
    result = runner.run(Job("script", {"a.sh": code}, language="bash", limits=SHORT))
    assert (result.status, result.exit_code) == ("error", 5)
    assert "/proc/1/fd" in result.stderr
    assert not result.stdout


STARVING = {
    "memory of several processes together": (
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        x = b'x' * (60 << 20)\n        time.sleep(60)\ntime.sleep(60)",
        Limits(tree_bytes=150 << 20, wall_s=5),
        "memory_limit",
    ),
    "shared memory": (
        "import mmap, time\nm = mmap.mmap(-1, 300 << 20)\nfor i in range(0, 300 << 20, 4096): m[i] = 1\ntime.sleep(60)",
        Limits(tree_bytes=150 << 20, wall_s=5),
        "memory_limit",
    ),
    "processor time of many processes": (
        "import os\nfor _ in range(3): os.fork()\nwhile True: pass",
        Limits(cpu_s=1, wall_s=20),
        "timeout",
    ),
    "sleeping": ("import time\ntime.sleep(60)", Limits(wall_s=0.5), "timeout"),
    "a signal handler for its own time limit": (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        Limits(cpu_s=1, wall_s=20),
        "timeout",
    ),
    "output": ("import os\nwhile True: os.write(2, b'x' * 65536)", Limits(wall_s=5), "output_limit"),
}


@pytest.mark.parametrize("what", STARVING)
def test_limits_end_what_starves_the_host(runner: Runner, what: str) -> None:
    code, limits, status = STARVING[what]
    result = runner.run(Job("script", {"a.py": code}, limits=limits))
    assert result.status == status, result


REFUSED = {
    "disk": "open('/tmp/x', 'wb').write(b'x' * (80 << 20))",
    "disk in pieces": "for n in range(9): open(f'/tmp/{n}', 'wb').write(b'x' * (10 << 20))",
    "disk in /dev/shm": "for n in range(9): open(f'/dev/shm/{n}', 'wb').write(b'x' * (10 << 20))",
    "inodes": "for n in range(5000): open(f'/tmp/{n}', 'w')",
    "descriptors": "import os\nfor n in range(1000): os.dup(1)",
    "processes": "import os, time\nfor n in range(100): os.fork() or time.sleep(60)",
    "threads": "import threading, time\ntry:\n    for n in range(100): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nexcept RuntimeError: raise OSError",
    "locked memory": "import ctypes, mmap\nm = ctypes.CDLL(None)\nm.mlockall.restype = int\nif m.mlockall(3): raise OSError",
}


@pytest.mark.parametrize("what", REFUSED)
def test_limits_refuse_what_fills_the_host(runner: Runner, what: str) -> None:
    code = f"import os\ntry:\n    exec({REFUSED[what]!r})\nexcept OSError:\n    print('refused', flush=True)\n    os._exit(0)\nprint('had it all')"
    result = runner.run(Job("script", {"a.py": code}, limits=SHORT))
    assert (result.status, result.stdout) == ("passed", "refused\n"), result


def test_forked_workers_that_share_memory_are_not_over_the_limit(runner: Runner) -> None:
    code = (
        "import os, time\nx = b'x' * (100 << 20)\n"
        "children = [os.fork() for _ in range(1)] + [0]\n"
        "pids = []\nif children[0]:\n    pids = [children[0]]\n    for _ in range(3):\n        pid = os.fork()\n        if pid == 0: break\n        pids.append(pid)\n"
        "time.sleep(0.5)\nprint(len(pids))"
    )
    result = runner.run(Job("script", {"a.py": code}, limits=Limits(tree_bytes=300 << 20, wall_s=5)))
    assert (result.status, result.max_rss_bytes > 300 << 20) == ("passed", True), result
