"""Benchmarks of the EvalPlus kind (arXiv 2305.01210): many inputs per problem, expected outputs from the canonical solution.

A problem's inputs come in two parts, base and plus. All of them are one job (`check_each`), which stops at the first output that
does not hold; where it stopped tells the verdict on each part. A job that ended in another way (time, memory, a dead process)
tells nothing about where, so a second one with the base inputs alone decides there.
Comparison follows evalplus (evalplus/eval/__init__.py): equal; or, from the first output on that is a float or a row of floats
(everywhere, where the row has an `atol`), of the same type and close. Rules for single problems belong to their benchmark's file.
Limits: state that an answer keeps between calls lives through both parts; evalplus begins anew.
"""

import asyncio
import inspect
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codewright.core.cache import cache_root
from codewright.core.errors import DataError
from codewright.core.io import read_json, write_json
from codewright.core.records import Problem, content_id
from codewright.evals import plus_rules
from codewright.evals.benchmark import Outcome, Run
from codewright.evals.limits import FACTOR, measure_slowness
from codewright.sandbox.guest import pieces
from codewright.sandbox.guest.plain import NotPlainError
from codewright.sandbox.job import Job, Limits, Result

CALL_FLOOR_S = 0.4
"""CPU seconds that every call may take, on the machine of `limits.NOMINAL_S`. evalplus allowed 0.2 s of wall time when most published
scores were made (README of 0.2, `--min-time-limit`), later 1 s. Ours: no verdict of 1,126 published answers differs at 0.2, 0.4 and 1."""

LIMITS = {"call_cpu_s": f"{CALL_FLOOR_S:g} x slowness, or {FACTOR:g} x the reference's call if that is more"}
"""What is limited besides the whole answer, for scores.json."""

RECORD_LIMITS = Limits(wall_s=600.0, cpu_s=120.0)
"""For canonical solutions, where the caller sets none; the slowest known takes 20 s (Mbpp/599)."""

_FORMAT = "1"
"""Of what is cached; to be raised with every change of pieces or of what is recorded."""

_MOST_BYTES = 256 << 20
_AT_ONCE = 16
_MARK_BYTES = 8
_TIME_UP = "TimeUpError"


@dataclass(frozen=True)
class Rule:
    """How one problem's outputs are compared.

    same: `check_each`'s. It travels as source text with `uses` (see `plus_rules`). arguments: it gets the call's, too; opaque: it
    judges outputs that are no plain data.
    """

    same: Callable[..., Any]
    uses: tuple[Callable[..., Any], ...] = ()
    arguments: bool = False
    opaque: bool = False

    def source(self) -> str:
        """Return what the tests define."""
        return "\n".join(map(inspect.getsource, (*self.uses, self.same)))


GENERAL = Rule(plus_rules.tolerated, (plus_rules.close, plus_rules.near))

Rules = Mapping[str, Rule]
"""By task_id, where the general one does not hold."""

Calls = Sequence[Sequence[Any]]


def make_problem(benchmark: str, row: Mapping[str, Any], base: Calls, plus: Calls, **meta: str) -> Problem:
    """Make a problem of a row in EvalPlus's shape; its tests are the packed inputs, base ones first."""
    calls = [list(call) for call in (*base, *plus)]
    return Problem(
        benchmark,
        row["task_id"],
        row["prompt"],
        row["entry_point"],
        row["canonical_solution"],
        pieces.pack(calls),
        meta={"base": str(len(base)), "calls": str(len(calls)), "atol": str(row["atol"]), **meta},
    )


# -------------------------------------------------------------------------------------------------------- expected outputs


@dataclass(frozen=True)
class Record:
    """What is known of a canonical solution's run.

    expected: its outputs, as `check_each` takes them; seconds: of CPU, by call, of those that took long; reference_s: of CPU, all;
    floats: the first base and the first plus output that switch tolerance on, -1 without one.
    """

    expected: str
    seconds: dict[str, float]
    reference_s: float
    floats: tuple[int, int]


