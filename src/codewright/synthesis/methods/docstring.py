"""`docstring`: documented functions of the corpus become instruction rows; no teacher.

A function that stands on its own (only builtins and imports from the standard library) gives two rows: write it from
its signature and docstring, and explain it. Doctests in the docstring are the row's tests and are executed; a function
whose doctests fail gives no row to write.
"""

import ast
import doctest
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from codewright.core.config import strict
from codewright.core.records import Document, Message, Origin, Reject, Sample, Tests
from codewright.core.text import one_line
from codewright.synthesis.documented import Function, cut, first_paragraph, read_module
from codewright.synthesis.verify import Run, verify

SEEDS = "documents"

_ENDINGS = (ast.Return, ast.If, ast.For, ast.While, ast.Try, ast.With)
"""What a function that computes something ends with; one that ends otherwise mostly forwards a call."""


@strict
@dataclass(frozen=True)
class Options:
    """Which functions are worth a row. The bounds are ours, set by reading what they let through."""

    max_chars: int = 700
    """Longest function, docstring included."""
    min_words: int = 4
    """Shortest first sentence of a docstring."""


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
    solution = function.solution
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
        Message("assistant", first_paragraph(function.docstring) + "\n"),
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
    module = read_module(source)
    if module is None:
        return []
    found: list[Function | Reject] = []
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef) and (docstring := ast.get_docstring(node)):
            unfit = _unfit(node, docstring, options)
            found.append(Reject(unfit, node.name) if unfit else cut(node, module, options.max_chars))
    return found


def _unfit(node: ast.FunctionDef, docstring: str, options: Options) -> str | None:
    """Return why a function makes no good row, whatever its length and context."""
    first = node.body[0]
    reasons = {
        "decorated": bool(node.decorator_list),
        "not_public": node.name.startswith(("test", "_")),
        "trivial_body": len(node.body) < 2 or not isinstance(node.body[-1], _ENDINGS),
        "one_liner": first.lineno == node.lineno
        or (len(node.body) > 1 and node.body[1].lineno == first.end_lineno),
        "thin_docstring": len(first_paragraph(docstring).split()) < options.min_words,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)
