"""The stage `eval.run`: what counts as a function, and scoring with a model that is known in advance."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import read_json, read_jsonl
from codewright.core.manifest import Manifest
from codewright.core.records import Message
from codewright.evals import runner
from codewright.evals.problems import load_problems
from codewright.models.model import Reply, Sampling


@pytest.mark.parametrize(
    ("source", "valid"),
    [
        ("def f(x):\n    return x\n", True),
        ('def f(x):\n    """Only words."""\n', False),
        ('def f(x):\n    """Words."""\n    return x\n', True),
        ("x = 1\n", False),
        ("def f(x:\n", False),
        ("", False),
        ("class A:\n    def f(self):\n        return 1\n", False),
    ],
)
def test_valid_functions(source: str, valid: bool) -> None:
    assert runner.is_valid_function(source) is valid


class Oracle:
    """A model that answers the first hundred drills rightly in chat form, and nothing in completion form."""

    def __init__(self) -> None:
        problems = load_problems("drills")
        self.chats = {
            p.meta["instruction"]: f"```python\n{p.prompt}{p.canonical_solution}```" for p in problems[:100]
        }

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        return [Reply(self.chats.get(chat[-1].content, "I do not know."), "stop", 1, 1) for chat in chats]

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        return [Reply("    return None\n", "stop", 1, 1) for _ in texts]


def evaluate(run_stages: Callable[..., Any], tmp_path: Path, **options: Any) -> Path:
    model = tmp_path / "trained"
    (model / "model").mkdir(parents=True)
    (model / "model" / "config.json").write_text("{}")
    Manifest("train.sft", "trained", {}, "f", {}, None, 0, None, 0.0, {}).write(model)
    run_stages(
        [
            {"eval.problems": {"id": "problems", "benchmarks": ["drills"]}},
            {"eval.run": {"id": "scores", "model": str(model), "problems": "problems", **options}},
        ]
    )
    return tmp_path / "run" / "scores"


def test_a_known_model_gets_its_known_score(
    run_stages: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_model", lambda folder: Oracle())
    out = evaluate(run_stages, tmp_path)
    scores = read_json(out / "scores.json")
    chat, completion = scores["pass_at_1"]["drills"]["chat"], scores["pass_at_1"]["drills"]["completion"]
    assert (chat["hits"], chat["n"], chat["share"]) == (100, 164, round(100 / 164, 6))
    assert chat["statuses"]["passed"] == 100
    assert chat["forgeable_passes"] == 0
    assert chat["low"] < chat["share"] < chat["high"]
    assert completion["hits"] == 0
    assert scores["valid_functions"]["chat"]["hits"] == 100
    assert scores["valid_functions"]["completion"]["hits"] == 164
    verdicts = [row for _, row in read_jsonl(out / "verdicts.jsonl")]
    assert len(verdicts) == 328
    assert {row["isolation"] for row in verdicts} == {"namespace"}
    assert Manifest.read(out).isolation == "namespace"


def test_a_folder_without_a_model_is_one_clear_error(run_stages: Callable[..., Any], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    Manifest("train.sft", "empty", {}, "f", {}, None, 0, None, 0.0, {}).write(empty)
    problems = {"eval.problems": {"id": "problems", "benchmarks": ["drills"]}}
    with pytest.raises(ConfigError, match="no model here"):
        run_stages([problems, {"eval.run": {"id": "scores", "model": str(empty), "problems": "problems"}}])


def test_likelihoods_need_a_model_that_has_them(
    run_stages: Callable[..., Any], tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_model", lambda folder: Oracle())
    corpus = {"corpus.build": {"id": "corpus", "source": [str(source)], "rules": "none", "heldout": 0.3}}
    run_stages([corpus], out=tmp_path / "c")
    with pytest.raises(ConfigError, match="probabilities cannot be read"):
        evaluate(run_stages, tmp_path, heldout=str(tmp_path / "c" / "corpus"))
