"""Answers to benchmarks of the EvalPlus kind, judged as the command line does it: expected outputs first, then the answers."""

import asyncio
import gzip
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from codewright.core.records import Answer, AnswerForm, Problem, Verdict
from codewright.evals.benchmark import Benchmark, load_benchmark
from codewright.evals.judging import judge_answer, run_in
from codewright.evals.limits import REFERENCE_LIMITS
from codewright.sandbox.job import Limits
from codewright.sandbox.pool import open_sandbox
from tests.conftest import REPOSITORY
from tests.sandbox.needs import published

SHARED = REPOSITORY.parent / "shared" / "data"
LIMITS = Limits(wall_s=300.0, cpu_s=60.0)
"""CPU time decides, so that a busy machine changes no verdict; a right answer to Mbpp/599 needs 35 s of it."""

_AT_ONCE = 8

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    with gzip.open(published(path), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def load(key: str, file: str) -> list[Problem]:
    return load_benchmark(key).problems(str(published(SHARED / "benchmarks" / file)))


async def _judge(benchmark: Benchmark, pairs: list[tuple[Problem, Answer]]) -> list[Verdict]:
    async with open_sandbox() as sandbox:
        asked = {problem.task_id: problem for problem, _ in pairs}
        ready = await benchmark.prepare(list(asked.values()), run_in(sandbox.run, REFERENCE_LIMITS))
        prepared = {problem.task_id: problem for problem in ready}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(problem: Problem, answer: Answer) -> Verdict:
            async with gate:
                return await judge_answer(
                    benchmark, prepared[problem.task_id], answer, run_in(sandbox.run, LIMITS)
                )

        return list(await asyncio.gather(*(one(*pair) for pair in pairs)))


def judge(key: str, pairs: Iterable[tuple[Problem, Answer]]) -> list[Verdict]:
    """Return the verdicts in the order of the pairs."""
    return asyncio.run(_judge(load_benchmark(key), list(pairs)))


def judge_texts(
    key: str, problem: Problem, solutions: Iterable[str], form: AnswerForm = "solution"
) -> list[Verdict]:
    """Judge several answers to one problem."""
    return judge(
        key, [(problem, Answer(key, problem.task_id, 0, form, "", text, text)) for text in solutions]
    )


def judge_references(key: str, problems: Iterable[Problem]) -> list[Verdict]:
    """Judge the canonical solutions."""
    benchmark = load_benchmark(key)
    return judge(key, [(one, reference) for one in problems for reference in benchmark.references(one)])


def score(key: str, data: str, answers: str, tasks: Collection[str] | None = None) -> dict[str, Verdict]:
    """Judge published answers, or those to some tasks. Returns the verdicts by task."""
    problems = {problem.task_id: problem for problem in load(key, data)}
    rows = [
        row for row in read_rows(SHARED / "published" / answers) if tasks is None or row["task_id"] in tasks
    ]
    assert tasks is not None or len(rows) == len(problems)
    pairs = [
        (problems[row["task_id"]], Answer(key, row["task_id"], 0, "solution", "", "", row["solution"]))
        for row in rows
    ]
    return {verdict.task_id: verdict for verdict in judge(key, pairs)}


def differing(verdicts: Mapping[str, Verdict], answers: str) -> dict[str, str]:
    """Map tasks whose verdict is not the published one to what happened."""
    return {
        row["task_id"]: f"{verdict.base_passed} {verdict.plus_passed}: {verdict.status}, {verdict.detail}"
        for row in read_rows(SHARED / "published" / answers)
        if (verdict := verdicts.get(row["task_id"]))
        and (verdict.base_passed, verdict.plus_passed) != (row["base_passed"], row["plus_passed"])
    }


def percent(verdicts: Mapping[str, Verdict]) -> tuple[float, float]:
    """Return the share that passes base, and plus, in percent with one decimal."""
    marks = [(verdict.base_passed, verdict.plus_passed) for verdict in verdicts.values()]
    base, plus = (100 * sum(map(bool, column)) / len(marks) for column in zip(*marks, strict=True))
    return round(base, 1), round(plus, 1)
