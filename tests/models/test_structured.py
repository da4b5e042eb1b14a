"""A reply's JSON schema: sent to servers that know it, left out for those that do not, nowhere to be seen where there is none."""

import asyncio
import json
from dataclasses import replace

import pytest
from tenacity import wait_none

from codewright.core.errors import ConfigError
from codewright.core.records import Message
from codewright.models import retrying
from codewright.models.model import Reply, Sampling, open_model
from codewright.models.openai_format import Forms, request_body
from codewright.models.reply_cache import Request
from tests.models.endpoint import Asked, Behaviour, Endpoint, Said, error, reply, serving

SCHEMA = {"type": "object", "properties": {"why": {"type": "string"}, "answer": {"enum": ["yes", "no"]}}}
STRUCTURED = Sampling(max_tokens=9, json_schema=json.dumps(SCHEMA))
CHATS = [[Message("user", f"say {number}")] for number in range(4)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_BACKOFF", wait_none())
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def ask(endpoint: Endpoint, times: int = 1) -> list[Reply]:
    async def work() -> list[Reply]:
        model = open_model("openai:tiny", endpoint.url)
        return [one for _ in range(times) for one in await model.generate(CHATS, STRUCTURED)]

    return asyncio.run(work())


def test_the_schema_goes_along_with_chats_and_not_with_texts() -> None:
    with serving(lambda asked: reply(asked, "{}")) as endpoint:
        ask(endpoint)
        model = open_model("openai:tiny", endpoint.url)
        asyncio.run(model.complete(["x ="], STRUCTURED))
    *chats, text = endpoint.asked
    form = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA}}
    assert [asked.body["response_format"] for asked in chats] == [form] * 4
    assert list(chats[0].body["response_format"]["json_schema"]["schema"]["properties"]) == ["why", "answer"]
    assert "response_format" not in text.body


def unless_asked_for_a_form(refusal: Said) -> Behaviour:
    return lambda asked: refusal if "response_format" in asked.body else reply(asked, f"{asked.prompt}!")


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "Unknown parameter: 'response_format'."),
        error(422, "Unexpected fields in the request: {'response_format'}"),
        error(501, "not implemented"),
        error(500, "failed to parse grammar"),
    ],
    ids=lambda said: str(said.status),
)
def test_a_server_that_does_not_know_it_is_asked_without_from_then_on(refusal: Said) -> None:
    with serving(unless_asked_for_a_form(refusal)) as endpoint:
        replies = ask(endpoint, times=3)
    assert [one.text for one in replies] == [f"say {number}!" for number in range(4)] * 3
    refused = [asked for asked in endpoint.asked if "response_format" in asked.body]
    assert 1 <= len(refused) <= 4  # those that were under way at once
    assert len(endpoint.asked) == 12 + len(refused)


def test_a_request_that_is_refused_without_it_as_well_is_refused() -> None:
    with (
        serving(lambda asked: error(400, "temperature must be 1")) as endpoint,
        pytest.raises(ConfigError, match="temperature must be 1"),
    ):
        ask(endpoint)


@pytest.mark.parametrize(
    ("said", "declined"),
    [
        (error(400, "bad request"), True),
        (error(400, "filtered", "content_filter"), False),
        (error(400, "This model's maximum context length is 64 tokens"), False),
        (error(400, "Use 'max_completion_tokens' instead."), False),
        (error(500, "oops"), False),
        (error(429, "response_format is slow"), False),
    ],
    ids=lambda said: getattr(said, "body", str(said))[-60:-30],
)
def test_what_is_known_to_mean_something_else_says_nothing_about_it(said: Said, declined: bool) -> None:
    forms = Forms()
    body = request_body("messages", [], STRUCTURED)
    assert forms.is_declined(body, said.status, said.body) is declined
    assert ("response_format" in forms.without_unknown(body)) is not declined
    assert not forms.is_declined({"messages": []}, said.status, said.body)


def test_a_long_prompt_keeps_its_meaning() -> None:
    def behave(asked: Asked) -> Said:
        return error(400, "This model's maximum context length is 64 tokens")

    with serving(behave) as endpoint:
        assert {one.finish_reason for one in ask(endpoint)} == {"length"}
    assert all("response_format" in asked.body for asked in endpoint.asked)


def test_without_a_schema_request_and_key_are_what_they_were() -> None:
    """Known from before there were schemas: replies that are paid stay known."""
    plain = Sampling(max_tokens=9, temperature=0.5, seed=3, stop=("a",))
    request = Request({"model": "openai:tiny"}, (Message("user", "hi"),), plain)
    assert json.loads(request.payload)["sampling"] == {
        "max_tokens": 9, "temperature": 0.5, "top_p": 1.0, "seed": 3, "stop": ["a"],
    }  # fmt: skip
    assert request.key == "2ca55267d589e1ad700ced22824bc6a1cd340c1005cc8153a16ad75138d8eddd"
    assert "response_format" not in request_body("messages", [{"role": "user", "content": "hi"}], plain)


def test_schemas_have_keys_of_their_own_and_the_order_of_properties_counts() -> None:
    def key(text: str | None) -> str:
        return Request({"model": "m"}, "hi", replace(STRUCTURED, json_schema=text)).key

    turned = json.dumps({**SCHEMA, "properties": dict(reversed(SCHEMA["properties"].items()))})  # type: ignore[attr-defined]
    assert len({key(None), key(STRUCTURED.json_schema), key(turned)}) == 3
