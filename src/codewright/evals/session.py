"""What evaluating needs: benchmarks with their data, an open sandbox, references that pass, answers that are complete."""

import contextlib
import shlex
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from codewright.core.errors import ConfigError
from codewright.core.journal import Journal
from codewright.core.progress import Reporter
from codewright.core.records import Answer, Problem, Verdict
from codewright.core.text import did_you_mean, one_line
from codewright.evals.answers import AnswerSet, Key, describe_missing, language_called
from codewright.evals.benchmark import Benchmark, load_benchmark
from codewright.evals.doctor import (
    MOST_FAILING,
    Diagnosis,
    Reference,
    count_references,
    examine,
    examine_once,
)
from codewright.evals.judging import run_in
from codewright.evals.limits import REFERENCE_LIMITS, measure_slowness
from codewright.evals.scoring import Bench, Pair, judge_all, trusting
from codewright.evals.sources import Data, find_data
from codewright.sandbox.by_packages import SandboxByPackages
from codewright.sandbox.job import Sandbox

_MOST_NAMED, _CAUSE_CHARS = 3, 80
"""Failing references named in a message of one line, and how much of each one's cause."""


@dataclass(frozen=True)
class Options:
    """How to evaluate.

    data: the benchmark's file, instead of the published one. languages: of a benchmark in several, only these.
    limit: only the first problems. partial: score although answers are missing. force: score although references fail.
    fresh: run references again that are known to pass here.
    """

    data: str | None = None
    languages: tuple[str, ...] = ()
    limit: int | None = None
    partial: bool = False
    force: bool = False
    seed: int = 0
    sandbox: str = "namespace"
    workers: int = 1
    fresh: bool = False


@dataclass(frozen=True)
class Loaded:
    """A benchmark with its problems. totals: how many should be judged in each language, before `limit`.

    asked: the languages that were asked for, empty for all; known: all problems of the data, also those not asked for.
    """

    benchmark: Benchmark
    data: Data
    problems: list[Problem]
    totals: Mapping[str, int]
    asked: frozenset[str] = frozenset()
    known: frozenset[Key] = field(default=frozenset(), repr=False)

    @property
    def of(self) -> int:
        """Count the problems that should be judged."""
        return sum(self.totals.values())

    def only(self, languages: Collection[str]) -> "Loaded":
        """Narrow it to some languages, as if it had no others."""
        return replace(
            self,
            problems=[problem for problem in self.problems if problem.language in languages],
            totals={language: count for language, count in self.totals.items() if language in languages},
        )

    def without(self, languages: Collection[str]) -> "Loaded":
        """Leave languages out, which are missing then."""
        return replace(
            self, problems=[problem for problem in self.problems if problem.language not in languages]
        )


def load(item: str, options: Options) -> Loaded:
    """Find and read a benchmark. Raises ConfigError for unknown names, damaged files, languages it does not have."""
    benchmark = load_benchmark(item)
    data = find_data(benchmark.key, benchmark.sources, benchmark.releases, options.data)
    problems = [_named(problem, benchmark) for problem in benchmark.problems(data.path)]
    known = frozenset((problem.language, problem.task_id) for problem in problems)
    asked = frozenset(map(language_called, options.languages))
    if asked:
        there = sorted({problem.language for problem in problems})
        for name in sorted(asked - set(there)):
            raise ConfigError(
                f"benchmark {item} has no language '{name}'{did_you_mean(name, there)}; there are: {', '.join(there)}"
            )
        problems = [problem for problem in problems if problem.language in asked]
    totals = Counter(problem.language for problem in problems)
    return Loaded(benchmark, data, problems[: options.limit], totals, asked, known)


def _named(problem: Problem, benchmark: Benchmark) -> Problem:
    """Call a problem after the benchmark that was asked for: of a file given by path it is called after the file."""
    if problem.benchmark.partition(":")[0] == benchmark.key:
        return problem
    return replace(problem, benchmark=benchmark.item)


