"""An evaluation's folder taken again: what is whole is kept, what is damaged is made again, and never another's."""

import json
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import read_jsonl, write_json, write_jsonl
from codewright.evals.folder import take_folder
from codewright.evals.results import refuse_file
from codewright.evals.scoring import write_texts
from tests.evals.evaluation_folder import make_evaluation, single

WORK = {"benchmark": "bench", "answers": "0a"}


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    fresh = take_folder(tmp_path / "other", WORK)
    fresh.journal.remove()
    folder = make_evaluation(tmp_path / "out", single("10110"), work=fresh.key)
    write_jsonl(folder / "failures.jsonl", [])
    return folder


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(folder / "verdicts.jsonl")]


def test_a_finished_one_is_done(finished: Path) -> None:
    found = take_folder(finished, WORK)
    assert found.scores is not None and not (finished / ".work").exists()
    with pytest.raises(ConfigError, match="the results of another evaluation"):
        take_folder(finished, {**WORK, "answers": "0b"})
    assert (finished / "scores.json").exists() and not (finished / ".work").exists()


def test_verdicts_before_the_cut_are_kept(finished: Path) -> None:
    whole = rows(finished)
    path = finished / "verdicts.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    found = take_folder(finished, WORK)
    assert found.scores is None and found.journal.rows == whole[:3]
    assert not (finished / "scores.json").exists()
    found.journal.close()
    assert take_folder(finished, WORK).journal.rows == whole[:3]  # as after a kill


@pytest.mark.parametrize("content", ["", '{"task_id": "bench/0"}\n', None])
def test_rows_that_are_no_verdicts_are_all_made_again(finished: Path, content: str | None) -> None:
    path = finished / "verdicts.jsonl"
    path.unlink() if content is None else path.write_text(content)
    found = take_folder(finished, WORK)
    assert found.scores is None and found.journal.rows == []


def test_other_files_that_are_damaged_cost_no_verdict(finished: Path) -> None:
    (finished / "failures.jsonl").write_text('{"task')
    assert take_folder(finished, WORK).journal.rows == rows(finished)


def test_a_models_answers_are_not_drawn_again_for_a_damaged_file(finished: Path) -> None:
    (finished / "verdicts.jsonl").write_text("{")
    with pytest.raises(ConfigError, match=r"--answers .*answers.jsonl` and another --out"):
        take_folder(finished, WORK, rejudge=False)
    assert (finished / "scores.json").exists() and not (finished / ".work").exists()


def test_damaged_scores_are_nobodys(finished: Path) -> None:
    for content in ('{"benchmark"', "[1]"):
        (finished / "scores.json").write_text(content)
        with pytest.raises(ConfigError, match="give another --out"):
            take_folder(finished, WORK)


def test_a_file_in_the_way(tmp_path: Path) -> None:
    write_json(tmp_path / "file", {})
    refuse_file(tmp_path / "new" / "deep")
    refuse_file(tmp_path)
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=f"^--out {out}: .*is a file; name a folder$"):
            refuse_file(out)


def test_texts_with_half_a_character_survive_the_file(tmp_path: Path) -> None:
    texts = [{"solution": "x = '\ud800'", "row": {"n\udfff": ["é", "😀", "\\ud800"]}}]
    write_texts(tmp_path / "rows.jsonl", texts)
    assert [row for _, row in read_jsonl(tmp_path / "rows.jsonl")] == texts
    assert "é" in (tmp_path / "rows.jsonl").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "rows.jsonl").read_bytes()) == texts[0]
