"""How do the sandbox's verdicts compare with published ones, and what does a program cost? Prints two Markdown tables.

    python benchmarks/languages.py [--multipl-e FILE] [--humanevalpack FOLDER] [--languages java go ...] [--workers 1]

MultiPL-E: programs of a published model, each a whole file with its own tests, against the published verdicts.
HumanEvalPack: canonical solutions have to pass, buggy ones must not. Milliseconds are CPU of compiling and running together,
the median over a language's programs; trust their ratios, they depend on the machine.
"""

import argparse
import asyncio
import gzip
import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codewright.core.records import Problem
from codewright.evals.benchmarks import humanevalpack
from codewright.evals.benchmarks.multipl_e import program_job
from codewright.sandbox.job import Job, Limits, Result
from codewright.sandbox.pool import open_sandbox
from codewright.sandbox.toolchains import list_installed

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MULTIPL_E = DATA / "published" / "qwen2.5-coder-1.5b.multipl_e.jsonl.gz"
HUMANEVALPACK = DATA / "benchmarks" / "humanevalpack"
LIMITS = Limits(wall_s=60.0, cpu_s=5.0)
"""CPU time decides, so that a busy machine changes no verdict. The dearest program that passes needs 1.1 s."""
BUGGY_LIMITS = Limits(wall_s=60.0, cpu_s=3.0)
"""Thirty buggy programs never end; nearly three times what the dearest right one needs is enough for them."""

MULTIPL_E_LANGUAGES = {
    "cpp": "cpp",
    "cs": "csharp",
    "java": "java",
    "js": "javascript",
    "php": "php",
    "sh": "bash",
    "ts": "typescript",
}
"""Language in the file -> the sandbox's."""

HUMANEVALPACK_LANGUAGES = {
    "python": "python",
    "js": "javascript",
    "java": "java",
    "go": "go",
    "cpp": "cpp",
    "rust": "rust",
}
"""Name of the file -> the sandbox's language."""

_CRASHED = "published as passed although it dies of an exception: that evaluator only looked for 'Fail' in what Mono prints"

DISAGREEING = {
    **dict.fromkeys(
        (
            "cs/HumanEval_12_longest",
            "cs/HumanEval_18_how_many_times",
            "cs/HumanEval_19_sort_numbers",
            "cs/HumanEval_20_find_closest_elements",
            "cs/HumanEval_67_fruit_distribution",
            "cs/HumanEval_116_sort_array",
            "cs/HumanEval_148_bf",
            "cs/HumanEval_162_string_to_md5",
        ),
        _CRASHED,
    ),
    "php/HumanEval_16_count_distinct_characters": "str_split('') is [] since PHP 8.2 and was [''] before",
}
"""MultiPL-E programs whose verdict may differ from the published one, with the cause."""

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """Read a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# ---------------------------------------------------------------------------------------------------------- MultiPL-E


def program_name(row: Row) -> str:
    """Return what `DISAGREEING` calls a program."""
    return f"{row['language']}/{row['task_id']}"


def published_job(row: Row) -> Job:
    """Make the job of one published program."""
    return replace(program_job(row["language"], row["program"]), limits=LIMITS)


def published_rule(row: Row, result: Result) -> bool:
    """Judge as the evaluator behind the published verdicts did: C# by what is printed, all else by the exit code."""
    if row["language"] == "cs" and result.status == "error":
        return "Fail" not in result.stderr
    return result.status == "passed"


# ------------------------------------------------------------------------------------------------------ HumanEvalPack


def canonical_job(problem: Problem) -> Job:
    """Make the job of a problem's canonical solution."""
    return replace(humanevalpack.job(problem, humanevalpack.references(problem)[0]), limits=LIMITS)


def buggy_job(problem: Problem) -> Job:
    """Make the job of a problem's buggy solution."""
    return replace(humanevalpack.job(problem, humanevalpack.buggy(problem)), limits=BUGGY_LIMITS)


# ---------------------------------------------------------------------------------------------------------- the tables


