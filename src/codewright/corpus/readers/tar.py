"""tar archives (ustar, GNU and pax; .gz .xz .bz2 .zst): sdists, npm packages, `git archive`, Debian's tarballs.

Parsed here and not by `tarfile`: that one takes a third of a core's time at 60 MB/s, and reads headers of any length
that an archive claims. Members are streamed; links and devices are counted, never followed or made.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from codewright.corpus.members import Broken, Gate, Member, Options, Piece, Place, Skip, Trouble, shown, tidy
from codewright.corpus.streams import Stream, compression, peek

BLOCK = 512

_PACKED = 4
"""Unpacked to packed bytes, to guess a task's size: what source code has with gzip."""

_MAX_EXTRA_BYTES = 2**20
"""Longest pax or GNU header that is read: ours; names and times take a few hundred bytes."""

_FILES, _FOLDERS, _SILENT = b"0\0\x37", b"5D", b"gV"
_NOT_FILES = {b"1": "hard_link", b"2": "symlink", b"3": "special_file", b"4": "special_file", b"6": "special_file", b"S": "sparse_file"}  # fmt: skip
_WITHOUT_DATA = b"1234565"
"""Kinds of header. Source: POSIX.1-2024, pax; the GNU tar manual, section "Basic Tar Format"."""

_PAX_RECORD = re.compile(rb"(\d{1,7}) ([^=]+)=")


@dataclass
class _Header:
    """One header, with what the extended headers before it say."""

    name: bytes
    size: int
    kind: bytes
    extended: dict[bytes, bytes] = field(default_factory=dict)


def fits(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Tell whether a file is a tar archive, compressed or not."""
    block = peek(head, BLOCK)
    return len(block) == BLOCK and _checksum_holds(block)


def cut(place: Place, options: Options) -> list[Piece]:  # noqa: ARG001
    """Give the whole archive to one task: it can only be read from its beginning."""
    return [piece_of(place)]


def piece_of(place: Place) -> Piece:
    """Describe one tar archive as a piece."""
    path = Path(place.root)
    with path.open("rb") as file:
        packed = bool(compression(file.read(8)))
    return Piece(
        "tar",
        place.path,
        place.path,
        place.root,
        place.repo,
        path.stat().st_size * (_PACKED if packed else 1),
    )


def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield the files of a tar archive in its order."""
    path = Path(piece.root)
    gate = Gate(options)
    with path.open("rb") as file:
        stream = Stream(file, path.stat().st_size)
        for header in _headers(stream):
            padding = -header.size % BLOCK
            if header.kind in _WITHOUT_DATA:
                header.size = padding = 0
            verdict = _judge(header, gate)
            if header.kind not in _FILES or isinstance(verdict, Skip | Trouble):
                if not stream.skip(header.size + padding):
                    raise Broken("cut_off", "the archive ends inside a member")
                if verdict and not isinstance(verdict, str):
                    yield verdict
                continue
            data = stream.read(header.size)
            if len(data) < header.size:
                raise Broken("cut_off", f"the archive ends inside {verdict}")
            stream.skip(padding)
            yield Member(str(verdict), data)


def _judge(header: _Header, gate: Gate) -> str | Skip | Trouble | None:
    """Return the name of a member to read, why it is not read, or None for what is no member."""
    if header.kind in _FOLDERS + _SILENT or header.name.endswith(b"/"):
        header.kind = b"5"
        return None
    try:
        name = tidy(header.name.decode("utf-8"))
    except UnicodeDecodeError:
        return Trouble(shown(header.name.decode("utf-8", "surrogateescape")), "unsafe_name", "not UTF-8")
    trouble = "" if header.kind in _FILES else _NOT_FILES.get(header.kind, "special_file")
    if any(key.startswith(b"GNU.sparse") for key in header.extended):
        trouble = "sparse_file"
    return gate.refuse(name, header.size, trouble) or name


def _headers(stream: Stream) -> Iterator[_Header]:
    """Yield the headers of members; the reader passes over the data of each before it asks for the next."""
    extended: dict[bytes, bytes] = {}
    for_all: dict[bytes, bytes] = {}
    while True:
        at = stream.position
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            raise Broken("cut_off", f"no end mark at byte {at}")
        if not block.strip(b"\0"):
            return
        if not _checksum_holds(block):
            raise Broken("damaged", f"no tar header at byte {at}")
        header = _parse(block, at)
        if header.kind in b"LKxgX":
            text = _extra(stream, header.size)
            if header.kind == b"L":
                extended[b"path"] = text.rstrip(b"\0")
            elif header.kind == b"g":
                for_all |= _pax_records(text)
            elif header.kind != b"K":
                extended |= _pax_records(text)
            continue
        header.extended = for_all | extended
        header.name = header.extended.get(b"path", header.name)
        size = header.extended.get(b"size", b"")
        if size:
            header.size = int(size) if size.isdigit() and len(size) < 20 else _bad(at)
        extended = {}
        yield header


def _parse(block: bytes, at: int) -> _Header:
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0]
    if prefix and block[257:263] == b"ustar\0":  # GNU's own format keeps times there
        name = prefix + b"/" + name
    field_ = block[124:136]
    if field_[0] == 0x80:  # base 256: files over 8 GiB
        return _Header(name, int.from_bytes(field_[1:], "big"), block[156:157])
    digits = field_.strip(b" \0")
    if digits.strip(b"01234567"):
        _bad(at)
    return _Header(name, int(digits or b"0", 8), block[156:157])


def _bad(at: int) -> int:
    raise Broken("damaged", f"the tar header at byte {at} has no readable size")


def _checksum_holds(block: bytes) -> bool:
    digits = block[148:156].strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        return False
    return int(digits, 8) == sum(block) - sum(block[148:156]) + 8 * 0x20


def _extra(stream: Stream, size: int) -> bytes:
    if size > _MAX_EXTRA_BYTES:
        raise Broken("damaged", f"an extended header of {size} bytes at byte {stream.position}")
    text = stream.read(size)
    if len(text) < size or not stream.skip(-size % BLOCK):
        raise Broken("cut_off", "the archive ends inside an extended header")
    return text


def _pax_records(text: bytes) -> dict[bytes, bytes]:
    """Read `length key=value` records, whose length counts all of the record."""
    records: dict[bytes, bytes] = {}
    at = 0
    while (found := _PAX_RECORD.match(text, at)) and int(found[1]) > found.end() - at:
        end = at + int(found[1])
        records[found[2]] = text[found.end() : end - 1]
        at = end
    return records
