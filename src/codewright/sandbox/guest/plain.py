"""Plain data across a process border: tagged JSON for values whose type is exactly a builtin one.

Exactly: an instance of a subclass could carry an `__eq__` that is always true, so it is refused (NotPlainError). What
crosses arrives as a fresh value: identity, sharing and iteration order of sets are not kept.
"""

import json
import os
import struct
from collections.abc import Callable
from typing import Any

Json = Any
"""What `json` reads and writes."""

MAX_DEPTH = 200
"""Deeper nesting is refused, well before Python's own limit of 1,000 frames."""

MAX_MESSAGE_BYTES = 64 << 20
_LENGTH = struct.Struct("<I")
_PIPE_CHUNK = 1 << 16

_SCALARS = frozenset({type(None), bool, int, float, str})


class NotPlainError(Exception):
    """A value that cannot cross as plain data."""


def to_json(value: object, depth: int = 0) -> Json:
    """Turn plain data into JSON; scalars and lists stand for themselves, the rest is {tag: content}."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if depth > MAX_DEPTH:
        raise NotPlainError("nested too deeply")
    writer = _WRITERS.get(kind)
    if writer is None:
        raise NotPlainError(f"not plain data: {kind.__name__}")
    return writer(value, depth + 1)


def _items(values: Any, depth: int) -> list[Json]:
    return [item if type(item) in _SCALARS else to_json(item, depth) for item in values]


_WRITERS: dict[type, Callable[[Any, int], Json]] = {
    list: _items,
    tuple: lambda value, depth: {"t": _items(value, depth)},
    dict: lambda value, depth: {"d": [_items(pair, depth) for pair in value.items()]},
    set: lambda value, depth: {"s": _items(value, depth)},
    frozenset: lambda value, depth: {"f": _items(value, depth)},
    bytes: lambda value, _depth: {"b": value.hex()},
    bytearray: lambda value, _depth: {"a": value.hex()},
    complex: lambda value, _depth: {"c": [value.real, value.imag]},
    range: lambda value, _depth: {"r": [value.start, value.stop, value.step]},
}


def from_json(data: Json) -> Any:
    """Read what `to_json` wrote. Data from an untrusted side may raise NotPlainError, never anything else."""
    try:
        return _read(data)
    except (TypeError, ValueError, AttributeError, KeyError, RecursionError, OverflowError) as error:
        raise NotPlainError(f"malformed data: {type(error).__name__}") from None


def _read(data: Json) -> Any:
    kind = type(data)
    if kind in _SCALARS:
        return data
    if kind is list:
        return [item if type(item) in _SCALARS else _read(item) for item in data]
    ((tag, content),) = data.items()
    return _READERS[tag](content)


_READERS: dict[str, Callable[[Any], Any]] = {
    "t": lambda content: tuple([_read(item) for item in content]),
    "d": lambda content: {_read(key): _read(value) for key, value in content},
    "s": lambda content: {_read(item) for item in content},
    "f": lambda content: frozenset([_read(item) for item in content]),
    "b": bytes.fromhex,
    "a": bytearray.fromhex,
    "c": lambda content: complex(*content),
    "r": lambda content: range(*content),
}


def send(fd: int, message: Json) -> None:
    """Write one length-prefixed message."""
    body = json.dumps(message).encode()
    data = _LENGTH.pack(len(body)) + body
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def receive(fd: int) -> Json:
    """Read one message; EOFError when the other side is gone, NotPlainError when it does not speak this language.

    Neither side speaks twice in a row, so one read gets a short message whole and never a part of the next one.
    """
    data = _read_more(fd, _PIPE_CHUNK)
    while len(data) < _LENGTH.size:
        data += _read_more(fd, _LENGTH.size)
    (length,) = _LENGTH.unpack_from(data)
    if length > MAX_MESSAGE_BYTES:
        raise NotPlainError("message too long")
    missing = _LENGTH.size + length - len(data)
    if missing > 0:
        parts = [data]
        while missing:
            parts.append(_read_more(fd, missing))
            missing -= len(parts[-1])
        data = b"".join(parts)
    elif missing < 0:
        raise NotPlainError("more than one message")
    try:
        return json.loads(data[_LENGTH.size :])
    except (ValueError, RecursionError):
        raise NotPlainError("malformed message") from None


def _read_more(fd: int, count: int) -> bytes:
    part = os.read(fd, min(count, _PIPE_CHUNK))
    if not part:
        raise EOFError
    return part
