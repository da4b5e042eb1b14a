"""Where raw code comes from: folders, and two names every machine knows (`stdlib`, `site-packages`).

Listing is cheap and frozen on disk before anything is read, so that a resumed run sees the same files in the same
shards. Symbolic links are never followed.
"""

import importlib.metadata
import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codewright.core.errors import ConfigError
from codewright.core.languages import language_of
from codewright.core.rng import stable_hash

SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", ".git", ".hg", ".svn", ".venv", ".tox", ".mypy_cache"}
)
"""Never anybody's source: caches, version control, environments. Not entered, so not counted."""


UNREADABLE = -1
"""Stands for the size of a folder that cannot be listed."""


@dataclass(frozen=True)
class FileEntry:
    """One file as listed: `path` relative to the source's root, `repo` what it is held out by."""

    root: str
    path: str
    repo: str
    size: int
    license: str | None
    url: str | None

    @property
    def shown(self) -> str:
        """The path under its repository, the name users see; bytes that are not UTF-8 are written out."""
        return f"{self.repo}:{self.path}".encode("utf-8", "backslashreplace").decode("utf-8")

    @property
    def trouble(self) -> str | None:
        """Return why the file cannot be taken as listed, or None."""
        if self.size == UNREADABLE:
            return "unreadable"
        return "unreadable_name" if self.shown != f"{self.repo}:{self.path}" else None


@dataclass(frozen=True)
class Source:
    """A resolved source: a root folder, what prefixes its repository names, and folders in it to leave out."""

    root: Path
    prefix: str
    leave_out: frozenset[str] = frozenset()
    license: str | None = None


def resolve_source(spec: str) -> Source:
    """Turn a recipe's `source` into a folder. Raises ConfigError when it does not exist or is not a folder."""
    if spec == "stdlib":
        return Source(
            Path(sysconfig.get_paths()["stdlib"]),
            "cpython",
            frozenset({"site-packages", "dist-packages"}),
            "PSF-2.0",
        )
    if spec == "site-packages":
        return Source(Path(sysconfig.get_paths()["purelib"]), "pypi")
    root = Path(spec).expanduser()
    if not spec or not root.exists():
        raise ConfigError(f"source '{spec}': no such folder (stdlib and site-packages are known by name)")
    if not root.is_dir():
        raise ConfigError(f"source '{spec}': not a folder")
    if not os.access(root, os.R_OK | os.X_OK):
        raise ConfigError(f"source '{spec}': no permission to read it")
    return Source(root.resolve(), root.resolve().name)


def list_files(source: Source) -> Iterator[FileEntry]:
    """Yield every regular file below a source, in sorted order; a repository is a top-level folder or module."""
    facts = distribution_facts() if source.prefix == "pypi" else {}
    for found in walk(source.root, source.leave_out):
        if found.trouble in {"", "unreadable"}:
            name = top_name(found.path)
            license_, url = facts.get(name, (source.license, None))
            size = UNREADABLE if found.trouble else found.size
            yield FileEntry(str(source.root), found.path, f"{source.prefix}/{name}", size, license_, url)


def top_name(path: str) -> str:
    """Name the top-level folder or module that a path lies in: its repository below a source."""
    top, slash, _ = path.partition("/")
    return top if slash else top.removesuffix(".py")


@dataclass(frozen=True)
class Found:
    """Something below a folder: a regular file, or (`trouble`) why it is none that can be read."""

    path: str
    size: int
    trouble: str = ""


def walk(root: Path, leave_out: frozenset[str] = frozenset()) -> Iterator[Found]:
    """Yield what lies below a folder, depth first in sorted order; leave_out: folders right below it not to enter.

    trouble: `unreadable` for a folder that cannot be listed (`path` ends with /), `symlink`, `special_file`.
    """
    levels = [_scan(root, "")]  # an own stack: folders may be nested deeper than Python calls
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
        elif isinstance(found, Found):
            yield found
        elif len(levels) > 1 or found.rstrip("/") not in leave_out:
            levels.append(_scan(root, found))


