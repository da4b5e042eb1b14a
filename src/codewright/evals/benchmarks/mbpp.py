"""`mbpp`: MBPP's test split, 500 short tasks with three asserts each (arXiv 2108.07732; google-research/mbpp).

Rows: task_id, text, code, test_list, test_setup_code, challenge_test_list. Oddities: of the 974 rows, tasks 11 to 510 are for
testing (its README.md). The name to define stands in the asserts only, so they are part of the prompt, as in the paper. One task
(367) sets its tests up with a class of the solution's; objects do not cross between processes, so it is judged in one.
"""

import ast
import builtins
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.records import Answer, Message, Problem
from codewright.evals.rows import read_rows
from codewright.evals.sources import Source
from codewright.sandbox.job import Job, Mode, Result

SOURCES = (
    Source(
        "mbpp.jsonl",
        "https://raw.githubusercontent.com/google-research/google-research/30adf0ec5f35f9609c2f1d896005e184195d9146/mbpp/mbpp.jsonl",
        "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f",
    ),
)

PACKAGES = ("numpy",)
STOPS = ('\n"""', "\nassert ", "\nprint(", "\nif __name__")
"""Where a function after a docstring is over and the model goes on with the next example; ours."""

FIRST_TASK, LAST_TASK = 11, 510

SETUP, IMPORTS = "setup", "imports"
"""Problem.meta entries: what runs before the asserts; imports alone can run in their process."""

_FIELDS = {"task_id": int, "text": str, "code": str, "test_list": list, "test_setup_code": str}


def problems(path: str | None) -> list[Problem]:
    """Load the test split. Raises ConfigError for a missing field, a double task_id, no such task, a damaged file."""
    if path is None:
        raise ConfigError("benchmark mbpp: give its file by path")
    rows = read_rows(path, "MBPP", _FIELDS)
    chosen = [row for row in rows if FIRST_TASK <= row["task_id"] <= LAST_TASK]
    if not chosen:
        raise ConfigError(
            f"benchmark file {path}: holds no task from {FIRST_TASK} to {LAST_TASK}, MBPP's test split"
        )
    return [make_problem("mbpp", row, row["text"], path) for row in chosen]


def make_problem(benchmark: str, row: Mapping[str, Any], text: str, path: str) -> Problem:
    """Make a problem of a row. Raises ConfigError for code or asserts that do not parse."""
    try:
        code = _plain_lines(row["code"])
        tests = [_plain_lines(str(test)).strip() for test in row["test_list"]]
        name = entry_point(code, tests)
    except SyntaxError as error:
        raise ConfigError(f"{path}: task {row['task_id']} does not parse ({error.msg})") from None
    asked = "\n".join([_plain_lines(text).strip(), *tests])
    return Problem(
        benchmark,
        f"Mbpp/{row['task_id']}",
        f'"""\n{asked}\n"""\n',
        name,
        f"{code.rstrip()}\n",
        "\n".join(tests) + "\n",
        meta={"instruction": asked, SETUP: _plain_lines(row.get("test_setup_code", ""))},
    )


def _plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def entry_point(code: str, tests: Iterable[str]) -> str:
    """Return the name that the tests call and the reference defines. Raises SyntaxError for what does not parse."""
    called = [
        node.func.id
        for test in tests
        for node in ast.walk(parse(test))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    defined = {node.name for node in parse(code).body if isinstance(node, ast.FunctionDef)}
    names = [name for name in called if name in defined] or [n for n in called if not hasattr(builtins, n)]
    if not names:
        raise SyntaxError("its tests call no function of its code")
    return names[0]


def parse(code: str) -> ast.Module:
    """Parse published code, odd escapes included, without a warning for each. Raises SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask with the task's text and its asserts."""
    return ask(problem.meta["instruction"])


def ask(task: str) -> tuple[Message, ...]:
    """Ask for a function that solves a task and passes the asserts that come with it."""
    text = "Write a Python function for this task; it has to pass the test given with it."
    return (Message("user", f"{text}\n\n{task}"),)


def job(problem: Problem, answer: Answer) -> Job:
    """Run the asserts against the answer: in a process of its own, unless they are set up with what it defines."""
    setup, imports = problem.meta[SETUP], problem.meta.get(IMPORTS, "")
    mode: Mode = "inproc" if setup else "split"
    tests = f"{setup}\n{problem.tests}" if setup else problem.tests
    return Job(
        mode, {"solution.py": answer.solution}, entry_point=problem.entry_point, tests=tests, prelude=imports
    )


def passed(problem: Problem, result: Result) -> bool:
    """Judge: every assert held."""
    return result.status == "passed"
