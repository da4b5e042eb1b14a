"""`humaneval_plus`: published verdicts come out again, canonical solutions pass, its one special rule."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl
from codewright.core.records import Problem
from codewright.evals.benchmark import load_benchmark
from codewright.evals.benchmarks import humaneval_plus
from codewright.evals.sources import content_sha256
from tests.evals.benchmarks.plus_scoring import (
    SHARED,
    differing,
    judge_references,
    judge_texts,
    load,
    percent,
    score,
)
from tests.sandbox.needs import published

KEY, DATA = "humaneval_plus", "humaneval_plus.jsonl.gz"
QWEN = "qwen2.5-coder-1.5b.humaneval_plus.jsonl.gz"
WIZARD = "wizardcoder-33b-v1.1.humaneval_plus.raw.jsonl.gz"

SLOW = {f"HumanEval/{number}" for number in (15, 36, 59, 83, 94, 130, 139)}
"""Their canonical solutions need a second or more each."""

ROW = {
    "task_id": "HumanEval/32",
    "prompt": 'def find_zero(xs: list):\n    """Find x where the polynomial with coefficients xs is 0."""\n',
    "entry_point": "find_zero",
    "canonical_solution": "    return -xs[0] / xs[1] if len(xs) == 2 else 1.0\n",
    "base_input": [[[1, 2]], [[-2, 1]]],
    "plus_input": [[[-1, 0, 1]]],
    "atol": 0.0001,
}

pytestmark = pytest.mark.usefixtures("own_cache")


def problems_of(folder: Path, *rows: dict[str, Any]) -> Sequence[Problem]:
    write_jsonl(folder / "rows.jsonl", rows)
    return load_benchmark(KEY).problems(str(folder / "rows.jsonl"))


def test_any_root_is_right(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, ROW)
    other = "def find_zero(xs):\n    return -xs[0] / xs[1] + 1e-5 if len(xs) == 2 else -1.0\n"
    wrong = other.replace("-1.0", "0.5")
    odd = [other.replace("-1.0", value) for value in ("None", "1j", "'1'", "float('nan')")]
    verdicts = judge_texts(KEY, problem, [other, wrong, *odd])
    assert [(one.base_passed, one.plus_passed) for one in verdicts] == [(True, True)] + [(True, False)] * 5
    # As any other problem, it would be refused: the outputs are not the expected ones.
    (plain,) = problems_of(tmp_path, {**ROW, "task_id": "HumanEval/33"})
    assert not judge_texts(KEY, plain, [other])[0].plus_passed


def test_a_chat_answer_finds_what_stands_in_the_prompt(tmp_path: Path) -> None:
    row = {**ROW, "prompt": f"def first(xs):\n    return xs[0]\n\n{ROW['prompt']}"}
    (problem,) = problems_of(tmp_path, row)
    bare = "def find_zero(xs):\n    return -first(xs) / xs[1] if len(xs) == 2 else 1.0\n"
    assert judge_texts(KEY, problem, [bare], "chat")[0].passed
    assert not judge_texts(KEY, problem, [bare], "solution")[0].passed
    (message,) = load_benchmark(KEY).chat(problem)
    assert problem.prompt.rstrip() in message.content


def test_wrong_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not a HumanEval\+ row: 'base_input' is missing or not a list"):
        problems_of(tmp_path, {**ROW, "base_input": "[[1]]"})
    with pytest.raises(ConfigError, match="give its file by path"):
        load_benchmark(KEY).problems(None)


@pytest.mark.shared_data
def test_every_published_verdict_comes_out_again() -> None:
    verdicts = score(KEY, DATA, QWEN)
    assert differing(verdicts, QWEN) == {}
    assert percent(verdicts) == (43.9, 36.6)
    assert not any(verdict.forgeable for verdict in verdicts.values())


@pytest.mark.shared_data
def test_the_published_file_is_known() -> None:
    path = published(SHARED / "benchmarks" / DATA)
    assert humaneval_plus.RELEASES[content_sha256(path)] == "v0.1.10"
    problems = load(KEY, DATA)
    assert len(problems) == 164
    assert sum(int(problem.meta["calls"]) for problem in problems) == 124_253


@pytest.mark.shared_data
def test_canonical_solutions_pass() -> None:
    quick = [problem for problem in load(KEY, DATA) if problem.task_id not in SLOW]
    verdicts = judge_references(KEY, quick)
    assert len(verdicts) == 164 - len(SLOW)
    assert {one.task_id: one.detail for one in verdicts if not one.passed} == {}


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
def test_slow_canonical_solutions_pass() -> None:
    verdicts = judge_references(KEY, [one for one in load(KEY, DATA) if one.task_id in SLOW])
    assert {one.task_id for one in verdicts if one.passed} == SLOW


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
def test_the_score_of_another_published_model_comes_out_again() -> None:
    assert percent(score(KEY, DATA, WIZARD)) == (79.9, 73.2)
