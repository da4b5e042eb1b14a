"""`educational`: code that teaches something becomes a Python exercise with a solution and tests; the tests decide.

Source: OpenCoder (arXiv 2411.04905), educational instruction synthesis: seeds are chosen by a scorer for their educational
value, the teacher makes a task, a solution and tests, and only what passes its tests is kept.
Differs: tests that an empty solution passes are refused, a row must pass twice, and with more than one solution or set of tests
the largest group that agrees is kept. The scale, its bound and the prompts are ours.
"""

import ast
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from codewright.core.config import strict
from codewright.core.extract.markup import read_markup
from codewright.core.extract.python_pieces import parse_python
from codewright.core.records import Document, Message, Origin, Reject, RowVerdict, Sample, Tests, content_id
from codewright.models.model import Sampling
from codewright.synthesis.ask import Ask, sections, unusable
from codewright.synthesis.branch_coverage import Coverage, branch_coverage
from codewright.synthesis.prompting import render
from codewright.synthesis.verify import Run, agree, is_flaky, proves_nothing, verify

SEEDS = "documents"
TEACHER = True
TASK, NAME, SOLUTION, ASSERTS = "Task", "Function name", "Python solution", "Assert statements"

_SCORE = re.compile(r"^\W*score\W*(\d+)(?:\s*/\s*10)?\W*$", re.M | re.I)
_MOST_TRIED = 8
"""Solutions or test sets; their groups are searched in full."""


@strict
@dataclass(frozen=True)
class Options:
    """Defaults are ours; the paper gives no numbers."""

    least_score: Annotated[int, Field(ge=1, le=10)] = 6
    """A seed that the teacher gives fewer points, of 1 to 10, makes no row."""
    most_lines: Annotated[int, Field(gt=0)] = 40
    """Lines of a seed: a Python function that is no longer, else so many consecutive lines."""
    solutions: Annotated[int, Field(ge=1, le=_MOST_TRIED)] = 1
    """Solutions that the teacher writes for a task; from two on, more than half have to agree."""
    test_sets: Annotated[int, Field(ge=1, le=_MOST_TRIED)] = 1
    """Times that it writes tests; of several, at least half have to agree, and the row carries those together."""
    least_branches: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the solution's branches that the tests have to take, where that can be measured."""
    allow_inproc: bool = False
    """Whether tests may run in the solution's process when values are not plain data; such rows are marked forgeable."""
    temperature: Annotated[float, Field(ge=0)] = 0.7
    """For tasks, solutions and tests; scores are greedy. At 0 several solutions would all be the same."""
    max_tokens: Annotated[int, Field(gt=0)] = 2500
    sampling_seed: int = 0
    """Of row n it is this and n."""


@dataclass(frozen=True)
class Exercise:
    """A task, the answer as the teacher words it, and what of it is executed."""

    task: str
    answer: str
    tests: Tests

    @property
    def name(self) -> str:
        """Return the function that is asked for."""
        return self.tests.entry_point or ""


async def make(
    seed: Document, ask: Ask, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:  # fmt: skip
    """Yield one verified row, or why there is none."""
    snippet, place = draw_seed(seed, options.most_lines, rng)
    if not snippet.strip():
        yield Reject("blank_snippet", place)
        return
    reply = await ask(
        render("educational_score", language=seed.language, snippet=snippet), Sampling(options.max_tokens)
    )
    if (why := unusable(reply) or _scored(reply.text, options.least_score)) is not None:
        yield why
        return
    prompt = render("educational", language=seed.language, snippet=snippet)
    reply = await ask(prompt, _sampling(options))
    exercise = unusable(reply) or _read(reply.text)
    if isinstance(exercise, Exercise) and options.solutions + options.test_sets > 2:
        exercise = await _agreed(exercise, ask, run, options)
    if isinstance(exercise, Reject):
        yield exercise
        return
    checked = await _checked(exercise, run, options)
    if isinstance(checked, Reject):
        yield checked
        return
    tests, verdict, coverage = checked
    yield Sample.make(
        (Message("user", exercise.task), Message("assistant", exercise.answer)),
        task="write",
        method="educational",
        language="python",
        form="chat",
        origin=Origin(
            (seed.id,), f"{place}; {coverage}" if coverage else place, prompt_hash=content_id(prompt)
        ),
        tests=tests,
        verdict=verdict,
    )


def draw_seed(document: Document, most: int, rng: random.Random) -> tuple[str, str]:
    """Draw a function of a Python file, else consecutive lines; returns them and where they stand, as `lines 3-9`."""
    lines = document.content.splitlines()
    tree = parse_python(document.content) if document.language == "python" else None
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in tree.body if isinstance(node, kinds)] if tree else []
    spans = [(node.lineno - 1, node.end_lineno or node.lineno) for node in functions]
    short = [(first, last) for first, last in spans if last - first <= most and last <= len(lines)]
    if short:
        first, last = rng.choice(short)
    else:
        first = rng.randint(0, max(0, len(lines) - most))
        last = min(first + most, len(lines))
    return "\n".join(lines[first:last]), f"lines {first + 1}-{last}"


