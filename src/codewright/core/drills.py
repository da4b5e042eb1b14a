"""Drills: generated one-line exercises on ints, strings and lists, each with tests; small enough for a 2M-parameter model.

A drill is an operation, a constant and sometimes a second operation, in one of several wordings. About 10 % of the
(operation, constant) pairs and 15 % of the (operation, second operation) pairs never occur in training: the benchmark
`drills` is drawn from those, so that it asks for combination, not for recall. The split is a fixed hash, independent
of any run's seed. Limits: one argument, one expression, English wordings only.
"""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from codewright.core.drill_operations import (
    OPERATIONS,
    SECOND_OPERATIONS,
    ConstantKind,
    Operation,
    SecondOperation,
)
from codewright.core.records import Problem
from codewright.core.rng import rng_for, stable_hash

BENCHMARK = "drills"
BENCHMARK_SEED = 164
"""Seed of the bundled problems; any number would do, this one may never change."""

SPLIT = "drills-148"
"""Name of the split. With number 148 the held-out pairs touch every second operation and take no more than a third
of what any of them can follow; chosen by counting pairs, before any model was trained."""

HELDOUT_CONSTANTS = 0.10
"""Share of (operation, constant) pairs that only the benchmark may use."""
HELDOUT_SECONDS = 0.15
"""Share of (operation, second operation) pairs that only the benchmark may use."""
SECOND_SHARE = 0.35
"""Share of drills that carry a second operation, where the first one's result allows any."""
TESTS_PER_DRILL = 8

_WORDS = (
    "red", "blue", "cat", "dog", "sun", "moon", "tree", "fish", "bird", "cake",
    "book", "lamp", "door", "rain", "snow", "star", "wind", "rock", "leaf", "milk",
)  # fmt: skip
_ARGUMENTS = {
    "int": ("x", "n", "num", "value", "a"),
    "list": ("xs", "items", "nums", "values", "lst"),
    "str": ("s", "text", "word", "line", "t"),
}
_FUNCTIONS = ("f", "solve", "run", "calc", "task", "func", "apply", "go")


@dataclass(frozen=True)
class Drill:
    """One exercise, all of it plain text.

    operation, second: keys of `OPERATIONS` and `SECOND_OPERATIONS`. constant: as written in the code, without quotes.
    docstring: the task in words. expression: what the function returns.
    """

    operation: str
    constant: str
    second: str | None
    argument: str
    function: str
    docstring: str
    expression: str

    @property
    def prompt(self) -> str:
        """The completion form: signature and docstring, to be continued with `body`."""
        return f'def {self.function}({self.argument}):\n    """{self.docstring}"""\n'

    @property
    def body(self) -> str:
        """What continues `prompt`."""
        return f"    return {self.expression}\n"

    @property
    def instruction(self) -> str:
        """The chat form: what the user asks."""
        return f"Write a Python function `{self.function}({self.argument})`. {self.docstring}"

    @property
    def solution(self) -> str:
        """The whole function, as a chat answer gives it."""
        return f"def {self.function}({self.argument}):\n{self.body}"

    @property
    def is_heldout(self) -> bool:
        """Tell whether this drill belongs to the benchmark's side of the split."""
        return _is_heldout(self.operation, self.constant, self.second)

    @cached_property
    def _value(self) -> Any:
        return self.constant if OPERATIONS[self.operation].constant == "word" else int(self.constant)

    def expected(self, argument: Any) -> Any:
        """Compute what the function must return for an argument, by the oracles, not by `expression`."""
        result = OPERATIONS[self.operation].oracle(argument, self._value)
        return result if self.second is None else SECOND_OPERATIONS[self.second].oracle(result)

    def inputs(self, rng: random.Random) -> list[Any]:
        """Draw `TESTS_PER_DRILL` distinct arguments, the edges of the operation among them."""
        takes = OPERATIONS[self.operation].takes
        draw_one = {"int": _draw_int, "list": _draw_list, "str": _draw_text}[takes]
        chosen = _edges(takes, self._value)
        while len(chosen) < TESTS_PER_DRILL:
            candidate = draw_one(self._value, rng)
            if candidate not in chosen:
                chosen.append(candidate)
        return chosen

    def tests(self, rng: random.Random) -> str:
        """Write the tests: one assert a line, each calling the function by its name."""
        lines = [
            f"assert {self.function}({value!r}) == {self.expected(value)!r}\n" for value in self.inputs(rng)
        ]
        return "".join(lines)


def draw(rng: random.Random, heldout: bool) -> Drill:
    """Draw one drill from the training side or from the held-out side."""
    while True:
        drill = _draw_any(rng)
        if drill.is_heldout == heldout:
            return drill


