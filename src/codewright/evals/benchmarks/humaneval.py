"""`humaneval`: HumanEval and every file of its shape (arXiv 2107.03374; github.com/openai/human-eval).

Rows: task_id, prompt, entry_point, canonical_solution, test, where `test` defines `check(candidate)`.
"""

from pathlib import Path

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_jsonl
from codewright.core.records import Answer, Message, Problem
from codewright.sandbox.job import Job, Result

_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


def problems(path: str | None) -> list[Problem]:
    """Load a HumanEval-shaped file. Raises ConfigError for a missing field, a double task_id, no rows, a damaged file."""
    if path is None:
        raise ConfigError(
            "benchmark humaneval: give its file by path, e.g. benchmarks: [data/HumanEval.jsonl.gz]"
        )
    name = Path(path).name.split(".", 1)[0].lower()
    found: dict[str, Problem] = {}
    try:
        for line, row in read_jsonl(path):
            for field in _FIELDS:
                if not isinstance(row.get(field), str):
                    raise ConfigError(
                        f"{path}, line {line}: not a HumanEval-shaped row: '{field}' is missing or not text "
                        f"(needed: {', '.join(_FIELDS)}; found: {', '.join(sorted(row))})"
                    )
            if row["task_id"] in found:
                raise ConfigError(f"{path}, line {line}: task_id '{row['task_id']}' stands there twice")
            found[row["task_id"]] = Problem(
                name,
                row["task_id"],
                row["prompt"],
                row["entry_point"],
                row["canonical_solution"],
                row["test"],
            )
    except DataError as error:
        raise ConfigError(f"benchmark file {error}") from None
    if not found:
        raise ConfigError(f"benchmark file {path}: holds no problem")
    return list(found.values())


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask for the whole function, its prompt fenced."""
    ask = f"Complete this Python function; answer with the whole function.\n\n```python\n{problem.prompt.rstrip()}\n```"
    return (Message("user", ask),)


def job(problem: Problem, answer: Answer) -> Job:
    """Run `check(entry_point)` of the row's test against the answer, in a process of its own.

    Helpers and imports that stand in the prompt are part of the task, so they come before a chat answer that left them
    out; a definition in the answer overrides the prompt's.
    """
    solution = answer.solution
    if answer.form == "chat":
        solution = f"{problem.prompt}\n    pass\n\n{solution}"
    tests = f"{problem.tests}\n\ncheck({problem.entry_point})\n"
    return Job(
        "split",
        {"solution.py": solution},
        entry_point=problem.entry_point,
        tests=tests,
        # Tests of three problems call helpers that stand in the prompt. They get the prompt's own, on the tests' side,
        # where an answer cannot replace them.
        prelude=problem.prompt,
    )


def passed(problem: Problem, result: Result) -> bool:
    """Judge: `check` returned."""
    return result.status == "passed"
