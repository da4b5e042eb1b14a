"""An evaluation's page: its numbers are those of the folder, whatever answers hold is text, and little data is enough."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import tests.report.test_browser as pages
from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_json, read_jsonl, write_json, write_jsonl
from codewright.report.evaluation import MOST_FAILURES, share_out, write_evaluation_report
from tests.evals.evaluation_folder import make_evaluation, model, single
from tests.report.conftest import NASTY
from tests.report.test_page import Outline, text_of

browser = pages.browser
STYLE = {
    "form": "chat",
    "model": "hf:m",
    "weights": "0a" * 32,
    "chat_template": {"sha256": "1b" * 32, "rendered": "<|user|>\nQUESTION<|end|>\n" * 60},
}


def add_failures(folder: Path, nasty: bool = False) -> Path:
    """Write failures.jsonl for the verdicts of a folder, as scoring does."""
    rows = [
        {
            "task_id": row["task_id"],
            "sample_index": row["sample_index"],
            "language": row["language"],
            "status": row["status"],
            "detail": NASTY[:300] if nasty else row["detail"],
            "prompt": NASTY if nasty else f"def f_{row['task_id']}():\n",
            "response": NASTY + "\nreply" if nasty else "```\nanswer\n```",
            "solution": NASTY if nasty else f"return {row['sample_index']}  # wrong\n",
            "reference": NASTY if nasty and row["sample_index"] else "return 42  # right\n",
        }
        for _, row in read_jsonl(folder / "verdicts.jsonl")
        if not row["passed"]
    ]
    write_jsonl(folder / "failures.jsonl", rows)
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return add_failures(make_evaluation(tmp_path / "plain", single("1101001011")))


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """Ten answers a task, base and plus, three languages, partial, forced, forgeable, and nasty texts all over."""
    outcomes = {
        f"{language}:{language} task {at}/{'long_name_' * 12 * (at == 1)}<b>": [
            (one * at % 7 < 5, one * at % 7 < 3) for one in range(10)
        ]
        for language in ("python", "cpp", "javascript")
        for at in range(1, 9)
    }
    failing = [{"task_id": "cpp task 1", "language": "cpp", "cause": f"package: {NASTY[:400]}"}]
    references = {
        "kind": "canonical solutions",
        "checked": 20,
        "passed": 19,
        "unchecked": 4,
        "failing": failing,
    }
    folder = make_evaluation(
        tmp_path / "rich", outcomes, of=30, ks=[5], forgeable=True, forced="more than 2 % of the references fail here",
        isolation="unsafe", references=references, prompt_style=STYLE, answers=model(f"m/{NASTY[:200]}", temperature=0.8),
    )  # fmt: skip
    return add_failures(folder, nasty=True)


def read(folder: Path) -> str:
    return write_evaluation_report(folder).read_text(encoding="utf-8")


def test_the_numbers_are_those_of_the_folder(plain: Path) -> None:
    text = text_of(read(plain))
    score = read_json(plain / "scores.json")["pass_at_k"]["passed"]["1"]
    interval = f"{100 * score['low']:.1f} to {100 * score['high']:.1f}"
    assert f"Pass@1 of model-a on bench is 60.0 % (95 % interval {interval}), over 10 tasks." in text
    assert f"all tasks 60.0 {interval} 10" in text
    assert "passed 6 60.0 %" in text
    assert "10 answers, 0 passes forgeable" in text
    assert "block n of n 10 100.0 %" in text
    assert "SHA-256 of its data" in text
    assert "ab" * 32 in text
    assert "Prompt style, form chat" in text
    assert "Limits, cpu_s 4 x slowness + 10 x the reference's" in text
    assert "4 of 4 pass (canonical solutions)" in text
    assert "By language" not in text


def test_every_failure_stands_beside_its_reference(plain: Path) -> None:
    html = read(plain)
    failed = [row for _, row in read_jsonl(plain / "failures.jsonl")]
    assert html.count('class="row failure"') == len(failed) == 4
    for row in failed:
        assert row["detail"] in html
        assert row["prompt"].strip() in html
    assert html.count("return 0  # wrong") == 4
    assert html.count("return 42  # right") == 4
    for status in {row["status"] for row in failed}:
        assert f"<h3>{status}</h3>" in html
    assert "The 4 tasks with a failing answer" in text_of(html)


def test_everything_at_once(rich: Path) -> None:
    html = read(rich)
    text = text_of(html)
    scores = read_json(rich / "scores.json")
    assert "Partial: 240 of 300 answers, 24 of 30 tasks." in text
    assert "Forced: more than 2 % of the references fail here." in text
    assert "executed without isolation" in text
    assert f"{scores['forgeable_passes']} of the passes are forgeable" in text
    for column, k in (("base", 1), ("base", 5), ("base", 10), ("plus", 1), ("plus", 5), ("plus", 10)):
        assert f"{column} pass@{k}" in text
    for language, part in scores["languages"].items():
        one = part["pass_at_k"]["base"]["1"]
        assert (
            f"{language} {100 * one['share']:.1f} {100 * one['low']:.1f} to {100 * one['high']:.1f}" in text
        )
    assert "resampled tasks" in text
    assert "Prompt style, chat_template, rendered <|user|> QUESTION<|end|>" in text
    assert "with 10 answers each" in text
    assert "passes the base tests" in text
    assert "19 of 20 pass (canonical solutions), 4 tasks have none" in text


def test_untrusted_answers_are_shown_as_text(rich: Path) -> None:
    html = read(rich)
    outline = Outline(html)
    assert not outline.tags & {"script", "img", "iframe", "object", "embed", "form"}
    assert all(url.startswith("#") or url == "data:," for url in outline.urls)
    assert len(outline.ids) == len(set(outline.ids))
    assert {url[1:] for url in outline.urls if url.startswith("#")} <= set(outline.ids)
    assert "&lt;script&gt;document.title=" in html
    assert "⟨U+202E⟩" in html
    assert "{{ 7 * 7 }}" in html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufeff]", html)
    assert max(map(len, html.split("\n"))) < 20_000


def test_a_lone_surrogate_in_an_answer_does_not_stop_the_page(plain: Path) -> None:
    rows = [row | {"solution": "x = '\ud800'"} for _, row in read_jsonl(plain / "failures.jsonl")]
    (plain / "failures.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "⟨U+D800⟩" in read(plain)


def test_the_cap_leaves_room_for_every_status(tmp_path: Path) -> None:
    folder = add_failures(make_evaluation(tmp_path / "out", single("0" * 500)))
    rows = [row | {"status": "failed"} for _, row in read_jsonl(folder / "failures.jsonl")]
    rows[499]["status"] = "memory_limit"
    write_jsonl(folder / "failures.jsonl", rows)
    html = read(folder)
    assert html.count('class="row failure"') == MOST_FAILURES
    text = text_of(html)
    assert f"{MOST_FAILURES} of the 500 tasks with a failing answer" in text
    assert f"failed {MOST_FAILURES - 1} of 499 tasks" in text
    assert "memory_limit 1 task" in text


@pytest.mark.parametrize(
    ("totals", "cap", "quotas"),
    [
        ({"a": 5, "b": 3}, 10, {"a": 5, "b": 3}),
        ({"a": 500, "b": 3, "c": 400}, 203, {"b": 3, "c": 100, "a": 100}),
        ({"a": 500}, 200, {"a": 200}),
        ({"a": 9, "b": 9, "c": 9}, 10, {"a": 3, "b": 3, "c": 4}),
        ({}, 10, {}),
    ],
)
def test_share_out(totals: dict[str, int], cap: int, quotas: dict[str, int]) -> None:
    assert share_out(totals, cap) == quotas


def test_several_answers_a_task_count_as_one_failure(tmp_path: Path) -> None:
    outcomes = {"a": [True, False, False], "b": [True, True, True]}
    html = read(add_failures(make_evaluation(tmp_path / "out", outcomes)))
    assert html.count('class="row failure"') == 1
    assert "2 of 3 answers fail" in text_of(html)
    assert "return 1  # wrong" in html
    assert "return 2  # wrong" not in html


def test_little_data_is_enough(tmp_path: Path, plain: Path) -> None:
    assert "Every answer passed." in read(add_failures(make_evaluation(tmp_path / "all", single("111"))))
    (plain / "failures.jsonl").unlink()
    assert 'id="failures"' not in read(plain)
    scores = read_json(plain / "scores.json")
    for name in ("data", "answers", "prompt_style", "references", "forced", "limits", "isolation", "seed"):
        scores.pop(name)
    scores["extraction"] = {"kinds": {}, "failed": 0, "empty": 0, "finish_reasons": {}}
    write_json(plain / "scores.json", scores)
    assert "bench: unnamed" in read(plain)


def test_equal_folders_give_equal_bytes(rich: Path) -> None:
    first = read(rich)
    assert read(rich) == first


def test_bad_input_is_one_clear_line(tmp_path: Path, plain: Path) -> None:
    with pytest.raises(ConfigError, match="no finished evaluation here"):
        write_evaluation_report(tmp_path)
    write_json(tmp_path / "stage" / "scores.json", {"pass_at_1": {}})
    with pytest.raises(ConfigError, match="was not written by `codewright eval run`"):
        write_evaluation_report(tmp_path / "stage")
    (plain / "failures.jsonl").write_text('{"task_id": ')
    with pytest.raises(DataError, match=r"failures.jsonl, line 1: not valid JSON"):
        write_evaluation_report(plain)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("which", ["plain", "rich"])
def test_page_in_chromium(
    browser: Any, request: pytest.FixtureRequest, which: str, width: int, scheme: str
) -> None:
    folder = request.getfixturevalue(which)
    found = pages.visit(browser, write_evaluation_report(folder), width, scheme)
    title = found.pop("title")
    assert title.startswith("bench: m")
    assert found == {"complaints": [], "requests": [], "overflow": 0, "low_contrast": []}
