"""Rows survive Parquet; equal rows have equal ids."""

from pathlib import Path

from codewright.core.io import read_parquet, write_parquet
from codewright.core.records import (
    DOCUMENT_SCHEMA,
    PROBLEM_SCHEMA,
    SAMPLE_SCHEMA,
    Document,
    Message,
    Origin,
    Problem,
    RowVerdict,
    Sample,
    Tests,
    content_id,
    to_table,
)


def sample(text: str, **changes: object) -> Sample:
    turns = (Message("user", text), Message("assistant", "yes"))
    values = {
        "task": "write",
        "method": "m",
        "language": "python",
        "form": "chat",
        "origin": Origin(("a",), "lines 1-2"),
    }
    return Sample.make(turns, **{**values, **changes})  # type: ignore[arg-type]


def test_samples_round_trip(tmp_path: Path) -> None:
    rows = [
        sample("a"),
        sample("b", tests=Tests("x = 1", "assert x", "x"), verdict=RowVerdict("passed", "namespace", False)),
    ]
    write_parquet(tmp_path / "a.parquet", to_table(rows, SAMPLE_SCHEMA))
    assert [Sample.from_dict(row) for row in read_parquet(tmp_path / "a.parquet").to_pylist()] == rows


def test_documents_and_problems_round_trip(tmp_path: Path) -> None:
    doc = Document("1", "x", "a/b.py", "repo", "python", 3, 17, "MIT", None, {"b": "2", "a": "1"})
    write_parquet(tmp_path / "d.parquet", to_table([doc], DOCUMENT_SCHEMA))
    assert [Document.from_dict(row) for row in read_parquet(tmp_path / "d.parquet").to_pylist()] == [doc]
    problem = Problem("b", "b/0", "def f():", "f", "  pass", "assert 1", meta={"k": "v"})
    write_parquet(tmp_path / "p.parquet", to_table([problem], PROBLEM_SCHEMA))
    assert [Problem.from_dict(row) for row in read_parquet(tmp_path / "p.parquet").to_pylist()] == [problem]


def test_ids_are_of_content_and_form() -> None:
    assert sample("a").id == sample("a", method="other").id
    assert len({sample("a").id, sample("b").id, sample("a", form="completion").id}) == 3
    assert content_id("ab", "c") != content_id("a", "bc")
    assert content_id(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
