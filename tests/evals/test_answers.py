"""Answers made elsewhere: matched with their problems, counted, and what cannot be used is put aside."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl
from codewright.core.records import Problem
from codewright.evals.answers import AnswerSet, describe_missing, read_answers
from codewright.evals.benchmark import load_benchmark

PROBLEMS = [Problem("b", f"b/{n}", f"def f{n}():\n", f"f{n}", "    pass\n", "") for n in range(4)]
SPOKEN = [
    Problem("m", f"m/{n}", "", "f", "", "", language) for language in ("java", "csharp") for n in range(2)
]


def read(
    folder: Path, rows: list[dict[str, Any]], problems: list[Problem] = PROBLEMS, **more: Any
) -> AnswerSet:
    write_jsonl(folder / "answers.jsonl", rows)
    found = read_answers(folder / "answers.jsonl", load_benchmark("drills"), problems, **more)
    assert found.rows_in == len(found.pairs) + len(found.unusable) + sum(found.left_out.values())
    return found


def solutions(*texts: str) -> list[dict[str, Any]]:
    return [{"task_id": f"b/{number}", "solution": text} for number, text in enumerate(texts)]


def test_each_kind_of_row(tmp_path: Path) -> None:
    rows = [
        {"task_id": "b/0", "solution": "def f0(): ..."},
        {"task_id": "b/1", "completion": "    return 1\n"},
        {"task_id": "b/2", "response": "Here:\n```python\ndef f2():\n    return 2\n```\nDone."},
        {"task_id": "b/3", "program": "whole"},
    ]
    found = read(tmp_path, rows)
    assert [(answer.form, answer.solution.strip()) for _, answer in found.pairs] == [
        ("solution", "def f0(): ..."),
        ("completion", "def f1():\n    return 1"),
        ("chat", "def f2():\n    return 2"),
        ("program", "whole"),
    ]
    assert found.pairs[2][1].how
    assert (found.samples, found.missing, found.unusable) == (1, [], [])


def test_the_rawest_field_counts_unless_said(tmp_path: Path) -> None:
    rows = [
        {"task_id": f"b/{n}", "response": f"```\ndef f{n}(): ...\n```", "solution": "theirs"}
        for n in range(4)
    ]
    assert read(tmp_path, rows).pairs[0][1].solution.strip() == "def f0(): ..."
    assert read(tmp_path, rows, field="solution").pairs[0][1].solution == "theirs"


def test_problems_order_and_samples(tmp_path: Path) -> None:
    rows = [*solutions("a", "b", "c", "d")[::-1], *solutions("e", "f", "g", "h")]
    found = read(tmp_path, rows)
    assert found.samples == 2
    assert [answer.solution for _, answer in found.pairs] == ["a", "e", "b", "f", "c", "g", "d", "h"]
    assert [answer.sample_index for _, answer in found.pairs] == [0, 1] * 4


def test_missing_tasks_are_named(tmp_path: Path) -> None:
    found = read(tmp_path, solutions("a", "b"))
    assert found.missing == [("python", "b/2"), ("python", "b/3")]
    assert describe_missing(found.missing) == "b/2, b/3"
    assert describe_missing([("x", str(n)) for n in range(9)]) == "0, 1, 2, 3, 4 and 4 more"


def test_fewer_samples_than_the_others_are_told_from_none(tmp_path: Path) -> None:
    found = read(tmp_path, [*solutions("a", "b", "c") * 3][:-1])
    assert found.missing == [("python", "b/2"), *[("python", "b/3")] * 3]
    assert describe_missing(found.missing, found.samples) == "b/2 has 2 of 3 samples, b/3"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"task_id": "b/9", "solution": ""}, "unknown task_id 'b/9'"),
        ({"solution": ""}, "no task_id"),
        ({"task_id": "b/1", "code": "x"}, r"none of program, response, completion, solution \(found: code, task_id\)"),
        ({"task_id": "b/1", "solution": 7}, "solution is not text but int"),
        ({"task_id": "b/1", "completion": None}, "completion is null"),
        ({"task_id": "b/1", "solution": "", "language": "java"}, r"unknown task: 'b/1' in language 'java' \(it is there in python"),
        ({"task_id": "b/1", "solution": "", "sample_index": "1"}, "sample_index is '1'"),
        ({"task_id": "b/1", "solution": "second"}, "duplicate: b/1 has 2 answers where most tasks have 1"),
        ({"task_id": "b/1", "solution": "again", "sample_index": 0}, "duplicate: sample 0 of b/1 stands there twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_put_aside(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    import re

    found = read(tmp_path, [*solutions("a", "b", "c", "d"), row])
    assert [answer.solution for _, answer in found.pairs] == ["a", "b", "c", "d"]
    (unusable,) = found.unusable
    assert re.match(reason, unusable.reason) and unusable.line == 5 and unusable.row == row


def test_languages(tmp_path: Path) -> None:
    rows = [{"task_id": f"m/{n}", "language": "cs", "program": str(n)} for n in range(2)]
    found = read(tmp_path, rows, SPOKEN)
    assert [problem.language for problem, _ in found.pairs] == ["csharp"] * 2
    assert [problem.language for problem in found.problems] == ["csharp"] * 2
    assert found.missing == []
    bad = [{"task_id": "m/0", "program": ""}, {"task_id": "m/0", "language": "d", "program": ""}]
    assert [one.reason.split(":")[0] for one in read(tmp_path, [*rows, *bad], SPOKEN).unusable] == [
        "task 'm/0' exists in 2 languages",
        "unknown task",
    ]


MANY = [
    Problem("m", task, "", "f", "", "", language)
    for language, tasks in (("java", ("m/0", "m/1")), ("javascript", ("m/0",)), ("bash", ("m/0", "m/1")))
    for task in tasks
]
KNOWN = [(problem.language, problem.task_id) for problem in MANY]


def chosen(*languages: str) -> dict[str, Any]:
    problems = [problem for problem in MANY if problem.language in languages]
    return {"problems": problems, "asked": languages, "known": KNOWN}


def test_a_row_is_never_matched_with_another_language_than_its_own(tmp_path: Path) -> None:
    rows = [
        {"task_id": task, "language": name, "program": f"{name} {task}"}
        for name, task in (("java", "m/0"), ("Java", "m/1"), ("js", "m/0"), ("sh", "m/0"), ("sh", "m/1"))
    ]
    alone = read(tmp_path, rows, **chosen("javascript"))
    assert [answer.solution for _, answer in alone.pairs] == ["js m/0"]
    assert alone.left_out == {"java": 2, "bash": 2} and not alone.unusable and not alone.missing
    both = read(
        tmp_path, rows, **chosen("javascript", "bash")
    )  # m/1 is there in one of the two, and not in Java's
    assert [(problem.language, answer.solution) for problem, answer in both.pairs] == [
        ("javascript", "js m/0"),
        ("bash", "sh m/0"),
        ("bash", "sh m/1"),
    ]
    assert both.left_out == {"java": 2}
    with pytest.raises(ConfigError, match=r"all its rows were left out \(java: 2\)"):
        read(tmp_path, rows[:2], **chosen("javascript"))


def test_a_row_without_language_is_matched_where_only_one_can_be_meant(tmp_path: Path) -> None:
    rows = [{"task_id": "m/0", "program": ""}]
    assert read(tmp_path, rows, **chosen("java")).pairs[0][0].language == "java"
    with pytest.raises(ConfigError, match="line 1: task 'm/1' exists in 2 languages"):
        read(tmp_path, [{"task_id": "m/1", "program": ""}], **chosen("javascript", "bash"))


def test_a_language_that_was_asked_for_is_missing_where_the_file_has_none_of_it(tmp_path: Path) -> None:
    rows = [{"task_id": "m/0", "language": "js", "program": ""}]
    assert read(tmp_path, rows, **chosen("javascript", "bash")).missing == [("bash", "m/0"), ("bash", "m/1")]


def test_rows_beyond_the_limit_are_left_out(tmp_path: Path) -> None:
    known = [(problem.language, problem.task_id) for problem in PROBLEMS]
    found = read(tmp_path, solutions("a", "b", "c", "d"), PROBLEMS[:3], known=known)
    assert found.left_out == {"beyond --limit": 1} and len(found.pairs) == 3


def test_what_a_row_says_of_its_end_is_kept_and_nothing_is_made_up(tmp_path: Path) -> None:
    rows = solutions("a", "b", "c", "d")
    rows[1]["finish_reason"] = "length"
    assert [answer.finish_reason for _, answer in read(tmp_path, rows).pairs] == ["", "length", "", ""]


def test_lines_that_are_no_rows_are_put_aside_and_a_byte_order_mark_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = [f'{{"task_id": "b/{n}", "solution": "x"}}'.encode() for n in range(4)]
    bad = [b"{", b'"text"', b"\xff\xfe", b"[" * 100_000]
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join([*good, b"", *bad]))
    found = read_answers(path, load_benchmark("drills"), PROBLEMS)
    assert (found.rows_in, len(found.pairs)) == (8, 4)
    assert [(one.line, one.reason.partition(" (")[0]) for one in found.unusable] == [
        (6, "not valid JSON"),
        (7, "not a JSON object but str"),
        (8, "not UTF-8"),
        (9, "not valid JSON"),
    ]
    assert found.unusable[0].row == "{"


def test_only_published_passes(tmp_path: Path) -> None:
    rows = [{**row, "passed": number == 2} for number, row in enumerate(solutions("a", "b", "c", "d"))]
    assert [answer.task_id for _, answer in read(tmp_path, rows, only_passed=True).pairs] == ["b/2"]


def test_files_that_hold_nothing(tmp_path: Path) -> None:
    benchmark = load_benchmark("drills")
    names = ("empty.jsonl", "cut.jsonl.gz", "wrong.jsonl", "hidden.jsonl")
    empty, cut, wrong, hidden = (tmp_path / name for name in names)
    hidden.write_bytes(gzip.compress(b"{}\n"))
    empty.write_text("")
    cut.write_bytes(gzip.compress(b'{"task_id": "b/0", "solution": "x"}\n' * 999)[:-20])
    wrong.write_text('{"task_id": "x/0", "solution": ""}\n')
    for path, says in (
        (empty, "holds no usable answer"),
        (cut, "damaged or cut off"),
        (wrong, r"line 1: unknown task_id 'x/0'"),
        (hidden, r"is a gzip archive without \.gz at the end of its name"),
        (tmp_path, "is a folder"),
        (tmp_path / "none.jsonl", "no such file"),
    ):
        with pytest.raises(ConfigError, match=says):
            read_answers(path, benchmark, PROBLEMS)
    wrong.write_text('{"task_id": "b/0", "solution": ""}\n')
    with pytest.raises(ConfigError, match="field 'task_id' says which problem"):
        read_answers(wrong, benchmark, PROBLEMS, field="task_id")
