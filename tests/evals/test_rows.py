"""Rows of benchmark files: what is missing or damaged is said with its place."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.evals.rows import read_rows

FIELDS = {"task_id": str, "size": (int, float)}
ROW = {"task_id": "a", "size": 1.5, "more": None}


def write(path: Path, content: str) -> Path:
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


@pytest.mark.parametrize(
    "name", ["rows.jsonl", "rows.jsonl.gz", "rows.json", "rows.json.gz", "v1.rows.jsonl"]
)
def test_lines_and_arrays_are_read(tmp_path: Path, name: str) -> None:
    rows: list[dict[str, Any]] = [ROW, {**ROW, "task_id": "b", "size": 2}]
    array = ".json" in name and ".jsonl" not in name
    text = json.dumps(rows) if array else "\n".join(map(json.dumps, rows))
    assert read_rows(write(tmp_path / name, text), "test", FIELDS) == rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"task_id": "a"}', r"a.jsonl, line 1: not a test row: 'size' is missing or not a whole number or float \(needed: task_id, size; found: task_id\)"),
        ("a.jsonl", json.dumps(ROW) + "\n" + json.dumps({**ROW, "task_id": 7}), "line 2: not a test row: 'task_id' is missing or not text"),
        ("a.jsonl", f"{json.dumps(ROW)}\n{json.dumps(ROW)}", "line 2: task_id 'a' stands there twice"),
        ("a.jsonl", "\n", "holds no problem"),
        ("a.jsonl", "{", "benchmark file .*line 1: not valid JSON"),
        ("a.jsonl.gz", None, "no such file"),
        ("a.json", "[{]", "not valid JSON"),
        ("a.json", '{"task_id": "a"}', "expected a JSON array of objects"),
        ("a.json", "[1]", "expected a JSON array of objects"),
        ("a.json", json.dumps([ROW, ROW]), "row 2: task_id 'a' stands there twice"),
        ("a.json", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "not valid JSON"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        write(path, content)
    with pytest.raises(ConfigError, match=message):
        read_rows(path, "test", FIELDS)


def test_a_cut_archive_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps([ROW]).encode())
    (tmp_path / "a.json.gz").write_bytes(whole[:-9])
    with pytest.raises(ConfigError, match="damaged or cut off"):
        read_rows(tmp_path / "a.json.gz", "test", FIELDS)
