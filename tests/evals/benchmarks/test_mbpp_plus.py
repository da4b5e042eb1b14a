"""`mbpp_plus`: inputs made what tasks take, rules by release, published verdicts come out again, canonical solutions pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl
from codewright.core.records import Problem
from codewright.evals.benchmark import load_benchmark
from codewright.evals.benchmarks import mbpp_plus
from codewright.evals.sources import content_sha256
from codewright.sandbox.guest import pieces
from tests.evals.benchmarks.plus_scoring import (
    SHARED,
    differing,
    judge_references,
    judge_texts,
    load,
    percent,
    score,
)
from tests.sandbox.needs import published

KEY = "mbpp_plus"
FIRST, NEWEST = "mbpp_plus_v0.1.0.jsonl.gz", "mbpp_plus.jsonl.gz"
QWEN = "qwen2.5-coder-1.5b.mbpp_plus.jsonl.gz"
WIZARD = "wizardcoder-33b-v1.1.mbpp_plus.raw.jsonl.gz"

SLOW = {f"Mbpp/{number}" for number in (84, 123, 255, 271, 300, 389, 392, 583, 589, 592, 599, 603, 630)}
"""Their canonical solutions need a third of a second or more each, Mbpp/599 fifteen."""

EXPLAINED = {
    "Mbpp/579": "the answer is the canonical solution under another name; both order strings by their hashes, and the published "
    "expected outputs were computed in another process, with other hashes"
}
"""Published verdicts that need not come out again, with the cause."""

ROW = {
    "task_id": "Mbpp/1000",
    "prompt": '"""\nWrite a function to list what two rows share.\nassert shared((1, 2), (2, 3)) == (2,)\n"""\n',
    "entry_point": "shared",
    "canonical_solution": "\ndef shared(a, b):\n    return tuple(x for x in a if x in b)\n",
    "base_input": [[[1, 2, 3], [3, 2]]],
    "plus_input": [[[3, 4, 5], [5, 4]]],
    "atol": 0,
}

pytestmark = pytest.mark.usefixtures("own_cache")


def problem_of(folder: Path, release: str = "v0.2.0", **changed: Any) -> Problem:
    write_jsonl(folder / "rows.jsonl", [{**ROW, **changed}])
    (problem,) = load_benchmark(KEY).problems(str(folder / "rows.jsonl"))
    return Problem(**{**vars(problem), "meta": {**problem.meta, "release": release}})


# --------------------------------------------------------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    ("task", "given", "taken"),
    [
        (3, [[1, [2]]], [[1, [2]]]),
        (2, [[1], [2]], [(1,), (2,)]),
        (63, [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        (75, [[[1, 2]], 6], [[(1, 2)], 6]),
        (106, [[1], [2, 3]], [[1], (2, 3)]),
        (115, [[[1, 2], [], {}]], [[{1, 2}, {}, {}]]),
        (124, [1, "2+3j"], [1.0, 2 + 3j]),
        (250, [[1, 2], 2], [(1, 2), 2]),
        (307, [[1, 2], 2, 50], [(1, 2), 2, 50]),
        (259, [[[1], [2]], [[3]]], [((1,), (2,)), ((3,),)]),
        (278, [[1, [2], "x"]], [(1, (2,), "x")]),
        (722, [{"a": [1, 2]}, 3, 4], [{"a": (1, 2)}, 3, 4]),
        (252, ["1j"], [1j]),
        (580, [[1, [2, [3]]]], [(1, (2, (3,)))]),
    ],
)
def test_inputs_are_made_what_the_task_takes(tmp_path: Path, task: int, given: Any, taken: Any) -> None:
    problem = problem_of(tmp_path, task_id=f"Mbpp/{task}", base_input=[given], plus_input={})
    assert pieces.unpack(problem.tests) == [taken]
    assert [type(one) for one in pieces.unpack(problem.tests)[0]] == [type(one) for one in taken]


def test_inputs_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="inputs of Mbpp/2 are not what that task takes"):
        problem_of(tmp_path, task_id="Mbpp/2", base_input=[[1, 2]])
    with pytest.raises(ConfigError, match=r"not a MBPP\+ row: 'plus_input'"):
        problem_of(tmp_path, plus_input=None)


# ---------------------------------------------------------------------------------------------------------------- rules

ROWS_OF_TWO = "def shared(a, b):\n    return [x for x in reversed(a) if x in b]\n"


def held(verdict: Any) -> tuple[bool, bool]:
    return verdict.base_passed, verdict.plus_passed


@pytest.mark.parametrize(("release", "answer"), [("v0.2.0", (True, True)), ("v0.1.0", (False, False))])
def test_the_newer_release_compares_some_tasks_as_sets(
    tmp_path: Path, release: str, answer: tuple[bool, bool]
) -> None:
    problem = problem_of(tmp_path, release, task_id="Mbpp/2")
    one, wrong, odd = judge_texts(
        KEY, problem, [ROWS_OF_TWO, "def shared(a, b): return b", "def shared(a, b): return 7"]
    )
    assert held(one) == answer
    assert held(wrong) == (answer[0], answer[1])  # b holds just what is shared here
    assert (held(odd), odd.status) == ((False, False), "failed")


@pytest.mark.parametrize(
    ("task", "bodies", "release", "marks"),
    [
        (164, ("return 1", "return 2"), "v0.1.0", (True, True)),
        (165, ("return 1", "return 2"), "v0.1.0", (False, False)),
        (295, ("return x + 1", "return 0"), "v0.1.0", (True, True)),
        (295, ("return x + 1", "return 1"), "v0.1.0", (False, False)),
        (737, ("import re; return re.match('a', 'a') if x else None", "return 'Yes' if x else None"), "v0.1.0", (True, True)),
        (737, ("import re; return re.match('a', 'a') if x else None", "return x != 0"), "v0.2.0", (True, True)),
        (737, ("import re; return re.match('a', 'a') if x else None", "import re; return re.match('b', 'b')"), "v0.2.0", (True, False)),
        (737, ("import re; return re.match('a', 'a') if x else None", "return None"), "v0.2.0", (False, False)),
    ],
)  # fmt: skip
def test_tasks_with_a_rule_of_their_own(
    tmp_path: Path, task: int, bodies: tuple[str, str], release: str, marks: tuple[bool, bool]
) -> None:
    """bodies: of the canonical solution and the answer, which are called with 3 in base, with 0 in plus."""
    canonical, answer = bodies
    problem = problem_of(
        tmp_path,
        release,
        task_id=f"Mbpp/{task}",
        entry_point="f",
        canonical_solution=f"def f(x):\n    {canonical}\n",
        base_input=[[3]],
        plus_input=[[0]],
    )
    (verdict,) = judge_texts(KEY, problem, [f"def f(x):\n    {answer}\n"])
    assert (held(verdict), verdict.forgeable) == (marks, False), verdict


@pytest.mark.parametrize(
    ("rule", "output", "expected", "arguments", "holds"),
    [
        (mbpp_plus.pyramid_too, 33, 33, [3, 4], True),
        (mbpp_plus.pyramid_too, 35, 33, [3, 4], True),  # 9 + 2 * 3 * sqrt(1.5 ** 2 + 4 ** 2)
        (mbpp_plus.pyramid_too, 34, 33, [3, 4], False),
        (mbpp_plus.digitwise_too, 9, 1, [10, 9], False),
        (mbpp_plus.digitwise_too, 10, 1, [10, 9], True),  # |1 - 0| + |0 - 9|
        (mbpp_plus.digitwise_too, 1, 1, [10, 9], True),
    ],
)
def test_two_readings_of_a_task_are_right(
    rule: Callable[..., bool], output: int, expected: int, arguments: list[int], holds: bool
) -> None:
    assert rule(0, output, expected, arguments) == holds


def test_both_readings_hold_in_the_newer_release_only(tmp_path: Path) -> None:
    slant = "def surface_Area(a, b):\n    return a * a + 2 * a * b\n"
    own = "import math\ndef surface_Area(a, b):\n    return round(a * a + 2 * a * math.sqrt((a / 2) ** 2 + b * b))\n"
    changed = {
        "task_id": "Mbpp/581",
        "entry_point": "surface_Area",
        "canonical_solution": slant,
        "base_input": [[3, 4]],
        "plus_input": [[10, 10]],
    }
    for release, marks in (("v0.2.0", (True, True)), ("v0.1.0", (False, False))):
        problem = problem_of(tmp_path, release, **changed)
        first, second = judge_texts(KEY, problem, [slant, own])
        assert (held(first), held(second)) == ((True, True), marks)


def test_the_question_shows_the_docstring_without_its_quotes(tmp_path: Path) -> None:
    problem = problem_of(tmp_path)
    (message,) = load_benchmark(KEY).chat(problem)
    assert (
        "Write a function to list what two rows share.\nassert shared((1, 2), (2, 3)) == (2,)"
        in message.content
    )
    assert '"""' not in message.content