def _scan(root: Path, below: str) -> Iterator[Found | str]:
    """Yield what one folder holds, its folders as strings that end with /."""
    try:
        with os.scandir(root / below) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        yield Found(below, 0, "unreadable")  # counted, so that nothing is left out in silence
        return
    for entry in found:
        path = f"{below}{entry.name}"
        if entry.is_symlink():
            yield Found(path, 0, "symlink")
        elif entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED_FOLDERS:
                yield f"{path}/"
        elif entry.is_file(follow_symlinks=False):
            yield Found(path, entry.stat(follow_symlinks=False).st_size)
        else:
            yield Found(path, 0, "special_file")


def distribution_facts() -> dict[str, tuple[str | None, str | None]]:
    """Map importable top-level names to (licence, home page) of the distribution that installed them."""
    facts: dict[str, tuple[str | None, str | None]] = {}
    for name, distributions in importlib.metadata.packages_distributions().items():
        metadata = importlib.metadata.metadata(distributions[0]).json
        license_ = str(metadata.get("license_expression") or metadata.get("license") or "")
        links = (link.split(",", 1)[-1].strip() for link in metadata.get("project_url", []))
        home = str(metadata.get("home_page") or "") or next(links, None)
        # Old packages paste a whole licence text into the field; a name is one short line.
        short = license_ if license_ and "\n" not in license_ and len(license_) < 60 else None
        facts[name] = (short, home)
    return facts


@dataclass(frozen=True)
class Selection:
    """Files to read, and files left out by the listing alone with the reason."""

    chosen: list[FileEntry]
    left_out: list[tuple[FileEntry, str]]


def select(
    entries: list[FileEntry], *, seed: int, languages: frozenset[str] | None, max_file_bytes: int,
    max_repo_bytes: int | None, max_bytes: int | None,
) -> Selection:  # fmt: skip
    """Choose what to read: known languages, files not too large, then seeded samples down to the byte budgets.

    Within a repository files, and over the corpus repositories, come in an order drawn from the seed; each is taken
    while it fits, so small ones are not starved by one that does not.
    """
    left_out: list[tuple[FileEntry, str]] = []
    by_repo: dict[str, list[FileEntry]] = {}
    for entry in entries:
        language = language_of(entry.path)
        if language is None:
            left_out.append((entry, "unknown_language"))
        elif languages is not None and language not in languages:
            left_out.append((entry, "other_language"))
        elif entry.size > max_file_bytes:
            left_out.append((entry, "too_large"))
        else:
            by_repo.setdefault(entry.repo, []).append(entry)
    chosen: list[FileEntry] = []
    room = max_bytes if max_bytes is not None else sum(entry.size for entry in entries)
    for repo in sorted(by_repo, key=lambda name: stable_hash(seed, "repo", name)):
        files = sorted(by_repo[repo], key=lambda entry: stable_hash(seed, "file", entry.shown))
        room_here = min(room, max_repo_bytes if max_repo_bytes is not None else room)
        for entry in files:
            if entry.size <= room_here:
                chosen.append(entry)
                room_here -= entry.size
                room -= entry.size
            else:
                left_out.append((entry, "over_budget"))
    chosen.sort(key=lambda entry: (entry.repo, entry.path, entry.root))
    return Selection(chosen, left_out)


def choose_heldout(sizes: dict[str, int], fraction: float, seed: int) -> frozenset[str]:
    """Choose whole repositories to hold out, about `fraction` of the bytes; never all of them.

    sizes: bytes per repository. Those up to a quarter of the target come first, since several say more than one; then larger
    ones, but none that would more than double the target, so that one giant does not eat the corpus. Where only giants
    exist, the smallest is taken.
    """
    target = fraction * sum(sizes.values())
    if target <= 0 or len(sizes) < 2:
        return frozenset()
    chosen: set[str] = set()
    held = 0
    order = sorted(sizes, key=lambda name: stable_hash(seed, "heldout", name))
    for largest in (target / 4, 2 * target):
        for repo in order:
            if held >= target or len(chosen) + 1 == len(sizes):
                break
            if repo not in chosen and sizes[repo] <= largest and held + sizes[repo] <= 2 * target:
                chosen.add(repo)
                held += sizes[repo]
    return frozenset(chosen or {min(sizes, key=lambda name: (sizes[name], name))})
