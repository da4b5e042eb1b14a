"""Drills: solutions pass their own tests, near misses fail them, and the held-out side stays apart."""

import pickle
import random
from dataclasses import replace

import pytest

from codewright.core.drill_operations import OPERATIONS, SECOND_OPERATIONS
from codewright.core.drills import Drill, bundled_problems, draw
from codewright.core.records import content_id


def passes(code: str, tests: str) -> bool:
    names: dict[str, object] = {}
    try:
        exec(code, names)
        exec(tests, names)
    except Exception:
        return False
    return True


def drills(number: int, *, heldout: bool = False, seed: int = 0) -> list[Drill]:
    rng = random.Random(seed)
    return [draw(rng, heldout) for _ in range(number)]


def test_solutions_pass_their_own_tests_in_both_forms() -> None:
    drawn = drills(1200) + drills(300, heldout=True)
    assert {drill.operation for drill in drawn} == set(OPERATIONS)
    assert {drill.second for drill in drawn} == {None, *SECOND_OPERATIONS}
    for drill in drawn:
        tests = drill.tests(random.Random(1))
        assert tests.count("assert ") == 8
        assert passes(drill.prompt + drill.body, tests), drill
        assert passes(drill.solution, tests), drill


SWAPS: list[tuple[str, str]] = [
    (" + ", " - "),
    (" - ", " + "),
    (" * ", " + "),
    (" // ", " / "),
    (" % ", " // "),
    (" > ", " >= "),
    (" < ", " <= "),
    (" == 0", " != 0"),
    ("max(", "min("),
    ("min(", "max("),
    ("startswith", "endswith"),
    ("endswith", "startswith"),
    (" in ", " not in "),
    ("sorted(", "list("),
    ("len(", "hash("),
]


@pytest.mark.parametrize("seed", range(3))
def test_mutated_solutions_fail(seed: int) -> None:
    caught = 0
    for drill in drills(400, seed=seed):
        if drill.second:
            continue
        for old, new in SWAPS:
            if old in drill.expression and not drill.expression.startswith("["):
                mutant = replace(drill, expression=drill.expression.replace(old, new, 1))
                assert not passes(mutant.solution, drill.tests(random.Random(seed))), mutant
                caught += 1
    assert caught > 50


def test_neighbouring_constants_and_missing_second_operations_fail() -> None:
    for drill in drills(1500, seed=3):
        tests = drill.tests(random.Random(5))
        if drill.second is None and OPERATIONS[drill.operation].constant != "word":
            for other in (int(drill.constant) - 1, int(drill.constant) + 1):
                code = OPERATIONS[drill.operation].code.format(a=drill.argument, k=other)
                assert not passes(replace(drill, expression=code).solution, tests), (drill, other)
        if drill.second is not None:
            code = OPERATIONS[drill.operation].code.format(a=drill.argument, k=drill.constant)
            assert not passes(replace(drill, expression=code).solution, tests), drill


def test_oracles_share_no_code_with_what_they_check() -> None:
    """A wrong code template must not be able to hide: expected values do not come from the expression."""
    drill = replace(drills(1)[0], expression="no_such_name")
    assert drill.tests(random.Random(0)) == drills(1)[0].tests(random.Random(0))


def test_the_heldout_side_is_disjoint() -> None:
    train, held = drills(6000), drills(2000, heldout=True, seed=9)
    trained_pairs = {(drill.operation, drill.constant) for drill in train}
    trained_seconds = {(drill.operation, drill.second) for drill in train if drill.second}
    assert not {drill.prompt for drill in train} & {drill.prompt for drill in held}
    for drill in held:
        new_constant = (drill.operation, drill.constant) not in trained_pairs
        new_second = drill.second is not None and (drill.operation, drill.second) not in trained_seconds
        assert new_constant or new_second, drill
    assert not any(drill.is_heldout for drill in train)


def test_the_split_has_the_documented_size() -> None:
    rng = random.Random(4)
    numbers = [str(number) for number in range(2, 100)]
    keys = [(key, k) for key, item in OPERATIONS.items() if item.constant == "number" for k in numbers]
    sample = drills(1)[0]
    held = sum(replace(sample, operation=key, constant=k, second=None).is_heldout for key, k in keys)
    assert 0.07 < held / len(keys) < 0.13
    pairs = [
        (first.key, second.key)
        for first in OPERATIONS.values()
        for second in SECOND_OPERATIONS.values()
        if first.gives in second.takes
    ]
    # A constant that is itself in training, so that only the pair decides.
    free = next(k for k in rng.sample(numbers, 98) if not any(
        replace(sample, operation=key, constant=k, second=None).is_heldout for key in OPERATIONS
    ))  # fmt: skip
    held = sum(replace(sample, operation=a, constant=free, second=b).is_heldout for a, b in pairs)
    assert 0.10 < held / len(pairs) < 0.20


def test_drawing_is_deterministic_and_drills_cross_processes() -> None:
    assert drills(50) == drills(50)
    assert pickle.loads(pickle.dumps(drills(50))) == drills(50)


def test_bundled_problems_are_fixed_distinct_and_solved_by_their_solutions() -> None:
    problems = bundled_problems()
    assert problems == bundled_problems()
    assert [problem.task_id for problem in problems[:2]] == ["drills/0", "drills/1"]
    assert len(problems) == len({problem.prompt for problem in problems}) == 164
    keys = {(p.meta["operation"], p.meta["constant"], p.meta["second"]) for p in problems}
    assert len(keys) == 164
    for problem in problems:
        assert passes(problem.prompt + problem.canonical_solution, problem.tests)
        assert not passes(problem.prompt + "    return None\n", problem.tests)
        assert f"`{problem.entry_point}(" in problem.meta["instruction"]
    # The benchmark may never change: scores of different versions are compared.
    everything = "".join(problem.prompt + problem.canonical_solution + problem.tests for problem in problems)
    assert content_id(everything)[:16] == "9aa9a5cd8dab94f6"
