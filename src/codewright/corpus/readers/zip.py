"""zip archives: wheels, GitHub's downloads, jars of sources. Read through `zipfile`, member by member, with bounds of our own."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from isal import isal_zlib

from codewright.corpus.members import (
    Broken,
    Gate,
    Member,
    Options,
    Piece,
    Place,
    Skip,
    Trouble,
    bomb,
    tidy,
    unpacked_limit,
)
from codewright.corpus.streams import InflateError

_MAX_READ_BYTES = 32 * 2**20
"""Longest single read that an archive can make `zipfile` do, its directory's above all: ours. A member needs 46 bytes there
and 600 in memory; the Linux sources come to 9 MB."""

_ENCRYPTED = 0x41
"""Flag bits 0 and 6: encryption, strong encryption. Source: APPNOTE.TXT 6.3.10, section 4.4.4."""

_PATCHED, _UTF8 = 0x20, 0x800
"""Flag bits 5 and 11: compressed patched data, names in UTF-8."""

_HEADER = struct.Struct("<4sHHH16xHH")

_UNIX = 3
"""`create_system` whose mode bits stand in the upper half of the external attributes."""


class _Bounded(io.BufferedReader):
    """A file that refuses reads which only a lying header asks for."""

    limit = _MAX_READ_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as the base does. Raises BadZipFile for too much at once."""
        most = self.limit + 1
        data = super().read(most if size is None or size < 0 else min(size, most))
        if len(data) == most:
            raise zipfile.BadZipFile(f"has more than {self.limit} bytes read at once")
        return data


def fits(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Tell whether a file is a zip archive, an empty one too."""
    return head.startswith((b"PK\3\4", b"PK\5\6"))


def cut(place: Place, options: Options) -> list[Piece]:  # noqa: ARG001
    """Give the whole archive to one task."""
    return [Piece("zip", place.path, place.path, place.root, place.repo, 4 * Path(place.root).stat().st_size)]


def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield the files of a zip archive in the order of its directory."""
    size = Path(piece.root).stat().st_size
    gate = Gate(options)
    with _Bounded(io.FileIO(piece.root)) as file:
        file.limit = max(_MAX_READ_BYTES, options.max_file_bytes)
        archive = _open(file)
        infos = archive.infolist()
        if sum(info.file_size for info in infos) > unpacked_limit(size):
            raise bomb(size)
        for info in infos:
            if info.orig_filename.endswith("/"):
                continue
            # zipfile itself cuts names at a NUL, so that two names can pass for one.
            name = tidy(info.orig_filename)
            refused = gate.refuse(name, info.file_size, _not_a_file(info))
            yield refused or _read(archive, file, info, name)


def _open(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
        raise Broken("damaged", f"no readable directory, perhaps cut off ({error})") from None


def _not_a_file(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    if kind in {0, stat.S_IFREG}:
        return ""
    return "symlink" if kind == stat.S_IFLNK else "special_file"


def _read(archive: zipfile.ZipFile, file: IO[bytes], info: zipfile.ZipInfo, name: str) -> Member | Trouble:
    if info.flag_bits & _ENCRYPTED:
        return Trouble(name, "encrypted")
    try:
        data = _inflate(file, info) if info.compress_type == zipfile.ZIP_DEFLATED else None
        # Reads no more than the directory declares; what is longer fails the checksum.
        return Member(name, archive.read(info) if data is None else data)
    except NotImplementedError as error:
        return Trouble(name, "unsupported_compression", str(error))
    except (
        zipfile.BadZipFile,
        zlib.error,
        InflateError,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        return Trouble(name, "damaged", str(error) or type(error).__name__)


def _inflate(file: IO[bytes], info: zipfile.ZipInfo) -> bytes | None:
    """Read a deflated member at once, a third faster than through `zipfile`; None for any doubt, which that then settles.

    Source: APPNOTE.TXT 6.3.10, section 4.3.7, the local file header.
    """
    file.seek(info.header_offset)
    header = file.read(_HEADER.size)
    if len(header) != _HEADER.size:
        return None
    signature, _, flags, method, name_bytes, extra_bytes = _HEADER.unpack(header)
    if signature != b"PK\3\4" or method != zipfile.ZIP_DEFLATED or flags & (_ENCRYPTED | _PATCHED):
        return None
    name = file.read(name_bytes)
    if name != info.orig_filename.encode("utf-8" if flags & _UTF8 else "cp437", "replace"):
        return None
    file.seek(extra_bytes, io.SEEK_CUR)
    packed = file.read(info.compress_size)
    inflater = isal_zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(packed, info.file_size + 1)
    if not inflater.eof or len(data) != info.file_size or isal_zlib.crc32(data) != info.CRC:
        return None
    return data
