"""`mutation`: a bug is put into a tested function of the corpus, and the row is the dialogue that repairs it; no teacher.

A function that stands on its own and whose examples hold gets one bug at a time. The sandbox shows a check failing; the
user's turn is the file with that check and the traceback as it was printed, the assistant's says what is wrong and gives
the function as it was. A mutant that no check fails for, that fails differently each time, or does not end, gives no row.
"""

import ast
import random
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from codewright.core.config import strict
from codewright.core.records import Document, Message, Origin, Reject, RowVerdict, Sample, Tests
from codewright.core.text import one_line
from codewright.sandbox.job import Job, Limits, Result
from codewright.synthesis.documented import Function, Module, cut, first_paragraph, read_module
from codewright.synthesis.examples import Check, Examples, asserted_names, examples_of, has_examples
from codewright.synthesis.faults import consequence, explain
from codewright.synthesis.mutants import OPERATORS, Mutant, mutants_of, objection
from codewright.synthesis.verify import Run, verify

SEEDS = "documents"

FILE_NAME = "solution.py"

_TRIES = 2
"""Mutants of one operator that are run before the next operator has its turn."""

_LIMITS = Limits(cpu_s=1.0)
"""Examples take milliseconds; a mutant that needs a second has lost its way out of a loop."""

_AROUND = 350
"""Characters of a short dialogue beside its two copies of the function; less room than that, and nothing need be run."""

_LONGEST_MESSAGE = 160
"""Characters of the last line of a traceback; longer ones are data, not a message."""

_LAST_RESORT = "return_dropped"
"""It works on nearly every function, and rows about it are all alike."""

_FENCE = "```"

_LONGEST_SUMMARY = 240
_FRAME = re.compile(rf'^  File "{re.escape(FILE_NAME)}", line (\d+), in <module>$', re.MULTILINE)
_ABSOLUTE = re.compile(r'^  File "(?:/|[A-Za-z]:)', re.MULTILINE)
"""A frame inside the standard library, whose place is this machine's."""
_HAS_EXAMPLES = re.compile(r">>> |^assert |^def test", re.MULTILINE)
"""A file without any of these needs no parser, which would take most of the time."""
_TRIMMED = "RecursionError"
"""The sandbox shows the innermost thirty frames only, so what it prints of a recursion is not what Python would."""

_OPENINGS = (
    "My function `{name}` does not do what it should.",
    "`{name}` fails, and I cannot see why.",
    "There is a bug in `{name}`. Can you find it and fix it?",
    "Please repair `{name}`.",
)
_PURPOSES = (
    "It is meant to do this: {summary}",
    "What it should do: {summary}",
    "Its docstring says: {summary}",
)
_OUTPUTS = ("This is what I get:", "Python says:", "Running it ends with this:", "The output:")
_REPAIRS = ("Here is the repaired function:", "With that put right:", "The corrected code:", "Fixed:")


@strict
@dataclass(frozen=True)
class Options:
    """How many dialogues a function gives, and how long they may be."""

    per_function: Annotated[int, Field(gt=0)] = 3
    """Most dialogues of one function, each with another operator."""
    max_chars: Annotated[int, Field(gt=0)] = 3000
    """Longest dialogue, both turns together. Its tokens are about half as many with the demo's vocabulary of 2,048."""


@dataclass(frozen=True)
class _Tested:
    """A function with its examples and the verdict on them."""

    function: Function
    examples: Examples
    tests: Tests
    verdict: RowVerdict
    seed: str

    def named(self, mutant: Mutant) -> str:
        """Name a mutant for whoever reads why it was left out."""
        return f"{self.function.name}, {mutant.operator} at line {mutant.line}"


@dataclass(frozen=True)
class _Failure:
    """How a mutant fails: `script` is what the user ran after the code, `traceback` what Python printed."""

    check: Check
    script: str
    traceback: str

    @property
    def message(self) -> str:
        """The line that names the exception: the first one behind the frames of the last traceback."""
        lines = self.traceback.rpartition("Traceback (most recent call last):\n")[2].splitlines()
        return next((line for line in lines if not line.startswith(" ")), "")

    def objection(self, mutant: Mutant) -> str | None:
        """Say why nobody would learn from it; None if it is of use."""
        if len(self.message) > _LONGEST_MESSAGE or " at 0x" in self.traceback or _FENCE in self.traceback:
            return "message_unreadable"
        if _ABSOLUTE.search(self.traceback):
            return "machine_path"
        # One added to what is no number: nobody is off by one there.
        if mutant.operator.startswith("off_by_one") and self.message.startswith("TypeError"):
            return "implausible"
        return None


