"""What scores.json says of verdicts, and what reading an evaluation back refuses."""

import json
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import read_json, read_jsonl, write_json, write_jsonl
from codewright.evals.metrics import share_with_interval
from codewright.evals.results import load_results, score_rows, summarise, tally
from tests.conftest import REPOSITORY
from tests.evals.evaluation_folder import answer_rows, make_evaluation, single, verdict_rows

PUBLISHED = REPOSITORY.parent / "shared" / "data" / "published"


def test_pass_at_k_for_every_k_that_the_answers_allow() -> None:
    verdicts = verdict_rows({"a": [True] * 4 + [False] * 8, "b": [False] * 12})
    scores = summarise(verdicts, tasks=2, samples=12)
    assert set(scores["pass_at_k"]["passed"]) == {"1", "10"}
    assert scores["pass_at_k"]["passed"]["1"]["share"] == pytest.approx(1 / 6, abs=1e-6)
    assert scores["pass_at_k"]["passed"]["10"]["share"] == 0.5  # 12 - 4 < 10: one of any ten passes
    assert scores["pass_at_k"]["passed"]["1"]["interval"] == "bootstrap"
    more = summarise(verdicts, tasks=2, samples=12, ks=[5])
    assert set(more["pass_at_k"]["passed"]) == {"1", "5", "10"}
    with pytest.raises(ConfigError, match="pass@20 needs 20 answers of every task"):
        summarise(verdicts, tasks=2, samples=12, ks=[20])


def test_base_and_plus_stand_beside_passed() -> None:
    verdicts = verdict_rows(
        {"a": [(True, True)], "b": [(True, False)], "c": [(False, False)], "d": [(True, True)]}
    )
    found = summarise(verdicts, tasks=4, samples=1)["pass_at_k"]
    assert {name: one["1"]["share"] for name, one in found.items()} == {
        "passed": 0.5,
        "base": 0.75,
        "plus": 0.5,
    }
    whole = share_with_interval(3, 4)
    assert found["base"]["1"] == {
        "tasks": 4, "share": 0.75, "low": whole.low, "high": whole.high, "interval": "wilson",
    }  # fmt: skip


def test_a_verdict_without_marks_counts_as_passed_does() -> None:
    verdicts = verdict_rows({"a": [(True, False)], "b": [False]})
    assert summarise(verdicts, tasks=2, samples=1)["pass_at_k"]["base"]["1"]["share"] == 0.5


def test_tasks_of_one_name_in_two_languages_are_two() -> None:
    verdicts = verdict_rows({"java:t/1": [True], "cpp:t/1": [False], "cpp:t/2": [False]})
    scores = summarise(verdicts, tasks=3, samples=1)
    assert scores["tasks"] == {"scored": 3, "of": 3}
    assert scores["pass_at_k"]["passed"]["1"]["share"] == pytest.approx(1 / 3, abs=1e-6)
    shares = {name: one["pass_at_k"]["passed"]["1"]["share"] for name, one in scores["languages"].items()}
    assert shares == {"cpp": 0.0, "java": 1.0}
    assert scores["languages"]["cpp"]["tasks"] == 2
    assert [row[0] for row in score_rows(scores)] == ["all", "cpp", "java"]
    assert score_rows(scores)[0][1:4] == ["passed", "pass@1", "33.3"]


def test_counts_add_up() -> None:
    verdicts = verdict_rows({f"t/{at}": [at % 2 == 0] for at in range(20)}, forgeable=True)
    scores = summarise(verdicts, tasks=20, samples=1)
    assert sum(scores["statuses"].values()) == 20
    assert scores["statuses"]["passed"] == 10
    assert sum(one["statuses"]["passed"] for one in scores["languages"].values()) == 10
    assert scores["forgeable_passes"] == 10
    assert scores["seconds"] == {"total": 5.0, "median": 0.25, "longest": 0.25}


def test_extraction_is_counted_by_kind() -> None:
    verdicts = verdict_rows(single("1111"))
    answers = answer_rows(verdicts)
    answers[1] |= {"how": "block 3 of 12, cut at main"}
    answers[2] |= {"how": "failed: nothing", "solution": "\n", "finish_reason": "length"}
    answers[3] |= {"how": ""}
    found = summarise(verdicts, answers, tasks=4, samples=1)["extraction"]
    assert found["kinds"] == {"block n of n": 2, "failed: nothing": 1, "nothing to extract": 1}
    assert (found["failed"], found["empty"]) == (1, 1)
    assert found["finish_reasons"] == {"stop": 3, "length": 1}
    nothing = [row | {"finish_reason": "", "form": "completion", "response": " "} for row in answers]
    found = summarise(verdicts, nothing, tasks=4, samples=1)["extraction"]
    assert found["empty"] == 4 and "finish_reasons" not in found


def test_partial_says_n_of_n(tmp_path: Path) -> None:
    make_evaluation(tmp_path / "tasks", single("1101"), of=164)
    assert load_results(tmp_path / "tasks")[0].coverage == "4 of 164 tasks"
    make_evaluation(tmp_path / "answers", {"a": [True, False], "b": [True]})
    (found,) = load_results(tmp_path / "answers")
    assert found.coverage == "3 of 4 answers"
    assert found.scores["samples"] == {"scored": 3, "of": 4, "least": 1, "most": 2}
    make_evaluation(tmp_path / "whole", single("1101"))
    assert load_results(tmp_path / "whole")[0].coverage == ""


