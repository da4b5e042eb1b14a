"""`evol`: rounds start from what survived, failed evolutions have their reasons, seeds are rows of datasets and of files."""

import asyncio
import random
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from codewright.cli_synth import _seeds as what_to_start_from
from codewright.core.errors import BackendError, ConfigError
from codewright.core.manifest import Dataset
from codewright.core.records import Reject, Sample
from codewright.models.model import Reply, Sampling
from codewright.synthesis.ask import Ask
from codewright.synthesis.methods.evol import Options, failed_answer, failed_instruction, make
from codewright.synthesis.prompting import render
from tests.corpus.documents import make_document, write_corpus
from tests.synthesis.rows import bytes_of, make_row, write_lines, write_rows
from tests.synthesis.slow_teacher import SlowTeacher
from tests.synthesis.teacher import evol_reply

Synth = Callable[..., Dataset]


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "seeds", [make_row(number) for number in range(60)])


@pytest.fixture
def synth(synth_by: Synth) -> Synth:
    return partial(synth_by, "evol")


def test_each_round_starts_from_what_survived_and_what_failed_has_its_reason(
    synth: Synth, seeds: Path
) -> None:
    dataset = synth(SlowTeacher(evol_reply), rows_from=str(seeds), rows=55, options={"rounds": 3})
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.kept == 55
    assert {
        "unparsable", "unchanged", "copies_prompt", "no_content", "no_gain", "unclear_judgement", "sorry", "refused", "cut_off",
    } <= set(counts.dropped)  # fmt: skip
    assert set(counts.dropped) <= {
        "unparsable", "unchanged", "copies_prompt", "no_content", "no_gain", "unclear_judgement", "sorry", "refused", "cut_off",
        "empty_reply", "over_quota", "duplicate_solution",
    }  # fmt: skip
    original = {row.id: row for row in map(make_row, range(60))}
    chains: dict[str, list[tuple[int, str]]] = defaultdict(list)
    heuristics: Counter[str] = Counter()
    for row in map(Sample.from_dict, dataset.rows()):
        round_, heuristic = (row.origin.place or "").removeprefix("round ").split(", ")
        chains[row.origin.seeds[0]].append((int(round_), row.messages[0].content))
        heuristics[heuristic] += 1
        assert row.language == original[row.origin.seeds[0]].language
    assert set(heuristics) == {"constraint", "rarer", "reasoning", "misdirection", "complexity"}
    survivors_skipped = 0
    for seed, chain in chains.items():
        before = original[seed].messages[0].content
        assert [round_ for round_, _ in chain] == sorted({round_ for round_, _ in chain})
        for place, (round_, instruction) in enumerate(chain, 1):
            survivors_skipped += place != round_
            assert instruction.startswith(f"{before} Besides, ")
            assert instruction.count("Besides, ") == place  # a round that failed left nothing behind
            before = instruction
    assert survivors_skipped


def test_equal_replies_give_equal_rows_in_any_order_and_after_any_stop(synth: Synth, seeds: Path) -> None:
    settings = {"rows": 40, "rows_from": str(seeds), "options": {"rounds": 2}}
    plain = synth(SlowTeacher(evol_reply, 1), "plain", **settings)
    assert bytes_of(synth(SlowTeacher(evol_reply, 2), "other", **settings), "", "dropped") == bytes_of(
        plain, "", "dropped"
    )
    for pace, stop in ((3, 60), (4, 90)):
        with pytest.raises(BackendError, match="the server is gone"):
            synth(SlowTeacher(evol_reply, pace, fail_after=stop), "cut", **settings)
    assert bytes_of(synth(SlowTeacher(evol_reply, 5), "cut", **settings), "", "dropped") == bytes_of(
        plain, "", "dropped"
    )


