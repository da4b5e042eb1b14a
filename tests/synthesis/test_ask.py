"""What is made of a reply that should be a JSON object, and what `ask` sends along for it."""

import asyncio
import json

import pytest

from codewright.core.records import Reject
from codewright.models.backends.scripted import ScriptedModel
from codewright.models.model import Sampling
from codewright.synthesis.ask import Ask, json_object

VERDICT = {"reason": "It holds `{` and ``` and é.", "answer": "yes"}
TEXT = json.dumps(VERDICT, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\n  {TEXT}\n",
        f"```json\n{TEXT}\n```",
        f"Here it is:\n\n```\n{TEXT}\n```\nI hope it helps.",
        f"```python\nx = 1\n```\n```json\n{TEXT}\n```",
        f"~~~json\n{TEXT}\n~~~\nAgain:\n~~~json\n{TEXT}\n~~~",
        f"The verdict is {TEXT}, and that is that.",
        f"```json\n{TEXT}",
    ],
)
def test_an_object_is_found_alone_in_a_fence_or_among_words(text: str) -> None:
    assert json_object(text) == VERDICT


@pytest.mark.parametrize(
    "text",
    ["", "Looks good to me!", TEXT[:-2], "[1, 2]", '"yes"', f"{TEXT} or {TEXT}", "{" * 100_000, '{"a":' * 100_000,
     '```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```', "{'reason': 'single quotes'}"],
)  # fmt: skip
def test_anything_else_is_a_reject_that_says_so(text: str) -> None:
    found = json_object(text)
    assert isinstance(found, Reject)
    assert found.reason == "malformed_json"
    assert len(found.detail) < 300


def test_ask_sends_the_schema_and_nothing_without_one() -> None:
    seen: list[Sampling] = []

    def script(prompt: str, sampling: Sampling) -> str:
        seen.append(sampling)
        return "{}"

    async def work() -> None:
        ask = Ask(ScriptedModel(script), 7)
        await ask("say", Sampling())
        await ask("say", Sampling(), schema={"type": "object", "properties": {"b": {}, "a": {}}})

    asyncio.run(work())
    assert [one.json_schema for one in seen] == [None, '{"type":"object","properties":{"b":{},"a":{}}}']