def run_jobs(jobs: Iterable[Job], workers: int | None = None) -> list[Result]:
    """Run them in the default sandbox; results in the same order."""

    async def work() -> list[Result]:
        async with open_sandbox(workers=workers) as sandbox:
            return list(await asyncio.gather(*(sandbox.run(job) for job in jobs)))

    return asyncio.run(work())


@dataclass(frozen=True)
class Comparison:
    """One row of a table. rest: programs to explain, name to what happened."""

    cells: tuple[str, ...]
    rest: Mapping[str, str]
    results: list[Result]

    def row(self, causes: Mapping[str, str]) -> list[str]:
        """Return its cells; programs with the same cause stand together."""
        grouped: dict[str, list[str]] = {}
        for name, outcome in self.rest.items():
            grouped.setdefault(causes.get(name, f"UNEXPLAINED: {outcome}"), []).append(name)
        rest = "; ".join(f"{', '.join(names)}: {cause}" for cause, names in grouped.items())
        cost = statistics.median(result.cpu_s for result in self.results) * 1e3
        return [*self.cells, f"{cost:.0f}", rest]


def compare_multipl_e(language: str, rows: list[Row], workers: int) -> Comparison:
    """Run one language's published programs."""
    results = run_jobs((published_job(row) for row in rows), workers)
    pairs = list(zip(rows, results, strict=True))
    rest = {
        program_name(row): f"{result.status}, {result.detail}"
        for row, result in pairs
        if (result.status == "passed") != row["passed"]
    }
    as_published = sum(published_rule(row, result) == row["passed"] for row, result in pairs)
    agree, count = len(rows) - len(rest), len(rows)
    cells = (
        language,
        str(count),
        f"{agree} ({agree / count:.1%})",
        f"{as_published} ({as_published / count:.1%})",
    )
    return Comparison(cells, rest, results)


def compare_humanevalpack(language: str, problems: list[Problem], workers: int) -> Comparison:
    """Run one language's canonical and buggy solutions."""
    good, bad = (run_jobs(map(job, problems), workers) for job in (canonical_job, buggy_job))
    rest = {
        problem.task_id: f"{result.status}, {result.detail}"
        for problem, result in zip(problems, good, strict=True)
        if result.status != "passed"
    }
    caught = len(rest)
    rest |= {
        f"{problem.task_id} (buggy)": result.status
        for problem, result in zip(problems, bad, strict=True)
        if result.status in ("passed", "sandbox_error")
    }
    cells = (language, str(len(problems)), str(len(problems) - caught), str(len(rest) - caught))
    return Comparison(cells, rest, good)


def main() -> None:
    """Print what was asked for."""
    # Not above: tests import this file as part of a package.
    from measuring import table_head, table_row

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--multipl-e", type=Path, default=MULTIPL_E)
    parser.add_argument("--humanevalpack", type=Path, default=HUMANEVALPACK)
    parser.add_argument("--languages", nargs="*", default=list_installed(), help="as the sandbox calls them")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    programs = read_rows(options.multipl_e)
    print(table_head("MultiPL-E", "programs", "same verdict", "judged as published", "median ms", "the rest"))
    for key, name in MULTIPL_E_LANGUAGES.items():
        if name in options.languages:
            rows = [row for row in programs if row["language"] == key]
            found = compare_multipl_e(key, rows, options.workers)
            print(table_row(*found.row(DISAGREEING)), flush=True)
    names = ("HumanEvalPack", "problems", "canonical pass", "buggy pass", "median ms", "the rest")
    print("\n" + table_head(*names))
    for key, name in HUMANEVALPACK_LANGUAGES.items():
        if name in options.languages:
            problems = humanevalpack.problems(str(options.humanevalpack / f"{key}.jsonl.gz"), "synthesize")
            found = compare_humanevalpack(key, problems, options.workers)
            print(table_row(*found.row(humanevalpack.FAILING)), flush=True)


if __name__ == "__main__":
    main()
