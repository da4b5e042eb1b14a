"""`mbpp_plus`: MBPP+, sanitized MBPP's problems with some 100 inputs each (EvalPlus, arXiv 2305.01210), two releases.

Rows as HumanEval+'s; a prompt is a docstring, a canonical solution a whole program. Oddities: JSON has no tuples, sets and complex
numbers, so inputs of many tasks have to be made into those (`_READERS`; source: mbpp_deserialize_inputs in
evalplus/data/mbpp.py). Outputs of some tasks are right in other ways than by being equal (`RULES`; source:
evalplus/eval/_special_oracle.py); when v0.1.0 was current, evalplus did not yet compare as sets, and the scores published with
that release are made that way.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.records import Answer, Message, Problem
from codewright.evals import plus
from codewright.evals.benchmark import Outcome, Run
from codewright.evals.benchmarks import mbpp
from codewright.evals.plus import Rule
from codewright.evals.rows import read_rows
from codewright.evals.sources import Source, content_sha256
from codewright.sandbox.job import Job, Result

_NEWEST, _FIRST = "v0.2.0", "v0.1.0"

RELEASES = {
    "b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad": _NEWEST,
    "a855b9de667baea8e2f8aa61f898767a7336872208a85222b35622545e819fe9": _FIRST,
}

SOURCES = (
    Source(
        "MbppPlus.jsonl.gz",
        f"https://github.com/evalplus/mbppplus_release/releases/download/{_NEWEST}/MbppPlus.jsonl.gz",
        next(sha256 for sha256, release in RELEASES.items() if release == _NEWEST),
    ),
)

PACKAGES = mbpp.PACKAGES
STOPS = mbpp.STOPS
LIMITS = plus.LIMITS

_FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("task_id", "prompt", "entry_point", "canonical_solution"), str),
    "base_input": list,
    "plus_input": (list, dict),  # {} where a task has none
    "atol": (int, float),
}

# --------------------------------------------------------------------------------------------------------------- inputs

Arguments = list[Any]


def _tuples(arguments: Arguments) -> Arguments:
    return [tuple(one) for one in arguments]


def _lists_of_tuples(arguments: Arguments) -> Arguments:
    return [[tuple(item) for item in one] for one in arguments]


def _tuples_of_tuples(arguments: Arguments) -> Arguments:
    return [tuple([tuple(item) for item in one]) for one in arguments]


def _first_tuple(arguments: Arguments) -> Arguments:
    return [tuple(arguments[0]), *arguments[1:]]


def _first_list_of_tuples(arguments: Arguments) -> Arguments:
    return [[tuple(item) for item in arguments[0]], *arguments[1:]]


def _second_tuple(arguments: Arguments) -> Arguments:
    return [arguments[0], tuple(arguments[1])]


def _tuple_with_tuples(arguments: Arguments) -> Arguments:
    return [tuple([tuple(item) if isinstance(item, list) else item for item in arguments[0]])]


def _dict_of_tuples(arguments: Arguments) -> Arguments:
    return [{key: tuple(value) for key, value in arguments[0].items()}, *arguments[1:]]


def _sets(arguments: Arguments) -> Arguments:
    return [[set(item) if isinstance(item, list) and item else {} for item in arguments[0]]]


def _all_tuples(arguments: Any) -> Any:
    return tuple([_all_tuples(item) for item in arguments]) if isinstance(arguments, list) else arguments


def _angle(arguments: Arguments) -> Arguments:
    return [float(arguments[0]), complex(arguments[1])]


def _complex(arguments: Arguments) -> Arguments:
    return [complex(arguments[0])]


_READERS: tuple[tuple[Callable[[Arguments], Arguments], str], ...] = (
    (_tuples, "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809"),
    (_lists_of_tuples, "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780"),
    (_first_list_of_tuples, "75 413 444 753"),
    (_second_tuple, "106 750"),
    (_sets, "115"),
    (_angle, "124"),
    (_first_tuple, "250 307 405 446 617 720 763 808"),
    (_tuples_of_tuples, "259 401 445"),
    (_tuple_with_tuples, "278"),
    (_dict_of_tuples, "722"),
    (_complex, "252"),
    (_all_tuples, "580 615 791"),
)
_READER_OF = {f"Mbpp/{number}": reader for reader, numbers in _READERS for number in numbers.split()}


def _calls(row: Mapping[str, Any], field: str) -> list[Arguments]:
    reader = _READER_OF.get(row["task_id"], list)
    return [list(reader(arguments)) for arguments in row[field]]


# ---------------------------------------------------------------------------------------------------------------- rules


def anything(index: int, output: Any, expected: Any) -> bool:
    """Hold whatever was given: the canonical solution itself is wrong."""
    return True


def zero_too(index: int, output: Any, expected: Any) -> bool:
    """Hold 0 beside the expected output: the task does not say."""
    return bool(output in (expected, 0))


def as_sets(index: int, output: Any, expected: Any) -> bool:
    """Hold the same elements in any order."""
    return set(output) == set(expected)


def found_alike(index: int, output: Any, expected: Any) -> bool:
    """Hold a truth value, or anything but None, where the canonical solution gives a match object, and False or None elsewhere."""
    found = expected is not None
    return bool(output == found if isinstance(output, bool) else found == (output is not None))


def pyramid_too(index: int, output: Any, expected: Any, arguments: Any) -> bool:
    """Hold also the surface with the pyramid's own height, where the canonical solution takes the slant one."""
    base, height = arguments
    slant = math.sqrt((base / 2) ** 2 + height**2)
    return bool(output == expected or abs(output - round(base**2 + 2 * base * slant)) <= ATOL)


