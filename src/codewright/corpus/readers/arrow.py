"""Datasets that `datasets.save_to_disk` wrote: a folder of Arrow files and a state.json, or one such folder for each split."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from codewright.core.errors import DataError
from codewright.core.io import read_json
from codewright.corpus.members import Broken, Member, Options, Piece, Place, Room, Skip, Trouble
from codewright.corpus.readers.parquet import members_of
from codewright.corpus.rows import choose_columns

_STATE, _SPLITS = "state.json", "dataset_dict.json"
_ROWS = 64


def fits(path: Path, head: bytes) -> bool:
    """Tell whether this is such a folder, or one Arrow file in the file or the stream format."""
    if head.startswith((b"ARROW1\0\0", b"\xff\xff\xff\xff")):
        return True
    return path.is_dir() and (
        (path / _SPLITS).is_file() or ((path / _STATE).is_file() and any(path.glob("*.arrow")))
    )


def cut(place: Place, options: Options) -> list[Piece]:  # noqa: ARG001
    """Make one piece of every Arrow file. Raises Broken for folders that name files elsewhere, or none."""
    root = Path(place.root)
    if not root.is_dir():
        return [Piece("arrow", place.path, place.path, place.root, place.repo, root.stat().st_size)]
    folders = (
        [root / split for split in _listed(root / _SPLITS, "splits")]
        if (root / _SPLITS).is_file()
        else [root]
    )
    files = [folder / name for folder in folders for name in _listed(folder / _STATE, "_data_files")]
    pieces = []
    for file in files:
        if file.is_symlink() or not file.is_file():
            raise Broken("missing_file", f"{file.relative_to(root)} is listed, but is no file")
        shown = str(Path(place.path) / file.relative_to(root))
        pieces.append(Piece("arrow", place.path, shown, str(file), place.repo, file.stat().st_size))
    return pieces


def _listed(path: Path, key: str) -> list[str]:
    """Read a list of plain names, given as such or as objects with a `filename`."""
    try:
        entries = read_json(path)[key]
        names = [entry["filename"] if isinstance(entry, dict) else entry for entry in entries]
    except (DataError, KeyError, TypeError) as error:
        raise Broken("damaged", f"{path.name}: {error}") from None
    for name in names:
        if not isinstance(name, str) or "/" in name or name in {"", ".", ".."}:
            raise Broken("unsafe_name", f"{path.name} lists {json.dumps(name)}, which is no plain name")
    return names


def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]:
    """Yield the rows of one Arrow file."""
    number = 0
    room = Room(Path(piece.root).stat().st_size)
    try:
        with pa.memory_map(piece.root) as source:
            for batch in _batches(source):
                chosen = choose_columns(batch.schema.names, options.columns)
                for at in range(0, len(batch), _ROWS):
                    part = batch.slice(at, _ROWS)
                    yield from members_of(part, chosen, number, options, room)
                    number += len(part)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        raise Broken("damaged", f"row {number} and what follows ({reason})") from None


def _batches(source: pa.MemoryMappedFile) -> Iterator[pa.RecordBatch]:
    if source.read(6) == b"ARROW1":
        file = pa.ipc.open_file(source)
        yield from (file.get_batch(number) for number in range(file.num_record_batches))
    else:
        source.seek(0)
        yield from pa.ipc.open_stream(source)
