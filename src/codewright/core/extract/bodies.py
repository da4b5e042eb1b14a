"""Answers that go on where the prompt stopped: a function's body, or its prompt's last line onwards."""

import ast
import re
from collections.abc import Iterator
from itertools import accumulate

from codewright.core.extract.context import brace_steps, complete_prompt, open_blocks, prompt_code
from codewright.core.extract.python_pieces import SCOPES, indented, parse_python
from codewright.core.extract.salvage import without_margin
from codewright.core.extract.task import Task, read_program

_LEAVES = re.compile(r"\b(?:return|yield|raise|throw)\b")
_LEAVING = re.compile(r"^[^\s#)\]}]", re.MULTILINE)
_DEEPEST = 3
"""How many blocks a body may leave open that the prompt opened: function, class, namespace."""


def joined_body(code: str, task: Task) -> str | None:
    """Return the prompt with this code as the body of its function; None where that is no program."""
    if not code.strip() or not _looks_like_a_body(code, task) or not complete_prompt(task):
        return None
    opening = prompt_code(task)
    if task.language == "python":
        return next(
            (text for text in _python_bodies(opening, code) if _is_joined(text, task, broken=False)), None
        )
    joined = list(_braced_bodies(opening, code, task))
    exact = next((text for text in joined if _is_joined(text, task, broken=False)), None)
    if exact is not None:
        return exact
    # Grammars do not know everything: what closes all that it opens is taken all the same.
    closed = (text for text in joined if open_blocks(text, task.language) == 0 or text.endswith("\n}\n"))
    return next((text for text in closed if _is_joined(text, task, broken=True)), None)


def _looks_like_a_body(code: str, task: Task) -> bool:
    """Tell a body from other code: it leaves with a value itself, or neither defines anything nor mentions its function."""
    if task.language == "python":
        return _python_body(without_margin(code.strip("\n")), task)
    program = read_program(code, task.language)
    if program is None:
        return False
    if _closes_more(code, task.language):
        return True
    if program.defines_anything():
        others = (piece for piece in program.pieces if piece.kind in {"run", "broken"})
        return any(_LEAVES.search(program.source(piece)) for piece in others)
    return bool(_LEAVES.search(code)) or not task.word.search(code)


def _closes_more(code: str, language: str) -> bool:
    """Tell whether code closes what it did not open."""
    if language == "bash":  # its grammar takes a lone brace for a word
        lines = [line.rstrip() for line in code.split("\n") if line[:1].strip()]
        return sum(line == "}" for line in lines) > sum(line.endswith("{") for line in lines)
    return min(accumulate(step for _, step in brace_steps(code, language)), default=0) < 0


def _python_body(code: str, task: Task) -> bool:
    tree = parse_python(code)
    if tree is None:
        return _LEAVES.search(code) is not None
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom | ast.Raise):
            return True
        if not isinstance(node, SCOPES):
            waiting += ast.iter_child_nodes(node)
    if task.word.search(code) or any(isinstance(node, SCOPES) for node in tree.body):
        return False
    return not all(isinstance(node, ast.Expr | ast.Import | ast.ImportFrom) for node in tree.body)


def _is_joined(text: str, task: Task, *, broken: bool) -> bool:
    """Tell whether the function has a body now, and the body went nowhere else."""
    program, given = read_program(text, task.language), complete_prompt(task)
    if program is None or given is None or program.broken != broken:
        return False
    hosts = program.hosts(task.name)
    if not hosts or task.name in hosts[-1].stubs:
        return False
    if task.language == "python":
        return len(program.pieces) == len(given.pieces)
    return hosts[-1].end > len(prompt_code(task).rstrip()) + 1


def _braced_bodies(opening: str, code: str, task: Task) -> Iterator[str]:
    joint = "" if opening.endswith("\n") else "\n"
    text = f"{opening}{joint}{code.rstrip()}\n"
    yield text
    depth = open_blocks(text, task.language)
    if 0 < depth <= _DEEPEST:
        yield text + "}\n" * depth


def _python_bodies(opening: str, code: str) -> Iterator[str]:
    opening = opening if opening.endswith("\n") else f"{opening}\n"
    code = code.strip("\n").rstrip() + "\n"
    indent = body_indent(opening)
    yield opening + code
    first, _, rest = code.partition("\n")
    moved = [opening + indented(without_margin(code), indent)]
    if not first.startswith((" ", "\t")):  # the first line lost its indentation, as after a strip()
        code = f"{indent}{first}\n{rest}"
        moved.insert(0, opening + code)
    leaving = _LEAVING.search(code, 1)
    if leaving is not None:
        moved.insert(0 if first.startswith((" ", "\t")) else len(moved), opening + code[: leaving.start()])
    yield from moved


def body_indent(opening: str) -> str:
    """Return the indentation of the body of the function that Python source ends in."""
    last = next((line for line in reversed(opening.split("\n")) if line.strip()), "")
    indent = last[: len(last) - len(last.lstrip())]
    return f"{indent}    " if last.rstrip().endswith(":") else indent or "    "
