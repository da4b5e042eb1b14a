"""References first: what fails is named with its cause, and a sick benchmark gives no score."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.core.records import Problem
from codewright.evals import doctor
from codewright.evals.benchmark import Benchmark, Run, load_benchmark
from codewright.evals.checkup import Line, print_checkup
from codewright.evals.doctor import Diagnosis, Reference, examine, examine_once, why
from codewright.evals.limits import FACTOR, FLOOR_CPU_S, REFERENCE_LIMITS, limits_for, measure_slowness
from codewright.evals.session import Options, refuse_sick
from codewright.sandbox.job import Job, Result
from codewright.sandbox.lazy import LazySandbox

DRILLS = load_benchmark("drills")
PROBLEMS = DRILLS.problems(None)[:6]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def in_sandbox(work: Callable[[Run], Awaitable[Diagnosis]]) -> Diagnosis:
    async def open_and_work() -> Diagnosis:
        async with LazySandbox("namespace") as sandbox:
            return await work(lambda job: sandbox.run(replace(job, limits=REFERENCE_LIMITS)))

    return asyncio.run(open_and_work())


def broken(problem: Problem) -> Problem:
    return replace(problem, canonical_solution="    return no_such_name\n")


def test_failing_references_are_named_with_their_cause() -> None:
    problems = [broken(PROBLEMS[0]), *PROBLEMS[1:]]
    seen: list[bool] = []
    found = in_sandbox(lambda run: examine(DRILLS, problems, run, on_done=seen.append))
    assert sorted(seen) == [False, *[True] * 5]
    (failing,) = found.failing
    assert failing.task_id == PROBLEMS[0].task_id and "no_such_name" in failing.cause
    assert all(seconds > 0 for seconds in found.seconds().values()) and len(found.seconds()) == 5
    assert found.describe()["passed"] == 5 and found.unchecked == 0


def test_problems_without_a_reference_are_counted() -> None:
    problems = [replace(PROBLEMS[0], canonical_solution=""), PROBLEMS[1]]
    found = in_sandbox(lambda run: examine(DRILLS, problems, run))
    assert (len(found.references), found.unchecked) == (1, 1)


class Unrunnable:
    @staticmethod
    def runnable(problem: Problem) -> str | None:
        return "no compiler here"


def test_a_missing_toolchain_is_a_cause_and_nothing_is_run() -> None:
    benchmark = Benchmark("x", "", Unrunnable)  # type: ignore[arg-type]

    async def run(job: Job) -> Result:
        raise AssertionError

    found = asyncio.run(examine(benchmark, PROBLEMS[:1], run))
    assert found.failing[0].cause == "toolchain: no compiler here"


@pytest.mark.parametrize(
    ("status", "detail", "cause"),
    [
        ("timeout", "ran longer than 1 s", "time: it ran into the limit"),
        ("error", "ModuleNotFoundError: No module named 'x'", "package: ModuleNotFoundError: No module named 'x'"),
        ("error", "Cannot find module 'js-md5'", "package: Cannot find module 'js-md5'"),
        ("failed", "AssertionError", "failed: AssertionError"),
        ("exited_early", "", "exited_early"),
    ],
)  # fmt: skip
def test_causes(status: str, detail: str, cause: str) -> None:
    assert why(status, detail) == cause


def diagnosis(**failing_of: tuple[int, int]) -> Diagnosis:
    references = [
        Reference(str(number), language, number >= failing, "" if number >= failing else "failed", 0.1)
        for language, (failing, count) in failing_of.items()
        for number in range(count)
    ]
    return Diagnosis("b", "canonical solutions", references, 0)


def test_a_score_is_withheld_by_language_above_two_percent() -> None:
    assert refuse_sick(diagnosis(java=(2, 100), go=(0, 100)), Options()) == ""
    with pytest.raises(
        ConfigError,
        match=r"java: 3 of 100 \(0 failed, 1 failed, 2 failed\).*--languages, or score with --force",
    ):
        refuse_sick(diagnosis(java=(3, 100), go=(0, 100)), Options())
    assert "java: 3 of 100" in refuse_sick(diagnosis(java=(3, 100)), Options(force=True))


def test_the_command_that_is_named_finds_what_was_run() -> None:
    with pytest.raises(ConfigError) as error:
        refuse_sick(diagnosis(python=(9, 9)), Options(data="a file.jsonl", languages=("python",)))
    said = str(error.value)
    assert "(0 failed, 1 failed, 2 failed and 6 more)" in said
    assert "`codewright eval doctor b --data 'a file.jsonl' --languages python` or score with --force" in said


def line(item: str, passed: int, checked: int) -> Line:
    failing = [(str(number), "failed") for number in range(checked - passed)]
    return Line(item, "python", "", 9, "", passed, checked, "" if checked else "not here", failing)


@pytest.mark.parametrize(
    ("lines", "status", "says"),
    [
        ([line("a", 9, 9)], 0, "a"),
        ([line("a", 9, 9), line("b", 0, 0)], 0, "1 of 2 benchmarks could not be checked: b"),
        ([line("a", 8, 9), line("b", 0, 0)], 1, "scores would be withheld"),
        ([line("a", 0, 0), line("b", 0, 0)], 2, "2 of 2 benchmarks could not be checked: a, b"),
    ],
)
def test_a_checkup_says_what_was_not_checked(
    lines: list[Line], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_checkup(lines) == status
    assert says in capsys.readouterr().out


def test_known_health_is_not_examined_again_until_something_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    async def work() -> Diagnosis:
        calls.append(1)
        return diagnosis(python=(0, 2))

    def once(problems: list[Problem]) -> Diagnosis:
        return asyncio.run(examine_once(DRILLS, problems, "namespace", work))

    assert once(PROBLEMS) == once(PROBLEMS) and len(calls) == 1
    once(PROBLEMS[1:])
    assert len(calls) == 2
    monkeypatch.setattr(doctor, "toolchain_files", lambda language: ["another compiler"])
    once(PROBLEMS)
    assert len(calls) == 3


def test_ill_health_is_never_remembered() -> None:
    calls = []

    async def work() -> Diagnosis:
        calls.append(1)
        return diagnosis(python=(1, 2))

    for _ in range(2):
        asyncio.run(examine_once(DRILLS, PROBLEMS, "namespace", work))
    assert len(calls) == 2


def test_limits_follow_the_reference_and_the_machine() -> None:
    quick, slow = limits_for(0.1, 1.0), limits_for(2.0, 3.0)
    assert quick.cpu_s == FLOOR_CPU_S + FACTOR * 0.1 and slow.cpu_s == 3 * FLOOR_CPU_S + FACTOR * 2
    assert quick.wall_s > 2 * quick.cpu_s and limits_for(None, 1.0).cpu_s == FLOOR_CPU_S


@pytest.mark.parametrize(("seconds", "slowness"), [((0.5, 0.9, 0.3), 3.0), ((0.01, 0.01, 0.01), 1.0)])
def test_slowness_is_that_of_the_quickest_run(seconds: tuple[float, ...], slowness: float) -> None:
    left = list(seconds)

    async def run(job: Job) -> Result:
        return Result("passed", "", "", left.pop(), 0.0, 0, "x", False)

    assert asyncio.run(measure_slowness(run)) == pytest.approx(slowness)
