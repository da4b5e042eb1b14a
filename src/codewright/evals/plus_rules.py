"""How evalplus compares outputs that are not equal. These functions travel to the tests as source text.

So each of them uses builtins, `math`, the others of its rule, and these names, which the tests define: RTOL, ATOL, and TOLERANT,
the ranges of calls in which closeness counts. Their names and jumps have to stay few enough for `sandbox/guest/pure.py`.
"""

from typing import Any

RTOL = 1e-07
FLOAT_ATOL = 1e-06
"""Source of both: evalplus/eval/__init__.py; numpy.isclose says how they are used."""

ATOL = FLOAT_ATOL
TOLERANT: tuple[tuple[int, int], ...] = ()


def is_floats(value: Any) -> bool:
    """Tell whether a value switches tolerance on: a float, or a row of floats."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def tolerated(index: int, output: Any, expected: Any) -> bool:
    """Hold what is equal, and what is close where that counts."""
    if output == expected:
        return True
    return any(start <= index < stop for start, stop in TOLERANT) and close(output, expected)


def close(output: Any, expected: Any) -> bool:
    """Hold what is of the same type, of the same shape, and near in each number."""
    return type(output) is type(expected) and near(output, expected)


def near(output: Any, expected: Any) -> bool:
    """Compare numbers as numpy.isclose does, rows item by item."""
    if isinstance(expected, (list, tuple)):
        same_shape = isinstance(output, (list, tuple)) and len(output) == len(expected)
        return same_shape and all(near(one, other) for one, other in zip(output, expected))  # noqa: B905
    if not isinstance(output, (int, float, complex)) or not isinstance(expected, (int, float, complex)):
        return False
    if output == expected:
        return True
    return abs(expected) < float("inf") and abs(output - expected) <= ATOL + RTOL * abs(expected)
