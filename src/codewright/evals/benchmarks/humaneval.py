"""`humaneval`: HumanEval and every file of its shape (arXiv 2107.03374; github.com/openai/human-eval).

Rows: task_id, prompt, entry_point, canonical_solution, test, where `test` defines `check(candidate)`.
"""

from pathlib import Path

from codewright.core.errors import ConfigError
from codewright.core.records import Answer, Message, Problem
from codewright.evals.rows import read_rows
from codewright.evals.sources import Source
from codewright.sandbox.job import Job, Result

SOURCES = (
    Source(
        "HumanEval.jsonl.gz",
        "https://raw.githubusercontent.com/openai/human-eval/6d43fb980f9fee3c892a914eda09951f772ad10d/data/HumanEval.jsonl.gz",
        "1d49078ba3e2b196b9344535bef34a43021f038fad9561d6ee7c53450609a6a2",
    ),
)

PACKAGES = ("numpy",)
"""Source: requirements.txt of openai/human-eval; evalplus has it as well."""

STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Source: arXiv 2107.03374, section 3.2."""

_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


def problems(path: str | None) -> list[Problem]:
    """Load a HumanEval-shaped file. Raises ConfigError for a missing field, a double task_id, no rows, a damaged file."""
    if path is None:
        raise ConfigError(
            "benchmark humaneval: give its file by path, e.g. benchmarks: [data/HumanEval.jsonl.gz]"
        )
    name = Path(path).name.split(".", 1)[0].lower()
    return [
        Problem(
            name,
            row["task_id"],
            row["prompt"],
            row["entry_point"],
            row["canonical_solution"],
            row["test"],
        )
        for row in read_rows(path, "HumanEval-shaped", dict.fromkeys(_FIELDS, str))
    ]


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask for the whole function, its prompt fenced."""
    ask = f"Complete this Python function; answer with the whole function.\n\n```python\n{problem.prompt.rstrip()}\n```"
    return (Message("user", ask),)


def program(problem: Problem, answer: Answer) -> str:
    """Return what runs.

    Helpers and imports that stand in the prompt are part of the task, so they come before a chat answer that left them
    out; a definition in the answer overrides the prompt's.
    """
    if answer.form != "chat" or "from __future__ import" in answer.solution:  # which nothing may precede
        return answer.solution
    return f"{problem.prompt}\n    pass\n\n{answer.solution}"


def job(problem: Problem, answer: Answer) -> Job:
    """Run `check(entry_point)` of the row's test against the answer, in a process of its own."""
    tests = f"{problem.tests}\n\ncheck({problem.entry_point})\n"
    return Job(
        "split",
        {"solution.py": program(problem, answer)},
        entry_point=problem.entry_point,
        tests=tests,
        # Tests of three problems call helpers that stand in the prompt. They get the prompt's own, on the tests' side,
        # where an answer cannot replace them.
        prelude=problem.prompt,
    )


def passed(problem: Problem, result: Result) -> bool:
    """Judge: `check` returned."""
    return result.status == "passed"