def test_quotas_divide_the_rows_and_seeds_come_again_with_other_draws(synth: Synth, seeds: Path) -> None:
    dataset = synth(
        SlowTeacher(evol_reply), rows_from=str(seeds), quotas={"go": 25, "python": 5}, seeds_per_row=10
    )
    assert dataset.manifest.details["rows_by_language"] == {"go": 25, "python": 5}
    seeds_of_go = Counter(row["origin"]["seeds"][0] for row in dataset.rows() if row["language"] == "go")
    assert max(seeds_of_go.values()) > 1  # there are only 20


def test_a_file_of_rows_in_published_formats_and_what_in_it_is_none(synth: Synth, tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "Sort the bills of a shop by their sums."},
        {"role": "assistant", "content": "x"},
    ]
    system = {"role": "system", "content": "You are a shopkeeper."}
    many = [
        {"instruction": f"Write {number} in words, in English.", "output": "```go\nx\n```"}
        for number in range(12)
    ]
    bad = ["{no json", {"text": "no instruction"}, {"messages": [{"role": "user", "content": "a"}]}]
    file = write_lines(tmp_path / "rows.jsonl", [{"messages": [system, *turns]}, *bad, *many])
    teacher = SlowTeacher(evol_reply)
    dataset = synth(teacher, rows_file=str(file), rows=20)
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.quarantined == 3
    assert counts.rows_in == counts.kept + sum(counts.dropped.values()) + 3
    lost = [(row["reason"], row["detail"].split(":")[0], row["path"]) for row in dataset.rows("quarantine")]
    assert lost == [
        ("unusable_seed", "not_json", "rows.jsonl:2"),
        ("unusable_seed", "unknown_format", "rows.jsonl:3"),
        ("unusable_seed", "no_answer", "rows.jsonl:4"),
    ]
    rows = list(dataset.rows())
    kept_system = [row for row in rows if row["messages"][0]["role"] == "system"]
    assert kept_system
    assert all(row["messages"][0]["content"] == "You are a shopkeeper." for row in kept_system)
    assert any(prompt.startswith("You are a shopkeeper.\n\nSort the bills") for prompt, _ in teacher.asked)
    assert {row["language"] for row in rows if row not in kept_system} == {"go"}
    changed = write_lines(file, many)
    with pytest.raises(ConfigError, match="other"):
        synth(SlowTeacher(evol_reply), rows_file=str(changed), rows=20)


def evolve(
    row: Sample, script: Callable[[str, Sampling], str | Reply], **options: Any
) -> list[Sample | Reject]:
    async def run() -> list[Sample | Reject]:
        ask = Ask(SlowTeacher(script), 0)
        return [one async for one in make(row, ask, None, random.Random(0), Options(**options))]  # type: ignore[arg-type]

    return asyncio.run(run())


def harder(prompt: str, _: Sampling) -> str:
    if prompt.startswith("Compare two"):
        return "Different."
    if "<task>" not in prompt:
        return "```c\nx\n```"
    task = prompt.split("<task>", 1)[1].split("</task>", 1)[0].strip()
    return f"## Harder version\n{task} And fast."


def test_only_the_ways_that_are_asked_for_are_taken_and_judging_can_be_left_out() -> None:
    asked: list[tuple[str, float]] = []

    def script(prompt: str, sampling: Sampling) -> str:
        asked.append((prompt, sampling.temperature))
        return harder(prompt, sampling)

    rows = evolve(make_row(1), script, rounds=4, heuristics={"misdirection": 2.0})
    assert [row.origin.place for row in rows if isinstance(row, Sample)] == [
        f"round {number}, misdirection" for number in (1, 2, 3, 4)
    ]
    assert all("false trail" in prompt for prompt, _ in asked[::3])
    assert [temperature for _, temperature in asked] == [1.0, 0.0, 1.0] * 4  # judgements are greedy
    asked.clear()
    [row] = evolve(make_row(1), script, judge=False)
    assert isinstance(row, Sample)
    assert len(asked) == 2
    assert (
        asked[1][0] == row.messages[0].content == "Write function 1 of the shop: it adds up a bill. And fast."
    )


