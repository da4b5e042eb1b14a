"""Answers of one benchmark become verdicts: in the sandbox, under limits that follow the references, resumable at the row."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codewright.core.errors import BackendError
from codewright.core.io import atomic_write
from codewright.core.journal import Journal
from codewright.core.records import Answer, Problem, Verdict
from codewright.evals.benchmark import Benchmark, Run
from codewright.evals.doctor import Diagnosis
from codewright.evals.judging import judge_answer, run_in
from codewright.evals.limits import limits_for
from codewright.sandbox.job import Job, Result, Sandbox

VERDICTS, ANSWERS, FAILURES, SCORES = "verdicts.jsonl", "answers.jsonl", "failures.jsonl", "scores.json"

Pair = tuple[Problem, Answer]

_AT_ONCE_PER_WORKER = 8


@dataclass(frozen=True)
class Bench:
    """A benchmark ready to be judged: its problems, what the doctor found, how slow the machine is."""

    benchmark: Benchmark
    problems: Sequence[Problem]
    diagnosis: Diagnosis
    slowness: float


def trusting(sandbox: Sandbox) -> Run:
    """Return the sandbox's `run`, made to raise BackendError when the sandbox itself fails: that is never a wrong answer."""

    async def run(job: Job) -> Result:
        result = await sandbox.run(job)
        if result.status == "sandbox_error":
            raise BackendError(
                f"the sandbox failed, not the program: {result.detail}; run the same command again, finished verdicts are kept"
            )
        return result

    return run


async def judge_all(
    bench: Bench,
    pairs: Sequence[Pair],
    *,
    sandbox: Sandbox,
    journal: Journal,
    workers: int,
    on_verdict: Callable[[bool], None],
) -> list[Verdict]:
    """Judge what the journal does not hold yet; all verdicts in the order of `pairs`.

    Raises BackendError when the sandbox itself fails, also on retry: infrastructure is never a wrong answer.
    """
    done = {(row["language"], row["task_id"], row["sample_index"]): Verdict(**row) for row in journal.rows}
    seconds = bench.diagnosis.seconds()
    gate = asyncio.Semaphore(_AT_ONCE_PER_WORKER * workers)

    async def judge(problem: Problem, answer: Answer) -> None:
        place = (problem.language, problem.task_id)
        limits = limits_for(seconds.get(place), bench.slowness)
        async with gate:
            verdict = await judge_answer(bench.benchmark, problem, answer, run_in(trusting(sandbox), limits))
        done[*place, answer.sample_index] = verdict
        journal.append([verdict.as_row()])
        on_verdict(verdict.passed)

    todo = [pair for pair in pairs if _key(*pair) not in done]
    try:
        async with asyncio.TaskGroup() as group:
            for problem, answer in todo:
                group.create_task(judge(problem, answer))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # one line for the user; the others say the same
    return [done[_key(problem, answer)] for problem, answer in pairs]


def _key(problem: Problem, answer: Answer) -> tuple[str, str, int]:
    return problem.language, problem.task_id, answer.sample_index


def write_texts(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON Lines of texts from outside.

    A lone surrogate, which JSON can hold and UTF-8 cannot, stays the escape that it was, so that `read_jsonl` gets it back.
    """
    with atomic_write(path) as file:
        for row in rows:
            text = json.dumps(row, ensure_ascii=False, sort_keys=True)
            file.write(text.encode("utf-8", "backslashreplace") + b"\n")


def write_rows(out: Path, pairs: Sequence[Pair], verdicts: Sequence[Verdict]) -> None:
    """Write answers, verdicts, and what the report shows of failures."""
    write_texts(out / ANSWERS, (_answer_row(problem, answer) for problem, answer in pairs))
    write_texts(out / VERDICTS, (verdict.as_row() for verdict in verdicts))
    failed = [
        _failure_row(problem, answer, verdict)
        for (problem, answer), verdict in zip(pairs, verdicts, strict=True)
        if not verdict.passed
    ]
    write_texts(out / FAILURES, failed)


def _answer_row(problem: Problem, answer: Answer) -> dict[str, Any]:
    return {"language": problem.language, **vars(answer)}


def _failure_row(problem: Problem, answer: Answer, verdict: Verdict) -> dict[str, Any]:
    return {
        "task_id": problem.task_id,
        "sample_index": answer.sample_index,
        "language": problem.language,
        "status": verdict.status,
        "detail": verdict.detail,
        "prompt": problem.prompt,
        "response": answer.response,
        "solution": answer.solution,
        "reference": problem.prompt + problem.canonical_solution if problem.canonical_solution else "",
    }
