"""What does judging cost? HumanEval+ with all base and plus inputs, CPU seconds of the whole process tree, against evalplus.

    python benchmarks/evals.py [--data FILE] [--answers FILE] [--repetitions 3]

Two sets of 164 answers: a published model's, and the canonical solutions. Contenders, each in a process of its own, in turn:
codewright (`humaneval_plus`, one worker, `split`: no answer can forge its verdict) and evalplus from PyPI in its fastest mode
(`untrusted_check` on base and plus with fast_check, as its `check_correctness` calls it, without its process pool). Expected outputs
are computed before on both sides. `calls alone` is the time that calling the canonical solutions takes without any check or
isolation: no evaluator can be quicker. Verdicts have to be the same; evalplus 0.3.1 fails every answer to HumanEval/32.
Trust the ratios. What batched generation gains over one request at a time is measured by benchmarks/generation.py.
"""

import argparse
import asyncio
import hashlib
import json
import pickle
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from measuring import (
    CACHE,
    Contender,
    peer_python,
    read_jsonl,
    say,
    table_head,
    table_row,
    tree_seconds,
)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TARGET = 3.0
PUBLISHED, CANONICAL = "published answers", "canonical solutions"
OURS, PEER, FLOOR = "codewright", "evalplus", "calls alone"
PARTS = ("base_input", "plus_input")

Row = dict[str, Any]
Answers = list[tuple[str, str]]
"""Task and program."""

Verdicts = dict[str, list[bool]]
"""Task -> base and plus."""

Round = Callable[[Answers], Awaitable[Verdicts]]


# ----------------------------------------------------------------------------------------------------- the contenders


def start_evalplus(rows: list[Row], cache: Path) -> Round:
    """Return a round of evalplus, with expected values and their times from the cache."""
    from evalplus.eval import PASS, untrusted_check
    from evalplus.gen.util import trusted_exec

    sys.set_int_max_str_digits(0)
    problems = {row["task_id"]: row for row in rows}
    place = cache / f"evalplus-{hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]}.pickle"
    if not place.is_file():
        computed = {
            task: [
                trusted_exec(
                    one["prompt"] + one["canonical_solution"], one[part], one["entry_point"], record_time=True
                )
                for part in PARTS
            ]
            for task, one in problems.items()
        }
        place.write_bytes(pickle.dumps(computed))
    truth = pickle.loads(place.read_bytes())

    async def run(answers: Answers) -> Verdicts:
        verdicts = {}
        for task, program in answers:
            one = problems[task]
            held = [
                untrusted_check(
                    "humaneval", program, one[part], one["entry_point"], expected, one["atol"], seconds, True
                )[0]
                == PASS
                for part, (expected, seconds) in zip(PARTS, truth[task], strict=True)
            ]
            verdicts[task] = [held[0], all(held)]
        return verdicts

    return run


def start_calls(rows: list[Row]) -> Round:
    """Return a round that only calls the canonical solutions."""
    sys.set_int_max_str_digits(0)
    problems = {row["task_id"]: row for row in rows}

    async def run(answers: Answers) -> Verdicts:
        for task, program in answers:
            one, namespace = problems[task], dict[str, Any]()
            exec(program, namespace)
            for part in PARTS:
                for arguments in one[part]:
                    namespace[one["entry_point"]](*arguments)
        return {}

    return run


async def serve_codewright(path: Path, sets: dict[str, Answers]) -> None:
    """Answer orders through an open sandbox, under the limits of `codewright eval run`."""
    from codewright.core.records import Answer
    from codewright.evals.benchmark import load_benchmark
    from codewright.evals.judging import run_in
    from codewright.evals.limits import REFERENCE_LIMITS, limits_for
    from codewright.sandbox.pool import open_sandbox

    benchmark = load_benchmark("humaneval_plus")
    async with open_sandbox(workers=1) as sandbox:
        ready = await benchmark.prepare(benchmark.problems(str(path)), run_in(sandbox.run, REFERENCE_LIMITS))
        problems = {problem.task_id: problem for problem in ready}

        async def run(answers: Answers) -> Verdicts:
            verdicts: Verdicts = {}
            waiting = iter(answers)

            async def work() -> None:
                for task, program in waiting:
                    problem = problems[task]
                    limits = limits_for(float(problem.meta["reference_s"]), 1.0)
                    answer = Answer(problem.benchmark, task, 0, "solution", "", "", program)
                    outcome = await benchmark.judge(problem, answer, run_in(sandbox.run, limits))
                    verdicts[task] = [outcome.marks["base_passed"], outcome.marks["plus_passed"]]

            # More callers than workers, as everywhere in codewright: the next job is prepared while the last one runs.
            await asyncio.gather(work(), work())
            return verdicts

        await answer_orders(run, sets)