async def make(
    seed: Document, ask: Any, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:
    """Yield the dialogues of every function of one document that has examples."""
    if seed.language != "python":
        return
    for found in _tested_functions(seed.content, options):
        if isinstance(found, Reject):
            yield found
            continue
        function, examples = found
        tests = Tests(function.solution, examples.code, function.name)
        verdict, tests, detail = await verify(run, tests, allow_inproc=True)
        if verdict.status != "passed":
            yield Reject(f"tests_{verdict.status}", one_line(f"{function.name}: {detail}"))
            continue
        async for row in _dialogues(_Tested(function, examples, tests, verdict, seed.id), run, rng, options):
            yield row


def _tested_functions(source: str, options: Options) -> Iterator[tuple[Function, Examples] | Reject]:
    """Cut out the functions that have examples, each with its checks or with the reason why it gives no row."""
    module = read_module(source) if _HAS_EXAMPLES.search(source) else None
    if module is None:
        return
    asserted = asserted_names(module.tree)
    for node in module.tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("test"):
            continue
        if node.name in asserted or has_examples(ast.get_docstring(node) or ""):
            try:
                yield _prepare(node, module, options)
            except RecursionError:
                yield Reject("too_deep", node.name)


def _prepare(node: ast.FunctionDef, module: Module, options: Options) -> tuple[Function, Examples] | Reject:
    docstring = ast.get_docstring(node) or ""
    body = node.body[1:] if docstring else node.body
    if node.decorator_list:
        return Reject("decorated", node.name)
    if not body or body[0].lineno in {node.lineno, node.body[0].end_lineno if docstring else None}:
        return Reject("one_liner", node.name)
    # The docstring stays out of the dialogue, but for its first sentences.
    function = cut(node, module, (options.max_chars - _AROUND) // 2 + len(docstring), with_context=True)
    if isinstance(function, Reject):
        return function
    examples = examples_of(node.name, docstring, module.tree)
    if not examples.checks:
        return Reject("no_checks", node.name)
    return Reject("has_fence", node.name) if _FENCE in function.solution else (function, examples)


async def _dialogues(
    tested: _Tested, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:
    """Yield up to `per_function` dialogues with different operators, and why other mutants gave none."""
    made = 0
    operators = sorted(rng.sample(sorted(OPERATORS), len(OPERATORS)), key=_LAST_RESORT.__eq__)
    for operator in operators:
        mutants = mutants_of(tested.function.solution, operator)
        for mutant in rng.sample(mutants, min(_TRIES, len(mutants))):
            row = await _dialogue(tested, mutant, run, rng)
            if (
                isinstance(row, Sample)
                and sum(len(turn.content) for turn in row.messages) > options.max_chars
            ):
                row = Reject("too_long", tested.named(mutant))
            yield row
            if isinstance(row, Sample):
                made += 1
                break
        if made == options.per_function:
            return


async def _dialogue(tested: _Tested, mutant: Mutant, run: Run, rng: random.Random) -> Sample | Reject:
    reason = objection(mutant, tested.function.solution)
    failure = f"mutant_{reason}" if reason else await _failure(tested, mutant, run)
    if isinstance(failure, str):
        return Reject(failure, tested.named(mutant))
    turns = (_question(tested.function, mutant, failure, rng), _answer(tested.function, mutant, failure, rng))
    origin = Origin(seeds=(tested.seed,), place=f"{tested.function.lines}, {mutant.operator}")
    return Sample.make(
        turns, task="repair", method="mutation", language="python", form="chat", origin=origin,
        tests=tested.tests, verdict=tested.verdict,
    )  # fmt: skip


async def _failure(tested: _Tested, mutant: Mutant, run: Run) -> _Failure | str:
    """Run a mutant until it is known how it fails; the reason if it gives no row.

    All checks first; then, twice, the one that failed, alone in the file that the user will show; then that file with the
    original function, which must pass.
    """
    code = mutant.code + "\n\n"
    whole = await run(_job(code + tested.examples.code))
    lines = [int(line) for line in _FRAME.findall(whole.stderr)]
    index = tested.examples.check_at(lines[0] - code.count("\n")) if lines else None
    if reason := _unusable(whole) or ("fails_before_checks" if index is None else None):
        return reason
    script = tested.examples.script(index or 0)
    first, second = await run(_job(code + script)), await run(_job(code + script))
    original = await run(_job(f"{tested.function.solution}\n\n{script}"))
    if original.status != "passed":
        return "check_needs_others"
    failure = _Failure(tested.examples.check(index or 0), script, first.stderr)
    if first.status != whole.status:
        return "flaky"
    # An object's address differs from run to run, too, but is no sign of a moody test.
    return failure.objection(mutant) or ("flaky" if second.stderr != first.stderr else failure)


def _unusable(result: Result) -> str | None:
    """Say why a mutant's run is not what a user would ask about."""
    if result.status == "passed":
        return "mutant_survived"
    if result.status not in {"failed", "error"}:
        return f"mutant_{result.status}"
    if _TRIMMED in result.detail:
        return "mutant_recursion"
    return None


def _job(source: str) -> Job:
    """One file that runs as a whole: its tracebacks name one file, and the lines the user sees."""
    return Job("inproc", {FILE_NAME: source}, limits=_LIMITS)


def _question(function: Function, mutant: Mutant, failure: _Failure, rng: random.Random) -> Message:
    opening = rng.choice(_OPENINGS).format(name=function.name)
    summary = _summary(function)
    if summary:
        opening += " " + rng.choice(_PURPOSES).format(summary=summary)
    return Message(
        "user",
        f"{opening}\n\n```python\n{mutant.code}\n\n{failure.script}```\n\n"
        f"{rng.choice(_OUTPUTS)}\n\n```\n{failure.traceback}```",
    )


def _summary(function: Function) -> str:
    """Return what the docstring says in its first paragraph, or in the first sentence of a long one; empty if nothing."""
    text = " ".join(first_paragraph(function.docstring).split())
    if text.endswith(":"):  # what it announced, examples mostly, is left out
        text = text.rstrip(":") + "."
    if len(text) > _LONGEST_SUMMARY:
        text = text.partition(". ")[0].removesuffix(".") + "."
    says_nothing = text.startswith((">>>", f"{function.name}(")) or _FENCE in text
    return "" if says_nothing or len(text) > _LONGEST_SUMMARY else text


def _answer(function: Function, mutant: Mutant, failure: _Failure, rng: random.Random) -> Message:
    why = explain(mutant, rng)
    so = consequence(failure.check.expression, failure.check.want, failure.message, rng)
    return Message("assistant", f"{why} {so} {rng.choice(_REPAIRS)}\n\n```python\n{function.solution}```")
