"""`oss` end to end with a scripted teacher: what is accepted, what is not and why, that order and kills change nothing."""

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from codewright.core.config import build
from codewright.core.errors import BackendError, ConfigError
from codewright.core.io import read_jsonl
from codewright.core.manifest import Dataset
from codewright.core.progress import Reporter
from codewright.recipe import load_recipe
from codewright.runner import run_recipe
from codewright.synthesis import driver, teaching
from codewright.synthesis.ask import sections
from codewright.synthesis.methods.oss import draw_snippet
from tests.conftest import REPOSITORY
from tests.corpus.documents import make_document, write_corpus
from tests.synthesis.rows import bytes_of
from tests.synthesis.slow_teacher import SlowTeacher
from tests.synthesis.teacher import oss_reply


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    documents = []
    for number in range(60):
        language = ("python", "go", "java")[number % 3]
        text = "".join(f"line {line} of {number}\n" for line in range(30))
        documents.append(make_document(text, f"f{number}", f"r/{number}"))
        object.__setattr__(documents[-1], "language", language)
    return write_corpus(tmp_path / "corpus", documents)


@pytest.fixture
def synth(synth_by: Callable[..., Dataset], corpus: Path) -> Callable[..., Dataset]:
    return partial(synth_by, "oss", corpus=str(corpus))


def test_rows_are_problems_with_solutions_and_every_other_reply_has_its_reason(
    synth: Callable[..., Dataset],
) -> None:
    dataset = synth(SlowTeacher(oss_reply), rows=40, prices={"tokens_in": 1000, "tokens_out": 5000})
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.kept == 40
    assert set(counts.dropped) <= {
        "unparsable", "no_code", "refused", "cut_off", "empty_reply", "duplicate_problem", "duplicate_solution", "duplicate_seed",
        "over_quota",
    }  # fmt: skip
    assert {"unparsable", "refused", "cut_off", "duplicate_problem"} <= set(counts.dropped)
    for row in dataset.rows():
        user, assistant = row["messages"]
        assert user["content"].startswith(("Write `task_", "Always this."))
        assert "```python" in assistant["content"]
        assert row["origin"]["place"].startswith("lines ")
        assert row["origin"]["prompt_hash"]
        assert row["origin"]["teacher"] == "slow"
        assert row["origin"]["cost_usd"] > 0
    spent = dataset.manifest.details["spent"]["money"]
    assert 0 < sum(row["origin"]["cost_usd"] for row in dataset.rows()) < spent
    assert "slow (40 rows); the rows cost" in (dataset.folder / "README.md").read_text()
    lines = [row for _, row in read_jsonl(dataset.folder / "messages.jsonl")]
    assert [row["id"] for row in lines] == [row["id"] for row in dataset.rows()]
    assert [row["messages"] for row in lines] == [row["messages"] for row in dataset.rows()]


def test_equal_replies_give_equal_rows_in_any_order_and_after_any_stop(
    synth: Callable[..., Dataset], tmp_path: Path
) -> None:
    plain = synth(SlowTeacher(oss_reply, 1), "plain", rows=30)
    assert bytes_of(synth(SlowTeacher(oss_reply, 2), "other", rows=30)) == bytes_of(plain)
    with pytest.raises(BackendError, match="the server is gone"):
        synth(SlowTeacher(oss_reply, 3, fail_after=35), "cut", rows=30)
    partial = [
        json.loads(line) for line in (tmp_path / "cut" / "rows" / "messages.jsonl").read_text().splitlines()
    ]
    assert partial
    assert [row["id"] for row in partial] == [row["id"] for row in plain.rows()][: len(partial)]
    again = SlowTeacher(oss_reply, 4)
    assert bytes_of(synth(again, "cut", rows=30)) == bytes_of(plain)
    assert len(again.asked) < 60


def test_quotas_divide_the_rows_by_language(synth: Callable[..., Dataset]) -> None:
    dataset = synth(SlowTeacher(oss_reply), quotas={"go": 12, "python": 5}, concurrency=3)
    assert dataset.manifest.details["rows_by_language"] == {"go": 12, "python": 5}
    same = synth(
        SlowTeacher(oss_reply), quotas={"go": 12, "python": 5}, concurrency=8
    )  # how is no part of what
    assert same.manifest.fingerprint == dataset.manifest.fingerprint