async def answer_orders(run: Round, sets: dict[str, Answers]) -> None:
    """Judge the set of answers that each line names."""
    await run(sets[CANONICAL][:3])
    say({"ready": True})
    for line in sys.stdin:
        answers = sets[json.loads(line)]
        cpu, clock = tree_seconds(), time.monotonic()
        verdicts = await run(answers)
        say({"cpu_s": tree_seconds() - cpu, "wall_s": time.monotonic() - clock, "verdicts": verdicts})


def serve(contender: str, options: argparse.Namespace) -> None:
    """Be one contender."""
    rows, sets = read_jsonl(options.data), read_sets(options)
    if contender == OURS:
        asyncio.run(serve_codewright(options.data, sets))
        return
    start = start_evalplus(rows, options.cache) if contender == PEER else start_calls(rows)
    asyncio.run(answer_orders(start, sets))


def read_sets(options: argparse.Namespace) -> dict[str, Answers]:
    """Return both sets of answers."""
    canonical = [
        (row["task_id"], row["prompt"] + row["canonical_solution"]) for row in read_jsonl(options.data)
    ]
    return {
        PUBLISHED: [(row["task_id"], row["solution"]) for row in read_jsonl(options.answers)],
        CANONICAL: canonical,
    }


# -------------------------------------------------------------------------------------------------------- the referee


def measure(contenders: dict[str, Contender], answers: str, repetitions: int) -> dict[str, list[Row]]:
    """Have every contender judge a set, in turn."""
    found: dict[str, list[Row]] = {name: [] for name in contenders}
    for _ in range(repetitions):
        for name, contender in contenders.items():
            if name != FLOOR or answers == CANONICAL:
                found[name].append(contender.ask(answers))
    return found


def row_of(answers: str, found: dict[str, list[Row]]) -> str:
    """Format a row of the table."""

    def seconds(name: str) -> float | None:
        rounds = found.get(name)
        return statistics.median(one["cpu_s"] for one in rounds) if rounds else None

    ours, theirs, floor = (seconds(name) for name in (OURS, PEER, FLOOR))
    assert ours is not None
    verdicts = found[OURS][-1]["verdicts"]
    passed = f"{sum(base for base, _ in verdicts.values())} / {sum(plus for _, plus in verdicts.values())}"
    differing = "-"
    if theirs is not None:
        other = found[PEER][-1]["verdicts"]
        differing = ", ".join(task for task in verdicts if verdicts[task] != other[task]) or "none"
    return table_row(
        answers, len(verdicts), passed, "-" if theirs is None else f"{theirs:.2f}", f"{ours:.2f}",
        "-" if theirs is None else f"{theirs / ours:.2f}", "-" if floor is None else f"{floor:.2f}", differing,
    )  # fmt: skip


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "benchmarks" / "humaneval_plus.jsonl.gz")
    parser.add_argument(
        "--answers", type=Path, default=SHARED / "published" / "qwen2.5-coder-1.5b.humaneval_plus.jsonl.gz"
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--serve", choices=[OURS, PEER, FLOOR], help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Serve as one contender, or be the referee."""
    options = parse()
    if options.serve:
        serve(options.serve, options)
        return
    given = ["--data", str(options.data), "--answers", str(options.answers), "--cache", str(options.cache)]
    pythons = {OURS: sys.executable, FLOOR: sys.executable, PEER: peer_python(PEER, [PEER], options.cache)}
    contenders = {
        name: Contender([python, __file__, "--serve", name, *given])
        for name, python in pythons.items()
        if python is not None
    }
    print(
        table_head(
            "HumanEval+", "answers", "pass base / plus", "evalplus, CPU s", "codewright, CPU s", "ratio",
            "calls alone, CPU s", "verdicts differ",
        )
    )  # fmt: skip
    for answers in (PUBLISHED, CANONICAL):
        print(row_of(answers, measure(contenders, answers, options.repetitions)), flush=True)
    print(f"\nWanted: a ratio of {TARGET:g} on the published answers.")
    for contender in contenders.values():
        contender.end()


if __name__ == "__main__":
    main()
