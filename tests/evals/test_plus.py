"""Benchmarks of the EvalPlus kind: expected outputs from the canonical solution, two verdicts from one run."""

import asyncio
import inspect
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codewright.core.records import Problem
from codewright.evals import plus, plus_rules
from codewright.evals.benchmark import Outcome
from codewright.evals.judging import run_in
from codewright.sandbox.guest import pieces
from codewright.sandbox.guest.pure import is_pure
from codewright.sandbox.job import Job, Limits, Result
from codewright.sandbox.pool import open_sandbox

LIMITS = Limits(wall_s=30.0, cpu_s=4.0)
HALF = "def half(x):\n    return x / 2\n"


def make(canonical: str, base: list[Any], more: list[Any], atol: float = 0, name: str = "half") -> Problem:
    row = {"task_id": "t/0", "prompt": "", "entry_point": name, "canonical_solution": canonical, "atol": atol}
    return plus.make_problem("tiny_plus", row, base, more)


def judge(
    problem: Problem,
    *programs: str,
    rules: plus.Rules | None = None,
    limits: Limits = LIMITS,
    ready: bool = True,
) -> tuple[list[Outcome], list[Job]]:
    """Judge programs; also the jobs that ran for them."""
    jobs: list[Job] = []

    async def work() -> list[Outcome]:
        async with open_sandbox(workers=1) as sandbox:
            prepared = problem
            if ready:
                (prepared,) = await plus.prepare([problem], run_in(sandbox.run, LIMITS))

            async def watched(job: Job) -> Result:
                jobs.append(job)
                return await sandbox.run(job)

            run = run_in(watched, limits)
            return [await plus.judge(prepared, program, rules or {}, run) for program in programs]

    return asyncio.run(work()), jobs


