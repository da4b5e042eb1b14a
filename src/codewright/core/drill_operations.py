"""What drills are about: the table of operations, each with its wordings, its code and an oracle that shares none of it.

Expected values come from the oracle, so running the code against them is a real check. Oracles are plain Python
without the operators, methods and slices of the code they check, wherever the language leaves another way to say it.
"""

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["int", "natural", "bool", "str", "list", "strings"]
"""What an expression gives; `list` holds ints, `strings` holds str.

`natural` is an int that is never negative (or, for powers, not with half of the constants): `absolute` does not follow it.
"""

ConstantKind = Literal["number", "small", "word"]
"""`number` is 2 to 99, `small` 2 to 9, `word` a short lower-case string."""


@dataclass(frozen=True)
class Operation:
    """One operation of an argument and a constant.

    phrases and code are templates over {a} (the argument's name) and {k} (the constant).
    atom: a dot or a bracket may follow the code directly; otherwise it is put in parentheses first.
    """

    key: str
    takes: Literal["int", "list", "str"]
    gives: Kind
    constant: ConstantKind
    phrases: tuple[str, ...]
    code: str
    oracle: Callable[[Any, Any], Any]
    atom: bool = False


@dataclass(frozen=True)
class SecondOperation:
    """What may follow with ", then ...": `code` is a template over {e}, the first expression.

    binds: {e} must be an atom for the code to mean what it says.
    """

    key: str
    takes: tuple[Kind, ...]
    phrases: tuple[str, ...]
    code: str
    oracle: Callable[[Any], Any]
    binds: bool = False


def _floor_divide(x: int, k: int) -> int:
    quotient = 0
    while k * quotient > x:
        quotient -= 1
    while k * (quotient + 1) <= x:
        quotient += 1
    return quotient


def _remainder(x: int, k: int) -> int:
    while x < 0:
        x += k
    while x >= k:
        x -= k
    return x


def _power(x: int, k: int) -> int:
    return functools.reduce(operator.mul, [x] * k, 1)


def _positions(x: str, k: str) -> list[int]:
    """Find where k occurs in x, left to right without overlap."""
    found, start = [], 0
    while (start := x.find(k, start)) >= 0:
        found.append(start)
        start += len(k)
    return found


def _pieces(x: str, k: str) -> list[str]:
    pieces, start = [], 0
    for position in _positions(x, k):
        pieces.append(x[start:position])
        start = position + len(k)
    return [*pieces, x[start:]]


def _take(xs: Any, k: int) -> list[Any]:
    return [item for position, item in enumerate(xs) if position < k]


def _take_last(xs: Any, k: int) -> list[Any]:
    return [item for position, item in enumerate(xs) if position >= len(xs) - k]


def _drop(xs: Any, k: int) -> list[Any]:
    return [item for position, item in enumerate(xs) if position >= k]


def _drop_last(xs: Any, k: int) -> list[Any]:
    return [item for position, item in enumerate(xs) if position < len(xs) - k]


def _insertion_sort(xs: Any) -> list[Any]:
    ordered: list[Any] = []
    for item in xs:
        place = sum(1 for other in ordered if other <= item)
        ordered.insert(place, item)
    return ordered


_INT_OPERATIONS = (
    Operation(
        "add", "int", "int", "number",
        ("Add {k} to {a}", "Return {a} plus {k}", "Increase {a} by {k}"),
        "{a} + {k}", lambda x, k: sum((x, k)),
    ),
    Operation(
        "subtract", "int", "int", "number",
        ("Subtract {k} from {a}", "Return {a} minus {k}", "Decrease {a} by {k}"),
        "{a} - {k}", lambda x, k: sum((x, -k)),
    ),
    Operation(
        "multiply", "int", "int", "number",
        ("Multiply {a} by {k}", "Return {a} times {k}"),
        "{a} * {k}", lambda x, k: sum([x] * k),
    ),
    Operation(
        "remainder", "int", "natural", "number",
        ("Return the remainder of {a} divided by {k}", "Return {a} modulo {k}"),
        "{a} % {k}", _remainder,
    ),
    Operation(
        "divide", "int", "int", "number",
        ("Return the integer division of {a} by {k}", "Divide {a} by {k} and round down"),
        "{a} // {k}", _floor_divide,
    ),
    Operation(
        "power", "int", "natural", "small",
        ("Raise {a} to the power {k}", "Return {a} to the power of {k}"),
        "{a} ** {k}", _power,
    ),
    Operation(
        "is_multiple", "int", "bool", "number",
        ("Check if {a} is divisible by {k}", "Return True if {a} is a multiple of {k}"),
        "{a} % {k} == 0", lambda x, k: _remainder(x, k) == 0,
    ),
    Operation(
        "is_greater", "int", "bool", "number",
        ("Check if {a} is greater than {k}", "Return True if {a} is above {k}"),
        "{a} > {k}", lambda x, k: not x <= k,
    ),
    Operation(
        "is_less", "int", "bool", "number",
        ("Check if {a} is less than {k}", "Return True if {a} is below {k}"),
        "{a} < {k}", lambda x, k: not x >= k,
    ),
    Operation(
        "larger", "int", "natural", "number",
        ("Return the larger of {a} and {k}", "Return the maximum of {a} and {k}"),
        "max({a}, {k})", lambda x, k: x if x >= k else k, atom=True,
    ),
    Operation(
        "smaller", "int", "int", "number",
        ("Return the smaller of {a} and {k}", "Return the minimum of {a} and {k}"),
        "min({a}, {k})", lambda x, k: x if x <= k else k, atom=True,
    ),
)  # fmt: skip

