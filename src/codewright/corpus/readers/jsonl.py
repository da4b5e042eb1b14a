"""JSON Lines, plain or compressed: one object a line, with the columns that `corpus.rows` knows."""

import json
from collections.abc import Iterator
from pathlib import Path

from codewright.corpus.members import Broken, Member, Options, Piece, Place, Skip, Trouble
from codewright.corpus.rows import choose_columns, member_of
from codewright.corpus.streams import Stream, compression, peek

_LINE_BYTES = 3
"""Longest line that is read, in times the longest file: a line spells its text with escapes and has other columns."""


def fits(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Tell whether a file begins with a JSON object."""
    return peek(head, 4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def cut(place: Place, options: Options) -> list[Piece]:  # noqa: ARG001
    """Give the whole file to one task."""
    path = Path(place.root)
    with path.open("rb") as file:
        packed = bool(compression(file.read(8)))
    return [
        Piece(
            "jsonl",
            place.path,
            place.path,
            place.root,
            place.repo,
            path.stat().st_size * (4 if packed else 1),
        )
    ]


def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield the rows of a JSON Lines file; a line that is none is trouble of its own, the next ones are read."""
    path = Path(piece.root)
    limit = _LINE_BYTES * options.max_file_bytes
    number = 0
    with path.open("rb") as file:
        stream = Stream(file, path.stat().st_size)
        while (line := stream.line(limit)) is not None:
            number += 1
            if not line.strip():
                continue
            if len(line) > limit:
                yield Trouble(f"line {number}", "line_too_long", f"over {limit} bytes")
                continue
            yield _row(line, number, options)


def _row(line: bytes, number: int, options: Options) -> Member | Skip | Trouble:
    place = f"line {number}"
    try:
        values = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        return Trouble(place, "not_json", str(error)[:200])
    if not isinstance(values, dict):
        return Trouble(place, "not_json", f"an object is needed, found {type(values).__name__}")
    try:
        chosen = choose_columns(list(values), options.columns)
    except Broken as error:
        return Trouble(place, error.reason, error.detail)
    row = {ours: values[name] for ours, name in chosen.items()}
    if chosen.get("path") == "max_stars_repo_path":
        row["max_stars_repo_path"] = True
    return member_of(row, number, options.max_file_bytes)
