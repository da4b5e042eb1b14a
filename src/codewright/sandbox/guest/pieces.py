"""Outputs of many calls as *pieces*: bytes that are compared without reading them, and read safely where they differ.

A piece is the value in marshal's format, version 2, which has one spelling per value and no references; so equal pieces are equal
values (NaN included). Marshal's own reader trusts its input, and pieces come from the untrusted side: `read_value` makes builtin
types only, and nothing else. Of a long piece only a digest crosses. It is as good as the value: nobody finds the digest of an
output without the output. Where digests differ, that of the value with 1, 1.0 and True spelled alike decides (`spelling`).
Limits: long values are compared for equality only; Counter, defaultdict and OrderedDict become dict, a bytearray bytes.
"""

import binascii
import marshal
import struct
import sys
import zlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from codewright.sandbox.guest.plain import MAX_DEPTH, Json, NotPlainError

LONG_BYTES = 2_048
"""Above this a piece crosses as its digest. Ours: 1,100 calls, the most of a published problem, fit many times into a message."""

DIGEST_BYTES = 32
LONG, OPAQUE = b"#", b"?"
"""First byte of a piece that is not marshal's. LONG: a digest follows, in expected outputs the spelling's too. OPAQUE: no plain
data, the name of its type follows."""

LONG_PIECE_BYTES = len(LONG) + DIGEST_BYTES

_VERSION = 2  # later ones add references and interned strings, which depend on more than the value
_SHOWN = 60


# ------------------------------------------------------------------------------------------------------- text in programs


def pack(rows: list[Any]) -> str:
    """Put plain data into text that stands well in a program. Raises ValueError for what is no plain data."""
    data = zlib.compress(marshal.dumps(rows, _VERSION))
    return binascii.b2a_base64(data, newline=False).decode()


def unpack(text: str) -> list[Any]:
    """Read text of `pack`. Only for text that nobody but the tests' author wrote."""
    rows: list[Any] = marshal.loads(zlib.decompress(binascii.a2b_base64(text)))  # noqa: S302
    return rows


def unpack_safely(text: str, most_bytes: int) -> Any:
    """Read text of `pack`, whoever wrote it. Raises NotPlainError for anything else, and beyond so many bytes."""
    try:
        reader = zlib.decompressobj()
        data = reader.decompress(binascii.a2b_base64(text), most_bytes)
    except (ValueError, zlib.error) as error:
        raise NotPlainError(f"malformed data: {error}") from None
    if not reader.eof:
        raise NotPlainError("malformed data: cut off, or too long")
    return read_value(data)


# ------------------------------------------------------------------------------------------------------------ in messages


def pack_pieces(pieces: list[bytes]) -> dict[str, Any]:
    """Put pieces into a message."""
    text = binascii.b2a_base64(b"".join(pieces), newline=False).decode()
    return {"sizes": [len(piece) for piece in pieces], "outputs": text}


def unpack_pieces(answer: Json) -> list[bytes] | None:
    """Take pieces out of a message that anyone may have written; None if that is impossible."""
    sizes, text = answer.get("sizes"), answer.get("outputs")
    if type(sizes) is not list or type(text) is not str:
        return None
    if not all(type(size) is int and size >= 0 for size in sizes):
        return None
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    if sum(sizes) != len(data):
        return None
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    return pieces


# ------------------------------------------------------------------------------------------------------------ to a piece


class Written(NamedTuple):
    """piece: what crosses; whole: of a long one, all of it, or nothing if there was no room."""

    piece: bytes
    whole: bytes = b""


def write_short(value: Any) -> bytes | None:
    """Write an output down if it is plain and short; None where `write_piece` has to look at it."""
    if "numpy" in sys.modules or (type(value) in _HEADS and len(value) > _AT_ONCE):
        return None
    try:
        piece = marshal.dumps(value, _VERSION)
    except ValueError:
        return None
    return piece if len(piece) <= LONG_BYTES else None


def write_piece(value: Any, *, room: int = 0, spelled: bool = False) -> Written:
    """Write an output down, whatever it is. room: bytes to keep of a long one; spelled: add its spelling."""
    try:
        # Marshal takes any buffer for bytes. Without numpy none of them equals a number or a list.
        if "numpy" not in sys.modules or _is_plain(value):
            return _write(value, room, spelled)
    except ValueError:  # not plain as it is
        pass
    try:
        return _write(_plainer(value, 0), room, spelled)
    except (ValueError, NotPlainError):
        return Written(OPAQUE + type(value).__name__.encode("utf-8", "replace")[:_SHOWN])


def _write(value: Any, room: int, spelled: bool) -> Written:
    parts = _parts(value)
    first = next(parts)
    if len(first) <= LONG_BYTES:
        return Written(first)
    hashed, kept, size = _hash(first), [first], len(first)
    for part in parts:
        hashed.update(part)
        size += len(part)
        if size <= room:
            kept.append(part)
    piece = LONG + hashed.digest() + (spelling(value) if spelled else b"")
    return Written(piece, b"".join(kept) if size <= room else b"")


_SCALARS = frozenset({type(None), bool, int, float, str, bytes, complex})
_ROW_TYPES = (list, tuple, set, frozenset)
_DICT_TYPES = (dict, Counter, defaultdict, OrderedDict)
_HEADS: dict[type, bytes] = {list: b"[", tuple: b"("}
_AT_ONCE = 4_096
"""Items; more than LONG_BYTES, so that the first part of several is long by itself."""