def test_the_first_answer_is_the_one_of_lowest_index() -> None:
    rows = verdict_rows({"a": [True, False, False]})
    assert tally(reversed(rows))["python", "a"].first is True
    assert tally(rows)["python", "a"].rate == pytest.approx(1 / 3)


def test_one_folder_or_several(tmp_path: Path) -> None:
    make_evaluation(tmp_path / "out" / "x", single("10"), benchmark="x")
    make_evaluation(tmp_path / "out" / "y", single("11"), benchmark="y")
    (tmp_path / "out" / "notes").mkdir()
    assert [one.benchmark for one in load_results(tmp_path / "out")] == ["x", "y"]
    (only,) = load_results(tmp_path / "out" / "y")
    assert (only.benchmark, only.model, len(only.verdicts)) == ("y", "model-a", 2)


def test_columns_that_say_the_same_are_shown_once(tmp_path: Path) -> None:
    make_evaluation(tmp_path / "plain", single("10"))
    make_evaluation(tmp_path / "plus", {"a": [(True, False)], "b": [(True, True)]})
    assert load_results(tmp_path / "plain")[0].columns == ["passed"]
    assert load_results(tmp_path / "plus")[0].columns == ["base", "plus"]


def test_folders_without_results_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        load_results(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="holds no evaluation"):
        load_results(tmp_path)
    folder = make_evaluation(tmp_path / "out", single("1011"))
    (folder / "scores.json").rename(folder / "aside")
    with pytest.raises(ConfigError, match="is not finished .*run the same"):
        load_results(folder)
    with pytest.raises(ConfigError, match="out: this evaluation is not finished"):
        load_results(tmp_path)
    (folder / "aside").rename(folder / "scores.json")
    write_json(tmp_path / "stage" / "scores.json", {"pass_at_1": {}})
    with pytest.raises(ConfigError, match="was not written by `codewright eval run`"):
        load_results(tmp_path / "stage")


def test_damaged_files_are_one_clear_line(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "out", single("10110"))
    path = folder / "verdicts.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(
        ConfigError, match=r"verdicts.jsonl, line 5: not valid JSON .*it keeps the verdicts that are whole"
    ):
        load_results(folder)
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigError, match=r"holds 4 verdicts, scores.json counted 5: perhaps cut off"):
        load_results(folder)
    path.write_bytes(json.dumps({"task_id": 1}).encode())
    with pytest.raises(ConfigError, match="its rows are no verdicts"):
        load_results(folder)
    path.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        load_results(folder)
    path.write_bytes(whole)
    (folder / "scores.json").write_text('{"benchmark": "be')
    with pytest.raises(ConfigError, match=r"scores.json: not valid JSON"):
        load_results(folder)


def test_scores_survive_the_way_through_the_file(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "out", {"a": [True] * 10, "b": [False] * 10}, ks=[3])
    scores = read_json(folder / "scores.json")
    verdicts = [row for _, row in read_jsonl(folder / "verdicts.jsonl")]
    again = summarise(verdicts, tasks=2, samples=10, ks=[3])
    assert {name: scores[name] for name in again if name != "extraction"} == {
        name: value for name, value in again.items() if name != "extraction"
    }


PUBLISHED_SCORES = {
    "humaneval_plus": {"base": 43.9, "plus": 36.6},
    "mbpp_plus": {"base": 69.2, "plus": 58.6},
}


@pytest.mark.shared_data
@pytest.mark.parametrize("benchmark", PUBLISHED_SCORES)
def test_published_verdicts_give_the_published_scores(benchmark: str, tmp_path: Path) -> None:
    path = PUBLISHED / f"qwen2.5-coder-1.5b.{benchmark}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"published file not here: {path.name}")
    outcomes = {row["task_id"]: [(row["base_passed"], row["plus_passed"])] for _, row in read_jsonl(path)}
    verdicts = verdict_rows(outcomes)
    found = summarise(verdicts, tasks=len(outcomes), samples=1)["pass_at_k"]
    shares = {name: round(100 * found[name]["1"]["share"], 1) for name in ("base", "plus")}
    assert shares == PUBLISHED_SCORES[benchmark]
    write_jsonl(tmp_path / "verdicts.jsonl", verdicts)
    again = [row for _, row in read_jsonl(tmp_path / "verdicts.jsonl")]
    assert tally(again, "plus") == tally(verdicts, "plus")


@pytest.mark.shared_data
def test_published_multipl_e_scores_by_language() -> None:
    path = PUBLISHED / "qwen2.5-coder-1.5b.multipl_e.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"published file not here: {path.name}")
    outcomes = {f"{row['language']}:{row['task_id']}": [bool(row["passed"])] for _, row in read_jsonl(path)}
    languages = summarise(verdict_rows(outcomes), tasks=len(outcomes), samples=1)["languages"]
    shares = {
        name: round(100 * one["pass_at_k"]["passed"]["1"]["share"], 2) for name, one in languages.items()
    }
    published = {
        "java": 38.61,
        "cpp": 42.86,
        "js": 47.83,
        "cs": 48.73,
        "php": 44.10,
        "sh": 22.15,
        "ts": 47.80,
    }
    assert shares == published
