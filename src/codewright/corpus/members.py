"""What readers hand on: members of folders, archives and tables, or why one was passed over; and what bounds them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codewright.core.errors import DataError
from codewright.core.languages import language_by_name
from codewright.core.text import human_bytes
from codewright.corpus.licenses import is_license_file, is_metadata_file

MAX_MEMBERS = 1_000_000
"""Members of one archive that are read: ours; Debian's largest source package has a third of that."""

MAX_NAME_BYTES = 1024
"""Longer names are nobody's source: ours; Linux has PATH_MAX 4096, real trees stay under 300."""

MAX_RATIO = 200
"""Unpacked to packed bytes of one archive: ours; source code packs 4 to 20 times, hundreds of equal trees about 100."""

RATIO_FREE_BYTES = 256 * 2**20
"""What any archive may unpack to, whatever its ratio: it costs a second."""

MAX_UNPACKED_BYTES = 256 * 2**30
"""What no archive may go beyond: ours."""

NESTED = (
    ".zip", ".whl", ".jar", ".war", ".egg", ".nupkg", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".7z",
    ".rar", ".deb", ".rpm", ".parquet", ".arrow",
)  # fmt: skip
"""Names of containers inside containers, which are counted, not opened."""

_MAGIC = re.compile(
    rb"PK\x03\x04|\x1f\x8b|BZh[1-9]1AY|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!|!<arch>\n|PAR1"
)
_BAD_CHARACTERS = re.compile("[\\x00-\\x1f\\x7f\u202a-\u202e\u2066-\u2069]")
_DRIVE = re.compile(r"[A-Za-z]:")


class Broken(DataError):  # noqa: N818 - the word stands in quarantine rows
    """A container that cannot be read, or not further. reason: a word that is counted; detail: one line for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Member:
    """One file as its container holds it, with what the container says of it. `repo` "" is the piece's."""

    path: str
    data: bytes
    repo: str = ""
    language: str = ""
    stars: int = 0
    committed_at: int | None = None
    license: str | None = None
    url: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skip:
    """A member that is dropped, and why."""

    path: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A member that goes to quarantine, and why."""

    path: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Place:
    """One source to read: `path` as the user names it in every row, `root` where it lies, `repo` what it is a copy of."""

    path: str
    root: str
    repo: str
    by_pattern: bool = False


@dataclass(frozen=True)
class Piece:
    """What one task reads of a source; plain JSON.

    place: the source as the user names it; path: the file in it, which rows name as theirs; num_bytes: about what it unpacks
    to; params: its reader's own.
    """

    reader: str
    place: str
    path: str
    root: str
    repo: str
    num_bytes: int
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """What readers need to know; plain JSON.

    columns: our names of a table's columns -> its names; languages: those that are wanted, None for all; avoid: a folder
    not to read, where the output goes.
    """

    max_file_bytes: int
    piece_bytes: int
    columns: Mapping[str, str] = field(default_factory=dict)
    revision: str = "HEAD"
    languages: tuple[str, ...] | None = None
    avoid: str = ""


class Gate:
    """Judges the members of one container by name and size, before their bytes are read."""

    def __init__(self, options: Options) -> None:
        self._max_file_bytes = options.max_file_bytes
        self._languages = options.languages
        self._seen: set[bytes] = set()

    def refuse(self, name: str, size: int, trouble: str = "") -> Skip | Trouble | None:
        """Say why a member is not read; trouble: what it is instead of a file. Raises Broken beyond MAX_MEMBERS."""
        unsafe = unsafe_name(name)
        if unsafe:
            return Trouble(shown(name), "unsafe_name", unsafe)
        key = hashlib.blake2b(name.encode(), digest_size=16).digest()
        if key in self._seen:
            return Skip(name, "duplicate_member", "the first of this name stays")
        if len(self._seen) >= MAX_MEMBERS:
            raise Broken("too_many_members", f"more than {MAX_MEMBERS:,} members")
        self._seen.add(key)
        if trouble:
            return Skip(name, trouble)
        if name.lower().endswith(NESTED):
            return Skip(name, "nested_archive", "give it as a source of its own to have it read")
        if size > self._max_file_bytes:
            return Skip(name, "too_large", f"{size} bytes")
        return self._other_language(name)

    def _other_language(self, name: str) -> Skip | None:
        if self._languages is None:
            return None
        language = language_by_name(name)
        if language is None or language in self._languages or _read_all_the_same(name):
            return None
        return Skip(name, "other_language", language)


def _read_all_the_same(name: str) -> bool:
    """Tell whether a file is of use in another language: what states a licence, and notebooks, which hold scripts."""
    return is_license_file(name) or is_metadata_file(name) or name.lower().endswith(".ipynb")


def unsafe_name(name: str) -> str:
    """Say what is wrong with a member's name, which should be a relative path with /; "" when nothing is."""
    if not name.isascii() and shown(name) != name:
        return "not UTF-8, or control characters"
    if len(name) * 4 > MAX_NAME_BYTES and len(name.encode()) > MAX_NAME_BYTES:
        return f"longer than {MAX_NAME_BYTES} bytes"
    if not name or _BAD_CHARACTERS.search(name):
        return "control characters" if name else "empty name"
    if name.startswith("/") or "\\" in name or _DRIVE.match(name):
        return "a backslash" if "\\" in name else "absolute path"
    return "leads out of its container" if ".." in name.split("/") else ""


def shown(name: str) -> str:
    """Write out what is not UTF-8 and what would garble a line, and shorten what nobody would read."""
    plain = name[:MAX_NAME_BYTES].encode("utf-8", "backslashreplace").decode("utf-8")
    return _BAD_CHARACTERS.sub(lambda found: f"\\x{ord(found[0]):02x}", plain)


def tidy(name: str) -> str:
    """Drop what means nothing in a path: `./` and doubled slashes."""
    if "./" not in name and "//" not in name:
        return name
    lead = "/" if name.startswith("/") else ""
    return lead + "/".join(part for part in name.split("/") if part not in {"", "."})


def is_archive(data: bytes) -> bool:
    """Tell whether a file's content is a container of the kinds that `NESTED` names."""
    return _MAGIC.match(data) is not None or data[257:262] == b"ustar"


def unpacked_limit(packed_bytes: int) -> int:
    """Return how many bytes an archive of this size may unpack to."""
    return min(MAX_UNPACKED_BYTES, max(RATIO_FREE_BYTES, MAX_RATIO * packed_bytes))


class Room:
    """Counts what one container gives out against what it may. Raises Broken once it is more."""

    def __init__(self, packed_bytes: int) -> None:
        self._packed_bytes = packed_bytes
        self._left = unpacked_limit(packed_bytes)

    def use(self, size: int) -> None:
        """Count some bytes."""
        self._left -= size
        if self._left < 0:
            raise bomb(self._packed_bytes)


def bomb(packed_bytes: int) -> Broken:
    """Say that an archive unpacks to more than it may."""
    limit = human_bytes(unpacked_limit(packed_bytes))
    return Broken("bomb", f"{human_bytes(packed_bytes)} unpack to more than {limit}")