def _parts(value: Any, *, alike: bool = False) -> Iterator[bytes]:
    """Write a value in parts: as a whole, a row of millions of items would be in memory a second time."""
    head = _HEADS.get(type(value), b"")
    if not head or len(value) <= _AT_ONCE:
        yield marshal.dumps(_alike(value) if alike else value, _VERSION)
        return
    begin = head + _INT.pack(len(value))
    for start in range(0, len(value), _AT_ONCE):
        items = value[start : start + _AT_ONCE]
        part = marshal.dumps(_alike(items) if alike else items, _VERSION)
        yield begin + part[len(head) + _INT.size :]
        begin = b""


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return kind in _SCALARS or (kind in _ROW_TYPES and all(map(_is_plain, value)))


def _plainer(value: Any, depth: int) -> Any:
    kind = type(value)
    if depth > MAX_DEPTH:
        raise NotPlainError("nested too deeply")
    if kind in _DICT_TYPES:
        return {_plainer(key, depth + 1): _plainer(item, depth + 1) for key, item in value.items()}
    if kind in _ROW_TYPES:
        return kind([_plainer(item, depth + 1) for item in value])
    if kind is bytearray:
        return bytes(value)
    if kind not in _SCALARS:
        raise NotPlainError(f"not plain data: {kind.__name__}")
    return value


def _hash(data: bytes) -> Any:
    from _blake2 import blake2b  # hashlib would load OpenSSL, in every process that was forked without it

    return blake2b(data, digest_size=DIGEST_BYTES)


# ---------------------------------------------------------------------------------------------------------- from a piece


def read_value(piece: bytes) -> Any:
    """Read a piece. Raises NotPlainError for anything that `write_piece` does not write, whoever wrote it."""
    try:
        value, end = _read(piece, 0, 0)
    except (IndexError, ValueError, TypeError, struct.error) as error:
        raise NotPlainError(f"malformed data: {type(error).__name__}") from None
    if end != len(piece):
        raise NotPlainError("malformed data: too long")
    return value


_INT, _FLOAT, _COMPLEX = struct.Struct("<i"), struct.Struct("<d"), struct.Struct("<dd")
_CONSTANTS = dict(zip(b"NTF", (None, True, False), strict=True))
_NUMBERS = dict(zip(b"ig", (_INT, _FLOAT), strict=True))
_ROWS: dict[int, Callable[[list[Any]], Any]] = dict(zip(b"[(<>", _ROW_TYPES, strict=True))
_TEXT, _BYTES, _DICT, _END, _BIG, _PAIR = b"us{0ly"
_DIGIT_BITS = 15  # of one digit of marshal's long integers, which takes two bytes


def _read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    kind = data[at]
    at += 1
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        return number.unpack_from(data, at)[0], at + number.size
    if kind not in _ROWS:
        return _read_rarer(kind, data, at, depth)
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    items: list[Any] = []
    (count,) = _INT.unpack_from(data, at)
    at += _INT.size
    for _ in range(count):
        item, at = _read(data, at, depth + 1)
        items.append(item)
    return _ROWS[kind](items), at


def _read_rarer(kind: int, data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if kind == _DICT and depth <= MAX_DEPTH:
        pairs: dict[Any, Any] = {}
        while data[at] != _END:
            key, at = _read(data, at, depth + 1)
            pairs[key], at = _read(data, at, depth + 1)
        return pairs, at + 1
    if kind == _PAIR:
        return complex(*_COMPLEX.unpack_from(data, at)), at + _COMPLEX.size
    if kind not in (_TEXT, _BYTES, _BIG):
        raise ValueError("not plain data")
    (count,) = _INT.unpack_from(data, at)
    start = at + _INT.size
    end = start + (2 * abs(count) if kind == _BIG else count)
    if not start <= end <= len(data):
        raise ValueError("too short")
    content = data[start:end]
    if kind == _BIG:
        return (-1 if count < 0 else 1) * _whole_number(content), end
    return content.decode("utf-8", "surrogatepass") if kind == _TEXT else content, end


def _whole_number(content: bytes) -> int:
    number = 0
    for (digit,) in reversed(list(struct.iter_unpack("<H", content))):
        number = number << _DIGIT_BITS | digit
    return number


# -------------------------------------------------------------------------------------------------------------- spelling


def spelling_of(piece: bytes) -> bytes:
    """Digest the spelling of a piece that this process wrote."""
    return spelling(marshal.loads(piece))  # noqa: S302


def spelling(value: Any) -> bytes:
    """Return a digest that equal values share, whatever their types: 1, 1.0 and True, a set and a frozenset."""
    hashed = _hash(b"")
    for part in _parts(value, alike=True):
        hashed.update(part)
    digest: bytes = hashed.digest()
    return digest


def _spell(value: Any) -> bytes:
    return marshal.dumps(_alike(value), _VERSION)


def _alike(value: Any) -> Any:
    alike = _ALIKE.get(type(value))
    return alike(value) if alike else value


def _alike_set(value: Any) -> Any:
    return (..., *sorted(map(_spell, value)))


_ALIKE: dict[type, Callable[[Any], Any]] = {
    bool: int,
    float: lambda value: int(value) if value.is_integer() else value,
    complex: lambda value: value if value.imag else _alike(value.real),
    list: lambda value: [_alike(item) for item in value],
    tuple: lambda value: tuple([_alike(item) for item in value]),
    set: _alike_set,
    frozenset: _alike_set,
    dict: lambda value: (..., ..., *sorted(_spell(key) + _spell(item) for key, item in value.items())),
}
"""The ellipsis, no plain data, tells a set or dict from a tuple."""


def show(piece: bytes) -> str:
    """Describe a piece in a few words, for messages."""
    if piece[:1] == OPAQUE:
        return piece[1:].decode("utf-8", "replace")
    if piece[:1] == LONG:
        return "a long value"
    text = repr(read_value(piece))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
