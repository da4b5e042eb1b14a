"""`split` with a way out: taken only for values that are not plain, and only where the caller allows it."""

import pytest

from codewright.sandbox.fallback import run_with_fallback
from codewright.sandbox.job import Job, Mode, Result
from tests.sandbox.opened import Opened

COUNTER = "from collections import Counter\ndef f(x):\n    return Counter(x)\n"
PLAIN = "def f(x):\n    return {'a': 2, 'b': 1}\n"
TESTS = "assert dict(f('aab')) == expected()"
PRELUDE = "def expected():\n    return {'a': 2, 'b': 1}\n"


def run(*jobs: tuple[Job, bool]) -> list[tuple[Result, Mode]]:
    with Opened() as opened:
        return [
            opened.wait_for(run_with_fallback(opened.sandbox.run, job, allow_inproc=allowed))
            for job, allowed in jobs
        ]


def job(mode: Mode, source: str, tests: str = TESTS, prelude: str = PRELUDE) -> Job:
    return Job(mode, {"solution.py": source}, entry_point="f", tests=tests, prelude=prelude)


@pytest.mark.parametrize(
    ("source", "tests", "allowed", "status", "mode"),
    [
        (PLAIN, TESTS, True, "passed", "split"),
        (COUNTER, TESTS, True, "passed", "inproc"),
        (COUNTER, TESTS, False, "not_plain", "split"),
        (COUNTER, "assert f('aab') == 1", True, "failed", "inproc"),
        (PLAIN, "assert f('aab') == 1", True, "failed", "split"),
    ],
)
def test_falls_back_only_where_it_has_to_and_may(
    source: str, tests: str, allowed: bool, status: str, mode: str
) -> None:
    ((result, used),) = run((job("split", source, tests), allowed))
    assert (result.status, used, result.forgeable) == (status, mode, mode == "inproc")


def test_other_modes_are_run_as_they_are() -> None:
    jobs = [job("inproc", COUNTER, "assert f('aab')['a'] == 2"), Job("script", {"a.py": "print(1)"})]
    assert [(result.status, mode) for result, mode in run(*((one, True) for one in jobs))] == [
        ("passed", "inproc"),
        ("passed", "script"),
    ]


def test_a_prelude_that_begins_the_solution_does_not_replace_it() -> None:
    """HumanEval's prompts are such: the signature with its documentation."""
    stub = PRELUDE + 'def f(x):\n    """Count letters."""\n'
    ((result, used),) = run((job("split", COUNTER, prelude=stub), True))
    assert (result.status, used) == ("passed", "inproc"), result
