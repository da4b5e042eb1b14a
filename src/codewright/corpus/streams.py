"""Compressed files as streams of bounded memory and bounded length: gzip, xz, bzip2, zstd, or plain."""

import bz2
import io
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
from isal import isal_zlib

from codewright.corpus.members import Broken, bomb, unpacked_limit

_READ_BYTES = 2**18
_CHUNK_BYTES = 2**20
"""Packed bytes read, and unpacked bytes made, at a time."""

_ZSTD_CHUNK_BYTES = 2**16
"""Arrow's reader gives nothing of a read that meets a cut, so reads are shorter than a block."""

_HEAD_BYTES = 2**20
"""Enough for the first block of bzip2, which holds 900,000 bytes."""

_XZ_MEMORY = 256 * 2**20
"""What a .xz may ask for: ours; `xz -9` asks for 65 MiB. zstd's own bound is a window of 128 MiB (RFC 8878 wants 8)."""

InflateError = cast("type[Exception]", isal_zlib.error)
"""What ISA-L raises for damage; its type stubs take the class for an instance. It inflates twice as fast as zlib."""

_MAGICS = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}


def compression(head: bytes) -> str:
    """Name how a file is compressed by its first bytes; "" when it is not."""
    return next((name for magic, name in _MAGICS.items() if head.startswith(magic)), "")


class Stream:
    """Bytes of a file, unpacked as its first bytes say. Every method raises Broken for damage, a cut, or a bomb."""

    def __init__(self, raw: IO[bytes], packed_bytes: int) -> None:
        head = raw.read(8)
        raw.seek(0)
        kind = compression(head)
        self._chunks = _guarded(_CHUNKS[kind](raw), kind)
        self._packed_bytes = packed_bytes
        self._room = unpacked_limit(packed_bytes) if kind else packed_bytes
        self._raw = None if kind else raw
        self._chunk = b""
        self._at = 0
        self.position = 0

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end."""
        end = self._at + size
        if end <= len(self._chunk):
            data = self._chunk[self._at : end]
            self._at = end
        else:
            parts = [self._chunk[self._at :]]
            missing = size - len(parts[0])
            while missing and self._next():
                parts.append(self._chunk[:missing])
                self._at = len(parts[-1])
                missing -= self._at
            data = b"".join(parts)
        self.position += len(data)
        return data

    def skip(self, size: int) -> bool:
        """Pass over bytes; tell whether there were as many."""
        before = self.position
        left = size - (len(self._chunk) - self._at)
        if self._raw is not None and left > 0:
            # A plain file may have holes of any size: they are jumped over, not read.
            place = self._raw.tell() + left
            self._chunk, self._at = b"", 0
            self.position += min(size, max(0, self._packed_bytes - before))
            self._raw.seek(min(place, self._packed_bytes))
            return place <= self._packed_bytes
        while size and (part := len(self.read(min(size, _CHUNK_BYTES)))):
            size -= part
        return not size

    def line(self, limit: int) -> bytes | None:
        """Return the next line with its end, None at the end of the file; the rest of one over `limit` is passed over.

        A line of more than `limit` bytes comes back cut, without its end.
        """
        parts: list[bytes] = []
        size = 0
        while self._at < len(self._chunk) or self._next():
            end = self._chunk.find(b"\n", self._at) + 1
            part = self._chunk[self._at : end or len(self._chunk)]
            self._at += len(part)
            if size <= limit:
                parts.append(part)
            size += len(part)
            if end:
                break
        self.position += size
        whole = b"".join(parts)
        return (whole if size <= limit else whole[: limit + 1].rstrip(b"\n")) if parts else None

    def _next(self) -> bool:
        """Fetch the next chunk; tell whether there was one."""
        self._chunk, self._at = next(self._chunks, b""), 0
        self._room -= len(self._chunk)
        if self._room < 0:
            raise bomb(self._packed_bytes)
        return bool(self._chunk)


def peek(head: bytes, size: int = 2048) -> bytes:
    """Unpack the beginning of a file from its first bytes, as far as they reach."""
    try:
        return Stream(io.BytesIO(head), len(head)).read(size)
    except Broken:
        return b""


def head_of(path: Path) -> bytes:
    """Read a file's first bytes, as many as `peek` needs."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _plain(raw: IO[bytes]) -> Iterator[bytes]:
    while chunk := raw.read(_CHUNK_BYTES):
        yield chunk


def _gzip(raw: IO[bytes]) -> Iterator[bytes]:
    data = b""
    while data or (data := raw.read(_READ_BYTES)):
        data = data.lstrip(b"\0")  # padding between and behind members, which tapes have
        if not data:
            continue
        unpacker = isal_zlib.decompressobj(31)
        while not unpacker.eof:
            if chunk := unpacker.decompress(data, _CHUNK_BYTES):
                yield chunk
            data = unpacker.unconsumed_tail
            if not data and not unpacker.eof:
                data = raw.read(_READ_BYTES)
                if not data:
                    raise EOFError
        data = unpacker.unused_data


def _xz_or_bzip2(raw: IO[bytes], unpacker_of: Callable[[], Any]) -> Iterator[bytes]:
    data = b""
    while data or (data := raw.read(_READ_BYTES)):
        data = data.lstrip(b"\0")
        if not data:
            continue
        unpacker = unpacker_of()
        while not unpacker.eof:
            if unpacker.needs_input and not data and not (data := raw.read(_READ_BYTES)):
                raise EOFError
            if chunk := unpacker.decompress(data, _CHUNK_BYTES):
                yield chunk
            data = b""
        data = unpacker.unused_data


def _zstd(raw: IO[bytes]) -> Iterator[bytes]:
    # Arrow's reader: zstandard's takes a cut-off stream for a finished one.
    with pa.CompressedInputStream(raw, "zstd") as stream:
        while chunk := stream.read(_ZSTD_CHUNK_BYTES):
            yield chunk


def _xz(raw: IO[bytes]) -> Iterator[bytes]:
    return _xz_or_bzip2(raw, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY))


def _bzip2(raw: IO[bytes]) -> Iterator[bytes]:
    return _xz_or_bzip2(raw, bz2.BZ2Decompressor)


_CHUNKS: dict[str, Callable[[IO[bytes]], Iterator[bytes]]] = {
    "": _plain, "gzip": _gzip, "xz": _xz, "bzip2": _bzip2, "zstd": _zstd,
}  # fmt: skip


def _guarded(chunks: Iterator[bytes], kind: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except EOFError:
        raise Broken("cut_off", f"the {kind} stream ends early") from None
    except (InflateError, lzma.LZMAError, OSError, pa.ArrowInvalid, ValueError) as error:
        # Arrow says a cut as an error of the device.
        reason = "cut_off" if "runcated" in str(error) else "damaged"
        raise Broken(reason, f"{kind or 'file'}: {str(error).splitlines()[0]}") from None
