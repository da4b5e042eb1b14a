"""HumanEvalPack through the sandbox: canonical solutions pass, buggy ones do not, in every language with a toolchain here."""

import pytest
from benchmarks.languages import (
    FAILING,
    HUMANEVALPACK,
    HUMANEVALPACK_LANGUAGES,
    Row,
    read_rows,
    run_jobs,
    solution_job,
)

from codewright.sandbox.job import Result
from tests.sandbox.needs import published, skip_without_toolchain

SAMPLE_EVERY = 16


def rows_of(language: str) -> list[Row]:
    skip_without_toolchain(HUMANEVALPACK_LANGUAGES[language][0])
    return read_rows(published(HUMANEVALPACK / f"{language}.jsonl.gz"))


def run_all(language: str, rows: list[Row], key: str) -> dict[str, Result]:
    results = run_jobs(solution_job(language, row, row[key]) for row in rows)
    return {row["task_id"]: result for row, result in zip(rows, results, strict=True)}


def check(language: str, rows: list[Row]) -> None:
    good = run_all(language, rows, "canonical_solution")
    failed = {name: result.detail for name, result in good.items() if result.status != "passed"}
    assert failed.keys() <= FAILING.keys(), failed
    buggy = run_all(language, rows, "buggy_solution")
    assert [name for name, result in buggy.items() if result.status in ("passed", "sandbox_error")] == []


@pytest.mark.shared_data
@pytest.mark.parametrize("language", HUMANEVALPACK_LANGUAGES)
def test_a_sample_of_canonical_solutions_passes_and_no_buggy_one_does(language: str) -> None:
    check(language, rows_of(language)[::SAMPLE_EVERY])


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
@pytest.mark.parametrize("language", HUMANEVALPACK_LANGUAGES)
def test_every_canonical_solution_passes_and_no_buggy_one_does(language: str) -> None:
    rows = rows_of(language)
    assert len(rows) == 164
    check(language, rows)
