"""What a benchmark file under `benchmarks/` holds, and what it gets for free.

Needed, as functions of the file:
    problems(path) -> list[Problem]       path: the published file, a folder of them (several `SOURCES`), or None: bundled
    chat(problem) -> messages             how to ask a chat model
    job(problem, answer) -> Job           how to run an answer. answer.form says what `solution` is: "chat" (taken out of a chat
                                          answer), "completion" (the prompt and its continuation), "solution" (made
                                          elsewhere, stands alone), "program" (a whole file with its tests)
    passed(problem, result) -> bool
May be there:
    SOURCES: tuple[Source, ...]           where the published files are
    RELEASES: {sha256 of a file's content: name}
    VARIANTS: tuple[str, ...]             of one file, the first is the default; then `problems(path, variant)`. Asked for as
                                          NAME:VARIANT
    text(problem) -> str                  what a base model continues; the prompt unless said
    STOPS: tuple[str, ...]                texts that end a continuation
    follow_up(problem, reply) -> messages | None
                                          a second question that needs the first reply; its answer is the one that counts
    extract(problem, response, form) -> Extraction
                                          the code of a raw answer; `core.extract` by the problem's language unless said
    references(problem) -> list[Answer]   what has to pass; the canonical solution, where there is one, unless said
    runnable(problem) -> str | None       why it cannot be run on this machine (a toolchain is missing), or None
    PACKAGES: tuple[str, ...]             what answers may import beyond Python's library, since the published evaluator has it
    LIMITS: Mapping[str, str]             what it limits besides the whole answer, in words, for scores.json
    REFERENCE_KIND: str                   what `references` are, where they are not canonical solutions
    prepare(problems, run) -> list[Problem]
                                          async: fill in what has to be computed in the sandbox first
    judge(problem, answer, run) -> Outcome
                                          async: more than one job an answer, or more than one verdict
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import ModuleType
from typing import Any, cast

from codewright.core import extract
from codewright.core.errors import ConfigError
from codewright.core.extract import Extraction
from codewright.core.plugins import load_plugin
from codewright.core.records import Answer, AnswerForm, Message, Problem
from codewright.core.text import did_you_mean
from codewright.evals.sources import Source
from codewright.sandbox.job import Job, Result

BENCHMARKS_PACKAGE = "codewright.evals.benchmarks"

USUAL_KIND = "canonical solutions"

Run = Callable[[Job], Awaitable[Result]]
"""Runs a job under the limits that hold for its problem, in one process where its values are not plain data."""


@dataclass(frozen=True)
class Outcome:
    """What became of one answer: the result that decided, and further verdicts by name (`base_passed`, `plus_passed`)."""

    result: Result
    passed: bool
    marks: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark file with its defaults filled in. item: how it was asked for, NAME or NAME:VARIANT."""

    key: str
    variant: str
    module: ModuleType

    @property
    def item(self) -> str:
        """Name it as it is asked for."""
        return f"{self.key}:{self.variant}" if self.variant else self.key

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Say where its published files are; empty for a bundled one."""
        return cast(tuple[Source, ...], self._optional("SOURCES", ()))

    @cached_property
    def releases(self) -> Mapping[str, str]:
        """Map the checksum of a known file's content to its release."""
        return cast(Mapping[str, str], self._optional("RELEASES", {}))

    @cached_property
    def stops(self) -> tuple[str, ...]:
        """List texts that end a continuation."""
        return cast(tuple[str, ...], self._optional("STOPS", ()))

    @cached_property
    def limits(self) -> Mapping[str, str]:
        """Say what it limits besides the whole answer."""
        return cast(Mapping[str, str], self._optional("LIMITS", {}))

    def _optional(self, name: str, default: Any) -> Any:
        return getattr(self.module, name, default)

    def problems(self, path: str | None) -> list[Problem]:
        """Load its problems. Raises ConfigError for a damaged or wrong file."""
        if self.variant:
            return cast(list[Problem], self.module.problems(path, self.variant))
        return cast(list[Problem], self.module.problems(path))

    def chat(self, problem: Problem) -> Sequence[Message]:
        """Ask a chat model."""
        return cast(Sequence[Message], self.module.chat(problem))

    def text(self, problem: Problem) -> str:
        """Ask a base model."""
        make = self._optional("text", None)
        return cast(str, make(problem)) if make else problem.prompt

    def follow_up(self, problem: Problem, reply: str) -> Sequence[Message] | None:
        """Ask again with the first reply in hand; None where one question is enough."""
        make = self._optional("follow_up", None)
        return cast(Sequence[Message] | None, make(problem, reply)) if make else None

    def extract(self, problem: Problem, response: str, form: AnswerForm) -> Extraction:
        """Take the code out of a raw answer."""
        make = self._optional("extract", None)
        if make is not None:
            return cast(Extraction, make(problem, response, form))
        hints = {"language": problem.language, "entry_point": problem.entry_point}
        if form == "completion":
            return extract.from_completion(self.text(problem), response, **hints)
        return extract.from_chat(response, prompt=problem.prompt, **hints)

    def references(self, problem: Problem) -> list[Answer]:
        """List what has to pass; empty where nothing was published."""
        make = self._optional("references", None)
        if make is not None:
            return cast(list[Answer], make(problem))
        if not problem.canonical_solution:
            return []
        return [self.answer(problem, problem.prompt + problem.canonical_solution)]

    @cached_property
    def reference_kind(self) -> str:
        """Name what `references` are."""
        return cast(str, self._optional("REFERENCE_KIND", USUAL_KIND))

    def runnable(self, problem: Problem) -> str | None:
        """Say why a problem cannot be run on this machine; None if it can."""
        make = self._optional("runnable", None)
        return cast(str | None, make(problem)) if make else None

    def answer(self, problem: Problem, solution: str, form: AnswerForm = "completion") -> Answer:
        """Make an answer out of a solution."""
        return Answer(problem.benchmark, problem.task_id, 0, form, "", "", solution)

    async def prepare(self, problems: list[Problem], run: Run) -> list[Problem]:
        """Fill in what has to be computed in the sandbox first."""
        make = self._optional("prepare", None)
        return cast(list[Problem], await make(problems, run)) if make else problems

    def _with_packages(self, run: Run) -> Run:
        packages: tuple[str, ...] = self._optional("PACKAGES", ())

        def named(job: Job) -> tuple[str, ...]:
            return tuple(name for name in packages if any(name in text for text in job.files.values()))

        return (lambda job: run(replace(job, packages=named(job)))) if packages else run

    async def judge(self, problem: Problem, answer: Answer, run: Run) -> Outcome:
        """Run an answer and judge it."""
        run = self._with_packages(run)
        make = self._optional("judge", None)
        if make is not None:
            return cast(Outcome, await make(problem, answer, run))
        result = await run(self.module.job(problem, answer))
        return Outcome(result, bool(self.module.passed(problem, result)))


def load_benchmark(item: str) -> Benchmark:
    """Load by NAME or NAME:VARIANT. Raises ConfigError for unknown ones, with the nearest."""
    key, _, variant = item.partition(":")
    benchmark = Benchmark(key, "", load_plugin(BENCHMARKS_PACKAGE, key))
    variants: tuple[str, ...] = getattr(benchmark.module, "VARIANTS", ())
    if variant and variant not in variants:
        known = f"; there are: {', '.join(variants)}" if variants else ": it has none"
        raise ConfigError(
            f"benchmark {key} has no variant '{variant}'{did_you_mean(variant, variants)}{known}"
        )
    return replace(benchmark, variant=variant or (variants[0] if variants else ""))
