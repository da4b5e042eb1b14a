"""`drills`: the bundled benchmark, the held-out part of the exercise family that the method `drills` trains on.

164 one-line exercises with eight asserts each, fixed once and for all; about as hard as a 2M-parameter model can learn.
Held out are whole (operation, constant) and (operation, second operation) pairs, so memory alone does not pass.
"""

from codewright.core.drills import bundled_problems
from codewright.core.errors import ConfigError
from codewright.core.records import Answer, Message, Problem
from codewright.sandbox.job import Job, Result


def problems(path: str | None) -> list[Problem]:
    """Return the bundled problems; this benchmark has no file."""
    if path is not None:
        raise ConfigError("benchmark drills is bundled and takes no file")
    return bundled_problems()


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask in chat form, in the words of the training rows."""
    return (Message("user", problem.meta["instruction"]),)


def job(problem: Problem, answer: Answer) -> Job:
    """Run the answer against the asserts, in a process of its own."""
    return Job(
        "split", {"solution.py": answer.solution}, entry_point=problem.entry_point, tests=problem.tests
    )


def passed(problem: Problem, result: Result) -> bool:
    """Judge: every assert held."""
    return result.status == "passed"
