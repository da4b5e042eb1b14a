"""MultiPL-E's published programs through the sandbox: the verdicts are the published ones, every other is explained."""

import pytest
from benchmarks.languages import (
    DISAGREEING,
    MULTIPL_E,
    MULTIPL_E_LANGUAGES,
    Row,
    program_name,
    published_job,
    published_rule,
    read_rows,
    run_jobs,
)

from codewright.sandbox.job import Result
from tests.sandbox.needs import published, skip_without_toolchain

SAMPLE_EVERY = 40
LEAST_AGREEMENT = 0.99


def rows_of(language: str) -> list[Row]:
    skip_without_toolchain(MULTIPL_E_LANGUAGES[language])
    return [row for row in read_rows(published(MULTIPL_E)) if row["language"] == language]


def check(rows: list[Row]) -> None:
    pairs: list[tuple[Row, Result]] = list(
        zip(rows, run_jobs(published_job(row) for row in rows), strict=True)
    )
    unexplained = {
        program_name(row): (row["passed"], result)
        for row, result in pairs
        if (result.status == "passed") != row["passed"] and program_name(row) not in DISAGREEING
    }
    assert unexplained == {}
    assert [row["task_id"] for row, result in pairs if result.status == "sandbox_error"] == []
    agreeing = sum(published_rule(row, result) == row["passed"] for row, result in pairs)
    assert agreeing >= LEAST_AGREEMENT * len(pairs)


def sample(rows: list[Row]) -> list[Row]:
    """Both verdicts, and none that is known to differ."""
    rows = [row for row in rows if program_name(row) not in DISAGREEING]
    return [row for passed in (True, False) for row in rows if row["passed"] is passed][::SAMPLE_EVERY]


@pytest.mark.shared_data
@pytest.mark.parametrize("language", MULTIPL_E_LANGUAGES)
def test_a_sample_has_the_published_verdicts(language: str) -> None:
    rows = sample(rows_of(language))
    assert {row["passed"] for row in rows} == {True, False}
    check(rows)


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
@pytest.mark.parametrize("language", MULTIPL_E_LANGUAGES)
def test_every_program_has_the_published_verdict(language: str) -> None:
    check(rows_of(language))


@pytest.mark.shared_data
def test_explanations_name_published_programs() -> None:
    rows = read_rows(published(MULTIPL_E))
    assert DISAGREEING.keys() <= {program_name(row) for row in rows}