_LIST_OPERATIONS = (
    Operation(
        "keep_greater", "list", "list", "number",
        ("Return the elements of {a} greater than {k}", "Keep only the values of {a} above {k}"),
        "[v for v in {a} if v > {k}]", lambda xs, k: list(filter(lambda v: not v <= k, xs)), atom=True,
    ),
    Operation(
        "keep_less", "list", "list", "number",
        ("Return the elements of {a} less than {k}", "Keep only the values of {a} below {k}"),
        "[v for v in {a} if v < {k}]", lambda xs, k: list(filter(lambda v: not v >= k, xs)), atom=True,
    ),
    Operation(
        "keep_multiples", "list", "list", "number",
        ("Return the elements of {a} divisible by {k}", "Keep only the multiples of {k} in {a}"),
        "[v for v in {a} if v % {k} == 0]", lambda xs, k: [v for v in xs if _remainder(v, k) == 0], atom=True,
    ),
    Operation(
        "multiply_each", "list", "list", "number",
        ("Multiply every element of {a} by {k}", "Scale each value of {a} by {k}"),
        "[v * {k} for v in {a}]", lambda xs, k: [sum([v] * k) for v in xs], atom=True,
    ),
    Operation(
        "add_to_each", "list", "list", "number",
        ("Add {k} to every element of {a}", "Increase each value of {a} by {k}"),
        "[v + {k} for v in {a}]", lambda xs, k: [sum((v, k)) for v in xs], atom=True,
    ),
    Operation(
        "count_greater", "list", "natural", "number",
        ("Count the elements of {a} greater than {k}", "Return how many values of {a} are above {k}"),
        "sum(1 for v in {a} if v > {k})", lambda xs, k: len([v for v in xs if not v <= k]), atom=True,
    ),
    Operation(
        "count_item", "list", "natural", "number",
        ("Count how many times {k} occurs in {a}", "Return the number of times {k} appears in {a}"),
        "{a}.count({k})", lambda xs, k: len([v for v in xs if v == k]), atom=True,
    ),
    Operation(
        "append_item", "list", "list", "number",
        ("Append {k} to the end of {a}", "Return {a} with {k} added at the end"),
        "{a} + [{k}]", lambda xs, k: [*xs, k],
    ),
    Operation(
        "has_item", "list", "bool", "number",
        ("Check if {a} contains {k}", "Return True if {k} is in {a}"),
        "{k} in {a}", lambda xs, k: any(v == k for v in xs),
    ),
    Operation(
        "first_items", "list", "list", "small",
        ("Return the first {k} elements of {a}", "Take the first {k} items of {a}"),
        "{a}[:{k}]", _take, atom=True,
    ),
    Operation(
        "last_items", "list", "list", "small",
        ("Return the last {k} elements of {a}", "Take the last {k} items of {a}"),
        "{a}[-{k}:]", _take_last, atom=True,
    ),
    Operation(
        "drop_items", "list", "list", "small",
        ("Drop the first {k} elements of {a}", "Return {a} without its first {k} items"),
        "{a}[{k}:]", _drop, atom=True,
    ),
    Operation(
        "every_nth", "list", "list", "small",
        ("Return every {k}th element of {a}", "Take every {k}th item of {a}"),
        "{a}[::{k}]", lambda xs, k: [v for position, v in enumerate(xs) if _remainder(position, k) == 0], atom=True,
    ),
)  # fmt: skip