async def prepare(problems: Iterable[Problem], run: Run) -> list[Problem]:
    """Give problems their expected outputs: from the cache, else by running the canonical solutions.

    A problem whose canonical solution fails keeps none; every answer to it then fails for that reason.
    """
    slowness = await measure_slowness(run)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(problem: Problem) -> Problem:
        async with gate:
            record = await find_record(problem, run)
        return problem if isinstance(record, Result) else _with_record(problem, record, slowness)

    return list(await asyncio.gather(*map(one, problems)))


async def find_record(problem: Problem, run: Run) -> Record | Result:
    """Return what the canonical solution gives, or the result of its failing."""
    key = content_id(_FORMAT, problem.prompt, problem.canonical_solution, problem.entry_point, problem.tests)
    place = cache_root() / "expected" / problem.benchmark / f"{key}.json"
    found = _read_record(place)
    if found is not None:
        return found
    parts: list[tuple[list[bytes], dict[str, float]]] = []
    result = await _run_canonical(problem, run, 0, int(problem.meta["calls"]), parts)
    if result.status != "passed":
        return result
    outputs = [piece for part, _ in parts for piece in part]
    seconds = {number: value for _, part in parts for number, value in part.items()}
    base = int(problem.meta["base"])
    floats = (_first_floats(outputs, 0, base), _first_floats(outputs, base, len(outputs)))
    record = Record(pieces.pack(outputs), seconds, round(result.cpu_s, 4), floats)
    write_json(place, vars(record))
    return record


def _read_record(place: Path) -> Record | None:
    try:
        row = read_json(place)
        return Record(row["expected"], row["seconds"], row["reference_s"], tuple(row["floats"]))
    except (DataError, KeyError, TypeError):
        return None


