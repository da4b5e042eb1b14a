"""Embeddings of a served model, against a small server that answers well, badly or not at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tenacity import wait_none

from codewright.core.errors import BackendError, ConfigError
from codewright.models import retrying
from codewright.models.embed import Embedder, open_embedder
from codewright.models.embedders import openai as plugin
from tests.models.endpoint import Asked, Behaviour, Endpoint, Said, all_at_once, error, serving

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses but those that a server asks for; nothing kept from before, no key and no address from outside."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(retrying, "_BACKOFF", wait_none())
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def vector_of(text: str) -> list[float]:
    """Three numbers that differ from text to text."""
    return [float(len(text)), float(sum(map(ord, text)) % 97), 1.0]


def vectors(asked: Asked, **changes: Any) -> Said:
    """What OpenAI's API sends, the last text first: the order is in `index`."""
    data = [
        {"object": "embedding", "index": place, "embedding": vector_of(text)}
        for place, text in enumerate(asked.body["input"])
    ]
    return Said(
        json.dumps(
            {"object": "list", "model": "m", "data": data[::-1], "usage": {"prompt_tokens": 5}, **changes}
        )
    )


def expected(texts: list[str]) -> np.ndarray:
    rows = np.array([vector_of(text) for text in texts])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def embed(endpoint: Endpoint, texts: list[str]) -> np.ndarray:
    return open_embedder("openai:tiny", endpoint.url).embed(texts)


def fails(kind: type[Exception], behaviour: Behaviour) -> tuple[str, Endpoint]:
    with serving(behaviour) as endpoint, pytest.raises(kind) as caught:
        embed(endpoint, ["a"])
    assert "\n" not in str(caught.value)
    return str(caught.value), endpoint


def test_texts_go_out_as_they_are_and_vectors_come_back_in_order() -> None:
    texts = ["def f():\n\tpass\n", "", "a", "größe 語"]
    with serving(vectors) as endpoint:
        got = embed(endpoint, texts)
    assert got.dtype == np.float32
    assert np.allclose(got, expected(["def f():\n\tpass\n", " ", "a", "größe 語"]))
    [sent] = endpoint.asked
    assert sent.path == "/v1/embeddings"
    assert sent.body == {
        "model": "tiny",
        "input": ["def f():\n\tpass\n", " ", "a", "größe 語"],
        "encoding_format": "float",
    }
    assert "authorization" not in sent.headers


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(vectors) as endpoint:
        embed(endpoint, ["a"])
    assert endpoint.asked[0].headers["authorization"] == f"Bearer {KEY}"
    line, _ = fails(ConfigError, lambda asked: error(401, f"Incorrect API key provided: {KEY}"))
    assert "OPENAI_API_KEY holds no key that it takes" in line
    assert KEY not in line


def test_requests_are_cut_by_texts_and_bytes_and_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "TEXTS_A_REQUEST", 3)
    monkeypatch.setattr(plugin, "BYTES_A_REQUEST", 20)
    texts = ["a", "b", "c", "d", "ä" * 9, "e" * 5, "f" * 40, "g"]
    with serving(all_at_once(4, vectors)) as endpoint:
        got = embed(endpoint, texts)
    assert np.allclose(got, expected(texts))
    sent = sorted((one.body["input"] for one in endpoint.asked), key=lambda batch: texts.index(batch[0]))
    assert sent == [["a", "b", "c"], ["d", "ä" * 9], ["e" * 5], ["f" * 40], ["g"]]


def test_it_says_which_it_is_without_secrets() -> None:
    embedder = open_embedder("openai:tiny", "https://user:pass@example.org/v1?key=abc")
    assert isinstance(embedder, Embedder)
    assert embedder.describe() == {"embedder": "openai:tiny", "base_url": "https://example.org/v1"}


def test_what_was_paid_for_is_not_asked_again() -> None:
    with serving(vectors) as endpoint:
        first = embed(endpoint, ["a", "bb"])
        again = embed(endpoint, ["ccc", "bb", "a"])
    assert [one.body["input"] for one in endpoint.asked] == [["a", "bb"], ["ccc"]]
    assert (again[1:] == first[::-1]).all()


@pytest.mark.parametrize(
    "said",
    [
        error(503, "loading"),
        error(429, "slow down"),
        Said(""),
        Said('{"data": [{"index": 0, "embed'),
        Said('{"data": []}'),
        Said('{"data": [{"index": 1, "embedding": [1.0]}]}'),
        Said('{"data": [{"index": 0, "embedding": [1.0, NaN]}]}'),
        Said('{"data": [{"index": 0, "embedding": "AACAPw=="}]}'),
        Said("{}", cut=1),
    ],
    ids=["503", "429", "empty", "cut", "none", "other-index", "nan", "base64", "hung-up"],
)
def test_what_may_pass_is_asked_again(said: Said) -> None:
    with serving(lambda asked: said if asked.number < 2 else vectors(asked)) as endpoint:
        assert np.allclose(embed(endpoint, ["a"]), expected(["a"]))
    assert len(endpoint.asked) == 3


def test_vectors_of_different_lengths_are_asked_again_and_then_a_failure() -> None:
    rows = [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]
    told = pytest.raises(BackendError, match=r"different lengths \(10 attempts\)")
    with serving(lambda asked: vectors(asked, data=rows)) as endpoint, told:
        embed(endpoint, ["a", "b"])
    assert len(endpoint.asked) == retrying.MOST_ATTEMPTS


def test_what_stays_is_a_failure_that_says_so() -> None:
    line, endpoint = fails(BackendError, lambda asked: error(500, "broken"))
    assert "answered 500: broken (10 attempts)" in line
    assert len(endpoint.asked) == retrying.MOST_ATTEMPTS


def test_a_server_without_embeddings() -> None:
    line, _ = fails(ConfigError, lambda asked: Said('{"detail": "Not Found"}', 404))
    assert "no /embeddings here" in line


@pytest.mark.parametrize(
    "said",
    [
        error(400, "This model's maximum context length is 50 tokens", "context_length_exceeded"),
        error(413, "Input validation error: `inputs` must have less than 50 tokens. Given: 60"),
        error(500, "input (60 tokens) is too large to process. increase the physical batch size"),
    ],
    ids=["openai", "text-embeddings-inference", "llama.cpp"],
)
def test_a_batch_that_is_too_long_is_halved_and_of_one_text_the_beginning_is_taken(said: Said) -> None:
    def behave(asked: Asked) -> Said:
        return said if sum(map(len, asked.body["input"])) > 50 else vectors(asked)

    texts = ["a" * 30, "b" * 30, "c" * 10, "d" * 130]
    with serving(behave) as endpoint:
        assert np.allclose(embed(endpoint, texts), expected(["a" * 30, "b" * 30, "c" * 10, "d" * 32]))
    assert len(endpoint.asked) < 2 * retrying.MOST_ATTEMPTS  # none was asked again as it was


def test_a_server_that_takes_fewer_texts_at_once_gets_fewer() -> None:
    def behave(asked: Asked) -> Said:
        if len(asked.body["input"]) > 4:
            return error(422, f"batch size {len(asked.body['input'])} > maximum allowed batch size 4")
        return vectors(asked)

    texts = [f"text {number}" for number in range(20)]
    with serving(behave) as endpoint:
        assert np.allclose(embed(endpoint, texts), expected(texts))


def test_a_server_that_finds_everything_too_long_ends_as_one_line() -> None:
    line, endpoint = fails(ConfigError, lambda asked: error(400, "too long", "context_length_exceeded"))
    assert "finds a text of one character too long" in line
    assert len(endpoint.asked) == 1
