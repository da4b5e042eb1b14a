"""Limits by cgroups: what the kernel counts ends a program, spares its worker, and leaves nothing behind."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from codewright.sandbox import cgroups
from codewright.sandbox.backends.namespace import NamespaceWorker
from codewright.sandbox.cgroups import (
    ALLOWANCE_BYTES,
    OomWatch,
    Parents,
    WorkerCgroup,
    find_parents,
    open_cgroup,
)
from codewright.sandbox.guest.confine import INFRASTRUCTURE_PROCESSES
from codewright.sandbox.guest.wire import WireLimits
from codewright.sandbox.job import Limits, Result
from codewright.sandbox.pool import Pool
from tests.sandbox.opened import Opened
from tests.sandbox.processes import killed_host

MIB = 1 << 20


def limits(**more: int) -> WireLimits:
    return cast(WireLimits, vars(Limits(**more)))


def folders_of(pid: int) -> list[Path]:
    """Every cgroup of a host process, wherever it was made."""
    return [path for path in Path("/sys/fs/cgroup").rglob(f"codewright-{pid}-*") if path.is_dir()]


def writable() -> bool:
    cgroup = open_cgroup()
    if cgroup is None:
        return False
    cgroup.remove()
    return True


needs_cgroups = pytest.mark.skipif(not writable(), reason="this process may not make cgroups")


# ------------------------------------------------------------------------------------------------- the real thing


class Runner(Opened):
    """With the worker it began with; what ends a program is to be its memory, not its time."""

    def __init__(self) -> None:
        super().__init__()
        self.worker = self.sandbox._slots[0].worker

    def run_script(self, source: str, **limits: Any) -> Result:
        return super().run_script(source, wall_s=20.0, **limits)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


HOGS = {
    "six children": (
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n        x = b'x' * (100 << 20)\n        time.sleep(30)\ntime.sleep(30)",
        {},
    ),
    "children that are waited for": (
        "import os\nfor _ in range(6):\n    if os.fork() == 0:\n        x = b'x' * (100 << 20)\n        os._exit(0)\nfor _ in range(6):\n    os.wait()",
        {},
    ),
    "a burst": ("x = b'x' * (1 << 30)", {}),
    "files": (
        "part = b'x' * (1 << 20)\nfor n in range(100):\n    with open(f'/tmp/{n}', 'wb') as file:\n        for _ in range(6):\n            file.write(part)\nprint('had it all')",
        {"disk_bytes": 1 << 30},
    ),
    "files in /dev/shm": (
        "part = b'x' * (1 << 20)\nfor n in range(100):\n    with open(f'/dev/shm/{n}', 'wb') as file:\n        for _ in range(6):\n            file.write(part)\nprint('had it all')",
        {"disk_bytes": 1 << 30},
    ),
    "a mapped file": (
        "import mmap\nwith open('/dev/shm/x', 'w+b') as file:\n    file.truncate(600 << 20)\n    m = mmap.mmap(file.fileno(), 600 << 20)\n    for n in range(0, 600 << 20, 4096):\n        m[n] = 1\nprint('had it all')",
        {"disk_bytes": 1 << 30},
    ),
    "socket buffers": (
        "import socket\nkept = []\nwhile True:\n    a, b = socket.socketpair()\n    a.setblocking(False)\n    try:\n        while True:\n            a.send(b'x' * 65536)\n    except BlockingIOError:\n        kept += [a, b]",
        {"open_files": 8192},
    ),
}


@needs_cgroups
@pytest.mark.parametrize("hog", HOGS)
def test_what_takes_too_much_memory_is_ended_and_the_worker_stays(runner: Runner, hog: str) -> None:
    source, more = HOGS[hog]
    result = runner.run_script(source, tree_bytes=200 * MIB, **more)
    assert (result.status, result.stdout) == ("memory_limit", ""), result
    after = runner.run_script("print('next')")
    assert (after.status, after.stdout) == ("passed", "next\n")


def may_spare_workers() -> bool:
    """Lowering oom_score_adj is up to CAP_SYS_RESOURCE (bit 24), which roots of containers often lack."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    capabilities = int(status.split("CapEff:")[1].split()[0], 16)
    return bool(capabilities & 1 << 24)