_STR_OPERATIONS = (
    Operation(
        "starts_with", "str", "bool", "word",
        ("Check if {a} starts with '{k}'", "Return True if {a} begins with '{k}'"),
        "{a}.startswith('{k}')", lambda x, k: "".join(_take(x, len(k))) == k, atom=True,
    ),
    Operation(
        "ends_with", "str", "bool", "word",
        ("Check if {a} ends with '{k}'", "Return True if {a} finishes with '{k}'"),
        "{a}.endswith('{k}')", lambda x, k: "".join(_take_last(x, len(k))) == k, atom=True,
    ),
    Operation(
        "append_text", "str", "str", "word",
        ("Append '{k}' to {a}", "Return {a} followed by '{k}'"),
        "{a} + '{k}'", lambda x, k: "".join((x, k)),
    ),
    Operation(
        "prepend_text", "str", "str", "word",
        ("Prepend '{k}' to {a}", "Return '{k}' followed by {a}"),
        "'{k}' + {a}", lambda x, k: "".join((k, x)),
    ),
    Operation(
        "repeat_text", "str", "str", "small",
        ("Repeat {a} {k} times", "Return {a} repeated {k} times"),
        "{a} * {k}", lambda x, k: "".join([x for _ in range(k)]),
    ),
    Operation(
        "first_letters", "str", "str", "small",
        ("Return the first {k} characters of {a}", "Take the first {k} letters of {a}"),
        "{a}[:{k}]", lambda x, k: "".join(_take(x, k)), atom=True,
    ),
    Operation(
        "last_letters", "str", "str", "small",
        ("Return the last {k} characters of {a}", "Take the last {k} letters of {a}"),
        "{a}[-{k}:]", lambda x, k: "".join(_take_last(x, k)), atom=True,
    ),
    Operation(
        "drop_letters", "str", "str", "small",
        ("Drop the last {k} characters of {a}", "Return {a} without its last {k} letters"),
        "{a}[:-{k}]", lambda x, k: "".join(_drop_last(x, k)), atom=True,
    ),
    Operation(
        "count_text", "str", "natural", "word",
        ("Count how many times '{k}' occurs in {a}", "Return the number of times '{k}' appears in {a}"),
        "{a}.count('{k}')", lambda x, k: len(_positions(x, k)), atom=True,
    ),
    Operation(
        "remove_text", "str", "str", "word",
        ("Remove every '{k}' from {a}", "Return {a} without any '{k}'"),
        "{a}.replace('{k}', '')", lambda x, k: "".join(_pieces(x, k)), atom=True,
    ),
    Operation(
        "has_text", "str", "bool", "word",
        ("Check if {a} contains '{k}'", "Return True if '{k}' is in {a}"),
        "'{k}' in {a}", lambda x, k: x.find(k) >= 0,
    ),
    Operation(
        "split_text", "str", "strings", "word",
        ("Split {a} on '{k}'", "Return the parts of {a} separated by '{k}'"),
        "{a}.split('{k}')", _pieces, atom=True,
    ),
)  # fmt: skip

OPERATIONS = {item.key: item for item in (*_INT_OPERATIONS, *_LIST_OPERATIONS, *_STR_OPERATIONS)}
"""The 36 operations by key."""

SECOND_OPERATIONS = {
    item.key: item
    for item in (
        SecondOperation(
            "reverse_list", ("list", "strings"), ("reverse it", "return it reversed"),
            "{e}[::-1]", lambda xs: list(reversed(xs)), binds=True,
        ),
        SecondOperation(
            "sort", ("list", "strings"), ("sort it", "return it sorted"), "sorted({e})", _insertion_sort,
        ),
        SecondOperation(
            "total", ("list",), ("sum it", "return the sum"),
            "sum({e})", lambda xs: functools.reduce(operator.add, xs, 0),
        ),
        SecondOperation(
            "count_items", ("list", "strings"), ("return its length", "count the items"),
            "len({e})", lambda xs: sum(1 for _ in xs),
        ),
        SecondOperation(
            "uppercase", ("str",), ("uppercase it", "make it upper case"),
            "{e}.upper()", lambda x: "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in x), binds=True,
        ),
        SecondOperation(
            "reverse_text", ("str",), ("reverse it", "return it reversed"),
            "{e}[::-1]", lambda x: "".join(reversed(x)), binds=True,
        ),
        SecondOperation(
            "count_letters", ("str",), ("return its length", "count the characters"),
            "len({e})", lambda x: sum(1 for _ in x),
        ),
        SecondOperation(
            "negate", ("int", "natural"), ("negate it", "flip its sign"), "-({e})", lambda x: 0 - x,
        ),
        SecondOperation(
            # Not of `natural`: it would change nothing, and no test could tell.
            "absolute", ("int",), ("take the absolute value", "return the absolute value"),
            "abs({e})", lambda x: x if x >= 0 else 0 - x,
        ),
        SecondOperation(
            "square", ("int", "natural"), ("square it", "return its square"), "({e}) ** 2", lambda x: x * x,
        ),
    )
}  # fmt: skip
"""The 10 second operations by key."""
