"""`self_instruct`: our tasks are right, new ones are new, rounds see what was made before, order and stops change nothing."""

import itertools
import json
import random
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import BackendError, ConfigError
from codewright.core.extract.markup import read_markup
from codewright.core.languages import known_languages
from codewright.core.manifest import Dataset
from codewright.core.records import Tests
from codewright.synthesis.methods.self_instruct import (
    ROUND_SEEDS,
    Options,
    draw_examples,
    instruction_of,
    seed_tasks,
    split_tasks,
)
from codewright.synthesis.rouge import words_of
from codewright.synthesis.verify import verify
from tests.sandbox.opened import Opened
from tests.synthesis.rows import bytes_of
from tests.synthesis.slow_teacher import SlowTeacher
from tests.synthesis.teacher import self_instruct_reply
from tests.synthesis.test_rouge import f_measure

Synth = Callable[..., Dataset]


@pytest.fixture
def synth(synth_by: Synth) -> Synth:
    return partial(synth_by, "self_instruct")


def tasks_of(dataset: Dataset) -> list[str]:
    return [row["messages"][0]["content"] for row in dataset.rows()]


def test_the_code_of_our_tasks_does_what_it_should() -> None:
    python = [task for task in seed_tasks() if task.language == "python"]
    assert len(python) >= 8
    with Opened() as opened:
        for task in python:
            [block] = read_markup(task.answer).blocks
            verdict, _, detail = opened.wait_for(
                verify(opened.sandbox.run, Tests(block.code, task.tests), allow_inproc=True)
            )
            assert verdict.status == "passed", f"{task.task}: {detail}"
            # Tests that hold for anything would say nothing.
            broken = Tests(
                re.sub(r"\breturn .*|\braise AssertionError.*", "return []", block.code), task.tests
            )
            verdict, _, _ = opened.wait_for(verify(opened.sandbox.run, broken, allow_inproc=True))
            assert verdict.status != "passed", task.task


def test_our_tasks_are_varied_and_keep_to_what_is_asked_of_new_ones() -> None:
    tasks = seed_tasks()
    assert len(tasks) == 20
    languages = {task.language for task in tasks}
    assert len(languages) >= 10
    assert languages <= set(known_languages())
    assert len({task.kind for task in tasks}) >= 8
    for task in tasks:
        assert 4 <= len(words_of(instruction_of(task.task))) <= 150
        assert read_markup(task.answer).blocks
    for one, other in itertools.combinations(tasks, 2):
        assert f_measure(words_of(one.task), words_of(other.task)) < 0.5


def test_rows_are_new_tasks_and_every_other_one_has_its_reason(synth: Synth) -> None:
    dataset = synth(SlowTeacher(self_instruct_reply), rows=60)
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.kept == 60
    assert {"not_novel", "unparsable", "instruction_length", "refused", "cut_off", "empty_reply"} <= set(
        counts.dropped
    )
    words = [words_of(instruction_of(task)) for task in tasks_of(dataset)]
    told = [words_of(instruction_of(task.task)) for task in seed_tasks()]
    for number, one in enumerate(words):
        assert max(f_measure(one, other) for other in told + words[:number]) < 0.7
    usual = [task for task in tasks_of(dataset) if task.startswith("Write a function number")]
    assert len(usual) == 1  # also those of one round are compared with each other
    details = [row["detail"] for row in dataset.rows("dropped") if row["reason"] == "not_novel"]
    assert any("Write a function number" in detail for detail in details)
    for detail in details:
        assert float(re.match(r"ROUGE-L (\S+) with: \S", detail)[1]) >= 0.7  # type: ignore[index]
    assert {row["language"] for row in dataset.rows()} == {"python"}
    assert len({row["origin"]["prompt_hash"] for row in dataset.rows()}) == 60


