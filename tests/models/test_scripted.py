"""Scripted replies: from a file by match or in order, from a function."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.records import Message
from codewright.models.backends.scripted import ScriptedModel
from codewright.models.model import DescribedModel, Model, Reply, Sampling, open_model


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def complete(model: Model, *texts: str) -> list[Reply]:
    return asyncio.run(model.complete(texts, Sampling()))


def test_a_match_answers_always_and_the_rest_in_order(tmp_path: Path) -> None:
    path = write(
        tmp_path / "replies.jsonl",
        {"reply": "one"},
        {"match": "sum", "reply": "a + b"},
        {"reply": "two", "finish_reason": "length"},
        {"match": "summer", "reply": "never"},
    )
    model = open_model(f"scripted:{path}")
    assert isinstance(model, Model)
    assert isinstance(model, DescribedModel)
    assert model.describe() == {"model": "scripted:replies.jsonl"}
    replies = complete(model, "what?", "the sum", "a summer", "what?")
    assert [reply.text for reply in replies] == ["one", "a + b", "a + b", "two"]
    assert [reply.finish_reason for reply in replies] == ["stop", "stop", "stop", "length"]
    assert (replies[1].prompt_tokens, replies[1].completion_tokens) == (2, 3)
    with pytest.raises(ConfigError, match="none left for the prompt 'and now'"):
        complete(model, "and\nnow")


def test_chats_are_matched_by_their_contents(tmp_path: Path) -> None:
    model = open_model(f"scripted:{write(tmp_path / 'r.jsonl', {'match': 'be kind', 'reply': 'yes'})}")
    chats = [[Message("system", "be kind"), Message("user", "hello")]]
    assert asyncio.run(model.generate(chats, Sampling()))[0].text == "yes"


def test_a_function_sees_prompt_and_sampling() -> None:
    def script(prompt: str, sampling: Sampling) -> str | Reply:
        return Reply("", "refusal", 3, 0) if prompt == "bad" else f"{prompt} {sampling.seed}"

    model = ScriptedModel(script)
    replies = asyncio.run(model.complete(["a b", "bad"], Sampling(seed=5)))
    assert replies == [Reply("a b 5", "stop", 2, 3), Reply("", "refusal", 3, 0)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"match": "a"}', "line 2: 'reply' is not text"),
        ('{"reply": 5}', "line 2: 'reply' is not text"),
        ('{"reply": "a", "matches": "b"}', "line 2: unknown field 'matches'"),
        ('{"reply": "a"', "line 2: not valid JSON"),
    ],
)
def test_a_damaged_file_names_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"reply": "fine"}\n' + line + "\n")
    with pytest.raises(ConfigError, match=said):
        open_model(f"scripted:{path}")


def test_a_missing_file_and_a_useless_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        open_model(f"scripted:{tmp_path / 'none.jsonl'}")
    with pytest.raises(ConfigError, match="a base URL is for served models"):
        open_model(f"scripted:{write(tmp_path / 'r.jsonl', {'reply': 'a'})}", "http://localhost/v1")
