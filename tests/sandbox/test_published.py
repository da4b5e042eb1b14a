"""Published benchmarks and verdicts through the sandbox: every reference passes, every published verdict comes out again."""

import ast
import asyncio
from collections.abc import Sequence

import pytest
from benchmarks.languages import DATA, Row, read_rows

from codewright.sandbox.fallback import run_with_fallback
from codewright.sandbox.job import Job, Mode, Result
from codewright.sandbox.pool import open_sandbox
from tests.sandbox.needs import published

HUMANEVAL = DATA / "benchmarks" / "humaneval.jsonl.gz"
MBPP = DATA / "benchmarks" / "mbpp_sanitized.jsonl.gz"
ANSWERS = DATA / "published" / "qwen2.5-coder-1.5b.humaneval_plus.jsonl.gz"

pytestmark = [pytest.mark.shared_data, pytest.mark.filterwarnings("ignore:invalid escape")]

NOT_PLAIN = {88: "Counter", 737: "Match", 787: "Match", 794: "Match"}
"""MBPP task_id -> type of the reference's answer, which does not cross between processes."""

LEANING = {596: "the tests call sys.getsizeof, which only the solution imports"}
"""MBPP task_id -> why its tests do not run without the solution's own names."""


def run_jobs(jobs: Sequence[Job], *, allow_inproc: bool = False) -> list[tuple[Result, Mode]]:
    async def run() -> list[tuple[Result, Mode]]:
        async with open_sandbox() as sandbox:
            return await asyncio.gather(
                *(run_with_fallback(sandbox.run, job, allow_inproc=allow_inproc) for job in jobs)
            )

    return asyncio.run(run())


def humaneval_job(row: Row, solution: str, mode: Mode = "split") -> Job:
    tests = f"{row['test']}\ncheck({row['entry_point']})\n"
    return Job(
        mode, {"solution.py": solution}, entry_point=row["entry_point"], tests=tests, prelude=row["prompt"]
    )


def mbpp_job(row: Row, mode: Mode) -> Job:
    """The entry point has to be named: one is called like a builtin, one begins with an underscore."""
    tests = "\n".join([*row["test_imports"], *row["test_list"]])
    used = {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
    (entry,) = {node.name for node in ast.parse(row["code"]).body if isinstance(node, ast.FunctionDef)} & used
    return Job(mode, {"solution.py": row["code"]}, entry_point=entry, tests=tests)


@pytest.mark.parametrize("mode", ["split", "inproc"])
def test_every_reference_of_humaneval_passes(mode: Mode) -> None:
    rows = read_rows(published(HUMANEVAL))
    results = run_jobs([humaneval_job(row, row["prompt"] + row["canonical_solution"], mode) for row in rows])
    assert {
        row["task_id"]: result.detail
        for row, (result, _) in zip(rows, results, strict=True)
        if result.status != "passed"
    } == {}
    assert len(rows) == 164


@pytest.mark.languages
def test_published_verdicts_of_humaneval_come_out_again() -> None:
    problems = {row["task_id"]: row for row in read_rows(published(HUMANEVAL))}
    answers = read_rows(published(ANSWERS))
    results = run_jobs([humaneval_job(problems[row["task_id"]], row["solution"]) for row in answers])
    differing = {
        row["task_id"]: (row["base_passed"], result.status, result.detail)
        for row, (result, _) in zip(answers, results, strict=True)
        if row["base_passed"] != (result.status == "passed")
    }
    assert (differing, len(answers)) == ({}, 164)
    assert sum(row["base_passed"] for row in answers) == 72


def test_every_reference_of_mbpp_passes_in_a_recorded_mode() -> None:
    rows = read_rows(published(MBPP))
    jobs = [mbpp_job(row, "inproc" if row["task_id"] in LEANING else "split") for row in rows]
    results = dict(zip((row["task_id"] for row in rows), run_jobs(jobs, allow_inproc=True), strict=True))
    assert {task: result.detail for task, (result, _) in results.items() if result.status != "passed"} == {}
    assert {task for task, (_, mode) in results.items() if mode == "inproc"} == {*NOT_PLAIN, *LEANING}
    assert all(result.forgeable == (mode == "inproc") for result, mode in results.values())
    assert len(results) == 427


def test_what_needs_one_process_does_not_pass_where_that_is_not_allowed() -> None:
    rows = [row for row in read_rows(published(MBPP)) if row["task_id"] in {*NOT_PLAIN, *LEANING}]
    results = run_jobs([mbpp_job(row, "split") for row in rows])
    for row, (result, mode) in zip(rows, results, strict=True):
        task = row["task_id"]
        assert mode == "split"
        assert result.status == ("error" if task in LEANING else "not_plain"), result
        assert NOT_PLAIN.get(task, "NameError: name 'sys'") in result.detail