def test_equal_replies_give_equal_rows_in_any_order_and_after_any_stop(synth: Synth, tmp_path: Path) -> None:
    settings = {"rows": 90, "options": {"tasks_per_call": 2}}
    plain = synth(SlowTeacher(self_instruct_reply, 1), "plain", **settings)
    assert max(int(row["origin"]["seeds"][0].split(":")[1]) for row in plain.rows()) > ROUND_SEEDS
    assert bytes_of(
        synth(SlowTeacher(self_instruct_reply, 2), "other", **settings), "", "dropped"
    ) == bytes_of(plain, "", "dropped")
    for pace, stop in ((3, 30), (4, 45)):
        with pytest.raises(BackendError, match="the server is gone"):
            synth(SlowTeacher(self_instruct_reply, pace, fail_after=stop), "cut", **settings)
    partial = (tmp_path / "cut" / "rows" / "messages.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in partial] == [row["id"] for row in plain.rows()][: len(partial)]
    assert 0 < len(partial) < 90
    assert bytes_of(synth(SlowTeacher(self_instruct_reply, 5), "cut", **settings), "", "dropped") == bytes_of(
        plain, "", "dropped"
    )


def test_a_round_shows_tasks_of_the_rounds_before_it_and_fewer_of_ours(synth: Synth) -> None:
    teacher = SlowTeacher(self_instruct_reply, 7)
    dataset = synth(teacher, rows=90)
    made = {
        row["messages"][0]["content"].splitlines()[0]: int(row["origin"]["seeds"][0].split(":")[1])
        for row in dataset.rows()
    }
    shown = {sampling.seed: prompt for prompt, sampling in teacher.asked}
    assert max(shown) >= ROUND_SEEDS
    for number, prompt in shown.items():
        begun = number // ROUND_SEEDS * ROUND_SEEDS
        known = re.findall(r"^\* (.*)$", prompt.split("do not come near")[-1], re.M)
        of_pool = [made[task] for task in known if task in made]
        assert prompt.count("## Task\n") - 1 == (6 if begun else 8)
        assert len(of_pool) == (2 if begun else 0)
        assert all(seed < begun for seed in of_pool)


def test_fewer_of_ours_are_shown_where_there_are_not_more() -> None:
    rows, tasks = draw_examples((), random.Random(0), Options(human_tasks=40))
    assert (rows, len(tasks)) == ([], 20)
    assert len({task.task for task in tasks}) == 20


def test_a_reply_of_several_tasks_loses_only_the_one_that_was_cut_off(synth: Synth) -> None:
    dataset = synth(SlowTeacher(self_instruct_reply), rows=60, options={"tasks_per_call": 3, "pool_tasks": 0})
    places = {row["origin"]["place"] for row in dataset.rows()}
    assert places == {f"task {number} of the reply" for number in (1, 2, 3)}
    cut = next(row for row in dataset.rows("dropped") if row["reason"] == "cut_off")
    assert any(cut["path"] in row["origin"]["seeds"] for row in dataset.rows())


@pytest.mark.parametrize(
    ("text", "count", "labels"),
    [
        ("## Task\na\n## Answer\nb", 1, [""]),
        ("Here:\n**Task 1**\na\n**Answer 1**\nb", 1, [" 1"]),
        ("## Task 1\na\n## Answer 1\nb\n## Task 2:\nc", 2, [" 1", " 2"]),
        ("## Task 1\na\n## Task 3\nc", 2, [" 1"]),
        ("## Task\na", 2, []),
        ("Task 1 is hard\n# Tasks", 1, []),
    ],
)
def test_a_reply_is_cut_where_tasks_begin(text: str, count: int, labels: list[str]) -> None:
    parts = split_tasks(text, count)
    assert [label for label, _ in parts] == labels
    assert "".join(part for _, part in parts) == (text[text.index(parts[0][1]) :] if parts else "")


def test_what_is_to_be_done_is_told_from_what_it_is_done_with() -> None:
    task = "Mend this.\n\n```python\nx = [\n```\n\nIt should end.\n~~~\na\n~~~\nSoon."
    assert instruction_of(task).split() == ["Mend", "this.", "It", "should", "end.", "Soon."]
    assert instruction_of("Open:\n```c\nint x;").split() == ["Open:"]
    assert instruction_of("No code.") == "No code."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs `rows:`"),
        ({"quotas": {"python": 3}}, "has no languages to divide"),
        ({"rows": 3, "model": None}, "method self_instruct needs a teacher"),
        ({"rows": 3, "options": {"max_rouge": 0}}, "'max_rouge' Input should be greater than 0"),
        ({"rows": 3, "options": {"pool_tasks": -1}}, "'pool_tasks'"),
        ({"rows": 3, "options": {"tasks": 3}}, "unknown key 'tasks'"),
        ({"rows": 3, "rows_file": "x.jsonl"}, "does not start from instruction rows: no `rows_file:`"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(
    synth: Synth, settings: dict[str, Any], message: str
) -> None:
    teacher = SlowTeacher(self_instruct_reply)
    with pytest.raises(ConfigError, match=message) as error:
        synth(teacher, **settings)
    assert "\n" not in str(error.value)
    assert teacher.asked == []
