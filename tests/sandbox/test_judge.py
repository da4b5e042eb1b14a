"""`split`: which tests share a process, and that sharing it shows in no verdict."""

import asyncio
import os
import signal
import sys
from types import CodeType
from typing import Any

import pytest

from codewright.sandbox.guest.pure import is_pure
from codewright.sandbox.job import Job, Limits, Result
from tests.sandbox.opened import open_pool
from tests.sandbox.processes import PROCESSES_OF_A_WORKER, descendants, worker_pids

ADD = "def add(a, b):\n    return a + b\n"

PURE = [
    "assert add(1, 2) == 3",
    "import math\nassert math.isclose(add(0.1, 0.2), 0.3)",
    "from typing import List\ndef check(f: List[int]):\n    assert all(f(i, i) == 2 * i for i in range(9)), 'sum'\ncheck(add)",
    "cases = {(1, 2): 3}\nfor case, answer in cases.items():\n    assert add(*case) == answer, f'{case}'",
    "try:\n    add('x', 1)\n    assert False\nexcept TypeError as error:\n    assert 'str' in error.args[0]",
    "import copy\nitems = [1]\nadd(copy.deepcopy(items), [2])\nassert sorted(items, key=lambda x: -x) == [1]",
]
IMPURE = [
    "import random\nrandom.seed(1)\nassert add(1, 2) == 3",
    "import os",
    "def inner():\n    import os\n    os._exit(0)\ninner()",
    "print(add(1, 2))",
    "math = __import__('math')",
    "import math\nmath.pi = 3",
    "import math\ndef f():\n    global pi\n    pi = 3",
    "import typing\ntyping.sys.exit()",
    "import typing\nsys = exit = None\ntyping.sys.exit()",
    "from typing import sys\nsys.exit()",
    "from typing import sys as s\ns.exit()",
    "from math import *",
    "eval('1')",
    "exec('1')",
    "open('x')",
    "globals()['x'] = 1",
    "getattr(add, '__globals__')",
    "add.__globals__['x'] = 1",
    "().__class__.__base__.__subclasses__()",
    "class Late:\n    def __del__(self): add(1, 2)",
    "other(1)",
    "input()",
    "\n".join(f"name{number} = 1" for number in range(300)),
]


def parts(source: str) -> list[CodeType]:
    return [compile(source, "<tests>", "exec")]


@pytest.mark.parametrize("source", PURE)
def test_tests_that_only_compute_may_share_a_process(source: str) -> None:
    assert is_pure(parts(source), "add", sys.modules)


@pytest.mark.parametrize("source", IMPURE)
def test_other_tests_may_not(source: str) -> None:
    assert not is_pure(parts(source), "add", sys.modules)


def test_without_a_named_entry_point_anything_may_be_called() -> None:
    assert not is_pure(parts(PURE[0]), None, sys.modules)


def job(tests: str, solution: str = ADD, **more: Any) -> Job:
    return Job("split", {"solution.py": solution}, tests=tests, entry_point="add", **more)


def run_each(*jobs: Job) -> list[tuple[Result, set[int]]]:
    """Run them one after the other in one worker; each result with the judge that waits after it."""

    async def run() -> list[tuple[Result, set[int]]]:
        async with open_pool(1) as sandbox:
            before = descendants(worker_pids(sandbox)[0])
            assert len(before) == PROCESSES_OF_A_WORKER
            return [(await sandbox.run(one), descendants(worker_pids(sandbox)[0]) - before) for one in jobs]

    return asyncio.run(run())


def test_one_judge_serves_many_programs() -> None:
    outcomes = run_each(*(job(tests) for tests in PURE), job("assert add(1, 2) == 4"), job(PURE[0]))
    assert [result.status for result, _ in outcomes] == ["passed"] * len(PURE) + ["failed", "passed"]
    assert len(outcomes[0][1]) == 1
    assert all(judges == outcomes[0][1] for _, judges in outcomes)


def test_what_impure_tests_do_ends_with_them() -> None:
    spoil = "import builtins, math\nmath.isclose = lambda *_: True\nbuiltins.abs = len\nassert add(1, 2) == 3"
    look = "import math\nassert not math.isclose(add(0, 1), 2) and abs(-1) == 1"
    outcomes = run_each(job(look), job(spoil), job(look), job(spoil), job(look))
    assert [result.status for result, _ in outcomes] == ["passed"] * 5
    assert all(judges == outcomes[0][1] for _, judges in outcomes)


@pytest.mark.parametrize(
    ("tests", "solution", "status"),
    [
        ("while True: add(1, 2)", ADD, "timeout"),
        ("assert add(1, 2) == 3", "def add(a, b):\n    while True: pass", "timeout"),
        ("assert add(1, 2) == 3", "import os\ndef add(a, b): os._exit(0)", "exited_early"),
        ("assert add(1, 2) == 3", "import os\ndef add(a, b): os.abort()", "killed"),
        ("assert add(1, 2) == 3", "def add(a, b): return object()", "not_plain"),
        ("assert add(1, 2) == 3", "def add(a, b)", "compile_error"),
        ("assert add(1, 2) ==", ADD, "error"),
        ("kept = []\nwhile True: kept.append([0] * 10_000_000)", ADD, "memory_limit"),
    ],
)
def test_a_judge_outlives_or_is_replaced_and_the_next_verdict_is_right(
    tests: str, solution: str, status: str
) -> None:
    small = Limits(wall_s=1.5, tree_bytes=256 << 20, address_space_bytes=1 << 30)
    outcomes = run_each(
        job("assert add(2, 3) == 5", limits=small),
        job(tests, solution, limits=small),
        job("assert add(2, 3) == 5", limits=small),
        job("assert add(2, 3) == 6", limits=small),
    )
    assert [result.status for result, _ in outcomes] == ["passed", status, "passed", "failed"]
    assert len(outcomes[-1][1]) == 1


def test_its_own_time_counts_once() -> None:
    busy = "total = 0\nfor number in range(3_000_000):\n    total += number\nassert add(1, 2) == 3"
    first, second = (result for result, _ in run_each(job(busy), job(PURE[0])))
    assert first.cpu_s > 4 * second.cpu_s


@pytest.mark.parametrize("moment", ["between", "during"])
def test_a_killed_judge_costs_no_verdict(moment: str) -> None:
    async def run() -> list[Result]:
        async with open_pool(1) as sandbox:
            before = descendants(worker_pids(sandbox)[0])
            first = await sandbox.run(job(PURE[0]))
            (judge,) = descendants(worker_pids(sandbox)[0]) - before
            if moment == "during":
                slow = asyncio.create_task(sandbox.run(job(PURE[0], f"import time\ntime.sleep(1)\n{ADD}")))
                await asyncio.sleep(0.4)
                os.kill(judge, signal.SIGKILL)
                return [first, await slow]
            os.kill(judge, signal.SIGKILL)
            return [first, await sandbox.run(job(PURE[0]))]

    assert [result.status for result in asyncio.run(run())] == ["passed", "passed"]
