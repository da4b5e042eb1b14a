"""`docstring`: documented functions of the corpus become instruction rows; no teacher.

A function that stands on its own (only builtins and imports from the standard library) gives two rows: write it from
its signature and docstring, and explain it. Doctests in the docstring are the row's tests and are executed; a function
whose doctests fail gives no row to write.
"""

import ast
import builtins
import doctest
import random
import sys
import textwrap
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from codewright.core.config import strict
from codewright.core.records import Document, Message, Origin, Reject, Sample, Tests
from codewright.core.text import one_line
from codewright.synthesis.verify import Run, verify

SEEDS = "documents"

_ENDINGS = (ast.Return, ast.If, ast.For, ast.While, ast.Try, ast.With)
"""What a function that computes something ends with; one that ends otherwise mostly forwards a call."""

_FROM_MODULE = frozenset({"__name__", "__file__"})


@strict
@dataclass(frozen=True)
class Options:
    """Which functions are worth a row. The bounds are ours, set by reading what they let through."""

    max_chars: int = 700
    """Longest function, docstring included."""
    min_words: int = 4
    """Shortest first sentence of a docstring."""


@dataclass(frozen=True)
class Function:
    """A function cut out of its file: `code` without its docstring, `imports` what it needs from the standard library."""

    name: str
    signature: str
    docstring: str
    code: str
    imports: str
    lines: str


async def make(
    seed: Document, ask: Any, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:  # fmt: skip
    """Yield the rows of every usable function of one document."""
    if seed.language != "python":
        return
    for function in functions_of(seed.content, options):
        if isinstance(function, Reject):
            yield function
            continue
        origin = Origin(seeds=(seed.id,), place=function.lines)
        yield await _write_row(function, origin, run)
        yield _explain_row(function, origin)


async def _write_row(function: Function, origin: Origin, run: Run) -> Sample | Reject:
    verdict = tests = None
    solution = function.imports + function.code
    if doctest.DocTestParser().get_examples(function.docstring):
        tests = Tests(solution, _doctest_source(function), function.name)
        verdict, tests, detail = await verify(run, tests, allow_inproc=True)
        if verdict.status != "passed":
            return Reject(f"tests_{verdict.status}", one_line(f"{function.name}: {detail}"))
    ask_for = f"Write a Python function `{function.signature}`.\n\n{function.docstring}"
    turns = (Message("user", ask_for), Message("assistant", solution))
    return Sample.make(
        turns, task="write", method="docstring", language="python", form="chat", origin=origin,
        tests=tests, verdict=verdict,
    )  # fmt: skip


def _explain_row(function: Function, origin: Origin) -> Sample:
    turns = (
        Message("user", f"Explain what this Python function does.\n\n{function.code}"),
        Message("assistant", _first_paragraph(function.docstring) + "\n"),
    )
    return Sample.make(
        turns, task="explain", method="docstring", language="python", form="chat", origin=origin
    )


def _doctest_source(function: Function) -> str:
    """Return tests that run the docstring's examples with the function in reach, each output compared as doctest does."""
    return (
        "import doctest\n"
        f"_examples = doctest.DocTestParser().get_doctest({function.docstring!r}, "
        f"{{{function.name!r}: {function.name}}}, {function.name!r}, None, 0)\n"
        "_runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)\n"
        "_runner.run(_examples, out=lambda text: None)\n"
        "assert _runner.tries > 0 and _runner.failures == 0, f'{_runner.failures} of {_runner.tries} examples failed'\n"
    )


def functions_of(source: str, options: Options) -> list[Function | Reject]:
    """Cut the documented top-level functions out of a module, each usable or with the reason why not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    imports = _stdlib_imports(tree)
    lines = source.splitlines()
    return [
        _cut(node, docstring, lines, imports, options)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and (docstring := ast.get_docstring(node))
    ]


def _cut(
    node: ast.FunctionDef, docstring: str, lines: list[str], imports: dict[str, str], options: Options
) -> Function | Reject:
    unfit = _unfit(node, docstring, options)
    if unfit:
        return Reject(unfit, node.name)
    first = node.body[0]
    body = (
        lines[node.lineno - 1 : first.lineno - 1] + lines[first.end_lineno or first.lineno : node.end_lineno]
    )
    code = textwrap.dedent("\n".join(body)) + "\n"
    if len(code) + len(docstring) > options.max_chars:
        return Reject("too_long", node.name)
    needed = _free_names(node)
    if needed - imports.keys():
        return Reject("needs_context", f"{node.name}: {', '.join(sorted(needed - imports.keys())[:5])}")
    used = "".join(sorted({imports[name] + "\n" for name in needed}))
    signature = f"{node.name}({ast.unparse(node.args)})"
    place = f"lines {node.lineno}-{node.end_lineno}"
    return Function(node.name, signature, docstring, code, f"{used}\n\n" if used else "", place)


def _unfit(node: ast.FunctionDef, docstring: str, options: Options) -> str | None:
    """Return why a function makes no good row, whatever its length and context."""
    first = node.body[0]
    reasons = {
        "decorated": bool(node.decorator_list),
        "not_public": node.name.startswith(("test", "_")),
        "trivial_body": len(node.body) < 2 or not isinstance(node.body[-1], _ENDINGS),
        "one_liner": first.lineno == node.lineno
        or (len(node.body) > 1 and node.body[1].lineno == first.end_lineno),
        "thin_docstring": len(_first_paragraph(docstring).split()) < options.min_words,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _first_paragraph(docstring: str) -> str:
    return docstring.strip().split("\n\n", 1)[0].split("\n>>>", 1)[0].strip()


def _stdlib_imports(tree: ast.Module) -> dict[str, str]:
    """Map each name that a module-level import from the standard library binds to that import, one name a line."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in sys.stdlib_module_names:
                    found[alias.asname or alias.name.split(".")[0]] = ast.unparse(ast.Import([alias]))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module != "__future__":
            for alias in node.names:
                if (node.module or "").split(".")[0] in sys.stdlib_module_names and alias.name != "*":
                    found[alias.asname or alias.name] = ast.unparse(ast.ImportFrom(node.module, [alias], 0))
    return found


def _free_names(function: ast.FunctionDef) -> set[str]:
    """Return the names a function takes from its module, builtins left out."""
    bound: set[str] = {function.name}
    loaded: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            bound.add(node.name or "")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
    return loaded - bound - set(dir(builtins)) - _FROM_MODULE
