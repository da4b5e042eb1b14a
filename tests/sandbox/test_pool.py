"""Workers that die or hang, isolation that is not available, and what is left after the end."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError, SandboxUnavailable
from codewright.sandbox import isolation
from codewright.sandbox.backends import namespace
from codewright.sandbox.backends.unsafe import UnsafeWorker
from codewright.sandbox.job import Result
from codewright.sandbox.pool import Pool, check_available, open_sandbox
from codewright.sandbox.selftest import self_test
from tests.sandbox.needs import needs_root
from tests.sandbox.opened import open_pool, script
from tests.sandbox.processes import (
    PROCESSES_OF_A_WORKER,
    descendants,
    killed_host,
    processes,
    wait_until_gone,
    worker_pids,
)

SOURCE_ROOT = Path(isolation.__file__).parents[2]


async def wait_for_program(sandbox: Pool, after: int = 0, processes: int = 1) -> int:
    """Wait until a worker other than `after` runs a program of so many processes; the worker's pid."""
    async with asyncio.timeout(20):
        while True:
            pids = worker_pids(sandbox)
            if pids and pids[0] != after and len(descendants(pids[0])) == PROCESSES_OF_A_WORKER + processes:
                return pids[0]
            await asyncio.sleep(0.02)


def innermost(root: int) -> int:
    """The process below `root` that has no children itself."""
    family = descendants(root)
    alive = processes()
    (leaf,) = family - {alive[pid][0] for pid in family}
    return leaf


def test_killed_workers_cost_no_verdict() -> None:
    async def run() -> list[Result]:
        async with open_pool(2) as sandbox:
            jobs = [script(f"import time; time.sleep(0.05); print({n})") for n in range(12)]
            running = [asyncio.create_task(sandbox.run(job)) for job in jobs]
            worker = 0
            for _ in range(2):
                worker = await wait_for_program(sandbox, after=worker)
                os.kill(worker, signal.SIGKILL)
            return list(await asyncio.gather(*running))

    results = asyncio.run(run())
    assert [(result.status, result.stdout) for result in results] == [("passed", f"{n}\n") for n in range(12)]


@pytest.mark.parametrize("victim", ["zygote", "program"])
def test_killed_insides_cost_no_verdict(victim: str) -> None:
    async def run() -> Result:
        async with open_pool(1) as sandbox:
            zygote = innermost(worker_pids(sandbox)[0])
            source = "import subprocess; subprocess.run(['sleep', '2']); print('done')"
            running = asyncio.create_task(sandbox.run(script(source)))
            worker = await wait_for_program(sandbox, processes=2)
            program = processes()[innermost(worker)][0]
            os.kill(zygote if victim == "zygote" else program, signal.SIGKILL)
            return await running

    result = asyncio.run(run())
    assert result.status == ("passed" if victim == "zygote" else "killed"), result


def test_a_job_whose_workers_keep_dying_ends_as_sandbox_error() -> None:
    async def run() -> tuple[Result, Result]:
        async with open_pool(1) as sandbox:
            running = asyncio.create_task(sandbox.run(script("import time; time.sleep(30)")))
            worker = 0
            for _ in range(2):
                worker = await wait_for_program(sandbox, after=worker)
                os.kill(worker, signal.SIGKILL)
            return await running, await sandbox.run(script("print('next')"))

    lost, after = asyncio.run(run())
    assert (lost.status, lost.detail) == ("sandbox_error", "the worker died: it wrote no message")
    assert after.stdout == "next\n"


def test_a_hanging_worker_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "_GRACE_S", -9.0)

    async def run() -> tuple[Result, bool]:
        async with open_pool(1) as sandbox:
            stopped = worker_pids(sandbox)[0]
            for pid in descendants(stopped):
                os.kill(pid, signal.SIGSTOP)
            result = await sandbox.run(script("print('done')"))
            return result, worker_pids(sandbox) != [stopped]

    result, replaced = asyncio.run(run())
    assert (result.stdout, replaced) == ("done\n", True)


def test_programs_do_not_cost_their_worker() -> None:
    nasty = [
        "import os; os.kill(0, 9)",
        "import os; os.kill(-1, 9)",
        "import os; os.killpg(os.getpgrp(), 9)",
        "import os, signal\nfor n in range(1, 65):\n    try: os.kill(1, n)\n    except OSError: pass",
        "import os; os.closerange(0, 1000); os._exit(3)",
    ]

    async def run() -> tuple[list[Result], bool]:
        async with open_pool(1) as sandbox:
            before = worker_pids(sandbox)
            results = [await sandbox.run(script(source)) for source in nasty]
            return results, worker_pids(sandbox) == before

    results, kept = asyncio.run(run())
    assert kept
    assert "sandbox_error" not in [result.status for result in results]
    assert results[-1].exit_code == 3


def test_nothing_is_left_after_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # /tmp is full of what other tests make

    async def run() -> set[int]:
        async with open_pool(2) as sandbox:
            running = asyncio.create_task(sandbox.run(script("import os, time; os.fork(); time.sleep(60)")))
            async with asyncio.timeout(20):
                while len(inside := descendants(os.getpid()) - others) < 2 * (1 + PROCESSES_OF_A_WORKER) + 2:
                    await asyncio.sleep(0.02)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return inside

    others = descendants(
        os.getpid()
    )  # what earlier tests of this process keep running, such as a fork server
    mounts = Path("/proc/self/mountinfo").read_text()
    inside = asyncio.run(run())
    assert wait_until_gone(inside) == set()
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert list(tmp_path.iterdir()) == []


