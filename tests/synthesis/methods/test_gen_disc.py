"""`gen_disc` with a scripted teacher: which code it takes, what becomes of good, bad and malformed replies, what comes back."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codewright.core.config import build
from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl
from codewright.core.manifest import Dataset
from codewright.core.markdown import fence
from codewright.core.progress import Reporter
from codewright.core.records import Document
from codewright.core.rng import rng_for, stable_hash
from codewright.models import embed
from codewright.models.model import Reply, Sampling
from codewright.recipe import load_recipe
from codewright.runner import run_recipe
from codewright.synthesis import teaching
from codewright.synthesis.coreset import k_center_greedy
from codewright.synthesis.methods.gen_disc import (
    SHARES,
    Drawn,
    Options,
    choose,
    draw,
    judged,
    judged_json,
    read_row,
    unfit,
)
from codewright.synthesis.seeding import Note, Pooled
from tests.conftest import REPOSITORY
from tests.corpus.documents import make_document, write_corpus
from tests.synthesis.rows import bytes_of
from tests.synthesis.slow_teacher import SlowTeacher

OPTIONS = Options()
RULES = ("names_language", "answers", "only_code", "readable", "imports", "same_behaviour", "broken", "repaired", "true", "in_words")  # fmt: skip


def code_of(number: int, rng: random.Random) -> str:
    words = rng.choices(["total", "count", "price", "name", "left", "right", "queue", "node"], k=3)
    return f"def {words[0]}_{number}({words[1]}):\n    {words[2]} = {words[1]} * {number}\n    return {words[2]} + 1\n"


def documents(count: int) -> list[Document]:
    rng = random.Random(5)
    found = [make_document(code_of(number, rng), f"f{number}.py") for number in range(count)]
    bad = [
        "x = 1\n",
        "y = 2\n" * 300,
        "def load(path):\n    return open(path) if path else 'the files are gone'\n",
    ]
    return [*found, *(make_document(text, f"bad{at}.py") for at, text in enumerate(bad))]


# ------------------------------------------------------------------------------------------------------------ teacher


def teacher(prompt: str, sampling: Sampling) -> Reply:
    rng = random.Random(stable_hash("gen_disc", prompt, sampling.seed))
    text = check(prompt, rng) if "The example to check." in prompt else generate(prompt, rng)
    cut = rng.random() < 0.03
    return Reply(text[: len(text) // 2] if cut else text, "length" if cut else "stop", 50, 100)


def generate(prompt: str, rng: random.Random) -> str:
    """Do what is asked, at times without something that belongs there."""
    mark = rng.randrange(10**9)
    ask = f"Do what {mark} needs in Python. " + "Take your time. " * rng.randint(0, 30)
    block = fence(f"def answer_{mark}():\n    return {mark}", "python")
    parts = {"Instruction": ask, "Information": rng.choice(["none", f"It is about {mark}."])}
    parts |= {"Broken code": block.replace("return", "return -"), "Answer": block}
    wanted = {
        name: parts[name] for name in parts if f"## {name}\n" in prompt.rpartition("Write your example")[2]
    }
    if "The sentences." in prompt:
        wanted["Answer"] = f"It returns {mark}."
    kind = rng.choices(["good", "missing", "no code", "same"], [15, 1, 1, 1])[0]
    if kind == "missing":
        del wanted["Answer"]
    if kind == "no code":
        wanted["Answer"] = "Just do it."
    if kind == "same" and "Broken code" in wanted:
        wanted["Broken code"] = wanted["Answer"]
    style = rng.choice(["## {}", "**{}**", "{}:"])
    return "\n\n".join(f"{style.format(name)}\n{text}" for name, text in wanted.items())


def check(prompt: str, rng: random.Random) -> str:
    """Answer for each rule that is asked for, at times no, at times not as asked."""
    rules = re.findall(r"^(\w+): yes or no,", prompt, re.M) or re.findall(
        r'"(\w+)": {"reason": "\.\.\."', prompt
    )
    kind = rng.choices(["good", "bad", "bad", "whole", "malformed", "silent"], [8, 1, 1, 1, 1, 1])[0]
    answers = dict.fromkeys(rules, "yes")
    if kind == "bad":
        answers[rng.choice(rules[:-1])] = "no"
        answers["overall"] = rng.choice(["yes", "no"])
    if kind == "whole":
        answers["overall"] = "no"
    if kind == "malformed":
        answers[rng.choice(rules)] = rng.choice(["maybe", "yes or no", ""])
    if kind == "silent":
        return "Looks good to me!"
    if "Answer with one JSON object" in prompt:
        verdict = json.dumps(
            {rule: {"reason": "It is so.", "answer": said} for rule, said in answers.items()}
        )
        return rng.choice(["{}", "```json\n{}\n```", "Thus: {}"]).format(verdict)
    style = rng.choice(["{}: {}, it is so", "- **{}:** {}. It is so", "3. {} - {}"])
    return "\n".join(style.format(rule, answer) for rule, answer in answers.items())


@pytest.fixture
def synth(synth_by: Callable[..., Dataset], tmp_path: Path) -> Callable[..., Dataset]:
    def run(model: SlowTeacher, out: str, parts: int = 3, **settings: Any) -> Dataset:
        corpus = write_corpus(tmp_path / f"corpus{parts}", documents(200), parts)
        options = {"embedder": "hashed:8", **settings.pop("options", {})}  # few dimensions are quick
        return synth_by("gen_disc", model, out, corpus=str(corpus), options=options, **settings)

    return run


# ------------------------------------------------------------------------------------------------------------ whole runs


def test_rows_of_four_tasks_and_a_reason_for_everything_else(synth: Callable[..., Dataset]) -> None:
    model = SlowTeacher(teacher)
    dataset = synth(model, "plain", rows=60)
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.kept == 60
    assert counts.rows_in == 60 + sum(counts.dropped.values())
    assert counts.quarantined == 0
    reasons = set(counts.dropped)
    assert {"unparsable", "no_code", "cut_off", "unparsable_verdict", "discriminator:overall"} <= reasons
    assert reasons - {f"discriminator:{rule}" for rule in RULES} <= {
        "unparsable", "no_code", "no_broken_code", "not_broken", "cut_off", "unparsable_verdict",
        "discriminator:overall", "over_quota", "duplicate_problem",
    }  # fmt: skip
    assert len([reason for reason in reasons if reason.startswith("discriminator:")]) > 2
    details = dataset.manifest.details
    assert details["documents_left_out"] == {"too_short": 1, "too_long": 1, "blacklisted_word": 1}
    known = {document.id: document.content for document in documents(200)}
    tasks: Counter[str] = Counter()
    for row in dataset.rows():
        request, answer = (turn["content"] for turn in row["messages"])
        [seed] = row["origin"]["seeds"]
        tasks[row["task"]] += 1
        given = fence(known[seed].rstrip(), "python")
        assert request.endswith(given) == (row["task"] in {"explain", "translate"})
        assert ("```" in answer) == (row["task"] != "explain")
        assert (row["language"] == "python") == (row["task"] != "translate")
    assert set(tasks) == set(SHARES)
    assert max(tasks, key=tasks.__getitem__) == "write"
    assert all(sampling.max_tokens == 800 for _, sampling in model.asked)


def test_equal_replies_give_equal_rows_whatever_order_shards_and_stops(
    synth: Callable[..., Dataset],
) -> None:
    plain = synth(SlowTeacher(teacher, 1), "plain", rows=40)
    assert bytes_of(synth(SlowTeacher(teacher, 2), "other", parts=7, rows=40, concurrency=2)) == bytes_of(
        plain
    )
    with pytest.raises(ConfigError, match="the server is gone"):
        synth(SlowTeacher(teacher, 3, fail_after=80, error=ConfigError), "cut", rows=40)
    again = SlowTeacher(teacher, 4)
    assert bytes_of(synth(again, "cut", rows=40)) == bytes_of(plain)
    assert again.asked


def test_cases_of_earlier_rounds_come_back_to_both(synth: Callable[..., Dataset]) -> None:
    model = SlowTeacher(teacher)
    synth(model, "plain", rows=45, options={"tasks": {"write": 1}})
    makers = [prompt for prompt, _ in model.asked if "The example to check." not in prompt]
    checks = [prompt for prompt, _ in model.asked if "The example to check." in prompt]
    accepted = ["An example that was accepted." in prompt for prompt in makers]
    assert accepted.count(False) == 64  # the first round
    assert [("An example that was refused." in prompt) for prompt in makers] == accepted
    counts = Counter(prompt.count("An example that was checked before.") for prompt in checks)
    assert set(counts) == {0, 2}
    shown = [prompt for prompt in makers if "Why it was refused:" in prompt]
    assert all(re.search(r"Why it was refused:\n[^\0]*: no\b", prompt) for prompt in shown)
    assert (
        len({prompt.split("An example that was refused.")[1].split("Given code:\n")[1] for prompt in shown})
        > 3
    )


def test_verdicts_as_json_are_asked_for_with_a_schema_and_come_back_as_cases(
    synth: Callable[..., Dataset],
) -> None:
    model = SlowTeacher(teacher)
    dataset = synth(model, "structured", rows=45, options={"tasks": {"write": 1}, "structured": True})
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.kept == 45
    assert {"unparsable_verdict", "discriminator:overall", "discriminator:imports"} <= set(counts.dropped)
    checks = [asked for asked in model.asked if "The example to check." in asked[0]]
    makers = [asked for asked in model.asked if "The example to check." not in asked[0]]
    assert {sampling.json_schema for _, sampling in makers} == {None}
    [schema] = {sampling.json_schema for _, sampling in checks}
    assert schema is not None
    rules = ["names_language", "answers", "only_code", "readable", "imports", "overall"]
    assert list(json.loads(schema)["properties"]) == json.loads(schema)["required"] == rules
    assert list(json.loads(schema)["properties"]["overall"]["properties"]) == ["reason", "answer"]
    shown = [prompt for prompt, _ in checks if "An example that was checked before." in prompt]
    assert shown
    for prompt in shown:
        case = prompt.split("The check:\n")[1].splitlines()[0]
        assert list(json.loads(case)) == rules
    refused = [prompt for prompt, _ in makers if "Why it was refused:" in prompt]
    assert refused
    assert all(re.search(r"Why it was refused:\n[^\0]*: no, It is so\.", prompt) for prompt in refused)


# ------------------------------------------------------------------------------------------------------------ choice


class Placed:
    """An embedder that knows where each text lies."""

    def __init__(self, points: Mapping[str, Sequence[float]]) -> None:
        self.points = points

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([self.points[text] for text in texts], np.float32)


def spread(points: Mapping[str, Sequence[float]], texts: Sequence[str]) -> float:
    """Return the distance of the two that are nearest to one another."""
    some = np.array([points[text] for text in texts])
    distances = np.linalg.norm(some[:, None] - some, axis=2)
    return float(distances[np.triu_indices(len(some), 1)].min())


def test_the_picks_are_what_is_used_in_their_order(
    synth: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = documents(200)[:200]
    rng = random.Random(1)
    points = {one.content: (rng.random(), rng.random(), rng.random()) for one in good}
    monkeypatch.setattr(embed, "open_embedder", lambda _: Placed(points))
    model = SlowTeacher(lambda *_: "## Instruction\nno answer")
    with pytest.raises(ConfigError, match="made no row from its seeds .20 unparsable"):
        synth(model, "picked", rows=5)
    used = [
        next(one.content for one in good if one.content.rstrip() in prompt.split("Given code:\n")[-1])
        for prompt, _ in model.asked
    ]
    ordered = sorted(good, key=lambda one: (stable_hash(5, "seeds", one.id), one.id))  # 5: the run's seed
    vectors = np.array([points[one.content] for one in ordered], np.float32)
    picks = [ordered[pick].content for pick in k_center_greedy(vectors, 20, seed=5)]
    assert sorted(used) == sorted(picks)
    assert used != [one.content for one in good[:20]]
    assert spread(points, picks) > 1.5 * spread(points, [one.content for one in ordered[:20]])


def test_the_recipe_of_wavecoder_makes_rows_of_code_search_net(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Columns of the data set card of code-search-net/code_search_net.
    rows = [
        {"repository_name": f"r/{at}", "func_path_in_repository": f"lib/f{at}.py", "func_name": f"f{at}", "language": "python",
         "func_code_string": one.content, "func_documentation_string": "Do it.", "func_code_url": f"https://x/{at}"}
        for at, one in enumerate(documents(40))
    ]  # fmt: skip
    write_jsonl(tmp_path / "rows.jsonl", rows)
    monkeypatch.setattr(teaching, "open_model", lambda *_: SlowTeacher(teacher))
    path = REPOSITORY / "recipes" / "wavecoder.yaml"
    published = next(spec.config for spec in load_recipe(path, []).stages if spec.id == "codeocean")
    assert published.rows == sum(published.options["tasks"].values()) == 19_915
    sets = [
        f"code.source=[{tmp_path / 'rows.jsonl'}]", "codeocean.rows=10", "codeocean.options={embedder: 'hashed:8'}",
        f"codeocean.cache={tmp_path / 'cache.sqlite'}", "benchmarks.benchmarks=[drills]",
    ]  # fmt: skip
    run_recipe(load_recipe(path, sets), tmp_path / "run", reporter=Reporter(quiet=True))
    dataset = Dataset(tmp_path / "run" / "codeocean")
    ids = {one.id for one in documents(40)}
    assert len(list(dataset.rows())) == 10
    assert {seed for row in dataset.rows() for seed in row["origin"]["seeds"]} <= ids
    assert dataset.manifest.details["documents_left_out"] == {
        "too_short": 1,
        "too_long": 1,
        "blacklisted_word": 1,
    }
    assert Dataset(tmp_path / "run" / "rows").manifest.counts.rows_in == 10


def test_the_choice_does_not_depend_on_the_order_of_documents() -> None:
    given = documents(60)
    mixed = random.Random(3).sample(given, len(given))
    for how in ("coreset", "seeded"):
        options = replace(OPTIONS, choose=how, embedder="hashed:8")
        first, second = choose(given, 10, options, 7), choose(iter(mixed), 10, options, 7)
        ids = [given[place].id for place in first.places]
        assert ids == [mixed[place].id for place in second.places]
        assert len(set(ids)) == 10
        assert first.left_out == second.left_out
        more = choose(given, 1000, options, 7)
        assert len(more.places) == 60
        assert [given[place].id for place in more.places[:10]] == ids
    assert choose(given[60:], 10, OPTIONS, 7).places == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x" * 49, "too_short"),
        ("x" * 50, None),
        ("x" * 800, None),
        ("x" * 801, "too_long"),
        ("x" * 50 + " the Image ", "blacklisted_word"),
        ("x" * 50 + " go to it", "blacklisted_word"),
        ("x" * 50 + " imagery profile", None),
    ],
)
def test_which_code_is_fit(code: str, why: str | None) -> None:
    assert unfit(code, OPTIONS) == why
    assert unfit("x" * 60 + " Image", replace(OPTIONS, blacklist=())) is None


# ------------------------------------------------------------------------------------------------------------ parts


def test_tasks_come_in_the_published_shares_and_translations_into_another_language() -> None:
    document = make_document("x" * 60, "f.py")
    drawn = [draw(Pooled(document, at, ()), document, rng_for(0, at), OPTIONS) for at in range(4000)]
    tasks = Counter(one.task for one in drawn if one)
    assert tasks.total() == 4000
    for task, share in SHARES.items():
        assert abs(tasks[task] / 4000 - share / 19_915) < 0.03
    targets = Counter(one.target for one in drawn if one and one.task == "translate")
    assert set(targets) == {"go", "java", "javascript", "php", "ruby"}
    assert {one.target for one in drawn if one and one.task != "translate"} == {""}
    alone = build(Options, {"targets": ["python"], "tasks": {"translate": 1}}, "test")
    assert draw(Pooled(document, 0, ()), document, rng_for(0), alone) is None


def test_examples_are_whole_cases_of_the_same_task() -> None:
    document = make_document("x" * 60, "f.py")
    pool = [
        Note({"task": task, "good": good, "row": f"{task} {good} {at}"})
        for at in range(9) for task in SHARES for good in (True, False)
    ]  # fmt: skip
    options = replace(OPTIONS, shots=2)
    rows: set[str] = set()
    for number in range(50):
        drawn = draw(Pooled(document, number, pool), document, rng_for(1, number), options)
        assert drawn is not None
        assert {(case["task"], case["good"]) for case in drawn.good} == {(drawn.task, True)}
        assert {(case["task"], case["good"]) for case in drawn.bad} == {(drawn.task, False)}
        assert len(drawn.good) == len(drawn.bad) == 2
        rows.update(case["row"] for case in (*drawn.good, *drawn.bad))
    assert len(rows) > 30


YES = "a: yes, x\nb: Yes. y\noverall: yes"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (YES, []),
        ("Let me see.\n1. **a:** no, so\n2. **b**: yes\n\n**Overall:** no", ["a", "overall"]),
        (YES.replace("a: yes", "a: no"), ["a"]),
        (YES.replace("overall: yes", "overall: no"), ["overall"]),
        ("- a - yes\n- b - no because not\n- overall - yes", ["b"]),
        ("a: yes\nb: yes", None),
        ("a: yes\noverall: yes", None),
        (YES + "\noverall: no", None),
        (YES.replace("a: yes", "a: maybe"), None),
        (YES.replace("a: yes", "a: yes or no"), None),
        (YES.replace("a: yes", "a: yesterday"), None),
        ("yes", None),
        ("", None),
    ],
)
def test_verdicts(text: str, broken: list[str] | None) -> None:
    found = judged(text, ("a", "b"))
    assert (found and found[0]) == broken


SAID = {"reason": "It is so.", "answer": "yes"}
NO = {"reason": "It is not.", "answer": "No"}


@pytest.mark.parametrize(
    ("verdict", "broken"),
    [
        ({"a": SAID, "b": SAID, "overall": SAID}, []),
        ({"a": SAID, "b": NO, "overall": SAID}, ["b"]),
        ({"a": NO, "b": SAID, "overall": NO, "more": 1}, ["a", "overall"]),
        ({"a": {"answer": "yes"}, "b": {"answer": "no", "reason": None}, "overall": SAID}, ["b"]),
        ({"a": SAID, "b": SAID}, None),
        ({"a": SAID, "b": "yes", "overall": SAID}, None),
        ({"a": SAID, "b": {"answer": "yes or no"}, "overall": SAID}, None),
        ({"a": SAID, "b": {"answer": True}, "overall": SAID}, None),
        ([SAID], None),
    ],
)
def test_verdicts_as_json(verdict: Any, broken: list[str] | None) -> None:
    found = judged_json(f"```json\n{json.dumps(verdict, indent=1)}\n```", ("a", "b"))
    assert (found and found[0]) == broken
    assert judged_json("Looks good to me!", ("a", "b")) is None
    lines = judged_json(json.dumps({"a": SAID, "b": NO, "overall": NO}), ("a", "b"))
    assert lines == (["b", "overall"], "a: yes, It is so.\nb: no, It is not.\noverall: no, It is not.")


def test_code_keeps_its_fence() -> None:
    code = 'text = """\n```python\n````\n"""\n'
    assert fence(code.rstrip(), "python") == f"`````python\n{code.rstrip()}\n`````"
    drawn = Drawn("explain", "python", "", code, (), ())
    row = read_row("## Instruction\nWhat is it?\n## Answer\nA text.", drawn)
    assert row == (f"What is it?\n\n{fence(code.rstrip(), 'python')}", "A text.")


def test_a_wrong_task_is_said() -> None:
    with pytest.raises(ConfigError, match="tasks"):
        build(Options, {"tasks": {"sing": 1}}, "test")
    with pytest.raises(ConfigError, match="tasks"):
        build(Options, {"tasks": {}}, "test")
    with pytest.raises(ConfigError, match="tasks"):
        build(Options, {"tasks": {"write": 0}}, "test")
