"""What a toolchain computes once and every program reads: precompiled headers, libraries, class archives, build caches.

Filled outside the sandbox from the TOML's own files and the toolchain, never from a program; read-only inside. A missing
cache only costs speed (and the libraries it would hold), so trouble with it is a warning.
Limits: one folder per user; entries of toolchains that were updated since stay until they are deleted by hand.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from codewright.core.cache import cache_root
from codewright.sandbox.guest.commands import CACHE_PLACE, ROOTS_PLACE, fill_in
from codewright.sandbox.toolchains import CacheRecipe, Language, find_root, load_language, search_path

_FILL_S = 600.0
_READABLE = 0o755
_log = logging.getLogger(__name__)
_found: dict[str, str] = {}
"""Language -> what `language_cache` answered in this process."""

_filling = threading.Lock()


def cache_folder() -> Path | None:
    """Return the folder of all caches, made if need be; None where it cannot be."""
    folder = cache_root() / "toolchains"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_READABLE)  # programs run as another user when we are root
    except OSError as error:
        _log.warning("no toolchain caches, compilers will be slower: %s", error)
        return None
    return folder


def is_filled(name: str) -> bool:
    """Tell whether `language_cache` answers at once. Raises ConfigError as `load_language` does."""
    return load_language(name).cache is None or name in _found


def language_cache(name: str) -> str:
    """Fill the language's cache unless that was done before; return its folder, "" where there is none.

    Takes seconds the first time a language is used on a machine: call it in a thread unless `is_filled`. However many
    threads and processes ask, one at a time fills.
    """
    with _filling:
        if name not in _found:
            _found[name] = _find_or_fill(load_language(name))
        return _found[name]


def server_command(language: Language) -> list[str]:
    """Return the command of the language's compile server as namespaces see it; empty without one or without its cache."""
    cache = language_cache(language.name) if language.server else ""
    if language.server is None or not cache:
        return []
    command = [
        fill_in(part, {"{cache}": f"{CACHE_PLACE}/{Path(cache).name}"}) for part in language.server.start
    ]
    return (
        command
        if find_root(language.name) is None
        else [f"{ROOTS_PLACE}/{language.name}/bin/{command[0]}", *command[1:]]
    )


def _find_or_fill(language: Language) -> str:
    folder = cache_folder() if language.cache else None
    if (
        language.cache is None
        or folder is None
        or not all(Path(path).exists() for path in language.cache.wants)
    ):
        return ""
    target = folder / f"{language.name}-{_fingerprint(language, language.cache)}"
    try:
        if not target.is_dir():
            with _one_process(folder):
                if not target.is_dir():  # else another process filled it while this one waited
                    _fill(language, language.cache, target)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        _log.warning("no toolchain cache for %s: %s: %s", language.name, error.cmd[0], " ".join(reason))
        return ""
    except (OSError, subprocess.SubprocessError) as error:
        _log.warning("no toolchain cache for %s: %s", language.name, error)
        return ""
    return str(target)


@contextlib.contextmanager
def _one_process(folder: Path) -> Iterator[None]:
    """Hold a lock that ends with the process. A file system that knows no locks only costs double work."""
    with (folder / ".lock").open("wb") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def toolchain_files(language: Language, more: Iterable[str] = ()) -> list[list[str | int]]:
    """Say which files a language's programs are compiled and run with, so that another version gives another answer.

    Programs that are not here are left out: (path, size, time of modification, of change), in the order of the TOML.
    """
    path = search_path(language)
    found = [shutil.which(program, path=path) for program in language.needs]
    seen: list[list[str | int]] = []
    for file in (*[file for file in found if file], *more):
        real = Path(file).resolve()
        state = real.stat()
        # npm gives every file of every version the same modification time; installing always changes the other one.
        seen.append([str(real), state.st_size, state.st_mtime_ns, state.st_ctime_ns])
    return seen


def _fingerprint(language: Language, recipe: CacheRecipe) -> str:
    """A recipe and the programs and paths it was carried out with."""
    text = json.dumps([asdict(recipe), dict(language.env), toolchain_files(language, recipe.wants)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fill(language: Language, recipe: CacheRecipe, target: Path) -> None:
    """Work in a folder beside the target and rename it, so that nobody sees half a cache."""
    _log.info("filling the toolchain cache of %s, once for this toolchain", language.name)
    with tempfile.TemporaryDirectory(
        prefix=".filling-", dir=target.parent, ignore_cleanup_errors=True
    ) as work:
        folder, here = Path(work, "cache"), Path(work, "here")
        for path in (folder, here):
            path.mkdir()
        values = {"{cache}": str(folder), "{here}": str(here)}
        for name, text in recipe.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(fill_in(text, values), encoding="utf-8")
        environment = {
            "PATH": f"{search_path(language)}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(here),
            "TMPDIR": str(here),
            "LANG": "C.UTF-8",
            **{name: fill_in(value, values) for name, value in language.env.items()},
        }
        for command in recipe.commands:
            subprocess.run(
                [fill_in(part, values) for part in command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_FILL_S,
                check=True,
            )
        _make_readable(folder)
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster, where locks do not hold
                raise


def _make_readable(folder: Path) -> None:
    """Whatever the umask: the sandbox's user is another one."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(_READABLE if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
