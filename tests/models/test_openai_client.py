"""The client for many requests: what goes out is what the SDK itself would send."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from codewright.models.openai_client import OpenAiClient
from tests.models.endpoint import Asked, Said, error, reply, serving

BODY = {"model": "tiny", "messages": [{"role": "user", "content": "grüß dich"}], "temperature": 0.5}
TIMEOUT = httpx2.Timeout(10.0)
_PER_REQUEST = {"x-stainless-retry-count", "x-stainless-read-timeout"}
"""What the SDK says of one request."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)


def answer(asked: Asked) -> Said:
    return reply(asked, "ok")


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _PER_REQUEST}


@pytest.mark.parametrize(
    "custom",
    ["", "x-gateway: blue\nUser-Agent: mine", "Authorization: Basic abc"],
    ids=["none", "two", "key"],
)
def test_a_request_is_what_the_sdk_sends(custom: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if custom:
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", custom)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")

    async def both(url: str) -> None:
        client = OpenAiClient("sk-1", url, TIMEOUT)
        body: Any = BODY
        await client.sdk.chat.completions.create(**body)
        for _ in range(2):
            said = await client.post("chat/completions", BODY)
            assert said.json()["choices"][0]["message"]["content"] == "ok"
        await client.close()

    with serving(answer) as endpoint:
        asyncio.run(both(endpoint.url))
    theirs, *ours = endpoint.asked
    assert [one.path for one in ours] == [theirs.path] * 2
    assert [one.body for one in ours] == [theirs.body] * 2
    assert [plain(one.headers) for one in ours] == [plain(theirs.headers)] * 2


def test_without_a_key_nothing_stands_in_its_place() -> None:
    async def ask(url: str) -> None:
        client = OpenAiClient("", url, TIMEOUT)
        await client.post("chat/completions", BODY)
        await client.close()

    with serving(answer) as endpoint:
        asyncio.run(ask(endpoint.url))
    assert "authorization" not in endpoint.asked[0].headers


def test_an_error_is_an_answer_and_a_server_that_is_away_is_not() -> None:
    async def ask(url: str) -> httpx2.Response:
        client = OpenAiClient("sk-1", url, TIMEOUT)
        try:
            return await client.post("chat/completions", BODY)
        finally:
            await client.close()

    with serving(lambda asked: error(503, "busy", retry_after="7")) as endpoint:
        said = asyncio.run(ask(endpoint.url))
    assert (said.status_code, said.headers["retry-after"]) == (503, "7")
    assert len(endpoint.asked) == 1
    with pytest.raises(httpx2.HTTPError):
        asyncio.run(ask(endpoint.url))
