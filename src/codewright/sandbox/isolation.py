"""How the namespace backend starts bubblewrap, and what to tell the user where that is refused.

Visible inside, read-only: /usr with its links, the folder of the Python that codewright runs on, toolchains that live elsewhere,
the toolchains' caches, the guest's files, and the few entries of /etc below. Limits: Linux with user namespaces; as root, the uid below must exist in the uid map.
"""

import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from codewright.core.errors import SandboxUnavailable
from codewright.sandbox.cgroups import WorkerCgroup, open_cgroup
from codewright.sandbox.exchange import memory_file
from codewright.sandbox.guest import seccomp
from codewright.sandbox.guest.commands import CACHE_PLACE, ROOTS_PLACE
from codewright.sandbox.guest.wire import SITE_FOLDER
from codewright.sandbox.launcher import LaunchPlan
from codewright.sandbox.toolchain_cache import cache_folder
from codewright.sandbox.toolchains import SANDBOX_PATH, outside_roots, settings_of_toolchains

FIRST_UID = 63_000
"""Root's workers become this uid plus their index: a range that Debian's policy (9.2.2) gives to nobody. One uid each, because
before Linux 5.14 RLIMIT_NPROC counts over user namespaces."""

_UIDS = 1_000
_INSIDE_UID = "1000"
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_GUEST_FOLDER = Path(__file__).resolve().with_name("guest")
GUEST_ROOT = "/run/codewright"
"""Where the guest's package appears inside."""

_STAGE_PLACES = ("/mnt", "/media", "/srv", "/opt")
_NEVER, _AFTER_PROGRAMS = -1000, 500
"""Which processes the kernel takes when memory runs out, proc_pid_oom_score_adj(5): a program first (1000). Its files are freed
only some milliseconds after its death, and in between the kernel would look for the next one: the zygote."""

BESIDE_USR = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Where Debian and others still have a folder, or a link into /usr."""

_ETC = ("ld.so.cache", "alternatives", "localtime", "ssl/certs")
MADE_UP_ETC = {
    "passwd": "user:x:1000:1000::/tmp:/bin/sh\n",
    "group": "user:x:1000:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "hosts: files\n",
}
ENVIRONMENT = {
    "PATH": SANDBOX_PATH,
    "HOME": "/tmp",  # noqa: S108 - the program's own tmpfs
    "TMPDIR": "/tmp",  # noqa: S108
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_OLDEST_BWRAP = (0, 8)


def python_start(module: str, root: str, *, site: bool = False) -> list[str]:
    """Interpreter arguments that call a module's main() with `root` on the path only while it is imported.

    site: run what the interpreter's site-packages put into its start (.pth files).
    """
    code = f"import sys; sys.path.insert(0, {root!r}); from {module} import main; sys.path.remove({root!r}); main()"
    return [*([] if site else ["-S"]), "-s", "-P", "-c", code]


def guest_python() -> tuple[Path, Path]:
    """Folder and executable of the interpreter programs run on: the one below codewright's own, without its venv."""
    prefix = Path(sys.base_prefix)
    executable = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return prefix, executable


def _site_packages(module: str) -> Path:
    """Folder that codewright's own interpreter would import this package from. Raises SandboxUnavailable without it."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise SandboxUnavailable(f"package '{module}' is not installed")
    return Path(spec.origin).resolve().parents[1]


def find_bwrap() -> str:
    """Return bubblewrap's path. Raises SandboxUnavailable with the remedy."""
    if sys.platform != "linux":
        raise SandboxUnavailable(f"the namespace sandbox needs Linux, this is {sys.platform}")
    if not seccomp.supported(platform.machine()):
        raise SandboxUnavailable(f"the namespace sandbox has no system call table for {platform.machine()}")
    path = shutil.which("bwrap")
    if path is None:
        raise SandboxUnavailable("bubblewrap is not installed: apt-get install bubblewrap")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.split()
    numbers = version[-1].split(".")[:2] if version else []
    if (
        not all(number.isdigit() for number in numbers)
        or tuple(int(number) for number in numbers) < _OLDEST_BWRAP
    ):
        raise SandboxUnavailable(f"{' '.join(version) or path} is too old: install bubblewrap 0.8 or newer")
    return path


def _uid_to_become(index: int) -> int | None:
    """As root a dedicated uid, since RLIMIT_NPROC does not bind uid 0; None for users, and for a root that is none."""
    if os.geteuid() != 0:
        return None
    uid = FIRST_UID + index % _UIDS
    for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
        inside, _, count = (int(field) for field in line.split())
        if inside <= uid < inside + count:
            return uid
    return None


def _others_can_enter(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents)) and bool(
        folder.stat().st_mode & 0o004
    )


@dataclass(frozen=True)
class _View:
    """Folders of the host that appear inside: (source, place). staged: those only root can reach, in order."""

    folders: list[tuple[str, str]]
    staged: list[str]
    stage_at: str


