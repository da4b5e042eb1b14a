"""Parquet files: The Stack, StarCoderData, our own datasets. Read by row groups, a few rows at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codewright.core.manifest import is_finished
from codewright.corpus.members import Broken, Member, Options, Piece, Place, Room, Skip, Trouble
from codewright.corpus.rows import choose_columns, member_of

_ROWS = 64
"""Rows decoded at a time: 64 of the largest allowed are half a gigabyte, of usual ones half a megabyte."""

_READ_BYTES = 2**20

_MAX_FACT_BYTES = 2**20
"""Longest path, name or licence: ours; only an attack has longer ones."""


def fits(path: Path, head: bytes) -> bool:
    """Tell whether this is a Parquet file, or the folder of a finished dataset of ours."""
    return head.startswith(b"PAR1") or (is_finished(path) and any(path.glob("part-*.parquet")))


def cut(place: Place, options: Options) -> list[Piece]:
    """Cut every file at row groups into pieces of about `piece_bytes`. Raises Broken for what is not readable."""
    root = Path(place.root)
    if root.is_dir():
        parts = [*sorted(root.glob("part-*.parquet")), *sorted(root.glob("heldout/part-*.parquet"))]
        shown = [str(Path(place.path) / part.relative_to(root)) for part in parts]
    else:
        parts, shown = [root], [place.path]
    return [
        piece
        for part, path in zip(parts, shown, strict=True)
        for piece in _cut_file(part, path, place, options)
    ]


def _cut_file(part: Path, path: str, place: Place, options: Options) -> Iterator[Piece]:
    metadata = _open(part, []).metadata
    first = filled = 0
    for group in range(metadata.num_row_groups):
        filled += metadata.row_group(group).total_byte_size
        if filled >= options.piece_bytes or group == metadata.num_row_groups - 1:
            params = {"groups": [first, group + 1]}
            yield Piece("parquet", place.path, path, str(part), place.repo, filled, params)
            first, filled = group + 1, 0


def _open(path: Path, dictionaries: list[str]) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, read_dictionary=dictionaries, buffer_size=_READ_BYTES)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Broken("damaged", f"cannot be read as Parquet ({_first_line(error)})") from None


def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield the rows of some row groups. A column of a wrong type is trouble of the piece."""
    path = Path(piece.root)
    schema = _open(path, []).schema_arrow
    chosen = choose_columns(schema.names, options.columns)
    # As dictionaries, since then a long value that a page repeats a million times is held once.
    file = _open(path, [name for name in chosen.values() if _is_text(schema.field(name).type)])
    room = Room(path.stat().st_size)
    first, last = piece.params["groups"]
    number = sum(file.metadata.row_group(group).num_rows for group in range(first))
    names = list(dict.fromkeys(chosen.values()))
    batches = file.iter_batches(_ROWS, row_groups=list(range(first, last)), columns=names, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise Broken("damaged", f"row {number} and what follows ({_first_line(error)})") from None
        if batch is None:
            return
        yield from members_of(batch, chosen, number, options, room)
        number += len(batch)


def members_of(
    batch: pa.RecordBatch, chosen: dict[str, str], number: int, options: Options, room: Room
) -> Iterator[Member | Skip | Trouble]:
    """Yield the rows of a batch, one content in memory at a time; number: the first one's place in its file."""
    content = batch.column(chosen["content"])
    kind = content.type.value_type if pa.types.is_dictionary(content.type) else content.type
    if not _is_text(kind):
        raise Broken("wrong_type", f"column '{chosen['content']}' is {kind}, not text")
    others = [(ours, _values(batch.column(name), name)) for ours, name in chosen.items() if ours != "content"]
    starcoder = {"max_stars_repo_path": True} if chosen.get("path") == "max_stars_repo_path" else {}
    for at in range(len(batch)):
        row: dict[str, Any] = {ours: values[at] for ours, values in others}
        try:
            row["content"] = content[at].as_py()
        except UnicodeDecodeError as error:
            yield Trouble(
                row.get("path") or f"row {number + at}", "undecodable", f"not UTF-8 at byte {error.start}"
            )
            continue
        room.use(len(row["content"] or ""))
        yield member_of(row | starcoder, number + at, options.max_file_bytes)


def _values(column: pa.Array, name: str) -> list[Any]:
    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    if _is_text(texts.type) and (pc.max(pc.binary_length(texts)).as_py() or 0) > _MAX_FACT_BYTES:
        raise Broken("wrong_type", f"column '{name}' holds texts of more than {_MAX_FACT_BYTES} bytes")
    values: list[Any] = column.to_pylist()
    return values


def _is_text(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