def digitwise_too(index: int, output: Any, expected: Any, arguments: Any) -> bool:
    """Hold also the sum of the differences of digits that stand in the same place."""
    first, second = map(str, arguments)
    width = max(len(first), len(second))
    pairs = zip(first.zfill(width), second.zfill(width))  # noqa: B905
    return bool(output in (expected, sum(abs(int(one) - int(other)) for one, other in pairs)))


ATOL = 0.0
"""Stands for the row's own in the tests."""

_ALWAYS = {
    "Mbpp/164": Rule(anything),
    "Mbpp/295": Rule(zero_too),
    **{f"Mbpp/{number}": Rule(found_alike, opaque=True) for number in (737, 787, 794)},
}
_SINCE = {
    **{f"Mbpp/{number}": Rule(as_sets) for number in (2, 7, 111, 140, 232, 249, 579, 769)},
    "Mbpp/581": Rule(pyramid_too, arguments=True),
    "Mbpp/558": Rule(digitwise_too, arguments=True),
}
RULES = {_FIRST: _ALWAYS, _NEWEST: {**_ALWAYS, **_SINCE}}
"""By release; a file of none of them is judged as the newest."""

_RELEASE = "release"


def _rules(problem: Problem) -> plus.Rules:
    return RULES[problem.meta[_RELEASE]]


# ---------------------------------------------------------------------------------------------------------- the benchmark


def problems(path: str | None) -> list[Problem]:
    """Load a published file. Raises ConfigError for a missing field, a double task_id, no rows, a damaged file."""
    if path is None:
        raise ConfigError("benchmark mbpp_plus: give its file by path")
    rows = read_rows(path, "MBPP+", _FIELDS)
    release = RELEASES.get(content_sha256(Path(path)), _NEWEST)
    found = []
    for row in rows:
        try:
            base, more = _calls(row, "base_input"), _calls(row, "plus_input")
            found.append(plus.make_problem("mbpp_plus", row, base, more, **{_RELEASE: release}))
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise ConfigError(
                f"{path}: inputs of {row['task_id']} are not what that task takes ({error})"
            ) from None
    return found


def chat(problem: Problem) -> tuple[Message, ...]:
    """Ask in the words of `mbpp`; the docstring holds the task and one test."""
    return mbpp.ask(problem.prompt.strip().removeprefix('"""').removesuffix('"""').strip())


async def prepare(problems: Iterable[Problem], run: Run) -> list[Problem]:
    """Give problems their expected outputs."""
    return await plus.prepare(problems, run)


def job(problem: Problem, answer: Answer) -> Job:
    """Call the answer with every input, in a process of its own. The problem has to be prepared."""
    return plus.make_job(problem, answer.solution, _rules(problem))


def passed(problem: Problem, result: Result) -> bool:
    """Judge: every output held."""
    return result.status == "passed"


async def judge(problem: Problem, answer: Answer, run: Run) -> Outcome:
    """Judge on base and plus inputs."""
    return await plus.judge(problem, answer.solution, _rules(problem), run)
