"""Where published benchmark files come from: a path, the cache, or the place they were published, checked by content.

A file is known by the SHA-256 of its content after decompression, since gzip stores times. What was fetched once is kept in
the cache and never fetched again.
"""

import functools
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import fsspec

from codewright.core.cache import cache_root
from codewright.core.errors import ConfigError
from codewright.core.io import atomic_write, open_content
from codewright.core.text import one_line


@dataclass(frozen=True)
class Source:
    """One published file. url: for fsspec (https:, hf:), with the revision in it; name: of the file in the cache."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Data:
    """A benchmark's file or folder as it was found. path: None for a bundled one."""

    path: str | None
    sha256: str
    release: str

    def describe(self) -> dict[str, str]:
        """Return it for scores.json."""
        return {"path": self.path or "bundled", "sha256": self.sha256, "release": self.release}


def content_sha256(path: Path) -> str:
    """Hash a file's content after decompression. Raises DataError for a cut archive."""
    digest = hashlib.sha256()
    with open_content(path) as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def find_data(key: str, sources: tuple[Source, ...], releases: Mapping[str, str], path: str | None) -> Data:
    """Find a benchmark's data: the given path, else the cache, else fetched. Raises ConfigError if none of them has it."""
    if not sources and (path is None or Path(path).is_dir()):
        return Data(None, "", "bundled")
    if path is None:
        fetched = [_fetch(key, source) for source in sources]
        path = str(fetched[0] if len(fetched) == 1 else fetched[0].parent)
    elif not Path(path).exists():
        raise ConfigError(f"benchmark {key}: {path}: no such file or folder")
    elif Path(path).is_dir():
        path = _find_in(Path(path), sources, releases) or path
    found = Path(path)
    files = sorted(found.glob("*.jsonl*")) if found.is_dir() else [found]
    if not files:
        raise ConfigError(f"benchmark {key}: {path}: no .jsonl file in this folder")
    digests = [content_sha256(file) for file in files]
    digest = digests[0] if len(files) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
    known = {source.sha256: "published" for source in sources} | dict(releases)
    names = {known.get(one, "unknown") for one in digests}
    return Data(path, digest, names.pop() if len(names) == 1 else "mixed")


@functools.cache
def _contents(folder: Path) -> dict[str, Path]:
    """Map the checksums of all JSON Lines files below a folder to their paths."""
    return {content_sha256(path): path for path in sorted(folder.rglob("*.jsonl*")) if path.is_file()}


def _find_in(folder: Path, sources: tuple[Source, ...], releases: Mapping[str, str]) -> str | None:
    """Find a benchmark's known files anywhere below a folder, by their content: its file, or the folder of its files."""
    contents = _contents(folder)
    found = [contents[source.sha256] for source in sources if source.sha256 in contents]
    if len(sources) > 1:
        return str(found[0].parent) if found else None
    found += [contents[digest] for digest in releases if digest in contents]
    return str(found[0]) if found else None


def _reason(error: BaseException, url: str) -> str:
    """Say what went wrong: transports often raise one with the address alone, after the one that knows more."""
    while error.__cause__ is not None:
        error = error.__cause__
    said = one_line(error)
    return type(error).__name__ if said in ("", url) else said


def _fetch(key: str, source: Source) -> Path:
    place = cache_root() / "data" / key / source.name
    if place.is_file() and content_sha256(place) == source.sha256:
        return place
    try:
        with fsspec.open(source.url, "rb") as remote, atomic_write(place) as local:
            shutil.copyfileobj(remote, local)
    except Exception as error:  # every transport has errors of its own
        raise ConfigError(
            f"benchmark {key}: {source.name} is not in the cache and could not be fetched from {source.url} "
            f"({_reason(error, source.url)}); give its file with --data"
        ) from None
    got = content_sha256(place)
    if got != source.sha256:
        place.unlink()
        raise ConfigError(
            f"benchmark {key}: {source.url} is not the file that is meant (sha256 {got}, expected {source.sha256})"
        )
    return place
