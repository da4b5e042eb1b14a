"""Files at every border: Parquet and JSON Lines, plain, .gz or .zst, local or any fsspec URL, written atomically.

A local file appears under its name only when it is complete and synced; a killed writer leaves a `.tmp` that
`sweep_temporary` removes. Unreadable input raises DataError naming file, line and what to do.
"""

import contextlib
import gzip
import io
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from codewright.core.errors import DataError

ZSTD_LEVEL = 1
"""Stages write what the next reads: source code is 12 % larger than at level 3, zstd's default, in 55 % of its time (measured)."""

_TEMPORARY = ".tmp"


def is_remote(path: str | Path) -> bool:
    """Tell whether fsspec, not the local file system, must open this path."""
    return "://" in str(path)


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its name only on success.

    Locally: temporary file in the same folder, fsync, rename. Object stores publish on close by themselves.
    Raises: OSError as the system gives it (a full disk ends as one line at the command line).
    """
    if is_remote(path):
        with fsspec.open(str(path), "wb") as remote:
            yield cast(IO[bytes], remote)
        return
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.name}.{os.getpid()}{_TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def give_name(source: Path, target: Path) -> None:
    """Give a finished file, which nobody will write to, a second name; copy it where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}{_TEMPORARY}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        with atomic_write(target) as file, source.open("rb") as content:
            shutil.copyfileobj(content, file)
        return
    temporary.replace(target)
    temporary.unlink(missing_ok=True)  # rename does nothing where both are names of one file already


def sweep_temporary(folder: Path) -> None:
    """Remove what writers that were killed in this folder left behind."""
    for leftover in folder.rglob(f".*{_TEMPORARY}"):
        leftover.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path: str | Path, value: Any) -> None:
    """Write indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read one JSON file. Raises DataError when it is missing, cut off or not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not valid JSON ({error}); remove it to have it made again") from None


def write_parquet(path: str | Path, table: pa.Table) -> None:
    """Write a table atomically; equal tables give equal bytes."""
    with atomic_write(path) as file:
        pq.write_table(table, file, compression="zstd", compression_level=ZSTD_LEVEL)


def read_parquet(path: str | Path, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file. Raises DataError when it is missing, truncated, not Parquet, or lacks a column."""
    try:
        with _open_binary(path) as file:
            reader = pq.ParquetFile(file)
            missing = [name for name in columns or [] if name not in reader.schema_arrow.names]
            if missing:
                found = ", ".join(reader.schema_arrow.names)
                raise DataError(f"{path}: no column '{missing[0]}' (found: {found})")
            return reader.read(columns=columns)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path}: cannot be read as Parquet, perhaps cut off ({reason}); fetch or make it again"
        ) from None


def read_parquet_metadata(path: str | Path) -> pq.FileMetaData:
    """Read what a Parquet file says of itself: schema, rows, bytes. Raises DataError when it is missing, or not Parquet."""
    try:
        return pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]})") from None


def read_jsonl(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read JSON Lines, yielding (line number from 1, object); blank lines are skipped.

    Raises: DataError naming the line on bad JSON, a non-object, bad UTF-8, or a cut-off archive.
    """
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: not valid JSON ({error})") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: expected a JSON object, found {type(row).__name__}")
        yield number, row


def write_jsonl(path: str | Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write JSON Lines, compressed as the name says (.gz, .zst), atomically."""
    with atomic_write(path) as raw, _compressor(str(path))(raw) as file:
        for row in rows:
            file.write(
                json.dumps(row, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass") + b"\n"
            )


@contextlib.contextmanager
def open_content(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file's content for reading, decompressed as the name says (.gz, .zst). Raises DataError as `read_jsonl` does."""
    try:
        with _open_binary(path) as raw, _decompressor(str(path))(raw) as file:
            yield file
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except PermissionError:
        raise DataError(f"{path}: no permission to read it") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: the archive is damaged or cut off ({error})") from None


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with _open_binary(path) as raw, _decompressor(str(path))(raw) as file:
            for number, line in enumerate(io.TextIOWrapper(file, encoding="utf-8"), 1):
                yield number, line
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except PermissionError:
        raise DataError(f"{path}: no permission to read it") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, near line {number + 1}: not UTF-8 ({error.reason})") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}, after line {number}: the archive is damaged or cut off ({error})") from None


def _open_binary(path: str | Path) -> IO[bytes]:
    if is_remote(path):
        return cast(IO[bytes], fsspec.open(str(path), "rb").open())
    return Path(path).open("rb")


def _decompressor(name: str) -> Callable[[IO[bytes]], Any]:
    if name.endswith(".gz"):
        return lambda raw: gzip.GzipFile(fileobj=raw, mode="rb")
    if name.endswith(".zst"):
        # Not zstandard's reader: that one takes a cut-off stream for a finished one.
        return lambda raw: io.BufferedReader(pa.CompressedInputStream(raw, "zstd"))
    return contextlib.nullcontext


def _compressor(name: str) -> Callable[[IO[bytes]], Any]:
    if name.endswith(".gz"):
        # mtime and file name are left out of the header: equal rows give equal bytes.
        return lambda raw: gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0)
    if name.endswith(".zst"):
        return lambda raw: zstandard.ZstdCompressor(level=ZSTD_LEVEL).stream_writer(raw, closefd=False)
    return contextlib.nullcontext
