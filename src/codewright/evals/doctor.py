"""Before any score: do the reference solutions pass here, by the very path that answers will take, and how long do they need?

A benchmark whose references fail measures this machine, not a model. What passed is kept in the cache, under a key of
everything that could change it: problems, benchmark file, toolchains, machine.
"""

import asyncio
import inspect
import platform
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codewright import __version__
from codewright.core.cache import cache_root
from codewright.core.io import read_json, write_json
from codewright.core.records import Answer, Problem, content_id
from codewright.evals.benchmark import Benchmark, Run
from codewright.evals.judging import judge_answer
from codewright.sandbox.toolchain_cache import toolchain_files
from codewright.sandbox.toolchains import list_installed, load_language

MOST_FAILING = 0.02
"""Share of failing references above which a score is withheld."""

_AT_ONCE = 64


@dataclass(frozen=True)
class Reference:
    """What became of one problem's reference. cause: why it failed, empty if it passed; seconds: of CPU."""

    task_id: str
    language: str
    passed: bool
    cause: str
    seconds: float


@dataclass(frozen=True)
class Diagnosis:
    """All references of one benchmark. kind: what served as references; unchecked: problems without any."""

    item: str
    kind: str
    references: list[Reference]
    unchecked: int

    @property
    def failing(self) -> list[Reference]:
        """List those that do not pass."""
        return [one for one in self.references if not one.passed]

    def seconds(self) -> dict[tuple[str, str], float]:
        """Map (language, task_id) to the CPU seconds of a passing reference."""
        return {(one.language, one.task_id): one.seconds for one in self.references if one.passed}

    def sick_languages(self) -> dict[str, str]:
        """Map languages in which more than MOST_FAILING of the references fail to the commonest cause."""
        by_language: dict[str, list[Reference]] = defaultdict(list)
        for one in self.references:
            by_language[one.language].append(one)
        return {
            language: Counter(one.cause for one in found if not one.passed).most_common(1)[0][0]
            for language, found in by_language.items()
            if sum(not one.passed for one in found) > MOST_FAILING * len(found)
        }

    def describe(self) -> dict[str, Any]:
        """Return it for scores.json."""
        return {
            "kind": self.kind,
            "checked": len(self.references),
            "passed": len(self.references) - len(self.failing),
            "unchecked": self.unchecked,
            "failing": [
                {"task_id": one.task_id, "language": one.language, "cause": one.cause} for one in self.failing
            ],
        }


def why(status: str, detail: str) -> str:
    """Name the cause of a failure in the user's terms: toolchain, package, time, memory, or what happened."""
    if status == "timeout":
        return "time: it ran into the limit"
    lowered = detail.lower()
    if any(
        word in lowered
        for word in ("no module named", "cannot find module", "cannot find package", "not installed")
    ):
        return f"package: {detail}"
    return f"{status}: {detail}" if detail else status


async def examine(
    benchmark: Benchmark,
    problems: Sequence[Problem],
    run: Run,
    *,
    references: Mapping[tuple[str, str], Sequence[Answer]] | None = None,
    kind: str = "",
    on_done: Callable[[bool], None] | None = None,
) -> Diagnosis:
    """Run the references of problems. references: instead of the benchmark's own, by (language, task_id)."""
    gate = asyncio.Semaphore(_AT_ONCE)

    def report(reference: Reference) -> Reference:
        if on_done is not None:
            on_done(reference.passed)
        return reference

    async def one(problem: Problem, answer: Answer) -> Reference:
        missing = benchmark.runnable(problem)
        if missing is not None:
            return report(Reference(problem.task_id, problem.language, False, f"toolchain: {missing}", 0.0))
        async with gate:
            verdict = await judge_answer(benchmark, problem, answer, run)
        cause = "" if verdict.passed else why(verdict.status, verdict.detail)
        return report(Reference(problem.task_id, problem.language, verdict.passed, cause, verdict.seconds))

    pairs = _pairs(benchmark, problems, references)
    found = await asyncio.gather(*(one(problem, answer) for problem, answer in pairs))
    with_one = {(problem.language, problem.task_id) for problem, _ in pairs}
    unchecked = sum((problem.language, problem.task_id) not in with_one for problem in problems)
    return Diagnosis(benchmark.item, kind or benchmark.reference_kind, list(found), unchecked)


def _pairs(
    benchmark: Benchmark,
    problems: Sequence[Problem],
    references: Mapping[tuple[str, str], Sequence[Answer]] | None,
) -> list[tuple[Problem, Answer]]:
    return [
        (problem, answer)
        for problem in problems
        for answer in (
            benchmark.references(problem)
            if references is None
            else references.get((problem.language, problem.task_id), ())
        )
    ]


def count_references(benchmark: Benchmark, problems: Sequence[Problem]) -> int:
    """Count what `examine` will run."""
    return sum(len(benchmark.references(problem)) for problem in problems)


async def examine_once(
    benchmark: Benchmark,
    problems: Sequence[Problem],
    isolation: str,
    work: Callable[[], Awaitable[Diagnosis]],
) -> Diagnosis:
    """Return the kept diagnosis if nothing has changed since, else let `work` make it. One with failures is not kept."""
    path = _kept_at(benchmark, problems, isolation)
    if path.is_file():
        kept = read_json(path)
        return Diagnosis(
            kept["item"], kept["kind"], [Reference(**one) for one in kept["references"]], kept["unchecked"]
        )
    diagnosis = await work()
    if not diagnosis.failing:
        write_json(path, asdict(diagnosis))
    return diagnosis


def _kept_at(benchmark: Benchmark, problems: Iterable[Problem], isolation: str) -> Path:
    texts = []
    languages = set()
    for problem in problems:
        texts += [problem.task_id, problem.prompt, problem.canonical_solution, problem.tests]
        texts += [text for pair in sorted(problem.meta.items()) for text in pair]
        languages.add(problem.language)
    machine = (platform.node(), platform.machine(), platform.python_version(), __version__, isolation)
    toolchains = [
        str(toolchain_files(load_language(name))) for name in sorted(languages & set(list_installed()))
    ]
    source = inspect.getsource(benchmark.module)
    key = content_id(benchmark.item, source, *machine, *toolchains, *texts)
    return cache_root() / "references" / f"{benchmark.key}-{key[:24]}.json"
