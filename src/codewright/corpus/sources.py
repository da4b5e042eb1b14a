"""From what the user names (paths, patterns, `stdlib`, `site-packages`) to pieces that tasks read."""

import functools
import glob
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from codewright.core.errors import ConfigError
from codewright.core.plugins import list_plugins, load_plugin
from codewright.corpus.listing import resolve_source
from codewright.corpus.members import Broken, Member, Options, Piece, Place, Skip, Trouble, shown
from codewright.corpus.streams import head_of

READERS_PACKAGE = "codewright.corpus.readers"
LAST = "folder"
"""The reader that takes what no other does."""

_NAMED = frozenset({"stdlib", "site-packages"})
_SUFFIX = re.compile(
    r"(?:\.orig|\.debian)?(?:\.(?:tar|gz|xz|bz2|zst|tgz|txz|tbz2|zip|whl|jar|crate|git|dsc|jsonl?|parquet|arrow))+$"
)
_VERSION = re.compile(r"[-_]v?\d.*$")


def places_of(spec: str) -> list[Place]:
    """Find what a `source` names; a pattern (`wheels/*.whl`, `**` for any depth) names many. Raises ConfigError for nothing."""
    if spec in _NAMED:
        source = resolve_source(spec)
        return [Place(spec, str(source.root), source.prefix)]
    path = Path(spec).expanduser()
    if spec and path.exists():
        return [Place(spec, str(path), repo_name(path))]
    found = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(spec) else []  # noqa: PTH207 - Path's takes no absolute one
    if not found:
        kind = "file matches this pattern" if glob.has_magic(spec) else "such file or folder"
        raise ConfigError(f"source '{spec}': no {kind} (stdlib and site-packages are known by name)")
    return [Place(name, name, repo_name(Path(name)), by_pattern=True) for name in found]


def repo_name(path: Path) -> str:
    """Guess what a file is a copy of: its name without endings and version."""
    name = _SUFFIX.sub("", path.resolve().name if path.name in {"", ".", ".."} else path.name)
    return _VERSION.sub("", name) or name or "source"


def cut(place: Place, options: Options) -> list[Piece] | Trouble:
    """Cut one source into pieces, or say why it cannot be read."""
    try:
        pieces: list[Piece] = _reader_of(place).cut(place, options)
    except Broken as error:
        return Trouble("", error.reason, error.detail)
    except OSError as error:
        return Trouble("", "unreadable", str(error.strerror or error))
    return pieces


def _reader_of(place: Place) -> ModuleType:
    path = Path(place.root)
    if shown(place.path) != place.path:
        raise Broken("unsafe_name", "not UTF-8, or control characters")
    if path.is_symlink() and place.by_pattern:
        raise Broken("symlink", "found by a pattern; name it to have it followed")
    if not path.is_dir() and not path.is_file():
        raise Broken("special_file", "neither a file nor a folder")
    head = head_of(path) if path.is_file() else b""
    reader = next((reader for reader in _readers().values() if reader.fits(path, head)), None)
    if reader is None:
        raise Broken("unknown_format", f"no reader takes it; there are: {', '.join(_readers())}")
    return reader


@functools.cache
def _readers() -> dict[str, ModuleType]:
    keys = sorted(list_plugins(READERS_PACKAGE), key=lambda key: (key == LAST, key))
    return {key: load_plugin(READERS_PACKAGE, key) for key in keys}


def members_of(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield what a piece's reader does; what stops it early is a last Trouble."""
    try:
        yield from _readers()[piece.reader].members(piece, options)
    except Broken as error:
        yield Trouble("", error.reason, error.detail)
    except OSError as error:
        yield Trouble("", "unreadable", str(error.strerror or error))
    except Exception as error:  # an archive can be wrong in more ways than its library has errors for
        yield Trouble("", "reader_crashed", f"{piece.reader}: {type(error).__name__}: {error}"[:300])
