"""The book of batches: a request is in one at a time, whoever asks; what is old, empty or gone is forgotten."""

import multiprocessing
import os
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.models.batch_book import KEPT_S, BatchBook, book_beside

FORK = multiprocessing.get_context("fork")
A, B, C = "aa" * 16, "bb" * 16, "cc" * 16


def test_a_request_is_in_one_batch_at_a_time(tmp_path: Path) -> None:
    book, other = BatchBook(tmp_path / "b.sqlite"), BatchBook(tmp_path / "b.sqlite")
    assert book.claim("one", [A, B]) == {}
    assert other.claim("two", [B, C]) == {B: "one"}
    assert book.claim("three", [A, B, C]) == {A: "one", B: "one", C: "two"}
    assert book.find("three") is None  # nothing was left for it
    book.release("one", [A])
    book.release("two", [B])  # which is not in it
    assert other.claim("four", [A, B]) == {B: "one"}
    book.release("one", [B])
    assert book.find("one") is None
    book.drop("two")
    assert book.claim("five", [B, C]) == {}


def test_it_says_how_far_the_sending_had_come_and_whose_it_was(tmp_path: Path) -> None:
    path = tmp_path / "b.sqlite"
    now = [1000.0]
    book = BatchBook(path, lambda: now[0])
    book.claim("mine", [A])
    now[0] = 1005.0
    book.sending("mine", "file-1")
    found = book.find("mine")
    assert found is not None
    assert (found.made, found.sent, found.name) == (1000.0, 1005.0, None)
    assert found.abandoned  # one batch is sent after the other: whoever looks is not sending it

    def look() -> None:
        entry = BatchBook(path, lambda: now[0]).find("mine")
        os._exit(0 if entry is not None and not entry.abandoned else 1)

    process = FORK.Process(target=look)
    process.start()
    process.join()
    assert process.exitcode == 0
    book.confirm("mine", "batch_7")
    assert (found := book.find("mine")) is not None
    assert found.name == "batch_7"


def test_what_is_older_than_its_files_is_forgotten(tmp_path: Path) -> None:
    now = [1000.0]
    BatchBook(tmp_path / "b.sqlite", lambda: now[0]).claim("old", [A])
    now[0] += KEPT_S / 2
    BatchBook(tmp_path / "b.sqlite", lambda: now[0]).claim("young", [B])
    now[0] += KEPT_S / 2 + 1
    book = BatchBook(tmp_path / "b.sqlite", lambda: now[0])
    assert book.claim("new", [A, B]) == {B: "young"}


def test_it_lies_beside_the_cache_and_is_not_taken_for_it(tmp_path: Path) -> None:
    path = book_beside(tmp_path / "replies.sqlite")
    assert path == tmp_path / "replies.batches.sqlite"
    path.write_bytes(b"something else, and long enough to be read as a file of its own kind" * 20)
    with pytest.raises(ConfigError, match="batch book"):
        BatchBook(path)
