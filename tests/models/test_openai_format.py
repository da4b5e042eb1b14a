"""Reading what servers answer: replies, finish reasons, and every kind of nonsense."""

import json
from typing import Any

import pytest

from codewright.models.model import Reply
from codewright.models.openai_format import (
    Unreadable,
    cut_at_stop,
    error_code,
    error_text,
    failure_causes,
    failure_text,
    is_filtered,
    is_too_long,
    read_reply,
)


def chat(reason: Any = "stop", usage: Any = None, **message: Any) -> str:
    return json.dumps({"choices": [{"finish_reason": reason, "message": message}], "usage": usage})


@pytest.mark.parametrize(
    ("body", "text", "reason"),
    [
        (chat(content="hello"), "hello", "stop"),
        (chat("length", content="hel"), "hel", "length"),
        (chat("content_filter", content=""), "", "refusal"),
        (chat(content=None, refusal="I will not"), "I will not", "refusal"),
        (chat(content="fine", refusal=None), "fine", "stop"),
        (chat("length", content=None, reasoning_content="hm"), "", "length"),
        (chat("tool_calls", content=None), "", "stop"),
        (chat(None, content="hello"), "hello", "stop"),
        (chat("eos_token", content="hello"), "hello", "stop"),
        (
            chat(content=[{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]),
            "ab",
            "stop",
        ),
    ],
)
def test_chat_replies(body: str, text: str, reason: str) -> None:
    reply = read_reply(body, chat=True)
    assert (reply.text, reply.finish_reason) == (text, reason)


def test_completions_and_usage() -> None:
    body = json.dumps(
        {
            "choices": [{"text": " = 1", "finish_reason": "length"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        }
    )
    assert read_reply(body, chat=False) == Reply(" = 1", "length", 7, 3)


@pytest.mark.parametrize(
    "usage", [None, [], {"prompt_tokens": None}, {"prompt_tokens": "7"}, {"prompt_tokens": -1}]
)
def test_missing_usage_counts_nothing(usage: Any) -> None:
    assert read_reply(chat(content="a", usage=usage), chat=True) == Reply("a", "stop", 0, 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "an empty body"),
        (" \n", "an empty body"),
        ("null", "no choices: null"),
        ('{"choices": [{"mess', "cut JSON"),
        ("<html>busy</html>", "no JSON"),
        ("[]", "no choices"),
        ('{"choices": []}', "no choices"),
        ('{"choices": null}', "no choices"),
        ('{"choices": ["a"]}', "no choices"),
        ('{"error": {"message": "overloaded"}}', "no choices: overloaded"),
        ('{"choices": [{"finish_reason": "stop"}]}', "without content"),
        ('{"choices": [{"message": "a"}]}', "without content"),
        ('{"choices": [{"message": {"content": 5}}]}', "without content"),
        (chat("abort", content="half"), "ended by 'abort'"),
    ],
)
def test_what_is_no_reply(body: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read_reply(body, chat=True)


def test_a_chat_reply_is_no_completion() -> None:
    with pytest.raises(Unreadable, match="without text"):
        read_reply(chat(content="hello"), chat=False)


@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        ('{"error": {"message": "no\\nkey", "code": "invalid_api_key"}}', "no key", "invalid_api_key"),
        ('{"error": {"message": "slow down", "code": null, "type": "requests"}}', "slow down", "requests"),
        ('{"error": "model not found"}', "model not found", ""),
        ('{"object": "error", "message": "too long", "code": 400}', "too long", ""),
        ('{"detail": "Not Found"}', "Not Found", ""),
        ('{"detail": [{"loc": ["body"]}]}', '[{"loc": ["body"]}]', ""),
        ("Bad Gateway", "Bad Gateway", ""),
        ("", "no words", ""),
        ("[]", "[]", ""),
    ],
)
def test_what_errors_say(body: str, said: str, code: str) -> None:
    assert error_text(body) == said
    assert error_code(body) == code


def test_kinds_of_refused_requests() -> None:
    for said in (
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
        "the request exceeds the available context size",
        "The input (99 tokens) is longer than the model's context length (10 tokens).",
    ):
        assert is_too_long(json.dumps({"error": {"message": said}}))
    assert is_too_long('{"error": {"message": "", "code": "context_length_exceeded"}}')
    assert not is_too_long('{"error": {"message": "temperature must be at most 2"}}')
    assert is_filtered('{"error": {"message": "no", "code": "content_filter"}}')
    assert not is_filtered('{"error": {"message": "content_filter is no parameter", "code": "unknown"}}')


def test_failures_tell_their_deepest_cause() -> None:
    try:
        try:
            raise ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)")
        except OSError as deep:
            raise RuntimeError("Connection error.") from deep
    except RuntimeError as error:
        causes = failure_causes(error)
    assert [type(one) for one in causes] == [RuntimeError, ConnectionRefusedError]
    assert failure_text(causes[-1]) == "Connection refused"
    assert failure_text(ValueError()) == "ValueError"
    assert failure_text(ValueError("a\nb")) == "a b"


def test_stop_texts_that_a_server_left_in() -> None:
    reply = Reply("def f():\n    pass\nprint(1)\nclass A", "length", 1, 9)
    assert cut_at_stop(reply, ("\nclass", "\nprint")).text == "def f():\n    pass"
    assert cut_at_stop(reply, ("\nclass", "\nprint")).finish_reason == "stop"
    assert cut_at_stop(reply, ("never",)) == reply
