"""Attacks on the gvisor backend, and what becomes of it when runsc is missing, fails, or its host is killed."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from codewright.core.errors import SandboxUnavailable
from codewright.sandbox.battery import run_battery
from codewright.sandbox.job import Job, Limits
from codewright.sandbox.pool import check_available
from tests.sandbox.needs import needs_root, skip_without_runsc
from tests.sandbox.opened import Opened, script
from tests.sandbox.ordinary_user import run_as_ordinary_user
from tests.sandbox.processes import killed_host, wait_until_gone

pytestmark = [pytest.mark.slow, pytest.mark.languages]
"""Beyond the contract, which every backend keeps in tests/contracts."""


@pytest.fixture(scope="module", autouse=True)
def runsc() -> None:
    skip_without_runsc()


@pytest.fixture(scope="module")
def runner() -> Iterator[Opened]:
    with Opened("gvisor") as runner:
        yield runner


def test_the_battery_is_contained(runner: Opened) -> None:
    outcomes = runner.wait_for(run_battery(runner.sandbox))
    assert [outcome for outcome in outcomes if not outcome.contained] == []
    assert len(outcomes) >= 15


ESCAPES = {
    "read a file of the host": "return open(CANARY).read()",
    "list the folder of its interpreter's owner": "return set(os.listdir(os.path.dirname(sys.base_prefix))) - {os.path.basename(sys.base_prefix)}",
    "reach the host's loopback": "return socket.create_connection(('127.0.0.1', PORT), 1)",
    "see processes beside its own": "return {int(name) for name in os.listdir('/proc') if name.isdigit()} - {os.getpid()}",
    "write into the interpreter": "return open(os.__file__, 'a')",
    "find the checker's folder": "return os.listdir('/run/codewright/checker')",
    "open gVisor's own devices": "return os.open('/dev/fuse', os.O_RDWR)",
    "read what is printed": "return os.open('/proc/self/fd/1', os.O_RDONLY)",
    "uncover what lies below its /proc": "import ctypes\nreturn ctypes.CDLL(None).umount2(b'/proc', 2) == 0",
    "take a descriptor beyond its own": "return [fd for fd in range(4, 256) if os.path.exists(f'/proc/self/fd/{fd}') and exists(fd)]",
}


@pytest.mark.parametrize("what", ESCAPES)
def test_nothing_gets_out(runner: Opened, what: str) -> None:
    body = "".join(f"        {line}\n" for line in ESCAPES[what].splitlines())
    with tempfile.NamedTemporaryFile("w") as canary, socket.create_server(("127.0.0.1", 0)) as server:
        canary.write("secret")
        canary.flush()
        Path(canary.name).chmod(0o644)
        program = (
            "import os, socket, sys\n"
            "def exists(fd):\n    try: return bool(os.fstat(fd))\n    except OSError: return False\n"
            f"CANARY, PORT = {canary.name!r}, {server.getsockname()[1]}\n"
            f"def attack():\n    try:\n{body}    except OSError:\n        return False\n"
            "print('THROUGH' if attack() else 'stopped')\n"
        )
        result = runner.run_script(program)
    assert (result.status, result.stdout) == ("passed", "stopped\n"), result


LEFTOVERS = {
    "a file": "import os\nfor folder in ('/tmp', '/dev/shm'):\n    if os.path.exists(f'{folder}/left'): print('FOUND')\n    open(f'{folder}/left', 'w')",
    "a server": "import os, socket, time\ns = socket.socket()\ntry:\n    s.bind(('127.0.0.1', 4711)); s.listen()\nexcept OSError:\n    print('FOUND')\nif os.fork() == 0:\n    os.setsid(); time.sleep(60)",
}


@pytest.mark.parametrize("what", LEFTOVERS)
def test_nothing_stays_for_the_next_program(runner: Opened, what: str) -> None:
    results = [runner.run_script(LEFTOVERS[what]) for _ in range(2)]
    assert [(result.status, result.stdout) for result in results] == [("passed", "")] * 2, results


STARVING = {
    "fork bomb": (
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        {"wall_s": 3.0},
        "timeout",
    ),
    "processor time of many": (
        "import os\nfor _ in range(3): os.fork()\nwhile True: pass",
        {"cpu_s": 1.0, "wall_s": 30.0},
        "timeout",
    ),
    "a deaf sleeper": (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)",
        {"wall_s": 0.5},
        "timeout",
    ),
    "memory of children": (
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        x = b'x' * (60 << 20)\n        time.sleep(60)\ntime.sleep(60)",
        {"tree_bytes": 150 << 20, "wall_s": 20.0},
        "memory_limit",
    ),
    "memory in files": (
        "import time\nfor n in range(30): open(f'/tmp/{n}', 'wb').write(b'x' * (10 << 20))\ntime.sleep(60)",
        {"tree_bytes": 150 << 20, "disk_bytes": 1 << 30, "wall_s": 20.0},
        "memory_limit",
    ),
    "output": ("while True: print('x' * 1000)", {}, "output_limit"),
}


@pytest.mark.parametrize("what", STARVING)
def test_limits_end_what_starves_the_host(runner: Opened, what: str) -> None:
    code, limits, status = STARVING[what]
    assert runner.run_script(code, **limits).status == status
    assert runner.run_script("print('next')").stdout == "next\n"


def test_the_disk_is_limited(runner: Opened) -> None:
    fill = "try:\n    open('/tmp/x', 'wb').write(b'x' * (80 << 20))\nexcept OSError as error:\n    print(type(error).__name__)"
    assert runner.run_script(fill).stdout == "OSError\n"


FORGERIES = {
    "leave": "import os\ndef solve(x): os._exit(0)",
    "equal everything": "class Yes(str):\n    __eq__ = lambda *_: True\n    __hash__ = str.__hash__\ndef solve(x): return Yes()",
    "write to every descriptor": "import os\ndef solve(x):\n    for fd in range(3, 256):\n        try:\n            os.set_blocking(fd, False)\n            nonce = os.read(fd, 4096).decode()\n            os.write(fd, f'{nonce}\\0passed\\0\\0000\\0'.encode())\n        except (OSError, ValueError): pass\n    os._exit(0)",
    "read every process": "import glob, re\ndef solve(x):\n    for path in glob.glob('/proc/[0-9]*/mem') + glob.glob('/proc/[0-9]*/cwd/*'):\n        found = re.search(b'only-the-[c]hecker-knows', open(path, 'rb', 0).read(1 << 20))\n        if found: return found.group().decode()",
    "stop and kill everything": "import os, signal\ndef solve(x):\n    for pid in (-1, 0, 1, 2, 3, os.getppid(), -os.getpgrp()):\n        for number in (signal.SIGSTOP, signal.SIGKILL):\n            try: os.kill(pid, number)\n            except OSError: pass",
    "find what the tests have written": "import os\ndef solve(x):\n    for folder, _, names in os.walk('/'):\n        if folder.startswith(('/proc', '/usr', '/sys')): continue\n        if 'hidden' in names: return open(f'{folder}/hidden').read()",
    "plant a module": "for folder in ('/tmp', '/dev/shm', '/run/codewright/checker', '.'):\n    try: open(f'{folder}/planted.py', 'w').write('EXPECTED = 1')\n    except OSError: pass\ndef solve(x): return 1",
}
FORGERY_TESTS = """
import os, tempfile
EXPECTED = 'only-the-checker-knows'
open('hidden', 'w').write(EXPECTED)
open(os.path.join(tempfile.gettempdir(), 'hidden'), 'w').write(EXPECTED)
try:
    from planted import EXPECTED
