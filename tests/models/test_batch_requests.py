"""What a line of a batch's files means, as OpenAI's and others' servers write them."""

import io
import json
from itertools import islice
from typing import Any

import pytest

from codewright.models.batch_requests import Failure, growing_pauses, read_lines
from codewright.models.model import Reply

CHOICES = {"choices": [{"finish_reason": "length", "message": {"role": "assistant", "content": "hi\u2028"}}]}


def line(**row: Any) -> bytes:
    return json.dumps({"id": "r", "custom_id": "d", **row}, ensure_ascii=False).encode() + b"\n"


def answered(status: object, body: object) -> bytes:
    return line(response={"status_code": status, "request_id": "q", "body": body}, error=None)


def test_replies_are_read_as_those_of_single_requests() -> None:
    [one] = read_lines(io.BytesIO(answered(200, CHOICES)))
    assert one.reply(chat=True) == Reply("hi\u2028", "length", 0, 0)
    [one] = read_lines(io.BytesIO(answered(200, json.dumps(CHOICES))))
    assert one.reply(chat=True) == Reply("hi\u2028", "length", 0, 0)
    filtered = {"error": {"message": "no", "code": "content_filter"}}
    [one] = read_lines(io.BytesIO(answered(400, filtered)))
    assert one.reply(chat=True) == Reply("", "refusal", 0, 0)


@pytest.mark.parametrize(
    ("text", "failure", "said"),
    [
        (answered(429, {"error": {"message": "slow down"}}), "passing", "429: slow down"),
        (answered(503, {}), "passing", "503: {}"),
        (answered(200, {"choices": []}), "passing", '200: {"choices": []}'),
        (answered(None, {}), "passing", "{}"),
        (line(error={"code": "batch_expired", "message": "too late"}), "passing", "too late"),
        (line(response=None, error=None), "passing", '{"error": null}'),
        (answered(429, {"error": {"message": "pay", "code": "insufficient_quota"}}), "unpaid", "429: pay"),
        (answered(400, {"error": {"message": "m", "code": "context_length_exceeded"}}), "too_long", "400: m"),
        (answered(400, {"error": {"message": "temperature"}}), "refused", "400: temperature"),
        (answered(404, {"error": {"message": "no model"}}), "refused", "404: no model"),
    ],
)
def test_failures_are_told_apart(text: bytes, failure: Failure, said: str) -> None:
    [one] = read_lines(io.BytesIO(text))
    assert one.reply(chat=True) is None
    assert one.failure == failure
    assert one.said == said


def test_lines_that_are_none_are_left_out() -> None:
    whole = answered(200, CHOICES)
    bad = [b"\n", b"[1]\n", b'{"custom_id": 5}\n', b"<html>\n", b"\xff\xfe\n", whole[:40]]
    found = list(read_lines(io.BytesIO(b"".join([whole, *bad[:-1], whole, bad[-1]]))))
    assert [one.digest for one in found] == ["d", "d"]


def test_pauses_grow_to_a_minute() -> None:
    pauses = list(islice(growing_pauses(), 40))
    assert pauses[0] == 0.1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60.0
