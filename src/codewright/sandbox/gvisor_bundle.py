"""What the gvisor backend hands to runsc: a root folder and an OCI bundle per worker, started once per program.

Shows programs the same folders as the namespace backend does. Limits: Linux, runsc in PATH; written for releases from December 2022
(Debian 12) on, so it uses nothing newer: one program per container, descriptors 0 to 2 as the only way in.
"""

import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codewright.core.errors import SandboxUnavailable
from codewright.sandbox.cgroups import WorkerCgroup, open_cgroup, start_time
from codewright.sandbox.guest import contained
from codewright.sandbox.isolation import (
    BESIDE_USR,
    ENVIRONMENT,
    GUEST_ROOT,
    MADE_UP_ETC,
    guest_python,
    launch,
    python_start,
    shown_folders,
    shown_settings,
)
from codewright.sandbox.launcher import LaunchPlan

_CAPABILITIES = ["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL"]
"""Of the container's first process, within gVisor's own kernel; programs have none."""

_PREFIX = "codewright-gvisor-"
_STALE = re.compile(r"codewright-gvisor-(\d+)-(\d+)-.*")
_EMPTY_FOLDERS = ("proc", "dev", "sys", "tmp", contained.CHECKER_FOLDER)
_COMPLAINT_CHARACTERS = 300

BASELINE_BYTES = 256 << 20
"""What runsc, its gofer and gVisor's kernel take beside a program; measured below 100 MB, half of it file pages."""

BASELINE_PROCESSES = 8192
"""Threads of the host; gVisor itself limits the program's. Measured: 1,119 for a fork bomb of 72 processes (platform ptrace)."""


def find_runsc() -> str:
    """Return runsc's path. Raises SandboxUnavailable with the remedy."""
    if sys.platform != "linux":
        raise SandboxUnavailable(f"the gvisor sandbox needs Linux, this is {sys.platform}")
    path = shutil.which("runsc")
    if path is None:
        raise SandboxUnavailable("gVisor's runsc is not installed: apt-get install runsc")
    return path


@functools.cache
def _remove_stale() -> None:
    """Remove folders that killed hosts have left."""
    for folder in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        match = _STALE.fullmatch(folder.name)
        if match and start_time(match[1]) != match[2]:
            shutil.rmtree(folder, ignore_errors=True)


class Bundle:
    """One worker's folder: `root` with the mount points, `bundle` with config.json, `state` for runsc's notes."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        """Raises SandboxUnavailable without runsc or a module's package."""
        self.runsc = find_runsc()
        _remove_stale()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-{start_time('self')}-"))
        try:
            self._root = self.folder / "root"
            self._root.mkdir()
            mounts = self._make_root(modules)
            bundle = self.folder / "bundle"
            bundle.mkdir()
            config = json.dumps(self._config(mounts, modules))
            (bundle / "config.json").write_text(config, encoding="utf-8")
        except BaseException:
            self.remove()
            raise
        self._programs = 0

    def _make_root(self, modules: tuple[str, ...]) -> list[tuple[str, str]]:
        """Make links, mount points and made-up files; what is to be mounted: (source, place)."""
        mounts = [("/usr", "/usr")]
        for name in BESIDE_USR:
            path = Path("/", name)
            if path.is_symlink():
                (self._root / name).symlink_to(path.readlink())
            elif path.is_dir():
                mounts.append((str(path), str(path)))
        mounts += shown_folders(modules)
        mounts += [(str(Path("/etc", name).resolve()), f"/etc/{name}") for name in shown_settings()]
        for name in _EMPTY_FOLDERS:
            self._place(name).mkdir(parents=True, exist_ok=True)
        for source, place in mounts:
            if Path(source).is_dir():
                self._place(place).mkdir(parents=True, exist_ok=True)
            else:
                self._place(place).parent.mkdir(parents=True, exist_ok=True)
                self._place(place).touch()
        for name, text in MADE_UP_ETC.items():
            self._place(f"/etc/{name}").write_text(text, encoding="ascii")
        return mounts

    def _place(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def _config(self, mounts: list[tuple[str, str]], modules: tuple[str, ...]) -> dict[str, Any]:
        """Write an OCI runtime configuration, version 1.0 (github.com/opencontainers/runtime-spec)."""
        _, python = guest_python()
        start = python_start("codewright.sandbox.guest.contained", GUEST_ROOT)
        return {
            "ociVersion": "1.0.0",
            "hostname": "sandbox",
            "root": {"path": str(self._root), "readonly": True},
            "process": {
                "user": {"uid": 0, "gid": 0},  # of gVisor's kernel; the program gets another
                "args": [str(python), *start, *(["packages"] if modules else [])],
                "env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
                "cwd": "/",
                "noNewPrivileges": True,
                "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), _CAPABILITIES),
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                *(
                    {"destination": place, "type": "bind", "source": source, "options": ["ro", "rbind"]}
                    for source, place in mounts
                ),
            ],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
        }

    def start(self, stdout: int, stderr: int, cgroup: WorkerCgroup | None) -> "Container":
        """Start a container with these descriptors as its output. The calling thread must outlive it (PR_SET_PDEATHSIG)."""
        self._programs += 1
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        options = [f"--root={self.folder / 'state'}", f"--log={log}", "--network=none", "--ignore-cgroups"]
        options.append("--file-access-mounts=exclusive")  # nobody changes these files while one program runs
        if os.geteuid() != 0:
            options.append("--rootless")
        name = f"program-{self._programs}"
        plan = LaunchPlan(
            parent=os.getpid(),
            cgroups=cgroup.entrances if cgroup else [],
            oom_scores=[],  # programs live in this very process
            stage_at="/",
            stage=[],
            uid=None,
            command=[self.runsc, *options, "run", f"--bundle={self.folder / 'bundle'}", name],
        )
        try:
            process = launch(plan, stdin=theirs.fileno(), stdout=stdout, stderr=stderr)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return Container(process, ours, log)

    def remove(self) -> None:
        """Remove the folder; never raises."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Container:
    """A started runsc; nothing is known yet about how it fares."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    log: Path

    def complaint(self) -> str:
        """Return the last words of its log, in one line."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1][-_COMPLAINT_CHARACTERS:] if lines else "runsc wrote no message"

    def close(self) -> None:
        """Kill runsc; its sandbox and gofer die with it, and all that runs inside."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.control.close()


def open_worker_cgroup() -> WorkerCgroup | None:
    """Make the cgroup in which a worker's containers start."""
    cgroup = open_cgroup()
    if cgroup is not None:
        cgroup.assume(BASELINE_BYTES, BASELINE_PROCESSES)
    return cgroup