@dataclass
class Session:
    """An open sandbox with what was measured in it, for as many benchmarks as are asked for."""

    sandbox: Sandbox
    options: Options
    reporter: Reporter
    slowness: float = 1.0

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, options: Options, reporter: Reporter) -> AsyncIterator["Session"]:
        """Open the sandbox. Raises SandboxUnavailable where it cannot isolate."""
        async with SandboxByPackages(options.sandbox, options.workers) as sandbox:
            session = cls(sandbox, options, reporter)
            session.slowness = await measure_slowness(run_in(trusting(sandbox)))
            yield session

    async def prepare(self, loaded: Loaded) -> Loaded:
        """Let the benchmark compute what it needs."""
        run = run_in(trusting(self.sandbox), REFERENCE_LIMITS)
        return replace(loaded, problems=await loaded.benchmark.prepare(loaded.problems, run))

    async def diagnose(
        self,
        loaded: Loaded,
        references: Mapping[tuple[str, str], Sequence[Answer]] | None = None,
        kind: str = "",
    ) -> Diagnosis:
        """Run the references, or those given."""
        benchmark, problems = loaded.benchmark, loaded.problems
        run = run_in(trusting(self.sandbox), REFERENCE_LIMITS)
        total = count_references(benchmark, problems) if references is None else len(references)

        async def work() -> Diagnosis:
            with self.reporter.bar(f"references of {benchmark.item}", total) as advance:
                return await examine(
                    benchmark,
                    problems,
                    run,
                    references=references,
                    kind=kind,
                    on_done=lambda _passed: advance(),
                )

        if references is not None or self.options.fresh:
            return await work()
        return await examine_once(benchmark, problems, self.sandbox.isolation, work)

    async def judge(self, bench: Bench, pairs: Sequence[Pair], journal: Journal) -> list[Verdict]:
        """Judge answers, with a bar that shows the passes so far."""
        passes = sum(row["passed"] for row in journal.rows)
        judged = len(journal.rows)
        with self.reporter.bar("verdicts", len(pairs), done=judged) as advance:

            def count(passed: bool) -> None:
                nonlocal passes, judged
                passes += passed
                judged += 1
                advance(1, f"{passes} of {judged} pass")

            return await judge_all(
                bench,
                pairs,
                sandbox=self.sandbox,
                journal=journal,
                workers=self.options.workers,
                on_verdict=count,
            )


def refuse_sick(diagnosis: Diagnosis, options: Options) -> str:
    """Return why the score would be withheld, or nothing. Raises ConfigError with it unless forced."""
    sick = diagnosis.sick_languages()
    if not sick:
        return ""
    causes = []
    for language in sick:
        failing = [one for one in diagnosis.failing if one.language == language]
        checked = sum(one.language == language for one in diagnosis.references)
        causes.append(f"{language}: {len(failing)} of {checked} ({_name_first(failing)})")
    reason = (
        f"more than {MOST_FAILING:.0%} of the references of {diagnosis.item} fail here: {'; '.join(causes)}"
    )
    if options.force:
        return reason
    several = len({one.language for one in diagnosis.references}) > 1
    other = ", leave languages out with --languages," if several else ""
    raise ConfigError(f"{reason}; see `{_doctor(diagnosis.item, options)}`{other} or score with --force")


def _name_first(failing: Sequence[Reference]) -> str:
    named = [f"{one.task_id} {one_line(one.cause, _CAUSE_CHARS)}" for one in failing[:_MOST_NAMED]]
    more = f" and {len(failing) - _MOST_NAMED} more" if len(failing) > _MOST_NAMED else ""
    return f"{', '.join(named)}{more}"


def _doctor(item: str, options: Options) -> str:
    """Return the command that shows all of it."""
    words = ["codewright", "eval", "doctor", item]
    words += ["--data", options.data] if options.data else []
    words += ["--languages", ",".join(options.languages)] if options.languages else []
    return shlex.join(words)


def find_unrunnable(loaded: Loaded, partial: bool) -> set[str]:
    """Name the languages that this machine cannot run. Raises ConfigError for any unless `partial`: every number then says n of N."""
    samples = {problem.language: problem for problem in loaded.problems}
    reasons = {language: loaded.benchmark.runnable(problem) for language, problem in samples.items()}
    missing = {language: reason for language, reason in reasons.items() if reason}
    if missing and not partial:
        raise ConfigError(
            f"{loaded.benchmark.item}: {'; '.join(missing.values())}; leave out with --languages, or say --partial"
        )
    return set(missing)


def refuse_incomplete(found: AnswerSet, item: str, partial: bool) -> None:
    """Raise ConfigError for a task without an answer, or with fewer than the others, unless `partial`."""
    if found.missing and not partial:
        count = len(found.missing)
        raise ConfigError(
            f"{item}: {count} answer{'s are' if count > 1 else ' is'} missing ({describe_missing(found.missing, found.samples)}); "
            "a score of the others would mislead: complete the file, or say --partial"
        )
