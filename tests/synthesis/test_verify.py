"""What tests are worth: agreement of solutions and tests, tests that prove nothing, flaky ones, branches taken."""

import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codewright.core.records import Tests
from codewright.synthesis.branch_coverage import Coverage, branch_coverage
from codewright.synthesis.verify import Run, agree, is_flaky, largest_agreement, proves_nothing, verify
from tests.sandbox.opened import Opened

ADD = "def add(a, b):\n    return a + b\n"


InSandbox = Callable[[Callable[[Run], Awaitable[Any]]], Any]


@pytest.fixture(scope="module")
def in_sandbox() -> Iterator[InSandbox]:
    with Opened() as opened:
        yield lambda work: opened.wait_for(work(opened.sandbox.run))


tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=5
    )
)  # fmt: skip


@given(tables)
def test_the_group_is_the_largest_of_all(passed: list[list[bool]]) -> None:
    def subsets(count: int) -> list[tuple[int, ...]]:
        return [one for size in range(1, count + 1) for one in itertools.combinations(range(count), size)]

    holds = [
        (solutions, tests)
        for solutions in subsets(len(passed))
        for tests in subsets(len(passed[0]))
        if all(passed[s][t] for s in solutions for t in tests)
    ]
    found = largest_agreement(passed)
    if not holds:
        assert found is None
        return
    assert found is not None
    assert (found.solutions, found.tests) in holds
    best = max(len(solutions) * len(tests) for solutions, tests in holds)
    assert len(found.solutions) * len(found.tests) == best
    largest = [one for one in holds if len(one[0]) * len(one[1]) == best]
    most = max(len(solutions) for solutions, _ in largest)
    assert found.solutions == min(solutions for solutions, _ in largest if len(solutions) == most)


def test_what_agrees_is_kept(in_sandbox: InSandbox) -> None:
    wrong = "def add(a, b):\n    return a - b\n"
    solutions = [wrong, ADD, "def add(a, b):\n    return b + a\n", "def add(a, b):\n    return a +\n"]
    tests = [
        "assert add(1, 2) == 3\n",
        "assert add(1, 2) == -1\n",
        "assert add(2, 2) == 4\nassert add(0, 5) == 5\n",
    ]
    found = in_sandbox(lambda run: agree(run, solutions, tests, "add"))
    assert found is not None
    assert (found.solutions, found.tests) == ((1, 2), (0, 2))
    assert found.passed == (
        (False, True, False), (True, False, True), (True, False, True), (False, False, False),
    )  # fmt: skip
    assert in_sandbox(lambda run: agree(run, [wrong], tests[:1], "add")) is None


@pytest.mark.parametrize(
    ("code", "nothing"),
    [
        ("assert add(1, 2) == 3\n", False),
        ("result = add(1, 2)\nassert result\n", False),
        ("assert add(1, 2) + 1 == 4\n", False),  # nothing can be added to None
        ("add(1, 2)\n", True),
        ("", True),
        ("add(1, 2) + 1\nassert True\n", True),
        ("assert add(1, 2) is None or add(1, 2) == 3\n", True),
        ("assert add(1, 2) != 4\n", True),
        ("def test_add():\n    assert add(1, 2) == 3\n", True),  # nobody calls it
        ("try:\n    assert add(1, 2) == 3\nexcept AssertionError:\n    pass\n", True),
        ("def add(a, b):\n    return a + b\n\nassert add(1, 2) == 3\n", True),  # its own solution
    ],
)
def test_tests_that_prove_nothing(in_sandbox: InSandbox, code: str, nothing: bool) -> None:
    async def both(run: Run) -> tuple[str, bool, bool]:
        verdict, tests, _ = await verify(run, Tests(ADD, code, "add"))
        return verdict.status, await proves_nothing(run, tests), await proves_nothing(run, Tests(ADD, code))

    status, one, all_names = in_sandbox(both)
    assert status == "passed"
    assert (one, all_names) == (nothing, nothing)


def test_flaky_is_what_ends_in_two_ways(in_sandbox: InSandbox) -> None:
    class Alternating:
        """Runs every other job with another solution, as a program that depends on the time of day would."""

        def __init__(self, run: Run) -> None:
            self.run, self.count = run, 0

        async def __call__(self, job: Any) -> Any:
            self.count += 1
            if self.count % 2 == 0:
                job.files["solution.py"] = "def add(a, b):\n    return 0\n"
            return await self.run(job)

    async def both(run: Run) -> tuple[bool, bool]:
        tests = Tests(ADD, "assert add(1, 2) == 3\n", "add")
        verdict, _, _ = await verify(run, tests)
        alternating = Alternating(run)
        first, _, _ = await verify(alternating, tests)
        return await is_flaky(run, tests, verdict.status), await is_flaky(alternating, tests, first.status)

    assert in_sandbox(both) == (False, True)


SIGN = """from __future__ import annotations

def sign(values):
    found = []
    for value in values:
        if value > 0:
            found.append(1)
        elif value < 0:
            found.append(-1)
        else:
            found.append(0)
    print("noise")
    while True:
        break
    return [one for one in found if one] if found else None


if __name__ == "__main__":
    sign([])
"""


@pytest.mark.parametrize(
    ("solution", "code", "expected"),
    [
        # if, elif, the loop, the comprehension's if, the conditional expression
        (SIGN, "assert sign([1, -1, 0]) == [1, -1]\n", Coverage(9, 10)),
        (SIGN, "assert sign([1, -1, 0]) == [1, -1]\nassert sign([]) is None\n", Coverage(10, 10)),
        (SIGN, "assert sign([3]) == [1]\n", Coverage(5, 10)),
        (SIGN, "assert sign([]) is None\n", Coverage(2, 10)),
        (ADD, "assert add(1, 2) == 3\n", Coverage(0, 0)),
        (SIGN, "assert sign([3]) == [2]\n", None),
        (SIGN + "import os\nos._exit(0)\n", "assert sign([3]) == [1]\n", None),
        ("def sign(:\n", "assert True\n", None),
        ("import atexit\natexit.register(print, '[[7, 1]]')\n" + SIGN, "assert sign([3]) == [1]\n", None),
    ],
)  # fmt: skip
def test_branches_taken(in_sandbox: InSandbox, solution: str, code: str, expected: Coverage | None) -> None:
    assert in_sandbox(lambda run: branch_coverage(run, Tests(solution, code, "sign"))) == expected


def test_wrapped_conditions_mean_what_they_meant(in_sandbox: InSandbox) -> None:
    solution = """
def f(n):
    out = []
    i = 0
    while (i := i + 1) < n:
        for j in range(i):
            if j == 2:
                break
        else:
            out.append(i)
    return out, [a for a in out if a % 2 if a > 0]
"""
    code = "assert f(5) == ([1, 2], [1])\n"
    assert in_sandbox(lambda run: branch_coverage(run, Tests(solution, code, "f"))) == Coverage(9, 10)
