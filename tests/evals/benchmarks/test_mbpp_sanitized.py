"""`mbpp_sanitized`: one JSON array or one row a line, imports for the asserts, canonical solutions pass."""

import json
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.records import Problem
from codewright.evals.benchmark import load_benchmark
from codewright.evals.benchmarks import mbpp_sanitized
from codewright.evals.sources import content_sha256
from tests.evals.benchmarks.plus_scoring import SHARED, judge_references, judge_texts, load, read_rows
from tests.sandbox.needs import published

KEY, DATA = "mbpp_sanitized", "mbpp_sanitized.jsonl.gz"
ROW = {
    "source_file": "x",
    "task_id": 2,
    "prompt": "Write a function to halve a number.",
    "code": "import os.path\nimport sys as system\ndef half(x):\n  return x / 2",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(half(3), 1.5)", "assert half(2) < system.maxsize"],
}
HALF = "def half(x):\n  return x / 2\n"


def problems_of(folder: Path, *rows: dict[str, Any]) -> list[Problem]:
    (folder / "rows.json").write_text(json.dumps(rows))
    return load_benchmark(KEY).problems(str(folder / "rows.json"))


def test_the_asserts_have_the_imports_that_they_need(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, ROW)
    job = load_benchmark(KEY).module.job(problem, load_benchmark(KEY).answer(problem, HALF))
    assert job.prelude.splitlines() == ["import math", "import sys as system"]
    held, missed = judge_texts(KEY, problem, [HALF, HALF.replace("2", "3")])
    assert (held.passed, missed.passed, held.forgeable) == (True, False, False)
    assert judge_references(KEY, [problem])[0].passed


def test_the_question_shows_task_and_asserts(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, ROW)
    (message,) = load_benchmark(KEY).chat(problem)
    assert ROW["prompt"] in message.content and all(test in message.content for test in ROW["test_list"])


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="row 1: not a sanitized MBPP row: 'prompt'"):
        problems_of(tmp_path, {**ROW, "prompt": None})
    with pytest.raises(ConfigError, match="holds no problem"):
        problems_of(tmp_path)


@pytest.mark.shared_data
def test_the_published_file_is_known_in_both_shapes_and_its_references_pass(tmp_path: Path) -> None:
    path = published(SHARED / "benchmarks" / DATA)
    assert content_sha256(path) in mbpp_sanitized.RELEASES
    (tmp_path / "array.json").write_text(json.dumps(read_rows(path)))
    assert content_sha256(tmp_path / "array.json") == mbpp_sanitized.SOURCES[0].sha256
    problems = load(KEY, DATA)
    assert problems == load_benchmark(KEY).problems(str(tmp_path / "array.json"))
    assert len(problems) == 427
    verdicts = judge_references(KEY, problems)
    assert {one.task_id: one.detail for one in verdicts if not one.passed} == {}
    # A Counter, and match objects.
    assert {one.task_id for one in verdicts if one.forgeable} == {f"Mbpp/{n}" for n in (88, 737, 787, 794)}
