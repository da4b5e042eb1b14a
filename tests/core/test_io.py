"""Files at every border: round trips, atomicity, and one clear line for damaged input."""

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pytest

from codewright.core.errors import DataError
from codewright.core.io import (
    atomic_write,
    give_name,
    read_jsonl,
    read_parquet,
    sweep_temporary,
    write_jsonl,
    write_parquet,
)

ROWS = [{"n": 1, "text": "grüße"}, {"n": 2, "text": "\u2028 line"}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_jsonl_round_trip_and_equal_bytes(tmp_path: Path, name: str) -> None:
    write_jsonl(tmp_path / name, ROWS)
    first = (tmp_path / name).read_bytes()
    write_jsonl(tmp_path / name, ROWS)
    assert (tmp_path / name).read_bytes() == first
    assert [row for _, row in read_jsonl(tmp_path / name)] == ROWS


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_a_cut_archive_is_one_clear_error(tmp_path: Path, name: str) -> None:
    write_jsonl(tmp_path / name, [{"n": number, "text": "x" * number} for number in range(500)])
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"damaged or cut off|not valid JSON"):
        list(read_jsonl(tmp_path / name))


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"n": 1}\n\n{"n": \n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 3: not valid JSON"):
        list(read_jsonl(path))
    path.write_text("[1]\n")
    with pytest.raises(DataError, match="line 1: expected a JSON object, found list"):
        list(read_jsonl(path))
    path.write_bytes(b'{"n": "\xff"}\n')
    with pytest.raises(DataError, match="not UTF-8"):
        list(read_jsonl(path))


def test_a_gz_name_on_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_text('{"n": 1}\n')
    with pytest.raises(DataError, match="damaged"):
        list(read_jsonl(path))
    with gzip.open(path, "wt") as file:
        file.write('{"n": 1}\n')
    assert list(read_jsonl(path)) == [(1, {"n": 1})]


def test_parquet_truncated_or_without_a_column(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, pa.table({"id": ["a", "b"]}))
    assert read_parquet(path, ["id"]).to_pylist() == [{"id": "a"}, {"id": "b"}]
    with pytest.raises(DataError, match=r"no column 'text' \(found: id\)"):
        read_parquet(path, ["text"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cut off"):
        read_parquet(path)
    with pytest.raises(DataError, match="no such file"):
        read_parquet(tmp_path / "b.parquet")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("links", [True, False])
def test_a_finished_file_gets_a_second_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    source, target = tmp_path / "a", tmp_path / "folder" / "b"
    source.write_bytes(b"content")
    for _ in range(2):
        give_name(source, target)
    source.unlink()
    assert target.read_bytes() == b"content"
    assert [path.name for path in target.parent.iterdir()] == ["b"]


def test_sweeping_removes_what_killed_writers_left(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".a.txt.123.tmp").write_text("half")
    (tmp_path / "deep" / "a.txt").write_text("whole")
    sweep_temporary(tmp_path)
    assert [item.name for item in (tmp_path / "deep").iterdir()] == ["a.txt"]


def test_fsspec_urls_are_read_and_written() -> None:
    write_jsonl("memory://bucket/a.jsonl.gz", ROWS)
    assert [row for _, row in read_jsonl("memory://bucket/a.jsonl.gz")] == ROWS
    write_parquet("memory://bucket/a.parquet", pa.table({"id": ["a"]}))
    assert read_parquet("memory://bucket/a.parquet").to_pylist() == [{"id": "a"}]