def test_ways_are_drawn_by_their_weights_in_whatever_order_they_are_written() -> None:
    ways = {"rarer": 3.0, "complexity": 1.0}
    places = [
        [
            one.origin.place
            for one in evolve(make_row(1), harder, rounds=80, heuristics=dict(given))
            if isinstance(one, Sample)
        ]
        for given in (ways.items(), reversed(ways.items()))
    ]
    assert places[0] == places[1]
    drawn = Counter((place or "").split(", ")[1] for place in places[0])
    assert drawn["rarer"] > 2 * drawn["complexity"] > 0


def test_every_way_has_words_of_its_own() -> None:
    prompts = {
        name: render("evol", instruction="", heuristic=name, language="") for name in Options().heuristics
    }
    assert len(set(prompts.values())) == 5
    bare = len(render("evol", instruction="", heuristic="none", language=""))
    assert all(len(prompt) > bare + 100 for prompt in prompts.values())


def test_a_row_that_is_not_one_instruction_is_not_evolved() -> None:
    [why] = evolve(make_row(1, form="completion"), harder)
    assert isinstance(why, Reject)
    assert (why.reason, why.detail) == ("not_one_instruction", "1 turns of the user, form completion")
    row = make_row(1)
    twice = Sample.make(
        row.messages * 2, task="write", method="oss", language="go", form="chat", origin=row.origin
    )
    [why] = evolve(twice, harder)
    assert isinstance(why, Reject)
    assert why.reason == "not_one_instruction"


BEFORE = "Sort a list of numbers. Say sorry if there are none."


@pytest.mark.parametrize(
    ("after", "reason", "detail"),
    [
        ("Sort a list of numbers, stably. Say sorry if there are none.", None, ""),
        ("sort a list of numbers; say SORRY if there are none!", "unchanged", ""),
        ("And of the, or.", "no_content", ""),
        ("?!", "no_content", ""),
        ("Sort a list. This is the Rewritten Prompt.", "copies_prompt", "rewritten prompt"),
        ("<task>Sort a list</task>", "copies_prompt", "</task>"),
        ("Sort a list. It has to be attainable. Do not solve it, and do not talk about it.", "copies_prompt", "do not solve it and do not talk"),
    ],
)  # fmt: skip
def test_evolutions_fail_by_their_text(after: str, reason: str | None, detail: str) -> None:
    prompt = render("evol", instruction="", heuristic="complexity", language="")
    why = failed_instruction(BEFORE, after, prompt)
    assert (why.reason if why else None) == reason
    if why and detail:
        assert why.detail == detail
    # What the task said before is no sign of a copy.
    assert failed_instruction(f"{BEFORE} {after} {prompt}", f"{after} {prompt} Quickly.", prompt) is None


