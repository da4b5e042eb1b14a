"""Benchmarks: HumanEval-shaped files by path, wrong schemas refused, canonical solutions pass and mutants fail."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.extract import from_completion
from codewright.core.io import write_jsonl
from codewright.core.manifest import Dataset
from codewright.core.plugins import list_plugins, load_plugin
from codewright.core.records import Answer, Form, Problem
from codewright.evals.benchmark import BENCHMARKS_PACKAGE
from codewright.evals.problems import PLUGIN_KEY, load_problems
from codewright.sandbox.lazy import LazySandbox
from tests.conftest import REPOSITORY

ROW = {
    "task_id": "t/0",
    "prompt": 'from typing import List\n\n\ndef total(xs: List[int]) -> int:\n    """Add all numbers."""\n',
    "entry_point": "total",
    "canonical_solution": "    return sum(xs)\n",
    "test": "def check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0\n",
}
HUMANEVAL = REPOSITORY.parent / "shared" / "data" / "benchmarks" / "humaneval.jsonl.gz"


def judge(problems: list[Problem], solutions: list[str], form: Form) -> list[bool]:
    async def work() -> list[bool]:
        async with LazySandbox("namespace") as sandbox:
            verdicts = []
            for problem, solution in zip(problems, solutions, strict=True):
                benchmark = load_plugin(BENCHMARKS_PACKAGE, problem.meta[PLUGIN_KEY])
                answer = Answer(problem.benchmark, problem.task_id, 0, form, "", solution, solution)
                verdicts.append(benchmark.passed(problem, await sandbox.run(benchmark.job(problem, answer))))
            return verdicts

    return asyncio.run(work())


@pytest.fixture
def small(tmp_path: Path) -> str:
    write_jsonl(tmp_path / "Small.v1.jsonl", [ROW])
    return str(tmp_path / "Small.v1.jsonl")


def test_a_file_by_path_is_asked_and_judged(small: str) -> None:
    (problem,) = load_problems(small)
    assert (problem.benchmark, problem.task_id, problem.meta[PLUGIN_KEY]) == ("small", "t/0", "humaneval")
    whole = problem.prompt + problem.canonical_solution
    assert judge([problem], [whole], "completion") == [True]
    # A chat answer may leave out the imports that the prompt gave.
    bare = "def total(xs: List[int]) -> int:\n    return sum(xs)\n"
    assert judge([problem] * 3, [bare, bare.replace("sum", "len"), ""], "chat") == [True, False, False]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{key: value for key, value in ROW.items() if key != "entry_point"}],
            "line 1: not a HumanEval-shaped row: 'entry_point'",
        ),
        ([{**ROW, "test": ["assert"]}], "'test' is missing or not text"),
        ([ROW, ROW], "line 2: task_id 't/0' stands there twice"),
        ([], "holds no problem"),
    ],
)
def test_wrong_schemas(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    write_jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(ConfigError, match=message):
        load_problems(str(tmp_path / "a.jsonl"))


def refuse_to_open(url: str, mode: str) -> None:
    raise OSError("no network")


def test_unknown_benchmarks_and_files(
    tmp_path: Path, small: str, run_stages: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("codewright.evals.sources.fsspec.open", refuse_to_open)
    with pytest.raises(ConfigError, match=r"no benchmark named 'drill' \(did you mean 'drills'\?\)"):
        load_problems("drill")
    with pytest.raises(ConfigError, match="no such file"):
        load_problems(str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(
        ConfigError, match=r"could not be fetched from https.*\(no network\); give its file with --data"
    ):
        load_problems("humaneval")
    with pytest.raises(ConfigError, match="benchmark 'small' is named twice"):
        run_stages([{"eval.problems": {"id": "p", "benchmarks": [small, small]}}])


def test_problems_become_a_dataset(small: str, run_stages: Callable[..., Any], tmp_path: Path) -> None:
    run_stages([{"eval.problems": {"id": "p", "benchmarks": ["drills", small]}}])
    dataset = Dataset(tmp_path / "run" / "p")
    assert {name: facts["problems"] for name, facts in dataset.manifest.details["benchmarks"].items()} == {
        "drills": 164,
        "small": 1,
    }
    assert [Problem.from_dict(row) for row in dataset.rows()] == load_problems("drills") + load_problems(
        small
    )


def test_every_drill_reference_passes_and_a_mutant_fails() -> None:
    problems = load_problems("drills")
    whole = [problem.prompt + problem.canonical_solution for problem in problems]
    assert all(judge(problems, whole, "completion"))
    mutants = [problem.prompt + "    return None\n" for problem in problems]
    assert not any(judge(problems, mutants, "completion"))


def test_every_benchmark_file_keeps_the_contract() -> None:
    for key in list_plugins(BENCHMARKS_PACKAGE):
        plugin = load_plugin(BENCHMARKS_PACKAGE, key)
        assert all(callable(getattr(plugin, name)) for name in ("problems", "chat", "job", "passed"))


@pytest.mark.shared_data
@pytest.mark.skipif(not HUMANEVAL.exists(), reason=f"{HUMANEVAL.name} is not in this checkout")
def test_humaneval_references_pass_in_both_forms() -> None:
    problems = load_problems(str(HUMANEVAL))
    whole = [from_completion(problem.prompt, problem.canonical_solution).solution for problem in problems]
    assert sum(judge(problems, whole, "completion")) == 164
    assert sum(judge(problems, whole, "chat")) == 164