def marks(outcome: Outcome) -> tuple[bool, bool]:
    assert outcome.passed == outcome.marks["plus_passed"]
    return outcome.marks["base_passed"], outcome.marks["plus_passed"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Expected outputs go to a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


# -------------------------------------------------------------------------------------------------------------- verdicts


def test_one_job_tells_both_verdicts() -> None:
    problem = make(HALF, [[2], [4]], [[6], [0]])
    programs = [
        HALF,
        "def half(x):\n    return x // 2 if x < 6 else 0",
        "def half(x):\n    return 1",
        "def half(x):\n    return x / 2 if x else 1 // x",
        "def other(x):\n    return x",
    ]
    outcomes, jobs = judge(problem, *programs)
    assert [(marks(one), one.result.status, one.result.detail) for one in outcomes] == [
        ((True, True), "passed", ""),
        ((True, False), "failed", "plus 0: 0, expected 3.0"),
        ((False, False), "failed", "base 1: 1, expected 2.0"),
        ((True, False), "error", "plus 1: ZeroDivisionError: integer division or modulo by zero"),
        ((False, False), "error", "base 0: NameError: name 'half' is not defined"),
    ]
    assert len(jobs) == len(programs)
    assert not any(one.result.forgeable for one in outcomes)


@pytest.mark.parametrize(
    ("when", "does", "status"),
    [
        ("x == 6", "import os; os._exit(0)", "exited_early"),
        ("x == 6", "import os; os.abort()", "killed"),
        ("x == 6", "raise SystemExit", "exited_early"),
        ("x == 2", "import os; os._exit(0)", "exited_early"),
    ],
)
def test_where_a_run_ended_otherwise_the_base_inputs_run_alone(when: str, does: str, status: str) -> None:
    program = f"def half(x):\n    if {when}:\n        {does}\n    return x / 2\n"
    (outcome,), jobs = judge(make(HALF, [[2]], [[6]]), program)
    assert (outcome.result.status, marks(outcome)) == (status, (when == "x == 6", False))
    assert len(jobs) == 2


def test_time_is_limited_for_each_call_by_the_references() -> None:
    slow = "import time\ndef wait(x):\n    end = time.process_time() + x\n    while time.process_time() < end: pass\n"
    problem = make(slow, [[0.3]], [[0.0]], name="wait")
    twice, other = slow.replace("+ x", "+ 5 * x"), slow.replace("+ x", "+ (x or 30)")
    (allowed, ended), jobs = judge(problem, twice, other, limits=Limits(wall_s=60.0, cpu_s=40.0))
    assert (allowed.result.status, marks(allowed)) == ("passed", (True, True))
    assert (ended.result.status, marks(ended)) == ("timeout", (True, False))
    assert ended.result.detail.startswith("plus 0: TimeUpError")
    assert len(jobs) == 2


def test_the_jobs_own_limit_is_a_timeout_that_costs_no_base_verdict() -> None:
    sleeps = "import time\ndef half(x):\n    if x == 6: time.sleep(60)\n    return x / 2\n"
    (outcome,), jobs = judge(make(HALF, [[2]], [[6]]), sleeps, limits=Limits(wall_s=2.0, cpu_s=4.0))
    assert (outcome.result.status, marks(outcome), len(jobs)) == ("timeout", (True, False), 2)


def test_an_answer_cannot_say_in_the_tests_place_which_call_failed() -> None:
    """It ends itself with the words of a failure at the last plus input; the mark of a job is secret."""
    program = """
import json, os, struct
def say(message):
    body = json.dumps(message).encode()
    os.write(3, struct.pack('<I', len(body)) + body)
say({'names': ['half']})
os.read(3, 65536)
for mark in ('call ', '', '0123456789abcdef '):
    say({'end': ['failed', f'AssertionError: {mark}1: 2, expected 3']})
    os.read(3, 65536)
"""
    (outcome,), _ = judge(make(HALF, [[2]], [[6]]), program)
    assert marks(outcome) == (False, False)


def test_a_compile_error_is_one_job() -> None:
    (outcome,), jobs = judge(make(HALF, [[2]], [[6]]), "def half(x:")
    assert (outcome.result.status, marks(outcome), len(jobs)) == ("compile_error", (False, False), 1)


def test_values_that_are_no_plain_data_are_judged_in_one_process() -> None:
    canonical = "def half(x):\n    return [x] * 2\n"
    program = "class Row(list): pass\ndef half(x):\n    return Row([x, x] if x < 6 else [])\n"
    (outcome,), _ = judge(make(canonical, [[2]], [[6]]), program)
    assert (outcome.result.forgeable, marks(outcome)) == (True, (True, False))


def test_tests_without_a_rule_and_with_one_share_a_judge() -> None:
    async def prepared() -> list[Problem]:
        async with open_sandbox(workers=1) as sandbox:
            run = run_in(sandbox.run, LIMITS)
            return await plus.prepare(
                [make(HALF, [[2]], [[6]]), make("def half(x): return 1\n", [[2]], [])], run
            )

    tolerant, exact = asyncio.run(prepared())
    for problem, rules in ((tolerant, {}), (exact, {}), (exact, {"t/0": plus.GENERAL})):
        job = plus.make_job(problem, HALF, rules)
        assert is_pure([compile(job.tests, "<tests>", "exec")], "half", {"sys", "os", "math"})


# ------------------------------------------------------------------------------------------------------ expected outputs


def prepare(problem: Problem, run: Callable[[Any], Any] | None = None) -> Problem:
    async def work() -> Problem:
        async with open_sandbox(workers=1) as sandbox:
            (ready,) = await plus.prepare([problem], run_in(run or sandbox.run, LIMITS))
            return ready

    return asyncio.run(work())


def test_expected_outputs_come_from_the_canonical_solution_and_are_kept(own_cache: Path) -> None:
    canonical = "print('noise')\ndef half(x):\n    print('more')\n    return {x: (x / 2, 'é')}\n"
    ready = prepare(make(canonical, [[2], [3]], [[4]]))
    written = pieces.unpack(ready.meta["expected"])
    assert [pieces.read_value(piece) for piece in written] == [{x: (x / 2, "é")} for x in (2, 3, 4)]
    assert float(ready.meta["reference_s"]) > 0
    assert json.loads(ready.meta["tolerant"]) == []
    (kept,) = (own_cache / "codewright" / "expected" / "tiny_plus").glob("*.json")
    other = prepare(make(canonical.replace("/ 2", "/ 3"), [[2], [3]], [[4]]))
    assert other.meta["expected"] != ready.meta["expected"]
    # What is kept is not computed again, what is damaged is.
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "reference_s": 123.0}))
    assert prepare(make(canonical, [[2], [3]], [[4]])).meta["reference_s"] == "123"
    kept.write_text("{")
    again = prepare(make(canonical, [[2], [3]], [[4]]))
    assert again.meta["expected"] == ready.meta["expected"] and again.meta["reference_s"] != "123"


def test_many_long_outputs_are_recorded_in_several_runs() -> None:
    canonical = "import hashlib\ndef half(x):\n    return ''.join(hashlib.sha256(b'%d %d' % (x, n)).hexdigest() for n in range(30))\n"
    calls = [[number] for number in range(400)]
    small = Limits(wall_s=30.0, cpu_s=4.0, output_bytes=100_000)
    jobs: list[Job] = []

    async def work() -> plus.Record | Result:
        async with open_sandbox(workers=1) as sandbox:

            async def run(job: Job) -> Result:
                jobs.append(job)
                return await sandbox.run(replace(job, limits=small))

            return await plus.find_record(make(canonical, calls[:7], calls[7:]), run)

    record = asyncio.run(work())
    assert isinstance(record, plus.Record)
    values = [pieces.read_value(piece) for piece in pieces.unpack(record.expected)]
    namespace: dict[str, Any] = {}
    exec(canonical, namespace)
    assert values == [namespace["half"](number) for number in range(400)]
    assert len(jobs) > 3