except ImportError:
    pass
assert solve(1) == EXPECTED
"""


@pytest.mark.parametrize("what", FORGERIES)
def test_no_verdict_is_forged_in_split(runner: Opened, what: str) -> None:
    job = Job(
        "split",
        {"a.py": FORGERIES[what]},
        tests=FORGERY_TESTS,
        entry_point="solve",
        limits=Limits(wall_s=5.0),
    )
    result = runner.run(job)
    assert result.status in ("failed", "error", "exited_early", "not_plain", "killed", "timeout"), result
    assert not result.forgeable


def test_the_forgery_tests_can_be_passed(runner: Opened) -> None:
    knows = "def solve(x): return 'only-the-checker-' + 'knows'"
    assert (
        runner.run(Job("split", {"a.py": knows}, tests=FORGERY_TESTS, entry_point="solve")).status == "passed"
    )


def test_a_command_cannot_reach_the_process_that_reports_for_it(runner: Opened) -> None:
    code = "kill -9 1; kill -STOP 1; cat /proc/1/mem; echo x > /proc/1/fd/3; exit 5"
    result = runner.run(Job("script", {"a.sh": code}, language="bash"))
    assert (result.status, result.exit_code, result.stdout) == ("error", 5, ""), result


def test_no_folder_and_no_process_is_left_after_close() -> None:
    def folders() -> set[Path]:
        return set(Path(tempfile.gettempdir()).glob(f"codewright-gvisor-{os.getpid()}-*"))

    before = folders()
    with Opened("gvisor") as runner:
        assert folders() > before
        runner.run_script("import os, time\nos.fork()\ntime.sleep(60)", wall_s=0.5)
        killed = asyncio.ensure_future(
            runner.sandbox.run(script("import time; time.sleep(60)")), loop=runner.loop
        )
        while not runsc_processes(os.getpid()):
            runner.wait_for(asyncio.sleep(0.05))
        killed.cancel()
        runner.wait_for(asyncio.gather(killed, return_exceptions=True))
    assert wait_until_gone(runsc_processes(os.getpid())) == set()
    assert folders() == before


HOST = """
import asyncio, sys
from codewright.sandbox.job import Job
from codewright.sandbox.pool import open_sandbox
async def main():
    async with open_sandbox("gvisor", 1) as sandbox:
        if sys.argv[1:]:
            return
        running = asyncio.create_task(sandbox.run(Job("script", {"a.py": "import time; time.sleep(60)"})))
        await asyncio.sleep(1)
        print("running", flush=True)
        await running
