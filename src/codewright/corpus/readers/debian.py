"""Debian source packages: a .dsc beside its tarballs, each of which is read by the reader of tar.

Only the names that the .dsc lists are opened, and only in its own folder; their SHA-256 must be the listed one.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from codewright.corpus.members import Broken, Member, Options, Piece, Place, Skip, Trouble
from codewright.corpus.readers import tar

_SOURCE = re.compile(r"^Source: *([a-z0-9][a-z0-9+.-]*) *$", re.MULTILINE)
_FILES = re.compile(r"^Checksums-Sha256: *\n((?: .*\n?)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ ([0-9a-f]{64}) +(\d+) +(\S+)$", re.MULTILINE)
_TARBALL = re.compile(r"\.tar\.(?:gz|xz|bz2|zst)$")
"""Source: Debian Policy Manual, section 5.4, "Debian source control files"."""

_MAX_CONTROL_BYTES = 2**20


def fits(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Tell whether a file is a Debian source control file, signed or not."""
    text = head[:_MAX_CONTROL_BYTES].decode("utf-8", "replace")
    return head[:64].startswith((b"-----BEGIN PGP SIGNED", b"Format: ")) and _FILES.search(text) is not None


def cut(place: Place, options: Options) -> list[Piece]:  # noqa: ARG001
    """Make one piece of every file the .dsc lists. Raises Broken when it names none, or names a path."""
    path = Path(place.root)
    text = path.read_bytes()[:_MAX_CONTROL_BYTES].decode("utf-8", "replace")
    source, listed = _SOURCE.search(text), _FILES.search(text)
    entries = _ENTRY.findall(listed[1]) if listed else []
    if not source or not entries:
        raise Broken("damaged", "a .dsc without a source's name or a list of files")
    return [_piece(place, f"debian/{source[1]}", *entry) for entry in entries]


def _piece(place: Place, repo: str, digest: str, size: str, name: str) -> Piece:
    if "/" in name or name in {".", ".."}:
        raise Broken("unsafe_name", f"the .dsc lists {name!r}, which is no plain file name")
    folder = Path(place.root).parent
    shown = str(Path(place.path).parent / name)
    params = {"sha256": digest, "size": int(size), "name": name}
    return Piece("debian", place.path, shown, str(folder / name), repo, 4 * int(size), params)


def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield the files of one tarball; what is no tarball (a diff, a signature) is one dropped row."""
    path = Path(piece.root)
    if not _TARBALL.search(path.name):
        yield Skip("", "not_a_tarball", "a patch or a signature beside the sources")
        return
    if not path.is_file() or path.is_symlink():
        raise Broken("missing_file", "listed in the .dsc, not beside it")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != piece.params["sha256"]:
        raise Broken(
            "wrong_checksum", f"SHA-256 {digest[:16]}..., the .dsc says {piece.params['sha256'][:16]}..."
        )
    yield from tar.members(piece, options)
