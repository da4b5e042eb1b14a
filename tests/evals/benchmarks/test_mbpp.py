"""`mbpp`: the test split, its asserts in the prompt, canonical solutions pass."""

import ast
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl
from codewright.core.records import Problem
from codewright.evals.benchmark import load_benchmark
from codewright.evals.benchmarks import mbpp
from codewright.evals.sources import content_sha256
from tests.evals.benchmarks.plus_scoring import SHARED, judge_references, judge_texts, load
from tests.sandbox.needs import published

ROW = {
    "task_id": 11,
    "text": "Write a function to double a number.",
    "code": "def twice(x):\r\n  return x + x",
    "test_list": ["assert twice(1) == 2", "assert max(twice(2), 0) == 4 ", "assert twice('a') == 'aa'"],
    "test_setup_code": "",
    "challenge_test_list": ["assert twice(1) == 0"],
}
TREE = {
    **ROW,
    "task_id": 12,
    "code": "class Leaf:\n  def __init__(self, x):\n    self.x = x\ndef value(leaf):\n  return leaf.x",
    "test_setup_code": "leaf = Leaf(3)\r\nleaf.x += 1",
    "test_list": ["assert value(leaf) == 4"],
}


def problems_of(folder: Path, *rows: dict[str, Any]) -> list[Problem]:
    write_jsonl(folder / "rows.jsonl", rows)
    return load_benchmark("mbpp").problems(str(folder / "rows.jsonl"))


def test_only_the_test_split_is_taken(tmp_path: Path) -> None:
    rows = [{**ROW, "task_id": number} for number in (1, 10, 11, 510, 511, 974)]
    assert [one.task_id for one in problems_of(tmp_path, *rows)] == ["Mbpp/11", "Mbpp/510"]
    with pytest.raises(ConfigError, match="holds no task from 11 to 510"):
        problems_of(tmp_path, {**ROW, "task_id": 511})


def test_the_question_shows_the_asserts_but_not_the_challenge(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, ROW)
    benchmark = load_benchmark("mbpp")
    (message,) = benchmark.chat(problem)
    for asked in (message.content, benchmark.text(problem)):
        assert ROW["text"] in asked
        assert all(test.strip() in asked for test in ROW["test_list"])
        assert "== 0" not in asked
    assert ast.get_docstring(ast.parse(problem.prompt)) is not None
    assert problem.entry_point == "twice"
    assert "\r" not in problem.canonical_solution


def test_answers_are_judged_by_the_asserts(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, ROW)
    held, missed, raised = judge_texts(
        "mbpp", problem, ["def twice(x):\n  return x * 2", "def twice(x):\n  return 2", "x = 1"]
    )
    assert (held.status, missed.status, raised.status) == ("passed", "failed", "error")
    assert not held.forgeable
    (completion,) = judge_texts("mbpp", problem, [problem.prompt + problem.canonical_solution], "completion")
    assert completion.passed


def test_asserts_that_are_set_up_with_objects_run_in_one_process(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, TREE)
    assert problem.entry_point == "value"
    (held,) = judge_references("mbpp", [problem])
    assert (held.passed, held.forgeable) == (True, True)
    (missed,) = judge_texts("mbpp", problem, [TREE["code"].replace("leaf.x", "3")])
    assert not missed.passed


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**ROW, "task_id": "11"}, "not a MBPP row: 'task_id' is missing or not a whole number"),
        ({**ROW, "code": "def twice(x:"}, "task 11 does not parse"),
        ({**ROW, "test_list": ["assert 1 == 1"]}, "task 11 does not parse .its tests call no function"),
    ],
)
def test_wrong_rows_are_refused(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        problems_of(tmp_path, row)


def test_the_name_to_define_may_be_a_builtins() -> None:
    assert mbpp.entry_point("def sum(a, b): return a", ["assert sum(1, 2) == 1"]) == "sum"
    assert mbpp.entry_point("import helper", ["assert len(f(1)) == 1"]) == "f"


@pytest.mark.shared_data
def test_the_published_file_is_known_and_its_references_pass() -> None:
    (source,) = load_benchmark("mbpp").sources
    assert content_sha256(published(SHARED / "benchmarks" / "mbpp.jsonl.gz")) == source.sha256
    problems = load("mbpp", "mbpp.jsonl.gz")
    assert len(problems) == 500
    for problem in problems:
        mbpp.parse(problem.prompt)
    verdicts = judge_references("mbpp", problems)
    assert {one.task_id: one.detail for one in verdicts if not one.passed} == {}
    # 40 and 88: a Counter; 367: a tree.
    assert {one.task_id for one in verdicts if one.forgeable} == {"Mbpp/40", "Mbpp/88", "Mbpp/367"}
