"""HumanEvalPack through the sandbox: canonical solutions pass, buggy ones do not, in every language with a toolchain here."""

from collections.abc import Callable

import pytest
from benchmarks.languages import HUMANEVALPACK, HUMANEVALPACK_LANGUAGES, buggy_job, canonical_job, run_jobs

from codewright.core.records import Problem
from codewright.evals.benchmarks import humanevalpack
from codewright.sandbox.job import Job, Result
from tests.sandbox.needs import published, skip_without_toolchain

SAMPLE_EVERY = 16
"""All of them in six languages, canonical and buggy, take five to nine minutes, which CI does not have."""


def problems_of(language: str) -> list[Problem]:
    skip_without_toolchain(HUMANEVALPACK_LANGUAGES[language])
    return humanevalpack.problems(str(published(HUMANEVALPACK / f"{language}.jsonl.gz")), "synthesize")


def run_all(problems: list[Problem], job: Callable[[Problem], Job]) -> dict[str, Result]:
    results = run_jobs(map(job, problems))
    return {problem.task_id: result for problem, result in zip(problems, results, strict=True)}


def check(problems: list[Problem]) -> None:
    good = run_all(problems, canonical_job)
    failed = {name: result.detail for name, result in good.items() if result.status != "passed"}
    assert failed.keys() <= humanevalpack.FAILING.keys(), failed
    buggy = run_all(problems, buggy_job)
    assert [name for name, result in buggy.items() if result.status in ("passed", "sandbox_error")] == []


@pytest.mark.shared_data
@pytest.mark.parametrize("language", HUMANEVALPACK_LANGUAGES)
def test_a_sample_of_canonical_solutions_passes_and_no_buggy_one_does(language: str) -> None:
    check(problems_of(language)[::SAMPLE_EVERY])


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
@pytest.mark.parametrize("language", HUMANEVALPACK_LANGUAGES)
def test_every_canonical_solution_passes_and_no_buggy_one_does(language: str) -> None:
    problems = problems_of(language)
    assert len(problems) == 164
    check(problems)
