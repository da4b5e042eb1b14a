"""The stage `eval.problems`: benchmark problems as a dataset, for decontamination and for scoring to read.

A benchmark is a file under `benchmarks/`; an item of the recipe's list is its key, or the path of a HumanEval-shaped
JSON Lines file (task_id, prompt, entry_point, canonical_solution, test).
"""

from dataclasses import dataclass, replace
from pathlib import Path

from codewright.core.config import Names, strict
from codewright.core.errors import ConfigError
from codewright.core.io import write_parquet
from codewright.core.manifest import Counts, part_name
from codewright.core.records import PROBLEM_SCHEMA, Problem, content_id, to_table
from codewright.engine.stage import StageContext, StageResult
from codewright.evals.benchmark import load_benchmark
from codewright.evals.sources import find_data

PLUGIN_KEY = "plugin"
"""Problem.meta entry naming the benchmark file that knows how to ask and judge it."""

_FILE_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")


@strict
@dataclass(frozen=True)
class Config:
    """Which problems."""

    benchmarks: Names
    """Benchmark keys, or paths of HumanEval-shaped files (relative ones from the current folder)."""

    def check(self) -> None:
        """Load every benchmark once. Raises ConfigError as `load_problems` does."""
        for item in self.benchmarks:
            load_problems(item)

    def file_digests(self) -> dict[str, str]:
        """Hash the files, so that a changed benchmark is not taken for the one that was read."""
        files = [Path(item) for item in self.benchmarks if is_file(item)]
        return {str(path): content_id(path.read_bytes()) for path in files if path.is_file()}


def run(config: Config, context: StageContext) -> StageResult:
    """Write the problems of all benchmarks. Raises ConfigError for an unknown benchmark or a wrong schema."""
    found: list[Problem] = []
    sources: dict[str, dict[str, object]] = {}
    for item in config.benchmarks:
        problems = load_problems(item)
        name = problems[0].benchmark
        if name in sources:
            raise ConfigError(f"stage '{context.id}': benchmark '{name}' is named twice")
        content = [text for problem in problems for text in (problem.task_id, problem.prompt, problem.tests)]
        sources[name] = {"problems": len(problems), "sha256": content_id(*content)}
        found.extend(problems)
    write_parquet(context.out / part_name(0), to_table(found, PROBLEM_SCHEMA))
    return StageResult(Counts(len(found), len(found)), details={"benchmarks": sources})


def is_file(item: str) -> bool:
    """Tell whether an item of the list is a path, not a benchmark's key."""
    return "/" in item or item.endswith(_FILE_SUFFIXES)


def load_problems(item: str) -> list[Problem]:
    """Load one benchmark by key, or a HumanEval-shaped file by path. Raises ConfigError."""
    if is_file(item):
        if not Path(item).is_file():
            raise ConfigError(f"benchmark file {item}: no such file")
        key, problems = "humaneval", load_benchmark("humaneval").problems(item)
    else:
        benchmark = load_benchmark(item)
        data = find_data(benchmark.key, benchmark.sources, benchmark.releases, None)
        key, problems = item, benchmark.problems(data.path)
    return [replace(problem, meta={**problem.meta, PLUGIN_KEY: key}) for problem in problems]