def test_fewer_seeds_than_rows(synth: Callable[..., Dataset]) -> None:
    dataset = synth(SlowTeacher(oss_reply), quotas={"java": 400}, seeds_per_row=1.0)
    assert 100 < dataset.manifest.counts.kept < 400  # type: ignore[union-attr]
    assert dataset.manifest.details["seeds"] == 400


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": 5, "model": None}, "method oss needs a teacher: `model:`"),
        ({}, "needs `rows:` or `quotas:`"),
        ({"quotas": {"pyhton": 5}}, "quotas: no language 'pyhton' .did you mean 'python'"),
        ({"rows": 5, "options": {"most_lines": 0}}, "most_lines"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(
    synth: Callable[..., Dataset], settings: dict[str, Any], message: str
) -> None:
    model = SlowTeacher(oss_reply)
    with pytest.raises(ConfigError, match=message):
        synth(model, **settings)
    assert not model.asked


def test_only_methods_with_a_teacher_take_one() -> None:
    config = build(driver.Config, {"method": "drills", "rows": 3, "model": "openai:x"}, "test")
    with pytest.raises(ConfigError, match="method drills asks no teacher"):
        config.check()


def test_a_snippet_is_consecutive_lines_of_the_document() -> None:
    lines = [f"line {number}" for number in range(40)]
    text = "\n".join(lines)
    sizes, starts = set(), set()
    for seed in range(300):
        snippet, place = draw_snippet(text, 15, random.Random(seed))
        first, last = map(int, place.removeprefix("lines ").split("-"))
        assert snippet.splitlines() == lines[first - 1 : last]
        sizes.add(last - first + 1)
        starts.add(first)
    assert sizes == set(range(1, 16))
    assert {1, 40} & starts
    assert draw_snippet("", 15, random.Random(0)) == ("", "lines 1-0")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("## Problem\na\n## Solution\nb", {"Problem": "a", "Solution": "b"}),
        ("**Problem:**\na\n\n**Solution**:\nb", {"Problem": "a", "Solution": "b"}),
        ("PROBLEM:\na\nSOLUTION\nb\nc", {"Problem": "a", "Solution": "b\nc"}),
        ("## Problem\na\n## Problem\nc\n## Solution\nb", None),
        ("## Solution\na\n## Problem\nb", None),
        ("## Problem\n## Solution\nb", None),
        (
            "## Problem\na\n```python\n# Problem\nx = 1\n```\n## Solution\nb",
            {"Problem": "a\n```python\n# Problem\nx = 1\n```", "Solution": "b"},
        ),
        ("a problem\nand a solution", None),
    ],
)
def test_sections(text: str, found: dict[str, str] | None) -> None:
    assert sections(text, ("Problem", "Solution")) == found


def test_the_recipe_of_magicoder_runs_on_any_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(8):
        lines = [f"def f{number}_{line}(x):\n    return x + {line * number}\n" for line in range(12)]
        (source / f"m{number}.py").write_text("\n\n".join(lines))
    monkeypatch.setattr(teaching, "open_model", lambda *_: SlowTeacher(oss_reply))
    sets = [
        f"code.source=[{source}]",
        "oss.quotas={python: 9}",
        "benchmarks.benchmarks=[drills]",
        f"oss.cache={tmp_path / 'replies.sqlite'}",
    ]
    recipe = load_recipe(REPOSITORY / "recipes" / "magicoder.yaml", sets)
    published = load_recipe(REPOSITORY / "recipes" / "magicoder.yaml", [])
    manifests = run_recipe(recipe, tmp_path / "run", reporter=Reporter(quiet=True)).manifests
    assert manifests["oss"].counts is not None
    assert manifests["oss"].counts.kept == 9
    assert manifests["rows"].counts is not None
    assert manifests["rows"].counts.rows_in == 9
    oss = next(spec.config for spec in published.stages if spec.id == "oss")
    assert (sum(oss.quotas.values()), oss.quotas["python"], len(oss.quotas)) == (80_000, 40_000, 9)