# ------------------------------------------------------------------------------------------------------- published data


@pytest.mark.shared_data
def test_releases_are_told_apart_by_their_content() -> None:
    for file, release, count in ((FIRST, "v0.1.0", 399), (NEWEST, "v0.2.0", 378)):
        assert mbpp_plus.RELEASES[content_sha256(published(SHARED / "benchmarks" / file))] == release
        problems = load(KEY, file)
        assert len(problems) == count
        assert {problem.meta["release"] for problem in problems} == {release}


def quick(file: str) -> set[str]:
    return {problem.task_id for problem in load(KEY, file)} - SLOW


@pytest.mark.languages
@pytest.mark.shared_data
def test_published_verdicts_come_out_again() -> None:
    verdicts = score(KEY, FIRST, QWEN, quick(FIRST))
    assert set(differing(verdicts, QWEN)) == set(EXPLAINED)


@pytest.mark.languages
@pytest.mark.shared_data
def test_canonical_solutions_pass() -> None:
    for file in (FIRST, NEWEST):
        wanted = quick(file)
        verdicts = judge_references(KEY, [one for one in load(KEY, file) if one.task_id in wanted])
        assert len(verdicts) == len(wanted)
        assert {one.task_id: one.detail for one in verdicts if not one.passed} == {}
        assert not any(one.forgeable for one in verdicts)


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
def test_every_published_verdict_comes_out_again() -> None:
    verdicts = score(KEY, FIRST, QWEN)
    assert set(differing(verdicts, QWEN)) == set(EXPLAINED)
    assert percent(verdicts) == (69.2, 58.9)  # published: 69.2, 58.6; Mbpp/579 is a quarter of a percent


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
def test_the_score_of_another_published_model_comes_out_again() -> None:
    base, plus = percent(score(KEY, FIRST, WIZARD))
    assert base == 78.9
    assert abs(plus - 66.9) <= 100 * 2 / 399  # its single verdicts were not published


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
@pytest.mark.parametrize("file", [FIRST, NEWEST])
def test_slow_canonical_solutions_pass(file: str) -> None:
    verdicts = judge_references(KEY, [one for one in load(KEY, file) if one.task_id in SLOW])
    assert {one.task_id for one in verdicts if one.passed} == SLOW
