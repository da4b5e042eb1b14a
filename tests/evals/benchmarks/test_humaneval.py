"""`humaneval`: what runs for each form of answer; canonical solutions pass."""

from pathlib import Path

import pytest

from codewright.core.io import write_jsonl
from codewright.core.records import Problem
from codewright.evals.benchmark import load_benchmark
from codewright.evals.sources import content_sha256
from tests.evals.benchmarks.judging import judge_all
from tests.evals.benchmarks.plus_scoring import SHARED, judge_references, judge_texts, load
from tests.sandbox.needs import published

ROW = {
    "task_id": "t/0",
    "prompt": 'import math\n\n\ndef step(x):\n    return math.ceil(x)\n\n\ndef up(x: float) -> int:\n    """Round up."""\n',
    "entry_point": "up",
    "canonical_solution": "    return step(x)\n",
    "test": "def check(candidate):\n    assert candidate(1.5) == step(1.5) == 2\n",
}
BARE = "def up(x):\n    return step(x)\n"


@pytest.fixture
def problem(tmp_path: Path) -> Problem:
    write_jsonl(tmp_path / "HumanEval.jsonl", [ROW])
    (problem,) = load_benchmark("humaneval").problems(str(tmp_path / "HumanEval.jsonl"))
    return problem


def test_a_chat_answer_finds_what_stands_in_the_prompt(problem: Problem) -> None:
    own = "def step(x):\n    return 5\n"
    future = f"from __future__ import annotations\nimport math\n{own.replace('5', 'math.ceil(x)')}{BARE}"
    answers = [BARE, own + BARE, future, ""]
    chat = judge_texts("humaneval", problem, answers, "chat")
    # The tests call the prompt's own helper, whatever an answer calls so.
    assert [one.passed for one in chat] == [True, False, True, False]
    alone = judge_texts("humaneval", problem, answers, "solution")
    assert [one.passed for one in alone] == [False, False, True, False]
    assert [one.passed for one in judge_references("humaneval", [problem])] == [True]


def test_it_is_asked_for_with_its_prompt(problem: Problem) -> None:
    benchmark = load_benchmark("humaneval")
    (message,) = benchmark.chat(problem)
    assert problem.prompt.rstrip() in message.content
    assert benchmark.text(problem) == problem.prompt
    assert not any(stop in ROW["canonical_solution"] for stop in benchmark.stops)


@pytest.mark.shared_data
def test_the_published_file_is_known_and_its_references_pass() -> None:
    benchmark = load_benchmark("humaneval")
    (source,) = benchmark.sources
    assert content_sha256(published(SHARED / "benchmarks" / "humaneval.jsonl.gz")) == source.sha256
    verdicts = judge_references("humaneval", load("humaneval", "humaneval.jsonl.gz"))
    assert len(verdicts) == 164
    assert [one.task_id for one in verdicts if not one.passed or one.forgeable] == []


def test_answers_may_import_what_the_published_evaluator_has() -> None:
    benchmark = load_benchmark("humaneval")
    tests = "def check(candidate):\n    assert candidate([1, 2, 3]) == 2\n"
    problem = Problem("humaneval", "HumanEval/0", "def mean(xs):\n    pass\n", "mean", "", tests)
    answers = [
        benchmark.answer(problem, f"{imports}\ndef mean(xs):\n    return np.mean(xs)\n", "solution")
        for imports in ("import numpy as np", "import pandas as np")
    ]
    found = judge_all(benchmark, [(problem, answer) for answer in answers])
    assert [one.passed for one in found] == [True, False] and "pandas" in found[1].detail