def _view(uid: int | None, modules: tuple[str, ...]) -> _View:
    prefix, _ = guest_python()
    wanted = [(_GUEST_FOLDER, f"{GUEST_ROOT}/codewright/sandbox/guest")]
    if not prefix.is_relative_to("/usr"):
        wanted.append((prefix, str(prefix)))
    if modules:
        wanted.append((_site_packages(modules[0]), SITE_FOLDER))
    wanted += [(root, f"{ROOTS_PLACE}/{language}") for language, root in outside_roots().items()]
    caches = cache_folder()
    if caches is not None:
        wanted.append((caches, CACHE_PLACE))
    stage_at = next((place for place in _STAGE_PLACES if Path(place).is_dir()), "/")
    folders: list[tuple[str, str]] = []
    staged: list[str] = []
    for source, place in wanted:
        if uid is None or _others_can_enter(source):
            folders.append((str(source), place))
        else:
            folders.append((f"{stage_at}/{len(staged)}", place))
            staged.append(str(source))
    return _View(folders, staged, stage_at)


def shown_folders(modules: tuple[str, ...]) -> list[tuple[str, str]]:
    """List folders beside /usr that programs see: (source, place inside)."""
    return _view(None, modules).folders


def shown_settings() -> list[str]:
    """List what programs see of /etc, as far as it is here."""
    return [name for name in (*_ETC, *settings_of_toolchains()) if Path("/etc", name).exists()]


def launch(
    plan: LaunchPlan, *, stdin: int, stdout: int, stderr: int, fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start the launcher with a plan; what it becomes has these descriptors and none of the host's environment."""
    start = python_start("codewright.sandbox.launcher", str(_PACKAGE_ROOT))
    return subprocess.Popen(
        [sys.executable, *start, json.dumps(plan)],
        pass_fds=fds,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd="/",
        env={"PATH": SANDBOX_PATH, "LANG": "C.UTF-8"},
    )


def _bwrap_arguments(view: _View, made_up: dict[str, int]) -> list[str]:
    arguments = [
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--uid",
        _INSIDE_UID,
        "--gid",
        _INSIDE_UID,
    ]
    arguments += ["--cap-add", "ALL", "--hostname", "sandbox", "--die-with-parent", "--new-session"]
    arguments += ["--ro-bind", "/usr", "/usr"]
    for name in BESIDE_USR:
        path = Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--dir", "/tmp", "--dir", "/run", "--dir", "/etc"]  # noqa: S108
    for name in shown_settings():
        arguments += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]
    for name, fd in made_up.items():
        arguments += ["--perms", "0444", "--ro-bind-data", str(fd), f"/etc/{name}"]
    for source, place in view.folders:
        arguments += ["--ro-bind", source, place]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--chdir", "/", "--"]


@dataclass(frozen=True)
class ZygoteProcess:
    """A started bubblewrap with a zygote inside; nothing is known yet about how it fares."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    complaints: int
    cgroup: WorkerCgroup | None

    def complaint(self) -> str:
        """Return the last line it wrote to stderr."""
        text = os.pread(self.complaints, 1 << 16, 0).decode("utf-8", "replace").strip()
        return text.splitlines()[-1] if text else "it wrote no message"

    def close(self) -> None:
        """Kill it with everything inside."""
        self.process.kill()
        self.process.wait()
        self.control.close()
        os.close(self.complaints)
        if self.cgroup is not None:
            self.cgroup.remove()


def start_zygote(index: int, modules: tuple[str, ...] = ()) -> ZygoteProcess:
    """Start one worker's process tree, its zygote with these third-party modules imported.

    The thread that calls this must live as long as the worker (PR_SET_PDEATHSIG).
    """
    bwrap = find_bwrap()
    uid = _uid_to_become(index)
    view = _view(uid, modules)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    complaints = memory_file(b"")
    made_up = {name: memory_file(text.encode()) for name, text in MADE_UP_ETC.items()}
    _, python = guest_python()
    inside = [
        str(python),
        *python_start("codewright.sandbox.guest.zygote", GUEST_ROOT),
        str(theirs.fileno()),
        *modules,
    ]
    cgroup = open_cgroup()
    plan = LaunchPlan(
        parent=os.getpid(),
        cgroups=cgroup.entrances if cgroup else [],
        oom_scores=[_NEVER, _AFTER_PROGRAMS],
        stage_at=view.stage_at,
        stage=view.staged,
        uid=uid,
        command=[bwrap, *_bwrap_arguments(view, made_up), *inside],
    )
    try:
        process = launch(
            plan,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            fds=(theirs.fileno(), *made_up.values()),
        )
    except BaseException:
        if cgroup is not None:
            cgroup.remove()
        raise
    finally:
        theirs.close()
        for fd in made_up.values():
            os.close(fd)
    return ZygoteProcess(process, ours, complaints, cgroup)


def _setting(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return None


def explain(complaint: str) -> str:
    """Turn bubblewrap's last words into one line with a remedy."""
    if "proc" in complaint and "mount" in complaint.lower():
        return f"a new /proc is refused ({complaint}): start the container with --security-opt systempaths=unconfined"
    if not any(word in complaint for word in ("namespace", "uid map", "setgroups", "unshare", "clone")):
        return f"the namespace sandbox does not start: {complaint}"
    if _setting("user/max_user_namespaces") == "0":
        return "user namespaces are switched off: sysctl -w user.max_user_namespaces=15000"
    if _setting("kernel/unprivileged_userns_clone") == "0":
        return "user namespaces are switched off: sysctl -w kernel.unprivileged_userns_clone=1"
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "AppArmor refuses user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    return (
        f"user namespaces are refused ({complaint}): start the container with "
        "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
    )