asyncio.run(main())
"""


def runsc_processes(host: int) -> set[int]:
    """Processes that were started with this host's folder in their arguments."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if f"codewright-gvisor-{host}-".encode() in text:
            found.add(int(path.parent.name))
    return found


def test_containers_die_with_a_killed_host_and_the_next_start_cleans_up() -> None:
    with killed_host(HOST) as host:
        inside = runsc_processes(host.pid)
    assert inside
    assert wait_until_gone(inside) == set()
    done = subprocess.run([sys.executable, "-c", HOST, "short"], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert list(Path(tempfile.gettempdir()).glob(f"codewright-gvisor-{host.pid}-*")) == []


def test_without_runsc_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert check_available("gvisor") == "gVisor's runsc is not installed: apt-get install runsc"
    with pytest.raises(SandboxUnavailable, match="apt-get install runsc"):
        Opened("gvisor")


def test_a_runsc_that_fails_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "runsc"
    broken.write_text(
        "#!/bin/sh\nfor word; do case $word in --log=*) echo 'no such platform' > ${word#--log=};; esac; done\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert check_available("gvisor") == "gVisor does not work here: the container died: no such platform"
    with pytest.raises(SandboxUnavailable, match="no such platform"):
        Opened("gvisor")


@needs_root
def test_an_ordinary_user_can_use_it() -> None:
    code = "from codewright.sandbox.pool import check_available\nprint(check_available('gvisor'))"
    done = run_as_ordinary_user([sys.executable, "-c", code])
    assert done.stdout == "None\n", done.stderr
