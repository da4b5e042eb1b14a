"""`humaneval_plus`: HumanEval+, HumanEval's problems with some 750 inputs each (EvalPlus, arXiv 2305.01210).

Rows: task_id, prompt, entry_point, canonical_solution, base_input, plus_input, atol. Its oddity: HumanEval/32 has more than one
right output, so the polynomial is evaluated at what the answer found. (evalplus 0.3.1 fails every answer to that problem: it
forgets to count the calls that held.)
"""

import math
from collections.abc import Iterable
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.records import Answer, Message, Problem
from codewright.evals import plus
from codewright.evals.benchmark import Outcome, Run
from codewright.evals.benchmarks import humaneval
from codewright.evals.rows import read_rows
from codewright.evals.sources import Source
from codewright.sandbox.job import Job, Result

RELEASES = {"42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f": "v0.1.10"}

SOURCES = tuple(
    Source(
        "HumanEvalPlus.jsonl.gz",
        f"https://github.com/evalplus/humanevalplus_release/releases/download/{release}/HumanEvalPlus.jsonl.gz",
        sha256,
    )
    for sha256, release in RELEASES.items()
)

PACKAGES = humaneval.PACKAGES
STOPS = humaneval.STOPS
LIMITS = plus.LIMITS

_FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("task_id", "prompt", "entry_point", "canonical_solution"), str),
    "base_input": list,
    "plus_input": list,
    "atol": (int, float),
}

ATOL = 1e-4
"""Stands for the row's own in the tests."""


def root_found(index: int, output: Any, expected: Any, arguments: Any) -> bool:
    """Hold a number at which the polynomial is nearly zero. Source: evalplus/eval/_special_oracle.py."""
    value = 0.0
    for power, coefficient in enumerate(arguments[0]):
        value += coefficient * math.pow(output, power)
    return abs(value) <= ATOL


RULES = {"HumanEval/32": plus.Rule(root_found, arguments=True)}


def problems(path: str | None) -> list[Problem]:
    """Load the published file. Raises ConfigError for a missing field, a double task_id, no rows, a damaged file."""
    if path is None:
        raise ConfigError("benchmark humaneval_plus: give its file by path")
    return [
        plus.make_problem("humaneval_plus", row, row["base_input"], row["plus_input"])
        for row in read_rows(path, "HumanEval+", _FIELDS)
    ]


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask for the whole function, its prompt fenced."""
    return humaneval.chat(problem)


async def prepare(problems: Iterable[Problem], run: Run) -> list[Problem]:
    """Give problems their expected outputs."""
    return await plus.prepare(problems, run)


def job(problem: Problem, answer: Answer) -> Job:
    """Call the answer with every input, in a process of its own. The problem has to be prepared."""
    return plus.make_job(problem, humaneval.program(problem, answer), RULES)


def passed(problem: Problem, result: Result) -> bool:
    """Judge: every output held."""
    return result.status == "passed"


async def judge(problem: Problem, answer: Answer, run: Run) -> Outcome:
    """Judge on base and plus inputs."""
    return await plus.judge(problem, humaneval.program(problem, answer), RULES, run)