def bundled_problems(n: int = 164) -> list[Problem]:
    """Return the benchmark `drills`: n held-out problems, no two of them with the same answer; always the same ones.

    `meta` holds the chat form (`instruction`) and what the drill is made of (`operation`, `constant`, `second`).
    """
    problems: list[Problem] = []
    for number, drill in enumerate(_distinct(n)):
        problems.append(
            Problem(
                benchmark=BENCHMARK,
                task_id=f"{BENCHMARK}/{number}",
                prompt=drill.prompt,
                entry_point=drill.function,
                canonical_solution=drill.body,
                tests=drill.tests(rng_for(BENCHMARK_SEED, BENCHMARK, "tests", number)),
                meta={
                    "instruction": drill.instruction,
                    "operation": drill.operation,
                    "constant": drill.constant,
                    "second": drill.second or "",
                },
            )
        )
    return problems


def _distinct(n: int) -> Iterator[Drill]:
    rng = rng_for(BENCHMARK_SEED, BENCHMARK)
    seen: set[tuple[str, str, str | None]] = set()
    while len(seen) < n:
        drill = draw(rng, heldout=True)
        key = (drill.operation, drill.constant, drill.second)
        if key not in seen:
            seen.add(key)
            yield drill


def _is_heldout(operation: str, constant: str, second: str | None) -> bool:
    if stable_hash(SPLIT, "constant", operation, constant) % 100 < 100 * HELDOUT_CONSTANTS:
        return True
    return (
        second is not None and stable_hash(SPLIT, "second", operation, second) % 100 < 100 * HELDOUT_SECONDS
    )


def _draw_any(rng: random.Random) -> Drill:
    operation = rng.choice(tuple(OPERATIONS.values()))
    constant = _draw_constant(operation.constant, rng)
    argument = rng.choice(_ARGUMENTS[operation.takes])
    words = rng.choice(operation.phrases).format(a=argument, k=constant)
    expression = operation.code.format(a=argument, k=constant)
    second: SecondOperation | None = None
    followers = [item for item in SECOND_OPERATIONS.values() if operation.gives in item.takes]
    if followers and rng.random() < SECOND_SHARE:
        second = rng.choice(followers)
        words = f"{words}, then {rng.choice(second.phrases)}"
        expression = _follow(operation, second, expression)
    # Half the names carry a number, so that names have to be copied rather than remembered.
    function = rng.choice(_FUNCTIONS) + (f"_{rng.randint(1, 99)}" if rng.random() < 0.5 else "")
    return Drill(
        operation.key, constant, second.key if second else None, argument, function, f"{words}.", expression
    )


def _follow(operation: Operation, second: SecondOperation, expression: str) -> str:
    return second.code.format(e=f"({expression})" if second.binds and not operation.atom else expression)


def _draw_constant(kind: ConstantKind, rng: random.Random) -> str:
    if kind == "number":
        return str(rng.randint(2, 99))
    if kind == "small":
        return str(rng.randint(2, 9))
    if rng.random() < 0.6:
        return rng.choice(_WORDS)
    return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(1, 3)))


def _edges(takes: str, constant: Any) -> list[Any]:
    """Return arguments that tell near misses apart: > from >=, % from //, max from min, first from last."""
    if takes == "int":
        return [constant, constant - 1, constant + 1, -3 * constant - 1]
    if takes == "list":
        return [
            [constant + 1, constant, constant - 1, 2 * constant, 0, -constant, constant],
            [5, -3, 11, 2, 8, 14, -6, 1, 9, 4, 7, 3],
            [constant],
            [constant + 1, constant - 1],
        ]
    text = constant if isinstance(constant, str) else "ab"
    return [f"{text}z", f"z{text}", f"q{text}{text}wvu", "abcdefghijkl"]


def _draw_int(constant: int, rng: random.Random) -> int:
    return rng.choice([rng.randint(-200, 200), constant * rng.randint(-3, 5), constant + rng.randint(-9, 9)])


def _draw_list(constant: int, rng: random.Random) -> list[int]:
    near = (constant - 1, constant, constant + 1, 2 * constant, 3 * constant)
    return [rng.choice([rng.randint(-20, 120), rng.choice(near)]) for _ in range(rng.randint(0, 12))]


def _draw_text(constant: str | int, rng: random.Random) -> str:
    piece = constant if isinstance(constant, str) else "xy"
    return "".join(
        rng.choice([piece, rng.choice("abcxyz "), rng.choice(_WORDS)]) for _ in range(rng.randint(0, 6))
    )