async def _run_canonical(
    problem: Problem, run: Run, start: int, stop: int, parts: list[tuple[list[bytes], dict[str, float]]]
) -> Result:
    """Run these calls, in two halves if they print too much; its `cpu_s` is that of all. parts: outputs and times, in order."""
    mark = secrets.token_hex(_MARK_BYTES)
    job = Job(
        "split",
        {"solution.py": problem.prompt + problem.canonical_solution},
        entry_point=problem.entry_point,
        tests=f"CALLS = {problem.tests!r}\nprint({mark!r} + record_each(CALLS, start={start}, stop={stop}))\n",
        limits=RECORD_LIMITS,
    )
    result = await run(job)
    if result.status == "output_limit" and stop - start > 1:
        middle = (start + stop) // 2
        first = await _run_canonical(problem, run, start, middle, parts)
        if first.status != "passed":
            return first
        second = await _run_canonical(problem, run, middle, stop, parts)
        return replace(second, cpu_s=first.cpu_s + second.cpu_s)
    if result.status != "passed":
        return result
    try:
        text = json.loads(result.stdout.rpartition(mark)[2])
        outputs = pieces.unpack_safely(text["expected"], _MOST_BYTES)
        seconds = {str(start + int(number)): float(value) for number, value in text["seconds"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, NotPlainError):
        outputs, seconds = [], {}
    if (
        type(outputs) is not list
        or len(outputs) != stop - start
        or not all(type(one) is bytes for one in outputs)
    ):
        return replace(result, status="error", detail="the canonical solution's outputs were not recorded")
    parts.append((outputs, seconds))
    return result


def _first_floats(outputs: list[bytes], start: int, stop: int) -> int:
    """Return the number of the first output that switches tolerance on; -1 without one."""
    for index in range(start, stop):
        piece = outputs[index]
        if piece[:1] not in (pieces.LONG, pieces.OPAQUE) and plus_rules.is_floats(pieces.read_value(piece)):
            return index
    return -1


def _with_record(problem: Problem, record: Record, slowness: float) -> Problem:
    floor = CALL_FLOOR_S * slowness
    slower = {
        n: round(FACTOR * seconds, 3) for n, seconds in record.seconds.items() if FACTOR * seconds > floor
    }
    more = {
        "expected": record.expected,
        "reference_s": f"{record.reference_s:g}",
        "call_s": f"{floor:.3f}",
        "slower": json.dumps(slower),
        "tolerant": json.dumps(_tolerant(problem, record)),
    }
    return replace(problem, meta={**problem.meta, **more})


def _tolerant(problem: Problem, record: Record) -> list[tuple[int, int]]:
    """List the ranges of calls in which closeness counts."""
    base, count = int(problem.meta["base"]), int(problem.meta["calls"])
    if float(problem.meta["atol"]):
        return [(0, count)]
    return [(first, stop) for first, stop in zip(record.floats, (base, count), strict=True) if first >= 0]


# ----------------------------------------------------------------------------------------------------------------- judging


def make_job(
    problem: Problem, program: str, rules: Rules, *, mark: str = "call ", only_base: bool = False
) -> Job:
    """Make the job of an answer to a prepared problem. mark: begins what is said of the call that did not hold."""
    meta = problem.meta
    tolerant = tuple(map(tuple, json.loads(meta["tolerant"])))
    rule = rules.get(problem.task_id) or (GENERAL if tolerant else None)
    lines = [f"CALLS = {problem.tests!r}", f"EXPECTED = {meta['expected']!r}", "same = None"]
    if rule is not None:
        atol = float(meta["atol"]) or plus_rules.FLOAT_ATOL
        lines += ["import math", "from typing import Any", f"TOLERANT = {tolerant!r}"]
        lines += [f"RTOL = {plus_rules.RTOL!r}", f"ATOL = {atol!r}"]
        lines += [rule.source(), f"same = {rule.same.__name__}"]
    settings: dict[str, Any] = {
        "mark": mark,
        "seconds": float(meta["call_s"]),
        "slower": json.loads(meta["slower"]),
        "arguments": rule is not None and rule.arguments,
        "opaque": rule is not None and rule.opaque,
        "stop": int(meta["base"]) if only_base else None,
    }
    given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    lines.append(f"check_each(CALLS, EXPECTED, same, {given})")
    return Job(
        "split", {"solution.py": program}, entry_point=problem.entry_point, tests="\n".join(lines) + "\n"
    )


async def judge(problem: Problem, program: str, rules: Rules, run: Run) -> Outcome:
    """Judge an answer on both parts; it passes if all inputs hold."""
    if "expected" not in problem.meta:
        record = await find_record(problem, run)
        if isinstance(record, Result):
            return _outcome(record, base=False, plus=False)
        problem = _with_record(problem, record, await measure_slowness(run))
    # The answer's process does not know the mark, so it cannot say in the tests' place which call failed.
    mark = f"{secrets.token_hex(_MARK_BYTES)} "
    result = await run(make_job(problem, program, rules, mark=mark))
    found = re.search(rf"{mark}(\d+): ", result.detail)
    if found is not None:
        index, base = int(found[1]), int(problem.meta["base"])
        place = f"base {index}" if index < base else f"plus {index - base}"
        said = result.detail[found.end() :]
        status = "timeout" if said.startswith(_TIME_UP) else result.status
        named = replace(result, status=status, detail=f"{place}: {said}")
        return _outcome(named, base=index >= base, plus=False)
    if result.status in ("passed", "compile_error"):
        holds = result.status == "passed"
        return _outcome(result, base=holds, plus=holds)
    again = await run(make_job(problem, program, rules, mark=mark, only_base=True))
    total = replace(result, cpu_s=result.cpu_s + again.cpu_s)
    return _outcome(total, base=again.status == "passed", plus=False)


def _outcome(result: Result, *, base: bool, plus: bool) -> Outcome:
    return Outcome(result, plus, {"base_passed": base, "plus_passed": plus})
