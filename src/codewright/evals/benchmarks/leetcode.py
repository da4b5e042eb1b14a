"""`leetcode`: contest problems of LeetCode after July 2023, published with DeepSeek-Coder (arXiv 2401.14196, section 4.1).

Rows: task_id, prompt (the statement as a docstring, then the head of a class `Solution`), test (asserts on `my_solution`), meta
with title and difficulty, url, start_time. There are no solutions. What is published instead are the examples in the statements:
the doctor runs a program that knows their answers, see `references`.

Where a problem accepts several answers, the tests accept one of them; published scores are made that way.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_jsonl
from codewright.core.records import Answer, Message, Problem
from codewright.evals.sources import Source
from codewright.evals.standing_alone import python_program
from codewright.sandbox.job import Job, Result

SOURCES = (
    Source(
        "leetcode_contest.jsonl",
        "https://raw.githubusercontent.com/deepseek-ai/DeepSeek-Coder/ab5d1b2c65d2034feae338a93f5a3885166d266b"
        "/Evaluation/LeetCode/data/20240121-Jul.jsonl",
        "7630417651034cfef749d2b21b47163921e1199e078b39ecbc218b4e7c73fbfc",
    ),
)

REFERENCE_KIND = "published examples"

CALL = "call_solution"
"""The one function that tests may call."""

_NODE = "ListNode"
_STARRED = ("typing", "collections", "functools")
"""Modules whose names LeetCode has at hand. Source: DeepSeek-Coder, Evaluation/LeetCode/human_eval/evaluation.py."""


def problems(path: str | None) -> list[Problem]:
    """Load the published file. Raises ConfigError for a missing field, a double task_id, a prompt without its class."""
    if path is None:
        raise ConfigError("benchmark leetcode: give its file, leetcode_contest.jsonl[.gz]")
    found: dict[str, Problem] = {}
    try:
        for line, row in read_jsonl(path):
            problem = _problem(row, f"{path}, line {line}")
            if problem.task_id in found:
                raise ConfigError(f"{path}, line {line}: task_id '{problem.task_id}' stands there twice")
            found[problem.task_id] = problem
    except DataError as error:
        raise ConfigError(f"benchmark file {error}") from None
    if not found:
        raise ConfigError(f"benchmark file {path}: holds no problem")
    return list(found.values())


def _problem(row: Mapping[str, Any], place: str) -> Problem:
    for field in ("task_id", "prompt", "test"):
        if not isinstance(row.get(field), str):
            raise ConfigError(
                f"{place}: not a row of the contest file: '{field}' is missing or not text (found: {', '.join(sorted(row))})"
            )
    meta = row["meta"] if isinstance(row.get("meta"), dict) else {}
    facts = {
        "title": meta.get("title"),
        "difficulty": meta.get("difficulty"),
        "url": row.get("url"),
        "start_time": row.get("start_time"),
    }
    known = {name: str(value) for name, value in facts.items() if value is not None}
    try:
        stub = _read_stub(row["prompt"])
    except ValueError as error:
        raise ConfigError(f"{place}: the prompt of '{row['task_id']}' {error}") from None
    return Problem("leetcode", row["task_id"], row["prompt"], stub.method, "", row["test"], "python", known)


@dataclass(frozen=True)
class _Stub:
    """What a prompt says of the solution. code: all after the statement; lists: parameters that are linked lists."""

    statement: str
    code: str
    method: str
    lists: tuple[str, ...]
    returns_list: bool

    @property
    def definitions(self) -> str:
        """Return what stands before the class: the linked list's node, where the problem has one."""
        return self.code.partition("class Solution")[0]


def _read_stub(prompt: str) -> _Stub:
    _, quotes, rest = prompt.partition('"""')
    statement, _, code = rest.partition('"""')
    if not quotes or "class Solution" not in code:
        raise ValueError("is not a statement in quotes with a class Solution after it")
    try:
        tree = ast.parse(f"{code.rstrip()}\n        pass\n")
    except SyntaxError as error:
        raise ValueError(f"holds no Python after its statement ({error.msg})") from None
    solution = next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == "Solution")
    methods = [one for one in solution.body if isinstance(one, ast.FunctionDef)]
    if len(methods) != 1:
        raise ValueError(f"has {len(methods)} methods in its class Solution, not one")
    method = methods[0]
    lists = [one.arg for one in method.args.args if one.annotation and _NODE in ast.unparse(one.annotation)]
    returns = bool(method.returns and _NODE in ast.unparse(method.returns))
    return _Stub(statement.strip(), code.strip("\n"), method.name, tuple(lists), returns)


# --------------------------------------------------------------------------------------------------------- how to ask


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask for the whole class."""
    stub = _read_stub(problem.prompt)
    return (
        Message(
            "user",
            f"Solve this contest problem in Python.\n\n{stub.statement}\n\nComplete this code and answer with one code block that "
            f"holds the whole class `Solution`, without tests.\n\n```python\n{stub.code.rstrip()}\n```",
        ),
    )


def text(problem: Problem) -> str:
    """Let a base model go on after the method's head."""
    return problem.prompt.rstrip() + "\n"


# --------------------------------------------------------------------------------------------------------- how to run

_LISTS = """
def _to_node(values):
    node = None
    for value in reversed(values or []):
        node = ListNode(value, node)
    return node


def _to_values(node):
    values = []
    while node:
        values.append(node.val)
        node = node.next
    return values
"""
"""Linked lists cross between the two processes as the plain lists they stand for."""