def _sampling(options: Options) -> Sampling:
    return Sampling(options.max_tokens, options.temperature, seed=options.sampling_seed)


def _scored(text: str, least: int) -> Reject | None:
    found = [int(score) for score in _SCORE.findall(text)]
    if len(found) != 1 or not 1 <= found[0] <= 10:
        return Reject("unparsable_score", text[:200])
    return Reject("low_score", text[:200]) if found[0] < least else None


def _read(text: str) -> Exercise | Reject:
    """Read the four parts of an answer; a Reject where one is missing or is not what it should be."""
    parts = sections(text, (TASK, NAME, SOLUTION, ASSERTS))
    if parts is None:
        return Reject("unparsable", "not task, function name, solution and asserts under their headings")
    name = parts[NAME].strip("`'\" \n").removesuffix("()")
    if not name.isidentifier():
        return Reject("no_entry_point", f"no name of a function: {parts[NAME][:80]}")
    solution = _solution(parts[SOLUTION], name)
    if isinstance(solution, Reject):
        return solution
    code = _block(parts[ASSERTS])
    if code is None:
        return Reject("no_tests", "not one fenced block of tests")
    return Exercise(parts[TASK], parts[SOLUTION], Tests(solution, code, name))


def _block(text: str) -> str | None:
    """Return the code of the one fenced block that a text holds."""
    blocks = read_markup(text).blocks
    return blocks[0].code.rstrip() + "\n" if len(blocks) == 1 and blocks[0].code.strip() else None


def _solution(text: str, name: str) -> str | Reject:
    code = _block(text)
    if code is None:
        return Reject("no_code", "the solution holds not one fenced block")
    tree = parse_python(code)
    if tree is None:
        return Reject("syntax_error", "the solution does not parse")
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return code if name in functions else Reject("no_entry_point", f"the solution defines no function {name}")


async def _agreed(exercise: Exercise, ask: Ask, run: Run, options: Options) -> Exercise | Reject:
    """Ask for more solutions and tests and keep the largest group that agrees; a Reject if that is too small.

    More replies that cannot be used count as those that agree with nobody.
    """
    answers, tests = [(exercise.answer, exercise.tests.solution)], [exercise.tests.code]
    prompt = render("educational_solution", task=exercise.task, function=exercise.name)
    for _ in range(options.solutions - 1):
        reply = await ask(prompt, _sampling(options))
        code = unusable(reply) or _solution(reply.text, exercise.name)
        if isinstance(code, str):
            answers.append((reply.text, code))
    prompt = render("educational_tests", task=exercise.task, function=exercise.name)
    for _ in range(options.test_sets - 1):
        reply = await ask(prompt, _sampling(options))
        more = None if unusable(reply) else _block(reply.text)
        if more is not None:
            tests.append(more)
    telling = [one for one in tests if not await proves_nothing(run, replace(exercise.tests, code=one))]
    if not telling:
        return Reject("tests_prove_nothing", exercise.name)
    codes = [code for _, code in answers]
    group = await agree(run, codes, telling, exercise.name, allow_inproc=options.allow_inproc)
    alike = (len(group.solutions), len(group.tests)) if group else (0, 0)
    if group is None or 2 * alike[0] <= options.solutions or 2 * alike[1] < options.test_sets:
        return Reject(
            "no_agreement",
            f"{alike[0]} of {options.solutions} solutions, {alike[1]} of {options.test_sets} test sets",
        )
    answer, solution = answers[group.solutions[0]]
    joined = "\n".join(telling[at] for at in group.tests)
    return Exercise(exercise.task, answer, Tests(solution, joined, exercise.name))


async def _checked(
    exercise: Exercise, run: Run, options: Options
) -> tuple[Tests, RowVerdict, Coverage | None] | Reject:  # fmt: skip
    """Execute the tests: they pass, pass again, and prove something."""
    verdict, tests, detail = await verify(run, exercise.tests, allow_inproc=options.allow_inproc)
    if verdict.status != "passed":
        return Reject(f"tests_{verdict.status}", f"{exercise.name}: {detail}"[:300])
    if await proves_nothing(run, tests):
        return Reject("tests_prove_nothing", exercise.name)
    if await is_flaky(run, exercise.tests, verdict.status, allow_inproc=options.allow_inproc):
        return Reject("flaky", exercise.name)
    coverage = await branch_coverage(run, tests)
    if coverage is not None and coverage.share < options.least_branches:
        return Reject("tests_miss_branches", f"{exercise.name}: {coverage}")
    return tests, verdict, coverage
