"""Evaluations' folders as `codewright eval run` leaves them, made of verdicts that a test chooses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codewright.core.io import write_json, write_jsonl
from codewright.core.records import Answer, Verdict
from codewright.evals.results import summarise

Outcomes = Mapping[str, Sequence[bool | tuple[bool, bool]]]
"""task_id -> for each answer whether it passed, or (base, plus); `language:task_id` for another language than Python."""


def verdict_rows(outcomes: Outcomes, forgeable: bool = False) -> list[dict[str, Any]]:
    rows = []
    for name, answers in outcomes.items():
        language, _, task_id = name.rpartition(":")
        for index, outcome in enumerate(answers):
            marks = (
                dict(zip(("base_passed", "plus_passed"), outcome, strict=True))
                if isinstance(outcome, tuple)
                else {}
            )
            passed = outcome[-1] if isinstance(outcome, tuple) else outcome
            status = "passed" if passed else ("failed", "error", "timeout")[len(rows) % 3]
            detail = "" if passed else f"AssertionError: {task_id}"
            verdict = Verdict(
                "bench", task_id, index, "chat", language or "python", status, passed, "namespace",
                forgeable and passed, 0.25, detail, **marks,
            )  # fmt: skip
            rows.append(verdict.as_row())
    return rows


def answer_rows(verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        vars(
            Answer(
                "bench", row["task_id"], row["sample_index"], "chat", "p", "r", "s", "stop", "block 1 of 2"
            )
        )
        for row in verdicts
    ]


def make_evaluation(
    folder: Path,
    outcomes: Outcomes,
    *,
    of: int | None = None,
    ks: Sequence[int] = (),
    forgeable: bool = False,
    **facts: Any,
) -> Path:
    """Write a finished evaluation. of: tasks the benchmark has; facts: instead of those that scores.json gets."""
    verdicts = verdict_rows(outcomes, forgeable)
    answers = answer_rows(verdicts)
    samples = max(map(len, outcomes.values()))
    scores = {
        "benchmark": "bench",
        "codewright": "0.1.0",
        "data": {"path": "bench.jsonl", "sha256": "ab" * 32, "release": "published"},
        "problems": len(outcomes),
        "answers": {"model": "model-a", "n": samples, "temperature": 0.2, "top_p": 1.0, "max_tokens": 512},
        "prompt_style": {"form": "chat"},
        "references": {"kind": "canonical solutions", "checked": 4, "passed": 4, "unchecked": 0, "failing": []},
        "forced": "",
        "limits": {"cpu_s": "4 x slowness + 10 x the reference's", "slowness": 1.0},
        "isolation": "namespace",
        "seed": 0,
        **summarise(verdicts, answers, tasks=of or len(outcomes), samples=samples, ks=ks),
        **facts,
    }  # fmt: skip
    write_jsonl(folder / "verdicts.jsonl", verdicts)
    write_jsonl(folder / "answers.jsonl", answers)
    write_json(folder / "scores.json", scores)
    return folder


def single(passed: str, offset: int = 0) -> dict[str, list[bool]]:
    """Make outcomes with one answer a task from a text of 1 and 0."""
    return {f"bench/{at + offset}": [mark == "1"] for at, mark in enumerate(passed)}


def model(name: str, **more: Any) -> dict[str, Any]:
    return {"model": name, "n": 1, "temperature": 0.0, "top_p": 1.0, "max_tokens": 512, **more}