FREED_LATE = () if may_spare_workers() else ("files", "files in /dev/shm", "a mapped file")


@needs_cgroups
@pytest.mark.parametrize("hog", [hog for hog in HOGS if hog not in FREED_LATE])
def test_the_worker_stays(hog: str) -> None:
    source, more = HOGS[hog]
    with Runner() as runner:
        runner.run_script(source, tree_bytes=200 * MIB, **more)
        assert runner.sandbox._slots[0].worker is runner.worker


def offer_to_oom_killer(pool: Pool) -> None:
    """Make the kernel take the worker as gladly as its program."""
    worker = pool._slots[0].worker
    assert isinstance(worker, NamespaceWorker) and worker._cgroup is not None
    for pid in Path(worker._cgroup.entrances[0]).read_text(encoding="ascii").split():
        Path("/proc", pid, "oom_score_adj").write_text("1000", encoding="ascii")


@needs_cgroups
def test_a_worker_that_goes_down_with_its_program_costs_nobody_a_verdict(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codewright.sandbox.pool._ATTEMPTS", 1)
    source, more = HOGS["files"]
    for _ in range(5):
        if runner.sandbox._slots[0].worker is None:
            runner.run_script("pass")
        offer_to_oom_killer(runner.sandbox)
        result = runner.run_script(source, tree_bytes=200 * MIB, **more)
        assert result.status == "memory_limit", result
        assert runner.run_script("print('next')").stdout == "next\n"


@needs_cgroups
def test_what_fits_is_let_through(runner: Runner) -> None:
    fits = "x = b'x' * (150 << 20)\nopen('/tmp/x', 'wb').write(b'x' * (20 << 20))\nprint(len(x))"
    result = runner.run_script(fits, tree_bytes=200 * MIB)
    assert (result.status, result.stdout) == ("passed", f"{150 * MIB}\n"), result


@needs_cgroups
def test_the_limits_of_the_program_are_the_kernels() -> None:
    with Runner() as runner:
        assert isinstance(runner.worker, NamespaceWorker)
        cgroup = runner.worker._cgroup
        assert cgroup is not None
        runner.run_script("pass", tree_bytes=100 * MIB, processes=7)
        small = cgroup.memory_limit_bytes()
        runner.run_script("pass", tree_bytes=300 * MIB, processes=7)
        assert cgroup.memory_limit_bytes() - small == 200 * MIB
        assert small > 100 * MIB + ALLOWANCE_BYTES


@needs_cgroups
def test_a_program_is_taken_before_its_zygote_and_cannot_change_that(runner: Runner) -> None:
    own = runner.run_script("print(open('/proc/self/oom_score_adj').read().strip())")
    assert own.stdout == "1000\n"
    lowering = runner.run_script("open('/proc/self/oom_score_adj', 'w').write('0')")
    assert (lowering.status, "Read-only" in lowering.detail) == ("error", True), lowering


@needs_cgroups
def test_nothing_is_left_after_close() -> None:
    before = set(folders_of(os.getpid()))
    with Runner() as runner:
        made = set(folders_of(os.getpid())) - before
        assert made
        runner.run_script(HOGS["six children"][0], tree_bytes=200 * MIB)
    assert set(folders_of(os.getpid())) == before


HOST = """
import asyncio, sys
from codewright.sandbox.pool import open_sandbox
async def main():
    async with open_sandbox("namespace", 1):
        print("running", flush=True)
        await asyncio.sleep(0 if sys.argv[1:] else 60)
asyncio.run(main())
"""


@needs_cgroups
def test_the_next_start_removes_what_a_killed_host_left() -> None:
    with killed_host(HOST) as host:
        assert folders_of(host.pid)
    for folder in folders_of(host.pid):
        while (folder / "cgroup.procs").exists() and (folder / "cgroup.procs").read_text():
            pass  # the kernel is still ending what the host had started
    done = subprocess.run([sys.executable, "-c", HOST, "short"], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert folders_of(host.pid) == []


# ----------------------------------------------------------------------- both interfaces, on a folder of plain files

V1_MOUNTS = """\
31 23 0:28 / {top} rw - tmpfs tmpfs rw
35 31 0:32 / {top}/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / {top}/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / {top}/unified rw,relatime - cgroup2 cgroup2 rw
"""
V2_MOUNTS = "35 31 0:32 / {top} rw,relatime - cgroup2 cgroup2 rw\n"


def test_version_1_uses_this_process_own_cgroups(tmp_path: Path) -> None:
    found = find_parents(V1_MOUNTS.format(top=tmp_path), "8:pids:/\n4:memory:/a/b\n0::/\n")
    assert found == Parents(1, tmp_path / "memory/a/b", tmp_path / "pids")


def test_a_container_that_sees_a_part_of_the_tree_uses_its_top(tmp_path: Path) -> None:
    mounts = f"35 31 0:32 /docker/x {tmp_path} rw - cgroup cgroup rw,memory\n"
    assert find_parents(mounts, "4:memory:/docker/x\n") == Parents(1, tmp_path, None)
    assert find_parents(mounts, "4:memory:/elsewhere\n") == Parents(1, tmp_path, None)


def make_v2(top: Path, **files: str) -> str:
    """A session's scope below a slice that hands its controllers down."""
    scope = top / "user.slice" / "session.scope"
    scope.mkdir(parents=True)
    (top / "user.slice" / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (scope / "cgroup.subtree_control").write_text("\n")
    for name, text in {"memory.max": "max\n", "pids.max": "max\n", **files}.items():
        (scope / name.replace("_", ".")).write_text(text)
    return "0::/user.slice/session.scope\n"


def test_version_2_makes_siblings_where_children_get_no_controllers(tmp_path: Path) -> None:
    membership = make_v2(tmp_path)
    found = find_parents(V2_MOUNTS.format(top=tmp_path), membership)
    assert found == Parents(2, tmp_path / "user.slice", tmp_path / "user.slice")


def test_version_2_makes_children_where_they_get_controllers(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("memory pids\n")
    assert find_parents(V2_MOUNTS.format(top=tmp_path), "0::/\n") == Parents(2, tmp_path, tmp_path)


def test_nobody_escapes_a_limit_by_becoming_a_sibling(tmp_path: Path) -> None:
    membership = make_v2(tmp_path, memory_max="1000000\n")
    assert find_parents(V2_MOUNTS.format(top=tmp_path), membership) is None


def test_without_a_memory_controller_there_is_none(tmp_path: Path) -> None:
    assert find_parents("", "") is None
    assert find_parents(V2_MOUNTS.format(top=tmp_path), "0::/\n") is None
    assert open_cgroup(lambda: None) is None


def test_where_no_folder_can_be_made_there_is_none(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert open_cgroup(lambda: Parents(2, blocked, blocked)) is None
    assert open_cgroup(lambda: Parents(2, tmp_path, tmp_path)) is None, "no memory.events: no cgroup"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


class Fake:
    """A worker's cgroup on plain files, as the kernel would lay them out."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
        self.memory = tmp_path / ("memory" if version == 1 else "unified")
        self.pids = tmp_path / "pids" if version == 1 else self.memory
        for folder in {self.memory, self.pids}:
            folder.mkdir()
        self.events = "memory.oom_control" if version == 1 else "memory.events"
        usage = "memory.usage_in_bytes" if version == 1 else "memory.current"
        real_mkdir = Path.mkdir

        def mkdir(path: Path, *args: int, **more: bool) -> None:
            real_mkdir(path, *args, **more)
            (path / "cgroup.procs").write_text("77\n")
            if path.parent == self.memory:
                (path / usage).write_text(f"{30 * MIB}\n")
                for name in (
                    "memory.max",
                    "memory.swap.max",
                    "memory.limit_in_bytes",
                    "memory.memsw.limit_in_bytes",
                ):
                    (path / name).write_text("")
                (path / self.events).write_text("low 0\noom 3\noom_kill 0\n")
            if path.parent == self.pids:
                (path / "pids.max").write_text("")

        monkeypatch.setattr(Path, "mkdir", mkdir)
        self.cgroup = WorkerCgroup(Parents(version, self.memory, self.pids), "codewright-1-2-3")
        monkeypatch.undo()

    def read(self, name: str) -> str:
        folder = self.pids if name.startswith("pids") else self.memory
        return (folder / "codewright-1-2-3" / name).read_text()

    def kill(self, count: int) -> None:
        (self.memory / "codewright-1-2-3" / self.events).write_text(f"low 0\noom 9\noom_kill {count}\n")


@pytest.fixture(params=[1, 2])
def fake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(tmp_path, monkeypatch, request.param)


def test_limits_are_written_for_both_versions(fake: Fake) -> None:
    assert fake.cgroup.settle()
    fake.cgroup.set_limits(limits(tree_bytes=100 * MIB, processes=5))
    most = str(130 * MIB + ALLOWANCE_BYTES)
    if fake.events == "memory.events":
        assert (fake.read("memory.max"), fake.read("memory.swap.max")) == (most, "0")
    else:
        assert fake.read("memory.limit_in_bytes") == most
        assert fake.read("memory.memsw.limit_in_bytes").startswith(most)
    assert fake.read("pids.max") == str(5 + INFRASTRUCTURE_PROCESSES)
    assert len(fake.cgroup.entrances) == (1 if fake.events == "memory.events" else 2)


def test_limits_are_written_only_when_they_change(fake: Fake) -> None:
    fake.cgroup.set_limits(limits(tree_bytes=100 * MIB))
    marked = (
        fake.memory
        / "codewright-1-2-3"
        / ("memory.max" if fake.events == "memory.events" else "memory.limit_in_bytes")
    )
    marked.write_text("as it was")
    fake.cgroup.set_limits(limits(tree_bytes=100 * MIB))
    assert marked.read_text() == "as it was"
    fake.cgroup.set_limits(limits(tree_bytes=101 * MIB))
    assert marked.read_text().startswith(str(101 * MIB + ALLOWANCE_BYTES))


def test_a_limit_that_is_refused_is_tried_again(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str) -> None:
        raise OSError(16, "busy")

    monkeypatch.setattr(cgroups, "_write", refuse)
    fake.cgroup.set_limits(limits(processes=5))
    monkeypatch.undo()
    assert fake.read("pids.max") == ""
    fake.cgroup.set_limits(limits(processes=5))
    assert fake.read("pids.max") == str(5 + INFRASTRUCTURE_PROCESSES)


def test_a_worker_that_never_got_in_is_noticed(fake: Fake) -> None:
    (fake.memory / "codewright-1-2-3" / "cgroup.procs").write_text("")
    assert not fake.cgroup.settle()


def test_kills_are_noticed_while_a_program_runs_and_counted_once(fake: Fake) -> None:
    async def run() -> tuple[bool, bool, bool]:
        told = asyncio.Event()
        watch = OomWatch(fake.cgroup, limits(), told.set)
        quiet = watch.killed()
        fake.kill(1)
        async with asyncio.timeout(20):
            await told.wait()
        first = watch.killed()
        watch.close()
        next_watch = OomWatch(fake.cgroup, limits(), told.set)
        second = next_watch.killed()
        next_watch.close()
        return quiet, first, second

    fake.cgroup.settle()
    assert asyncio.run(run()) == (False, True, False)


def test_only_dead_hosts_lose_their_cgroups(tmp_path: Path) -> None:
    (tmp_path / "memory" / "a").mkdir(parents=True)
    for folder in (tmp_path / "memory", tmp_path / "memory" / "a"):
        (folder / "cgroup.procs").write_text("")
    start = cgroups.start_time("self")
    alive = tmp_path / "memory" / f"codewright-{os.getpid()}-{start}-0"
    reused = tmp_path / "memory" / f"codewright-{os.getpid()}-1-0"
    dead = tmp_path / "memory" / "a" / "codewright-999999999-1-0"
    other = tmp_path / "memory" / "somebody"
    for folder in (alive, reused, dead, other):
        folder.mkdir()
    cgroups.remove_stale(Parents(1, tmp_path / "memory" / "a", None))
    assert [folder.exists() for folder in (alive, reused, dead, other)] == [True, False, False, True]
