"""What of a problem must not stand in training rows."""

from codewright.core.records import Problem

INSTRUCTION_KEY = "instruction"
"""Problem.meta entry with the chat form of a problem, where a benchmark has one."""


def texts_of(problem: Problem) -> list[str]:
    """Return a problem's question in each form it is asked in; never its answer."""
    instruction = problem.meta.get(INSTRUCTION_KEY)
    return [problem.prompt, instruction] if instruction else [problem.prompt]