@pytest.mark.parametrize(
    ("before", "answer", "reason"),
    [
        ("Sort.", "I am sorry, I cannot do that.", "sorry"),
        ("Sort.", "Sorry for the length: " + "word " * 80, None),
        (BEFORE, "print('sorry')", None),
        ("Sort.", "```python\nsorted(x)\n```", None),
        ("Sort.", "... !", "no_content"),
        ("Sort.", "It is the.", "no_content"),
    ],
)
def test_evolutions_fail_by_their_answer(before: str, answer: str, reason: str | None) -> None:
    why = failed_answer(before, answer)
    assert (why.reason if why else None) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("DIFFERENT", None), ("**Different**.", None), ("Not equal", None), ("NOT EQUAL.", None), ("EQUAL", "no_gain"),
        ("equal.", "no_gain"), ("They are not different, but EQUAL", "unclear_judgement"), ("Hm", "unclear_judgement"),
    ],
)  # fmt: skip
def test_judgements(said: str, reason: str | None) -> None:
    [found] = evolve(
        make_row(1),
        lambda prompt, sampling: said if prompt.startswith("Compare") else harder(prompt, sampling),
    )
    assert (found.reason if isinstance(found, Reject) else None) == reason


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": 3}, "method evol needs `rows_from:` or `rows_file:`"),
        ({"rows": 3, "rows_file": "/nowhere.jsonl"}, "rows_file: /nowhere.jsonl: no such file"),
        ({"rows": 3, "rows_file": "x", "rows_from": "SEEDS"}, "needs only one of"),
        ({"rows_from": "SEEDS"}, "needs `rows:` or `quotas:`"),
        ({"rows": 3, "rows_from": "SEEDS", "options": {"rounds": 0}}, "'rounds'"),
        ({"rows": 3, "rows_from": "SEEDS", "options": {"heuristics": {}}}, "'heuristics'"),
        ({"rows": 3, "rows_from": "SEEDS", "options": {"heuristics": {"rare": 1}}}, "'heuristics.*'constraint', 'rarer'"),
        ({"rows": 3, "rows_from": "SEEDS", "options": {"heuristics": {"rarer": 0}}}, "greater than 0"),
        ({"rows": 3, "rows_from": "CORPUS"}, "is a corpus.build stage; needed: synth or decontam.run"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_asked(
    synth: Synth, seeds: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    teacher = SlowTeacher(evol_reply)
    if settings.get("rows_from") == "CORPUS":
        write_corpus(tmp_path / "corpus", [make_document("x = 1\n", "a")], parts=1)
    places = {"SEEDS": str(seeds), "CORPUS": str(tmp_path / "corpus")}
    if (given := settings.get("rows_from")) is not None:
        settings = {**settings, "rows_from": places[given]}
    with pytest.raises(ConfigError, match=message) as error:
        synth(teacher, **settings)
    assert "\n" not in str(error.value)
    assert teacher.asked == []


def test_the_command_line_takes_a_dataset_or_a_file(
    cli: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    replies = [
        {
            "match": "Make this programming task",
            "reply": "## Harder version\nWrite the sum in Roman numerals.",
        },
        {"match": "Compare two programming tasks", "reply": "DIFFERENT"},
        {"match": "Roman", "reply": "```python\nx = 1\n```"},
    ]
    model = f"scripted:{write_lines(tmp_path / 'replies.jsonl', replies)}"
    file = write_lines(tmp_path / "rows.jsonl", [{"instruction": "Write a sum.", "response": "1 + 1"}])
    common = ["--model", model, "--rows", "1", "--cache", tmp_path / "cache.sqlite"]
    done = cli("synth", "evol", "--from", file, "--out", tmp_path / "out", *common)
    assert done.returncode == 0, done.stderr
    [row] = Dataset(tmp_path / "out").rows()
    assert row["messages"][0]["content"] == "Write the sum in Roman numerals."


def test_from_stands_for_what_the_method_starts_from(seeds: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", [make_document("x = 1\n", "a")], parts=1)
    file = write_lines(tmp_path / "rows.jsonl", [])
    assert what_to_start_from("evol", None) == {}
    assert what_to_start_from("evol", seeds) == {"rows_from": str(seeds)}
    assert what_to_start_from("evol", file) == {"rows_file": str(file)}
    assert what_to_start_from("oss", corpus) == {"corpus": str(corpus)}
    wrong = [
        ("evol", corpus, "made by corpus.build; method evol needs synth or decontam.run"),
        ("oss", seeds, "made by synth; method oss needs corpus.ingest or"),
        ("oss", file, "no finished dataset here"),
        ("evol", tmp_path / "nowhere", "no finished dataset here"),
        ("evil", seeds, "no method named 'evil' .did you mean 'evol'"),
    ]
    for method, start, message in wrong:
        with pytest.raises(ConfigError, match=message):
            what_to_start_from(method, start)