HOST_TO_KILL = """
import asyncio
from codewright.sandbox.job import Job
from codewright.sandbox.pool import open_sandbox
async def main():
    async with open_sandbox("namespace", 2) as sandbox:
        job = Job("script", {"main.py": "import os, time; os.fork(); time.sleep(60)"})
        running = [asyncio.create_task(sandbox.run(job)) for _ in range(2)]
        await asyncio.sleep(0)
        print("running", flush=True)
        await asyncio.gather(*running)
asyncio.run(main())
"""


def test_everything_dies_with_a_killed_host() -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    with killed_host(HOST_TO_KILL) as host:
        busy = 2 * (1 + PROCESSES_OF_A_WORKER + 2)  # the program forks once
        deadline = time.monotonic() + 20
        while len(inside := descendants(host.pid)) < busy and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(inside) == busy
    assert wait_until_gone(inside) == set()
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_without_bubblewrap_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    remedy = "bubblewrap is not installed: apt-get install bubblewrap"
    assert check_available("namespace") == remedy
    with pytest.raises(SandboxUnavailable) as caught:
        asyncio.run(open_sandbox("namespace", 1).__aenter__())
    assert str(caught.value) == remedy


@pytest.fixture
def fake_bwrap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that anyone may enter, first on PATH."""
    with tempfile.TemporaryDirectory(prefix="fake-bwrap-") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setenv("PATH", folder)
        yield Path(folder, "bwrap")


def write_bwrap(path: Path, version: str, complaint: str) -> None:
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap {version} && exit\necho "{complaint}" >&2\nexit 1\n'
    )
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("complaint", "remedy"),
    [
        ("bwrap: No permissions to create new namespace", "user namespaces are refused"),
        ("bwrap: setting up uid map: Permission denied", "user namespaces are refused"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths=unconfined"),
        ("bwrap: something else", "bwrap: something else"),
    ],
)
def test_refused_namespaces_say_what_to_change(
    fake_bwrap: Path, monkeypatch: pytest.MonkeyPatch, complaint: str, remedy: str
) -> None:
    monkeypatch.setattr(isolation, "_setting", lambda name: None)
    write_bwrap(fake_bwrap, "0.8.0", complaint)
    reason = check_available("namespace")
    assert reason is not None
    assert remedy in reason
    assert "\n" not in reason
    with pytest.raises(SandboxUnavailable) as caught:
        asyncio.run(open_sandbox("namespace", 2).__aenter__())
    assert str(caught.value) == reason


def test_a_switched_off_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    complaint = "bwrap: No permissions to create new namespace"
    for name, value in (("user/max_user_namespaces", "0"), ("kernel/unprivileged_userns_clone", "0")):
        monkeypatch.setattr(isolation, "_setting", {name: value}.get)
        assert f"sysctl -w {name.replace('/', '.')}=" in isolation.explain(complaint)


def test_an_old_bubblewrap_is_refused(fake_bwrap: Path) -> None:
    write_bwrap(fake_bwrap, "0.6.1", "")
    assert check_available("namespace") == "bubblewrap 0.6.1 is too old: install bubblewrap 0.8 or newer"


def test_the_self_test_refuses_what_does_not_isolate() -> None:
    with pytest.raises(SandboxUnavailable, match=r"a file of the host can be read; .*no system call filter"):
        asyncio.run(self_test(UnsafeWorker()))


def test_unknown_backends_are_named() -> None:
    with pytest.raises(ConfigError, match="namespace, unsafe"):
        open_sandbox("namespaces")


def test_unsafe_warns(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with open_sandbox("unsafe", 2):
            pass

    asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["WARNING"]


AS_ANYONE = """
import asyncio, os
from codewright.sandbox.job import Job
from codewright.sandbox.pool import open_sandbox
async def main():
    async with open_sandbox("namespace", 2) as sandbox:
        for mode in ("split", "inproc", "script"):
            result = await sandbox.run(Job(mode, {"a.py": "import os\\ndef f(): return os.getuid()"}, tests="assert f() == 1000"))
            print(result.status, result.detail)
        storm = Job("script", {"a.py": "import os, time\\nfor n in range(100): os.fork() or time.sleep(60)"})
        print((await sandbox.run(storm)).detail)
asyncio.run(main())
"""


@needs_root
def test_works_for_an_ordinary_user() -> None:
    with tempfile.TemporaryDirectory(prefix="readable-") as folder:
        Path(folder).chmod(0o755)
        copy = ["cp", "-r", str(SOURCE_ROOT / "codewright"), folder]
        subprocess.run(copy, check=True)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        run = subprocess.run(
            [
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "/usr/bin/python3",
                "-c",
                AS_ANYONE,
            ],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.stdout == "passed \n" * 3 + "BlockingIOError: [Errno 11] Resource temporarily unavailable\n", (
        run.stderr
    )


def test_workers_are_recycled_without_losing_or_repeating_a_job() -> None:
    async def run() -> tuple[list[Result], int]:
        seen = set()
        async with open_pool(2, recycle_after=3) as sandbox:

            async def one(number: int) -> Result:
                result = await sandbox.run(script(f"print({number})"))
                seen.update(worker_pids(sandbox))
                return result

            return list(await asyncio.gather(*(one(number) for number in range(12)))), len(seen)

    results, workers = asyncio.run(run())
    assert [(result.status, result.stdout) for result in results] == [("passed", f"{n}\n") for n in range(12)]
    assert workers >= 3


def test_a_worker_that_leaks_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "_MOST_GROWTH_BYTES", -1)

    async def run() -> None:
        async with open_pool(1) as sandbox:
            (before,) = worker_pids(sandbox)
            assert (await sandbox.run(script("print('kept')"))).stdout == "kept\n"
            assert worker_pids(sandbox) == []
            assert wait_until_gone({before}) == set()
            assert (await sandbox.run(script("print('next')"))).stdout == "next\n"

    asyncio.run(run())
