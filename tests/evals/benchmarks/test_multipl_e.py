"""MultiPL-E: 19 languages load, those with a toolchain are judged, the others are named; published verdicts come out again."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks.languages import (
    DATA,
    DISAGREEING,
    MULTIPL_E,
    MULTIPL_E_LANGUAGES,
    Row,
    program_name,
    read_rows,
)

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl
from codewright.core.records import Answer, Problem
from codewright.evals.answers import read_answers
from codewright.evals.benchmark import load_benchmark
from codewright.evals.benchmarks import multipl_e
from codewright.evals.sources import content_sha256
from codewright.sandbox import toolchains
from tests.evals.benchmarks.judging import failures, judge_all
from tests.evals.benchmarks.multipl_e_rows import CASES, PYTHON_ROW, TEXTS_ONLY
from tests.sandbox.needs import published, skip_without_toolchain, sooner

BENCHMARK = load_benchmark("multipl_e")
FOLDER = DATA / "benchmarks" / "multipl_e"
SAMPLE_EVERY = 40
TASK = "HumanEval_7_double_it"


def load(folder: Path) -> dict[str, Problem]:
    """Read a folder as it is published: a file a language."""
    for language, case in CASES.items():
        write_jsonl(folder / f"humaneval-{language}.jsonl.gz", [case.row()])
    write_jsonl(folder / "humaneval-python.jsonl", [PYTHON_ROW])
    others = [
        {"name": TASK, "language": language, "prompt": prompt, "tests": tests}
        for language, (prompt, tests) in TEXTS_ONLY.items()
    ]
    write_jsonl(folder / "others.jsonl", others)
    return {problem.language: problem for problem in BENCHMARK.problems(str(folder))}


# ------------------------------------------------------------------------------------------------------------ our rows


def test_a_folder_holds_nineteen_languages(tmp_path: Path) -> None:
    problems = load(tmp_path)
    assert len(problems) == 19 and {*CASES, "python", "julia", "perl", "racket", "ruby"} < set(problems)
    assert {one.entry_point for one in problems.values()} == {"double_it", "doubleIt", "DoubleIt"}
    assert {one.task_id for one in problems.values()} == {TASK, "Python/7"}
    (alone,) = BENCHMARK.problems(str(tmp_path / "humaneval-cpp.jsonl.gz"))
    assert alone == problems["cpp"]
    for problem in problems.values():
        (message,) = BENCHMARK.chat(problem)
        assert problem.prompt.strip() in message.content and problem.entry_point in message.content
        assert ("`Problem`" in message.content) == (problem.language in ("csharp", "java", "scala"))
        assert BENCHMARK.text(problem) == problem.prompt
        assert bool(BENCHMARK.references(problem)) == (problem.language == "python")


def test_languages_that_cannot_be_run_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = load(tmp_path)
    for language in sorted(set(problems) - set(toolchains.list_languages())):
        assert BENCHMARK.runnable(problems[language]) == f"language not supported by the sandbox: {language}"
    monkeypatch.setattr(toolchains, "_missing", lambda name: ("g++",))
    why = BENCHMARK.runnable(problems["cpp"])
    assert why is not None and "toolchain not installed, g++ not found" in why and "apt-get install" in why


def test_what_can_be_run_is_not_refused(tmp_path: Path) -> None:
    for language in set(load(tmp_path)) & set(toolchains.list_installed()):
        assert BENCHMARK.runnable(load(tmp_path)[language]) is None


@pytest.mark.parametrize("language", sooner(CASES))
def test_right_answers_pass_and_wrong_ones_fail(tmp_path: Path, language: str) -> None:
    skip_without_toolchain(language)
    problem, case = load(tmp_path)[language], CASES[language]
    closed = (
        ""
        if not case.tests.lstrip().startswith("}")
        else "\n    }\n}\n"
        if language in ("csharp", "java")
        else "\n}\n"
    )
    whole = case.prompt + case.good + closed
    more = case.good + case.stops[0] + "\nnonsense that no compiler takes {"
    right = [
        BENCHMARK.answer(problem, case.prompt + case.good),
        BENCHMARK.answer(problem, case.prompt + more),  # an answers file may hold more than belongs to it
        BENCHMARK.answer(problem, BENCHMARK.extract(problem, more, "completion").solution),
        BENCHMARK.answer(problem, whole, "solution"),
        BENCHMARK.answer(problem, case.prompt + case.good, "solution"),
        *(BENCHMARK.answer(problem, source, "chat") for source in case.alone),
        BENCHMARK.answer(problem, taken(problem, f"Here:\n```{language}\n{case.alone[0]}```\nBye."), "chat"),
        BENCHMARK.answer(problem, taken(problem, f"```\n{whole}```"), "chat"),
    ]
    wrong = [
        BENCHMARK.answer(problem, case.prompt + case.wrong),
        BENCHMARK.answer(problem, case.alone[0].replace("2", "3"), "chat"),
        BENCHMARK.answer(problem, "", "chat"),
    ]
    found = judge_all(BENCHMARK, [(problem, answer) for answer in [*right, *wrong]])
    assert {
        number: (one.status, one.detail) for number, one in enumerate(found[: len(right)]) if not one.passed
    } == {}
    assert not any(one.passed for one in found[len(right) :])
    assert {one.status for one in found[len(right) : -1]} <= {"failed", "error", "killed"}, (
        "they fail at their tests"
    )
    assert all(one.forgeable for one in found)


def taken(problem: Problem, response: str) -> str:
    return BENCHMARK.extract(problem, response, "chat").solution


def test_python_is_judged_in_a_process_of_its_own(tmp_path: Path) -> None:
    problem = load(tmp_path)["python"]
    answers = [
        *BENCHMARK.references(problem),
        BENCHMARK.answer(problem, "def double_it(n):\n    return twice(n)\n", "chat"),
        BENCHMARK.answer(
            problem, "def double_it(n: Optional[int]):\n    return math.floor(2 * n)\n", "solution"
        ),
        BENCHMARK.answer(
            problem,
            "def twice(n):\n    return 3 * n\n\n\ndef double_it(n):\n    return twice(n)\n",
            "solution",
        ),
    ]
    found = judge_all(BENCHMARK, [(problem, answer) for answer in answers])
    assert [one.status for one in found] == ["passed", "passed", "passed", "failed"]
    assert not any(one.forgeable for one in found)


def test_a_continuation_ends_at_its_first_stop(tmp_path: Path) -> None:
    problem = load(tmp_path)["javascript"]
    found = BENCHMARK.extract(
        problem, "  return 2 * n;\n}\n\nconsole.log(1)\nfunction other() {}", "completion"
    )
    assert found.solution == f"{problem.prompt}  return 2 * n;\n}}\n" and not found.failed
    assert BENCHMARK.extract(problem, "\n// nothing", "completion").failed


def test_programs_in_other_languages_are_put_together_all_the_same(tmp_path: Path) -> None:
    problems = load(tmp_path)
    scala = "object Problem {\n  def doubleIt(n: Long): Long = 2 * n\n}\n"
    job = BENCHMARK.module.job(problems["scala"], BENCHMARK.answer(problems["scala"], scala, "chat"))
    (program,) = job.files.values()
    assert program == "import scala.math._\nobject Problem {\n  def doubleIt(n: Long): Long = 2 * n\n"
    assert job.tests.lstrip().startswith("def main") and job.tests.rstrip().endswith("}\n\n}")
    racket = "#lang racket\n(define (double_it n) (* 2 n))\n"
    job = BENCHMARK.module.job(problems["racket"], BENCHMARK.answer(problems["racket"], racket, "chat"))
    assert list(job.files.values()) == ["#lang racket\n(define (double_it n) (* 2 n))\n"]


@pytest.mark.parametrize("language", ["bash", "go", "rust"])
def test_a_whole_program_runs_as_it_is_and_its_pass_is_forgeable(tmp_path: Path, language: str) -> None:
    skip_without_toolchain(language)
    problem, case = load(tmp_path)[language], CASES[language]
    rows = [
        {
            "language": case.language.removesuffix("_test.go"),
            "task_id": TASK,
            "program": f"{case.prompt}{body}\n{case.tests}",
        }
        for body in (case.good, case.wrong)
    ]
    write_jsonl(tmp_path / "answers.jsonl", rows)
    found = read_answers(tmp_path / "answers.jsonl", BENCHMARK, [problem])
    assert found.samples == 2 and found.unusable == []
    verdicts = judge_all(BENCHMARK, found.pairs)
    assert [one.passed for one in verdicts] == [True, False] and all(one.forgeable for one in verdicts)
    assert {one.form for one in verdicts} == {"program"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tests": None}, "'tests' is missing or not text"),
        ({"language": "cobol"}, "'cobol' is no language of MultiPL-E"),
        ({"prompt": "// Return twice the number.\n"}, "no function begins at the end of the prompt"),
        ({}, f"task_id '{TASK}' stands there twice for cpp"),
    ],
)
def test_other_rows_are_refused_in_one_line(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    row = CASES["cpp"].row()
    write_jsonl(tmp_path / "rows.jsonl", [row, {**row, **change}])
    with pytest.raises(ConfigError, match=why) as error:
        BENCHMARK.problems(str(tmp_path))
    assert "rows.jsonl, line 2" in str(error.value) and "\n" not in str(error.value)


# --------------------------------------------------------------------------------------------------- the published files


def published_rows(language: str) -> list[Row]:
    skip_without_toolchain(MULTIPL_E_LANGUAGES[language])
    return [row for row in read_rows(published(MULTIPL_E)) if row["language"] == language]


def problems_of(language: str) -> dict[str, Problem]:
    path = published(FOLDER / f"humaneval-{language}.jsonl.gz")
    return {problem.task_id: problem for problem in BENCHMARK.problems(str(path))}


@pytest.mark.shared_data
def test_all_published_problems_load() -> None:
    published(FOLDER / "humaneval-d.jsonl.gz")
    problems = BENCHMARK.problems(str(FOLDER))
    assert len(problems) == 3028 and len({one.language for one in problems}) == 19
    assert len({(one.language, one.task_id) for one in problems}) == len(problems)
    assert all(one.entry_point in one.tests for one in problems)
    digests = {content_sha256(path) for path in FOLDER.iterdir()}
    assert digests == {source.sha256 for source in multipl_e.SOURCES} and len(digests) == 19


@pytest.mark.shared_data
def test_a_sample_of_the_python_references_passes() -> None:
    problems = list(problems_of("python").values())
    assert len(problems) == 164
    found = judge_all(BENCHMARK, [(one, BENCHMARK.references(one)[0]) for one in problems])
    assert failures(found) == {} and not any(one.forgeable for one in found)


def check_programs(language: str, rows: list[Row]) -> None:
    problems = problems_of(language)
    pairs = [
        (problems[row["task_id"]], BENCHMARK.answer(problems[row["task_id"]], row["program"], "program"))
        for row in rows
    ]
    found = judge_all(BENCHMARK, pairs)
    assert [one.detail for one in found if one.status == "sandbox_error"] == []
    differ = {program_name(row) for row, one in zip(rows, found, strict=True) if one.passed != row["passed"]}
    assert differ <= DISAGREEING.keys()


@pytest.mark.shared_data
@pytest.mark.parametrize("language", ["cs", "js", "php", "sh"])  # the dear ones are in tests/sandbox
def test_a_sample_of_programs_has_the_published_verdicts(language: str) -> None:
    rows = [row for row in published_rows(language) if program_name(row) not in DISAGREEING]
    check_programs(
        language, [row for passed in (True, False) for row in rows if row["passed"] is passed][::SAMPLE_EVERY]
    )


@pytest.mark.shared_data
def test_as_published_the_disagreeing_csharp_programs_agree_too() -> None:
    skip_without_toolchain("csharp")
    loose = load_benchmark("multipl_e:as_published")
    problems = {one.task_id: one for one in loose.problems(str(published(FOLDER / "humaneval-cs.jsonl.gz")))}
    rows = [row for row in published_rows("cs") if program_name(row) in DISAGREEING]
    assert len(rows) == 8 and all(row["passed"] for row in rows)
    pairs = [
        (problems[row["task_id"]], loose.answer(problems[row["task_id"]], row["program"], "program"))
        for row in rows
    ]
    assert failures(judge_all(loose, pairs)) == {}


def other_forms(problem: Problem, program: str) -> list[Answer]:
    """Return what a published program holds as answers of the other forms: a continuation, a whole function, a bare one."""
    start = program.index(problem.prompt.rstrip()) + len(problem.prompt.rstrip())
    body = program[start : program.rindex(problem.tests.rstrip())].strip("\n")
    in_class = problem.language in ("csharp", "java")
    closed = "\n    }\n}" if in_class else "\n}" if problem.tests.lstrip().startswith("}") else ""
    signature = problem.prompt.rstrip().splitlines()[-1]
    bare = f"{signature}\n{body}{closed.removesuffix(chr(10) + '}') if in_class else closed}\n"
    return [
        BENCHMARK.answer(problem, problem.prompt + body),
        BENCHMARK.answer(problem, f"{problem.prompt}{body}{closed}\n", "solution"),
        BENCHMARK.answer(problem, bare, "solution"),
        BENCHMARK.answer(problem, taken(problem, f"```{problem.language}\n{bare}```"), "chat"),
    ]


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
@pytest.mark.parametrize("language", MULTIPL_E_LANGUAGES)
def test_every_passing_program_passes_in_the_other_forms(language: str) -> None:
    problems = problems_of(language)
    rows = [row for row in published_rows(language) if row["passed"] and program_name(row) not in DISAGREEING]
    pairs = [
        (problems[row["task_id"]], answer)
        for row in rows
        for answer in other_forms(problems[row["task_id"]], row["program"])
    ]
    assert failures(judge_all(BENCHMARK, pairs)) == {}
