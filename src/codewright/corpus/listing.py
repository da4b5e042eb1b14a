"""Where raw code comes from: folders, and two names every machine knows (`stdlib`, `site-packages`).

Symbolic links are never followed.
"""

import importlib.metadata
import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codewright.core.errors import ConfigError

SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", ".git", ".hg", ".svn", ".venv", ".tox", ".mypy_cache"}
)
"""Never anybody's source: caches, version control, environments. Not entered, so not counted."""


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


def walk(
    root: Path,
    leave_out: frozenset[str] = frozenset(),
    avoid: Path | None = None,
    skipped: frozenset[str] = SKIPPED_FOLDERS,
) -> Iterator[Found]:
    """Yield what lies below a folder, depth first in sorted order.

    leave_out: folders right below it not to enter; avoid: one not to enter wherever it lies, where the output goes;
    skipped: names of folders not to enter anywhere.
    trouble: `unreadable` for a folder that cannot be listed (`path` ends with /), `symlink`, `special_file`.
    """
    levels = [_scan(root, "", skipped)]  # an own stack: folders may be nested deeper than Python calls
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
        elif isinstance(found, Found):
            yield found
        elif (len(levels) > 1 or found.rstrip("/") not in leave_out) and root / found != avoid:
            levels.append(_scan(root, found, skipped))


def _scan(root: Path, below: str, skipped: frozenset[str]) -> Iterator[Found | str]:
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
            if entry.name not in skipped:
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