@pytest.mark.parametrize("ready", [True, False])
def test_a_canonical_solution_that_fails_fails_every_answer(ready: bool) -> None:
    problem = make("def half(x):\n    return 1 // x\n", [[1]], [[0]])
    outcomes, _ = judge(problem, HALF, "def half(x): return 1", ready=ready)
    assert [marks(one) for one in outcomes] == [(False, False)] * 2
    assert all("call 1: ZeroDivisionError" in one.result.detail for one in outcomes)


def test_a_problem_that_was_not_prepared_is_judged_all_the_same() -> None:
    (held, missed), _ = judge(make(HALF, [[2]], [[6]]), HALF, "def half(x): return 1", ready=False)
    assert (marks(held), marks(missed)) == ((True, True), (True, False))


def test_a_recording_that_is_none_is_noticed() -> None:
    lying = "import os\ndef half(x):\n    os.write(1, b'{}')\n    os._exit(0)\n"
    outcomes, _ = judge(make(lying, [[2]], [[6]]), HALF)
    assert (marks(outcomes[0]), outcomes[0].result.status) == ((False, False), "exited_early")


# ------------------------------------------------------------------------------------------------------------------ rules


def test_closeness_counts_from_the_first_float_on_in_each_part() -> None:
    canonical = "def half(x):\n    return x / 2 if x % 2 else x // 2\n"
    near = "def half(x):\n    return (x / 2 if x % 2 else x // 2) + 1e-8\n"
    whole_first, float_first, by_row, plus_begins_anew = (
        make(canonical, [[2], [3]], [[5]]),
        make(canonical, [[3]], [[5], [7]]),
        make("def half(x):\n    return [x / 2]\n", [[3]], [[5]]),
        make(canonical, [[3]], [[2], [3]]),
    )
    in_row = "def half(x):\n    return [x / 2 + 1e-8]\n"
    outcomes = [
        judge(problem, program)[0][0]
        for problem, program in (
            (whole_first, near),
            (float_first, near),
            (by_row, in_row),
            (plus_begins_anew, near),
        )
    ]
    assert [marks(one) for one in outcomes] == [(False, False), (True, True), (True, True), (True, False)]


def test_an_atol_of_the_row_counts_everywhere() -> None:
    near = "def half(x):\n    return x / 2 + 1e-3\n"
    assert marks(judge(make(HALF, [[2]], [[6]], atol=1e-2), near)[0][0]) == (True, True)
    assert marks(judge(make(HALF, [[2]], [[6]], atol=1e-4), near)[0][0]) == (False, False)


@pytest.mark.parametrize(
    ("output", "expected", "holds"),
    [
        (1.0, 1.0 + 1e-7, True),
        (1.0, 1.0 + 2e-6, False),
        (1e9, 1e9 + 50, True),
        (1e9, 1e9 + 500, False),
        (1, 1.0000001, False),
        ([1.0, 2.0], [1.0, 2.0 + 1e-8], True),
        ([1.0, 2.0], (1.0, 2.0 + 1e-8), False),
        ([1.0], [1.0, 2.0], False),
        ([[1.0]], [[1.0 + 1e-9]], True),
        ([1.0, "a"], [1.0 + 1e-9, "a"], False),
        ("a", "b", False),
        (None, 1.0, False),
        (math.inf, math.inf, True),
        (-math.inf, math.inf, False),
        (1.0, math.inf, False),
        (math.inf, 1.0, False),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
        (1 + 1e-8j, 1 + 0j, True),
        ({"a": 1.0}, {"a": 1.0 + 1e-9}, False),
    ],
)
def test_what_is_close(output: Any, expected: Any, holds: bool) -> None:
    assert plus_rules.close(output, expected) == holds


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (1.0, True),
        ([1.0, 2.0], True),
        ((0.5,), True),
        ([], False),
        ([1.0, 2], False),
        (1, False),
        ("", False),
    ],
)
def test_what_switches_tolerance_on(value: Any, answer: bool) -> None:
    assert plus_rules.is_floats(value) == answer


def test_a_rule_travels_with_all_that_it_uses() -> None:
    namespace: dict[str, Any] = {"Any": Any, "math": math, "ATOL": 1e-6, "RTOL": 1e-7, "TOLERANT": ((0, 9),)}
    exec(plus.GENERAL.source(), namespace)
    assert namespace["tolerated"](0, [1.0], [1.0 + 1e-9])
    assert not namespace["tolerated"](9, [1.0], [1.0 + 1e-9])
    assert inspect.getsource(plus_rules.close) in plus.GENERAL.source()
