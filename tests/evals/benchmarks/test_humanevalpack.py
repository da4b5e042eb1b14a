"""HumanEvalPack: three tasks in six languages; canonical solutions pass, buggy ones do not, whatever an answer looks like."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks.languages import DATA, HUMANEVALPACK_LANGUAGES

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl
from codewright.core.records import Problem
from codewright.evals.benchmark import load_benchmark
from codewright.evals.benchmarks import humanevalpack
from codewright.evals.sources import content_sha256
from tests.evals.benchmarks.judging import failures, judge_all
from tests.evals.benchmarks.pack_rows import DOCS, ROWS, STANDING_ALONE
from tests.sandbox.needs import published, skip_without_toolchain, sooner

FOLDER = DATA / "benchmarks" / "humanevalpack"
VARIANTS = humanevalpack.VARIANTS
SAMPLE = slice(3, None, 55)
"""Three of the problems, none with a bug that never ends; tests/sandbox has more of them."""


def load(folder: Path, variant: str) -> dict[str, Problem]:
    write_jsonl(folder / "rows.jsonl.gz", ROWS.values())
    problems = load_benchmark(f"humanevalpack:{variant}").problems(str(folder / "rows.jsonl.gz"))
    return {problem.language: problem for problem in problems}


# ------------------------------------------------------------------------------------------------------------ our rows


def test_variants_are_benchmarks_of_their_own(tmp_path: Path) -> None:
    assert load_benchmark("humanevalpack").item == "humanevalpack:synthesize"
    for variant in VARIANTS:
        problems = load(tmp_path, variant)
        assert list(problems) == list(ROWS)
        assert {one.benchmark for one in problems.values()} == {f"humanevalpack:{variant}"}
        assert {one.entry_point for one in problems.values()} == {"quadruple", "Quadruple"}
    with pytest.raises(ConfigError, match="no variant 'fix'"):
        load_benchmark("humanevalpack:fix")


@pytest.mark.parametrize("language", ROWS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_questions_show_what_their_task_allows(tmp_path: Path, variant: str, language: str) -> None:
    problem, row = load(tmp_path, variant)[language], ROWS[language]
    benchmark = load_benchmark(f"humanevalpack:{variant}")
    (message,) = benchmark.chat(problem)
    for asked in (message.content, benchmark.text(problem)):
        shown = "".join(asked.split())
        told = {
            "docs": "Returnfourtimesawholenumber" in shown,
            "canonical": "".join(row["canonical_solution"].split()) in shown,
            "buggy": "".join(row["buggy_solution"].split()) in shown,
            "tests": "".join(row["test"].split()) in shown,
        }
        assert {name for name, there in told.items() if there} == {
            "synthesize": {"docs"},
            "fix_tests": {"buggy", "tests"},
            "fix_docs": {"docs", "buggy"},
            "explain": {"canonical"},
        }[variant]
        assert "2 * x" in asked or "2*x" in asked  # the helper is part of the problem
    text = benchmark.text(problem)
    assert text.startswith("Question: ") and text.endswith(
        "Answer:\n" if variant == "explain" else problem.prompt.rstrip()
    )


def test_what_is_explained_is_written_again_from_the_explanation_alone(tmp_path: Path) -> None:
    benchmark = load_benchmark("humanevalpack:explain")
    for language, problem in load(tmp_path, "explain").items():
        canonical = ROWS[language]["canonical_solution"]
        line = next(line.strip() for line in canonical.splitlines() if line.strip())
        reply = f"<think>{canonical}</think>It takes a number.\n```\n{canonical}\n```\n{line} {'and more ' * 40}the end"
        messages = benchmark.follow_up(problem, reply)
        assert messages is not None
        asked = messages[-1].content
        assert "It takes a number." in asked and "and more and more" in asked and problem.entry_point in asked
        assert "the end" not in asked, "longer than the documentation it replaces"
        assert canonical.strip() not in asked and DOCS not in asked
        assert len(line) <= 20 or line not in asked
    for variant in ("synthesize", "fix_tests", "fix_docs"):
        problem = load(tmp_path, variant)["go"]
        assert load_benchmark(f"humanevalpack:{variant}").follow_up(problem, "x") is None


@pytest.mark.parametrize("language", sooner(ROWS))
def test_right_answers_pass_and_wrong_ones_fail(tmp_path: Path, language: str) -> None:
    skip_without_toolchain(language)
    benchmark = load_benchmark("humanevalpack:fix_tests")
    problem = load(tmp_path, "fix_tests")[language]
    right = [benchmark.answer(problem, source, "chat") for source in STANDING_ALONE[language]]
    right += benchmark.references(problem)
    joined = benchmark.text(problem) + "\n" + problem.canonical_solution  # as answers files hold it
    right.append(benchmark.answer(problem, joined))
    wrong = [
        humanevalpack.buggy(problem),
        benchmark.answer(problem, problem.prompt + problem.meta["buggy_solution"], "solution"),
        benchmark.answer(problem, "", "chat"),
    ]
    found = judge_all(benchmark, [(problem, answer) for answer in [*right, *wrong]])
    assert [(one.status, one.detail) for one in found[: len(right)] if not one.passed] == []
    assert not any(one.passed for one in found[len(right) :])
    assert found[len(right)].status in ("failed", "error", "killed"), "it has to fail at its tests"
    assert {one.forgeable for one in found} == {language != "python"}


@pytest.mark.parametrize("language", sooner(ROWS))
def test_raw_answers_of_both_forms_are_taken_and_judged(tmp_path: Path, language: str) -> None:
    skip_without_toolchain(language)
    pairs = []
    for variant in VARIANTS:
        benchmark = load_benchmark(f"humanevalpack:{variant}")
        problem = load(tmp_path, variant)[language]
        chat = f"Here it is.\n\n```{language}\n{STANDING_ALONE[language][0]}```\nDone."
        pairs.append(
            (problem, benchmark.answer(problem, benchmark.extract(problem, chat, "chat").solution, "chat"))
        )
        if variant != "explain":  # the second question takes chat form
            begun = f"\n{problem.canonical_solution}\n"
            taken = benchmark.extract(problem, begun, "completion")
            pairs.append((problem, benchmark.answer(problem, taken.solution)))
    assert failures(judge_all(load_benchmark("humanevalpack"), pairs)) == {}


def test_a_whole_program_runs_as_it_is_and_its_pass_is_forgeable(tmp_path: Path) -> None:
    benchmark = load_benchmark("humanevalpack")
    problem = load(tmp_path, "synthesize")["python"]
    programs = [
        benchmark.answer(problem, source, "program")
        for source in ("assert 2 + 2 == 4\n", "assert 2 + 2 == 5\n")
    ]
    found = judge_all(benchmark, [(problem, program) for program in programs])
    assert [one.status for one in found] == ["passed", "error"] and all(one.forgeable for one in found)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"buggy_solution": None}, "'buggy_solution' is missing or not text"),
        ({"task_id": "Cobol/1"}, "'Cobol/1' names no language"),
        ({"signature": "other(x)"}, "the signature 'other\\(x\\)' does not stand in the declaration"),
        ({"task_id": "Go/7"}, "'Go/7' stands there twice"),
    ],
)
def test_other_rows_are_refused_in_one_line(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [ROWS["go"], {**ROWS["python"], **change}])
    with pytest.raises(ConfigError, match=why) as error:
        humanevalpack.problems(str(tmp_path), "synthesize")
    assert "rows.jsonl, line 2" in str(error.value) and "\n" not in str(error.value)


# --------------------------------------------------------------------------------------------------- the published files


def problems_of(language: str, variant: str) -> list[Problem]:
    skip_without_toolchain(HUMANEVALPACK_LANGUAGES[language])
    return humanevalpack.problems(str(published(FOLDER / f"{language}.jsonl.gz")), variant)


def check(problems: list[Problem]) -> None:
    """Canonical solutions pass but for the known, buggy ones never; through the contract."""
    benchmark = load_benchmark(problems[0].benchmark)
    pairs = [(one, benchmark.references(one)[0]) for one in problems]
    found = judge_all(benchmark, [*pairs, *((one, humanevalpack.buggy(one)) for one in problems)])
    failed = failures(found[: len(problems)])
    assert failed.keys() <= humanevalpack.FAILING.keys(), failed
    assert [
        one.task_id for one in found[len(problems) :] if one.passed or one.status == "sandbox_error"
    ] == []


@pytest.mark.shared_data
@pytest.mark.parametrize("language", sooner(HUMANEVALPACK_LANGUAGES))
def test_a_sample_of_references_passes_in_both_ways_to_open(language: str) -> None:
    check([one for variant in ("fix_docs", "explain") for one in problems_of(language, variant)[SAMPLE]])
    assert content_sha256(FOLDER / f"{language}.jsonl.gz") in {one.sha256 for one in humanevalpack.SOURCES}


@pytest.mark.shared_data
def test_tests_that_would_judge_something_else_are_mended() -> None:
    """CPP/23's own strlen is not called where C's is declared; Rust/50 draws numbers as rand no longer does."""
    benchmark = load_benchmark("humanevalpack")
    (strlen,) = (one for one in problems_of("cpp", "synthesize") if one.task_id == "CPP/23")
    wrong = "#include <cstring>\nint strlen(string str) {\n    return str.length() - 1;\n}\n"
    right = wrong.replace(" - 1", "")
    (shift,) = (one for one in problems_of("rust", "synthesize") if one.task_id == "Rust/50")
    found = judge_all(
        benchmark,
        [
            (strlen, benchmark.answer(strlen, wrong, "chat")),
            (strlen, humanevalpack.buggy(strlen)),
            (strlen, benchmark.answer(strlen, right, "chat")),
            (shift, benchmark.references(shift)[0]),
        ],
    )
    assert [one.passed for one in found] == [False, False, True, True]


def documented_in(variant: str) -> bool:
    return variant in ("synthesize", "fix_docs")


@pytest.mark.shared_data
@pytest.mark.parametrize("language", HUMANEVALPACK_LANGUAGES)
def test_openings_end_with_the_function_that_the_tests_call(language: str) -> None:
    for variant in VARIANTS:
        for problem in problems_of(language, variant):
            if not documented_in(variant):  # Python/115 imports something in its first line
                assert problem.meta["signature"] in "\n".join(problem.prompt.rstrip().splitlines()[-2:])
            assert problem.entry_point in problem.tests
            first = problem.meta["docstring"].splitlines()[0].strip()
            assert documented_in(variant) or first not in problem.prompt, problem.task_id


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
@pytest.mark.parametrize("language", HUMANEVALPACK_LANGUAGES)
def test_every_reference_passes_without_documentation_too(language: str) -> None:
    problems = problems_of(language, "fix_tests")
    assert len(problems) == 164
    check(problems)


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
@pytest.mark.parametrize("language", HUMANEVALPACK_LANGUAGES)
def test_every_reference_passes_as_a_chat_answer(language: str) -> None:
    """The function alone, fenced: what the prompt gives is added."""
    benchmark = load_benchmark("humanevalpack")
    pairs = []
    for problem in problems_of(language, "synthesize"):
        opening = problem.meta["opening"]
        start = opening.rfind("\n", 0, opening.rindex(problem.meta["signature"])) + 1
        response = f"```{problem.language}\n{opening[start:]}{problem.canonical_solution}```"
        taken = benchmark.extract(problem, response, "chat")
        pairs.append((problem, benchmark.answer(problem, taken.solution, "chat")))
    failed = failures(judge_all(benchmark, pairs))
    assert failed.keys() <= humanevalpack.FAILING.keys(), failed
