"""git repositories, working copies and bare ones: the files of one revision, with the time of the commit that wrote each.

Objects are read through the git command; nothing is checked out. The repository may be anybody's, so nothing that its
configuration can start is let near: no hooks, no pager, no filters, no signature checks, no network.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from codewright.corpus import members as bounds
from codewright.corpus.members import Broken, Gate, Member, Options, Piece, Place, Skip, Trouble, shown, tidy

_CONFIG = (
    "safe.directory=*",  # it need not be ours to be read
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.sshCommand=false",
    "core.attributesFile=/dev/null",
    "diff.external=",
    "log.showSignature=false",
    "gpg.program=false",
    "protocol.allow=never",
    "core.quotePath=false",
)
"""What a repository's own configuration could run or fetch. Source: git-config(1) of git 2.39 to 2.51."""

_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone would ask its server for what it lacks
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "",
}

_MEMORY_KIB = 2**20
"""What a git process may take, 1 GiB: a few kilobytes of trees that hold each other make it list more than any memory has."""

_LINK, _SUBMODULE = b"120000", b"160000"
_MAX_ENTRY_BYTES = 2**16
"""Longest entry of a tree's listing; a longer one is an attack on memory."""

_REMOTE = re.compile(
    r"(?:[a-z+]+://)?(?:[^@/]*@)?([\w-]+(?:\.[\w-]+)+)(?::\d+)?[:/]/?([\w./~+-]+?)(?:\.git)?/?"
)
"""Host and path of a remote's address; what stands before an @ may be a password and is left out."""


def fits(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Tell whether a folder is a repository: a working copy with its .git folder inside, or a bare one."""
    return path.is_dir() and _git_folder(path) is not None


def _git_folder(path: Path) -> Path | None:
    for folder in (path / ".git", path):
        # A .git that is a link or a file points out of what the user named.
        if not folder.is_symlink() and (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder
    return None


def cut(place: Place, options: Options) -> list[Piece]:
    """Give the repository to one task, its revision fixed. Raises Broken where git cannot read it or has no such revision."""
    folder = _git_folder(Path(place.root).resolve())
    if folder is None:
        raise Broken("damaged", "not a git repository")
    commit = _output(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{options.revision}^{{commit}}"
    )
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        raise Broken("no_revision", f"no commit '{options.revision}' in this repository")
    remote = _output(folder, "config", "--get", "remote.origin.url")
    found = _REMOTE.fullmatch(remote)
    packs = sum(file.stat().st_size for file in (folder / "objects" / "pack").glob("*.pack"))
    params = {"commit": commit, "url": f"https://{found[1]}/{found[2]}" if found else None}
    return [
        Piece(
            "git", place.path, place.path, str(folder), found[2] if found else place.repo, 4 * packs, params
        )
    ]


def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield the files of the revision in the order of its tree."""
    folder, commit = Path(piece.root), piece.params["commit"]
    gate = Gate(options)
    _check_number(folder, commit)
    times = _commit_times(folder, commit)
    with (
        _git(folder, "ls-tree", "-r", "-z", "-l", "--full-tree", commit) as listing,
        _git(folder, "cat-file", "--batch") as objects,
    ):
        for entry in _split(_stdout(listing)):
            facts, _, raw_name = entry.partition(b"\t")
            mode, _, blob, size = facts.split()
            verdict = _judge(raw_name, mode, int(size) if size.isdigit() else 0, gate)
            if isinstance(verdict, str):
                data = _blob(objects, blob)
                if data is None:
                    yield Trouble(verdict, "missing_object", f"git object {blob.decode()}")
                    continue
                yield Member(verdict, data, committed_at=times.get(raw_name), url=piece.params["url"])
            else:
                yield verdict
        if listing.wait() != 0:
            raise Broken("damaged", "git cannot read all of the tree")


def _check_number(folder: Path, commit: str) -> None:
    """Raises Broken for a tree of too many files, before anything is asked that takes memory for each."""
    with _git(folder, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit) as listing:
        for number, _ in enumerate(_split(_stdout(listing))):
            if number >= bounds.MAX_MEMBERS:
                raise Broken("too_many_members", f"more than {bounds.MAX_MEMBERS:,} files")


def _judge(raw_name: bytes, mode: bytes, size: int, gate: Gate) -> str | Skip | Trouble:
    try:
        name = tidy(raw_name.decode("utf-8"))
    except UnicodeDecodeError:
        return Trouble(shown(raw_name.decode("utf-8", "surrogateescape")), "unsafe_name", "not UTF-8")
    trouble = {_LINK: "symlink", _SUBMODULE: "submodule"}.get(mode, "")
    return gate.refuse(name, size, trouble) or name


def _blob(objects: subprocess.Popen[bytes], blob: bytes) -> bytes | None:
    out = _stdout(objects)
    requests = cast(IO[bytes], objects.stdin)
    try:
        requests.write(blob + b"\n")
        requests.flush()
    except BrokenPipeError:
        raise Broken("damaged", f"git gave up before object {blob.decode()}") from None
    answer = out.readline().split()
    if len(answer) != 3:
        if not answer:
            raise Broken("damaged", f"git gave up at object {blob.decode()}")
        return None
    data = out.read(int(answer[2]))
    out.read(1)
    return data


def _commit_times(folder: Path, commit: str) -> dict[bytes, int]:
    """Map paths to the time of the newest commit that touched them, in one pass over the history."""
    times: dict[bytes, int] = {}
    # --diff-merges: a file that only a merge changed has its time too.
    arguments = (
        "log",
        "--format=%x00%ct",
        "--name-only",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
    )
    with _git(folder, *arguments, "--diff-merges=first-parent", commit) as log:
        now = 0
        is_time = False
        for field in _split(_stdout(log)):
            if not field:
                is_time = True
            elif is_time and field.strip(b"\n").isdigit():
                now, is_time = int(field), False
            else:
                is_time = False
                times.setdefault(field.lstrip(b"\n"), now)
    return times


def _split(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what NULs separate. Raises Broken for a part without end."""
    rest = b""
    while chunk := stream.read(_MAX_ENTRY_BYTES):
        *parts, rest = (rest + chunk).split(b"\0")
        yield from parts
        if len(rest) > _MAX_ENTRY_BYTES:
            raise Broken("damaged", "an entry of endless length")
    if rest:
        yield rest


def _command(folder: Path, arguments: tuple[str, ...]) -> list[str]:
    config = [part for setting in _CONFIG for part in ("-c", setting)]
    bounded = ["sh", "-c", f'ulimit -d {_MEMORY_KIB} && exec "$@"', "sh"]
    return [*bounded, "git", "--no-pager", f"--git-dir={folder}", *config, *arguments]


def _output(folder: Path, *arguments: str) -> str:
    if shutil.which("git") is None:
        raise Broken(
            "no_git", "the git command is not installed: install it, then run the same command again"
        )
    command = _command(folder, arguments)
    done = subprocess.run(
        command, check=False, env=_ENVIRONMENT, capture_output=True, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode("utf-8", "replace").strip()


@contextlib.contextmanager
def _git(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run git with its output to read; it is ended with the block."""
    process = subprocess.Popen(
        _command(folder, arguments),
        env=_ENVIRONMENT, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        with contextlib.suppress(BrokenPipeError):
            process.communicate()


def _stdout(process: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast(IO[bytes], process.stdout)