def job(problem: Problem, answer: Answer) -> Job:
    """Run the published asserts in a process of their own, where `Solution` only passes calls on to the answer's."""
    stub = _read_stub(problem.prompt)
    own = answer.solution
    if f"class {_NODE}" not in own:
        own = f"{stub.definitions}\n{own}"
    has_lists = bool(stub.lists or stub.returns_list)
    converted = ", ".join(f"{name}=_to_node(inputs[{name!r}])" for name in stub.lists)
    inputs = f"**{{**inputs, **dict({converted})}}" if converted else "**inputs"
    call = f"_solution.{stub.method}({inputs})"
    wrapper = (
        f"\n{_LISTS if has_lists else ''}\n_solution = Solution()\n\n\n"
        f"def {CALL}(**inputs):\n    return {f'_to_values({call})' if stub.returns_list else call}\n"
    )
    return Job(
        "split",
        {"solution.py": python_program(f"{own}\n{wrapper}", _STARRED)},
        entry_point=CALL,
        tests=problem.tests,
        prelude=_stand_in(stub),
    )


def _stand_in(stub: _Stub) -> str:
    """Return the `Solution` of the tests' side."""
    converted = ", ".join(f"{name}=_to_values(inputs[{name!r}])" for name in stub.lists)
    inputs = f"**{{**inputs, **dict({converted})}}" if converted else "**inputs"
    call = f"{CALL}({inputs})"
    body = f"_to_node({call})" if stub.returns_list else call
    lists = f"{stub.definitions}\n{_LISTS}" if stub.lists or stub.returns_list else ""
    return f"{lists}\n\nclass Solution:\n    def {stub.method}(self, **inputs):\n        return {body}\n"


def passed(problem: Problem, result: Result) -> bool:
    """Judge: every assert held."""
    return result.status == "passed"


# ------------------------------------------------------------------------------------------------ published examples

_EXAMPLE = re.compile(
    r"^Example (?P<number>\d+):?\s.*?^Input:(?P<input>.*?)^Output:(?P<output>.*?)(?:^Explanation|^\s*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_JSON_NAMES = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Example:
    """One example of a statement."""

    number: int
    inputs: dict[str, Any]
    output: Any


class _JsonNames(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(_JSON_NAMES[node.id]) if node.id in _JSON_NAMES else node


def _value(node: ast.expr) -> Any:
    return ast.literal_eval(_JsonNames().visit(node))


def examples(problem: Problem) -> list[Example]:
    """Read the examples of a statement. Raises DataError for one whose input or output is no plain data."""
    found = []
    for match in _EXAMPLE.finditer(_read_stub(problem.prompt).statement):
        try:
            call = ast.parse(f"inputs({match['input'].strip()})", mode="eval").body
            keywords = call.keywords if isinstance(call, ast.Call) else []
            inputs = {str(one.arg): _value(one.value) for one in keywords}
            output = _value(ast.parse(match["output"].strip(), mode="eval").body)
        except (SyntaxError, ValueError) as error:
            raise DataError(
                f"leetcode {problem.task_id}: example {match['number']} cannot be read ({error})"
            ) from None
        found.append(Example(int(match["number"]), inputs, output))
    return found


def expectations(problem: Problem) -> list[tuple[dict[str, Any], Any]]:
    """Read inputs and expected output of every published assert. Raises DataError for a test of another shape."""
    found: list[tuple[dict[str, Any], Any]] = []
    inputs: dict[str, Any] = {}
    for node in ast.parse(problem.tests).body:
        try:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                pairs = zip(node.value.keys, node.value.values, strict=True)
                # A linked list is written as _f1([...]).
                inputs = {
                    ast.literal_eval(key): _value(value.args[0] if isinstance(value, ast.Call) else value)
                    for key, value in pairs
                    if key
                }
            elif isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
                found.append((inputs, _value(node.test.comparators[0])))
        except (ValueError, IndexError):
            raise DataError(
                f"leetcode {problem.task_id}: line {node.lineno} of its test cannot be read"
            ) from None
    return found


def check_examples(problem: Problem) -> list[str]:
    """Compare a statement's examples with the tests that use their inputs; list what is wrong. Raises DataError as they do."""
    tests = expectations(problem)
    wrong = []
    given = examples(problem)
    for example in given:
        expected = [output for inputs, output in tests if inputs == example.inputs]
        if not expected:
            wrong.append(f"example {example.number} is not among the tests")
        wrong += [
            f"example {example.number} says {example.output!r}, its test {output!r}"
            for output in expected
            if output != example.output
        ]
    return wrong if given else ["no example"]


def references(problem: Problem) -> list[Answer]:
    """Return a program that answers the examples' inputs as the statement says, and the tests' other inputs as they expect.

    No solution: it shows that the published tests agree with the published examples, and that calls reach an answer and come
    back here. It fails if an example contradicts a test, and where one is missing from them.
    """
    wrong = [one for one in check_examples(problem) if "among" in one or one == "no example"]
    if wrong:
        return [_reference(problem, f"raise LookupError({wrong[0]!r})\n")]
    stub = _read_stub(problem.prompt)
    known = [(one.inputs, one.output) for one in examples(problem)] + expectations(problem)
    converted = "".join(f"        inputs[{name!r}] = _to_values(inputs[{name!r}])\n" for name in stub.lists)
    answer = "_to_node(output)" if stub.returns_list else "output"
    return [
        _reference(
            problem,
            f"_KNOWN = {known!r}\n\n\nclass Solution:\n    def {stub.method}(self, **inputs):\n{converted}"
            f"        output = next(output for known, output in _KNOWN if known == inputs)\n        return {answer}\n",
        )
    ]


def _reference(problem: Problem, source: str) -> Answer:
    return Answer(problem.benchmark, problem.task_id, 0, "solution", "", "", source)
