"""The requests of a batch: who waits for each, its line in the file that goes up, what its line in a file that comes down means."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Literal

from codewright.core.errors import CodewrightError
from codewright.core.records import Message
from codewright.models.model import Reply, Sampling
from codewright.models.openai_format import (
    Unreadable,
    error_code,
    error_text,
    is_filtered,
    is_too_long,
    read_reply,
    request_body,
)
from codewright.models.retrying import may_pass

if TYPE_CHECKING:
    from codewright.models.backends.openai import OpenAiModel

ENDPOINTS = {"messages": "/v1/chat/completions", "prompt": "/v1/completions"}
"""Field of the prompt -> where its request goes."""

MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000
"""Of one batch's file. Source: openai-python, src/openai/resources/batches.py, `input_file_id`."""

QUEUE_FULL = "token_limit_exceeded"
"""Code of a batch that failed because too many tokens wait already. Source: openai/openai-python, issue 2084."""

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
FIRST_POLL_S, LONGEST_POLL_S, POLL_GROWTH = 0.1, 60.0, 1.5
"""Pauses between looks at a batch: a small server is done at once, OpenAI's takes minutes to a day."""

_DIGEST_CHARS = 32

Failure = Literal["passing", "unpaid", "too_long", "refused"]


class Gone(Exception):  # noqa: N818 - not an error of ours: the caller asks anew
    """The server does not know this batch, or this file, any more."""


class Refused(Exception):  # noqa: N818 - internal; becomes a ConfigError where nothing else can be done
    """A batch that the server would not make. code, message: as its failures have them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class BatchState:
    """How far a batch is. status: the server's word; files: of replies and of failures, where there are any.

    code, message: why it failed as a whole; done, failed, total: of its requests.
    """

    name: str
    status: str
    files: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    done: int = 0
    failed: int = 0
    total: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in _ENDED


def growing_pauses() -> Iterator[float]:
    """Yield how long to pause before each look at a batch, in seconds, without an end."""
    pause = FIRST_POLL_S
    while True:
        yield pause
        pause = min(pause * POLL_GROWTH, LONGEST_POLL_S)


@dataclass(eq=False)
class Wanted:
    """One request.

    place: `messages` or `prompt`; repetition: how many equal ones came before; tries: batches that it was in; sent: the fields it
    had in the last one.
    """

    place: str
    prompt: Any
    sampling: Sampling
    repetition: int = 0
    replies: "list[asyncio.Future[Reply]]" = field(default_factory=list)
    tries: int = 0
    sent: frozenset[str] = frozenset()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits."""
        return any(not reply.done() for reply in self.replies)

    @property
    def body(self) -> dict[str, Any]:
        """The body without model and limit."""
        return request_body(self.place, self.prompt, self.sampling, self.repetition)

    def line(self, model: "OpenAiModel") -> tuple[str, bytes]:
        """Return what the request is known by, the hash of server, path and body, and its line in a batch's file."""
        endpoint = ENDPOINTS[self.place]
        body = model.whole_body(self.body, self.sampling.max_tokens)
        self.sent = frozenset(body)
        whole = json.dumps([model.describe(), endpoint, body], sort_keys=True)
        digest = hashlib.sha256(whole.encode()).hexdigest()[:_DIGEST_CHARS]
        line = {"custom_id": digest, "method": "POST", "url": endpoint, "body": body}
        return digest, json.dumps(line).encode() + b"\n"

    def answer(self, reply: Reply) -> None:
        """Hand the reply to all who wait."""
        for one in self.replies:
            if not one.done():
                one.set_result(reply)

    def fail(self, error: BaseException) -> None:
        """Raise an error in all who wait, in each one of its own."""
        for one in self.replies:
            if not one.done():
                one.set_exception(type(error)(str(error)) if isinstance(error, CodewrightError) else error)

    async def ask_singly(self, model: "OpenAiModel") -> None:
        """Send it outside of any batch."""
        try:
            if self.place == "messages":
                chat = [Message(turn["role"], turn["content"]) for turn in self.prompt]
                [reply] = await model.generate([chat], self.sampling)
            else:
                [reply] = await model.complete([self.prompt], self.sampling)
        except Exception as error:
            self.fail(error)
        else:
            self.answer(reply)


@dataclass(frozen=True)
class Line:
    """What a file says of one request. status: 0 where there was no answer; body: as text."""

    digest: str
    status: int
    body: str

    def reply(self, *, chat: bool) -> Reply | None:
        """Return the reply; None where it failed, or is none."""
        if self.status != 200:
            return Reply("", "refusal", 0, 0) if is_filtered(self.body) else None
        try:
            return read_reply(self.body, chat=chat)
        except Unreadable:
            return None

    @property
    def failure(self) -> Failure:
        """What a failure is: one that may pass, an account without money, too long a request, or a request that is not taken."""
        if error_code(self.body) == "insufficient_quota":
            return "unpaid"
        if self.status not in {0, 200} and is_too_long(self.body):
            return "too_long"
        return "passing" if self.status in {0, 200} or may_pass(self.status) else "refused"

    @property
    def said(self) -> str:
        """What came instead of a reply, in one line."""
        return f"{self.status}: {error_text(self.body)}" if self.status else error_text(self.body)


def unanswered(digest: str, why: str) -> Line:
    """Make the line of a request that is in no file."""
    return Line(digest, 0, json.dumps({"error": why}))


def read_lines(file: IO[bytes]) -> Iterator[Line]:
    """Yield the lines of a file of replies or failures; one that is cut off is none, as if its request had no answer.

    Source: the object `request-output` of the API's reference, and what really comes: failures of the model's endpoint as a
    `response` with their status, others as an `error`.
    """
    for text in file:
        try:
            row = json.loads(text)
        except ValueError:
            continue
        if not isinstance(row, dict) or not isinstance(digest := row.get("custom_id"), str):
            continue
        response = row.get("response")
        if isinstance(response, Mapping):
            status, body = response.get("status_code"), response.get("body")
            yield Line(
                digest, status if isinstance(status, int) else 0, body if isinstance(body, str) else json.dumps(body)
            )  # fmt: skip
        else:
            yield Line(digest, 0, json.dumps({"error": row.get("error")}))
