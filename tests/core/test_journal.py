"""What was killed reads its journal and does the rest."""

from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.core.journal import Journal

WORK = {"model": "m", "n": 3}


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "work" / "j.jsonl"
    journal = Journal(path, WORK)
    assert journal.rows == []
    journal.append([{"a": 1}, {"a": "ü\ud800"}])
    assert Journal(path, WORK).rows == [{"a": 1}, {"a": "ü\ud800"}]


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_torn_row_is_dropped_and_overwritten(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path, WORK).append([{"a": 1}, {"a": 2}])
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    again = Journal(path, WORK)
    assert again.rows == [{"a": 1}]
    again.append([{"a": 3}])
    assert Journal(path, WORK).rows == [{"a": 1}, {"a": 3}]


def test_other_work_is_refused_by_name_and_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "out" / "work" / "j.jsonl"
    Journal(path, WORK).append([{"a": 1}])
    with pytest.raises(ConfigError, match=r"out: holds an unfinished run .*n was 3, is 4"):
        Journal(path, {**WORK, "n": 4})
    assert Journal(path, WORK).rows == [{"a": 1}]


def test_a_header_alone_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    Journal(path, WORK).close()
    Journal(path, {**WORK, "n": 4}).append([{"a": 1}])
    assert Journal(path, {**WORK, "n": 4}).rows == [{"a": 1}]


def test_removed_with_its_folder_unless_others_lie_there(tmp_path: Path) -> None:
    one, two = (Journal(tmp_path / "work" / name, WORK) for name in ("1", "2"))
    one.remove()
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["2"]
    two.remove()
    assert not (tmp_path / "work").exists()
