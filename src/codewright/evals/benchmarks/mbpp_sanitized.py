"""`mbpp_sanitized`: the 427 tasks of MBPP that its authors checked by hand (arXiv 2108.07732; google-research/mbpp).

Rows as MBPP's, with prompt for text and test_imports for test_setup_code. Oddities: the published file is one JSON array. The
asserts of a task may lean on an import of the reference's (596: sys); tests run in a process of their own, so they get it too.
"""

import ast
from dataclasses import replace

from codewright.core.errors import ConfigError
from codewright.core.records import Answer, Message, Problem
from codewright.evals.benchmarks import mbpp
from codewright.evals.rows import read_rows
from codewright.evals.sources import Source
from codewright.sandbox.job import Job, Result

SOURCES = (
    Source(
        "sanitized-mbpp.json",
        "https://raw.githubusercontent.com/google-research/google-research/30adf0ec5f35f9609c2f1d896005e184195d9146/mbpp/sanitized-mbpp.json",
        "ca95deaa9a01ef0a6f439f88bcf0dd3db3563d22f22aad6cae04ebb9a8d8c8e9",
    ),
)

RELEASES = {"502db01bcc1e911d691d5212bd3d9c60ee52bbc2bd29457a520ace424bb2709d": "published, one row a line"}

PACKAGES = mbpp.PACKAGES
STOPS = mbpp.STOPS

_FIELDS = {"task_id": int, "prompt": str, "code": str, "test_list": list, "test_imports": list}


def problems(path: str | None) -> list[Problem]:
    """Load the published file. Raises ConfigError for a missing field, a double task_id, no rows, a damaged file."""
    if path is None:
        raise ConfigError("benchmark mbpp_sanitized: give its file by path")
    found = []
    for row in read_rows(path, "sanitized MBPP", _FIELDS):
        problem = mbpp.make_problem("mbpp_sanitized", row, row["prompt"], path)
        imports = [*map(str, row["test_imports"]), *_imports_in_use(row["code"], problem.tests)]
        found.append(replace(problem, meta={**problem.meta, mbpp.IMPORTS: "\n".join(imports)}))
    return found


def _imports_in_use(code: str, tests: str) -> list[str]:
    used = {node.id for node in ast.walk(mbpp.parse(tests)) if isinstance(node, ast.Name)}
    imports = [node for node in mbpp.parse(code).body if isinstance(node, ast.Import)]
    return [
        ast.unparse(node)
        for node in imports
        if used.intersection(alias.asname or alias.name for alias in node.names)
    ]


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask with the task's text and its asserts."""
    return mbpp.chat(problem)


def job(problem: Problem, answer: Answer) -> Job:
    """Run the asserts against the answer, in a process of its own."""
    return mbpp.job(problem, answer)


def passed(problem: Problem, result: Result) -> bool:
    """Judge: every assert held."""
    return result.status == "passed"
