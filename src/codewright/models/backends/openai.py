"""A model behind any OpenAI-compatible server: OpenAI, vLLM, SGLang, Ollama, llama.cpp, `transformers serve`.

The key comes from OPENAI_API_KEY, the address from the caller, else from OPENAI_BASE_URL, else it is OpenAI's. What may pass
(429, 5xx, timeouts, broken replies, a server that is away) is asked again with growing pauses and an end; what will not pass is
a ConfigError. Chat uses the template of the server. `embeddings` asks such a server for vectors, for `embedders/openai.py`.
Limits: top_k and penalties are the server's defaults, which vLLM and `transformers serve` take from the model's generation_config;
the latter samples only if that file says so. Seeds are passed on; whether they hold is the server's business. Of stop
texts four are sent, as OpenAI takes no more; the others are cut off here. A reply's JSON schema is sent with chats; a server that
refuses it is asked without.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import aiohttp  # the SDK itself would say only in a RuntimeError, later, that it is missing
import httpx2
from openai import AsyncOpenAI, Omit, Timeout

from codewright.core.errors import BackendError, ConfigError
from codewright.core.records import Message
from codewright.core.text import did_you_mean
from codewright.models.model import Reply, Sampling
from codewright.models.openai_client import OpenAiClient
from codewright.models.openai_format import (
    Forms,
    Unreadable,
    cut_at_stop,
    error_code,
    error_text,
    failure_causes,
    failure_text,
    find_secrets,
    is_filtered,
    is_too_long,
    read_embeddings,
    read_reply,
    request_body,
)
from codewright.models.pacing import Pace, allowance_wait_s, retry_after_s
from codewright.models.retrying import (
    MOST_ATTEMPTS,
    MOST_TIMEOUTS,
    MOST_UNHEARD,
    PATIENCE_S,
    Again,
    may_pass,
    patiently,
)

SERVED = True
"""Tells `open_model` to pass on base URL and concurrency."""

KEY_VARIABLE = "OPENAI_API_KEY"
OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_CONCURRENCY = 16

TIMEOUT_S = 600.0
"""A whole request, from its turn to its last byte; the SDK's own default, there per read."""
CONNECT_TIMEOUT_S = 10.0

_MOST_NAMED = 10

_CHAT, _TEXT, _EMBEDDINGS = "chat", "text", "embeddings"
_PATHS = {_CHAT: "chat/completions", _TEXT: "completions", _EMBEDDINGS: "embeddings"}
_MISSING = {
    _CHAT: "no chat completions here, or no such model; does the base URL end as the server's documentation says, often in /v1?",
    _TEXT: "it continues no plain text with this model (/completions); ask in chat form (--form chat)",
    _EMBEDDINGS: "no /embeddings here, or not with this model; does the base URL end as the server's documentation says, often in /v1?",
}

Answer = TypeVar("Answer")
Done = TypeVar("Done")


def open_backend(name: str, base_url: str | None = None, concurrency: int | None = None) -> "OpenAiModel":
    """Open a served model; nothing is sent yet. Raises ConfigError for an address that is none, or a key that is missing."""
    url = (base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL).strip().rstrip("/")
    if not name:
        raise ConfigError("model openai: has no name; say openai:NAME, as the server calls it")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ConfigError(f"model openai:{name}: base URL '{_place(url)}' is no http:// or https:// address")
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key and url == OPENAI_URL:
        raise ConfigError(
            f"model openai:{name}: no key; set the environment variable {KEY_VARIABLE}, or give a server's base URL"
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"model openai:{name}: what {KEY_VARIABLE} holds is no key: it has odd characters")
    return OpenAiModel(name, url, key, concurrency or DEFAULT_CONCURRENCY)


def _place(url: str) -> str:
    """Return an address without user, password and query, which may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class _TooLong(Exception):  # noqa: N818 - internal
    """The server says that prompt and reply do not fit into the model's context. The message is the server's."""


@dataclass(frozen=True)
class _Connection:
    """What belongs to one event loop. closing: kept so that the loop closes the client when it ends."""

    client: OpenAiClient
    pace: Pace
    closing: AsyncIterator[OpenAiClient]


@dataclass(frozen=True)
class _Request(Generic[Answer]):
    """One request: what is asked for, its body without model and limit, and how a reply's body becomes an answer.

    tokens: how many the prompt had, to know how much of the server's allowance the next request needs. filtered: the answer
    where the server's filter refuses; None where that is a mistake of the user's.
    """

    kind: str  # one of _CHAT, _TEXT, _EMBEDDINGS
    body: Mapping[str, Any]
    read: Callable[[str], Answer]
    tokens: Callable[[Answer], int]
    filtered: Answer | None = None


class OpenAiModel:
    """A model behind a server; concurrent callers share its concurrency."""

    def __init__(self, name: str, base_url: str, key: str, concurrency: int) -> None:
        """Take a checked address and key; see `open_backend`."""
        self.concurrency = concurrency
        self.name = name
        self._base_url = base_url
        self._key = key
        self._secrets = find_secrets(key, KEY_VARIABLE, base_url)
        self.who = f"openai:{name} at {_place(base_url)}"
        self._heard = False
        self.asked_again = 0
        """Requests that were sent once more, as the first time brought nothing."""
        self.trouble = ""
        """Why the server failed last; "" once it has answered again."""
        # The old name is what all other servers know, the new one what OpenAI's newer models insist on.
        self.limit_name = "max_completion_tokens" if base_url == OPENAI_URL else "max_tokens"
        self.forms = Forms()
        self._connections: dict[asyncio.AbstractEventLoop, _Connection] = {}

    def describe(self) -> dict[str, Any]:
        """Return spec and address; the chat template is the server's secret."""
        return {"model": f"openai:{self.name}", "base_url": _place(self._base_url)}

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer chats. Raises ConfigError for what the user must change, BackendError when the server keeps failing."""
        messages = [[{"role": turn.role, "content": turn.content} for turn in chat] for chat in chats]
        return await self._ask_all("messages", messages, sampling)

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """Continue plain texts. Raises as `generate`, and ConfigError where the server has no completions."""
        return await self._ask_all("prompt", list(texts), sampling)

    async def _ask_all(self, field: str, prompts: Sequence[Any], sampling: Sampling) -> list[Reply]:
        repeats: Counter[str] = Counter()
        kind = _CHAT if field == "messages" else _TEXT
        requests = []
        for prompt in prompts:
            key = str(prompt)
            body = request_body(field, prompt, sampling, repeats[key])
            requests.append(
                _Request(
                    kind,
                    body,
                    read=lambda text: read_reply(text, chat=kind == _CHAT),
                    tokens=lambda reply: reply.prompt_tokens,
                    filtered=Reply("", "refusal", 0, 0),
                )
            )
            repeats[key] += 1
        replies = await _all_of([self._ask(request, sampling.max_tokens) for request in requests])
        return [cut_at_stop(reply, sampling.stop) for reply in replies]

    async def embeddings(self, batches: Sequence[Sequence[str]]) -> list[list[list[float]]]:
        """Return the vectors of texts, one request a batch. Raises as `generate`.

        A batch that the server finds too long is halved; of a single text half is left out until the rest fits.
        """
        return await _all_of([self._embed(batch) for batch in batches])

    async def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        request = _Request(
            _EMBEDDINGS,
            {"input": list(texts), "encoding_format": "float"},
            read=lambda text: read_embeddings(text, len(texts)),
            tokens=lambda answer: answer[1],
        )
        try:
            return (await self._ask_patiently(request, None))[0]
        except _TooLong as error:
            said = str(error)
        half = len(texts) // 2
        if half:
            return await self._embed(texts[:half]) + await self._embed(texts[half:])
        if len(texts[0]) < 2:
            raise ConfigError(f"{self.who}: finds a text of one character too long; it said: {said}")
        return await self._embed([texts[0][: len(texts[0]) // 2]])

    async def _ask(self, request: _Request[Reply], max_tokens: int) -> Reply:
        try:
            return await self._ask_patiently(request, max_tokens)
        except _TooLong as error:
            said = str(error)
        # Is it the prompt alone, or did we ask for too long a reply? One token tells.
        try:
            await self._ask_patiently(request, 1)
        except _TooLong:
            return Reply("", "length", 0, 0)
        raise ConfigError(
            f"{self.who}: {max_tokens} new tokens do not fit into the model's context beside the prompt; "
            f"ask for fewer (--max-tokens); it said: {said}"
        )

    async def _ask_patiently(self, request: _Request[Answer], max_tokens: int | None) -> Answer:
        async def attempt() -> Answer:
            try:
                return await self._ask_once(request, max_tokens)
            except Again as error:
                self.trouble = str(error)
                raise

        try:
            return await patiently(attempt, self._note_again)
        except Again as error:
            times = "" if error.tried == 1 else f" ({error.tried} attempts)"
            raise BackendError(
                f"{self.who}: {error}{times}; what is finished is kept: run the same command again to go on"
            ) from None

    def _note_again(self) -> None:
        self.asked_again += 1

    async def _ask_once(self, request: _Request[Answer], max_tokens: int | None) -> Answer:
        connection = await self._connect()
        body = self.whole_body(request.body, max_tokens)
        async with connection.pace.turn() as cuts:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    answer = await connection.client.post(_PATHS[request.kind], body)
            except (httpx2.HTTPError, aiohttp.ClientError, OSError) as error:  # a timeout is an OSError
                raise self._unreached(error) from None
            self._heard = True
            if not answer.is_success:
                if self.forms.is_declined(body, answer.status_code, answer.text):
                    raise Again(self.redact(f"answered {answer.status_code}: {error_text(answer.text)}"))
                return await self._judge_status(answer, request, connection, cuts)
            connection.pace.went_well()
            self.trouble = ""
            try:
                reply = request.read(answer.text)
            except Unreadable as error:
                raise Again(self.redact(f"answered {error}")) from None
            wait_s = allowance_wait_s(answer.headers, request.tokens(reply) + (max_tokens or 0))
            connection.pace.pause(min(wait_s, PATIENCE_S))
        return reply

    def whole_body(self, body: Mapping[str, Any], max_tokens: int | None) -> dict[str, Any]:
        """Return a body with the model's name and its limit, without a reply's form where the server does not know it."""
        whole = {**body, "model": self.name}
        if max_tokens is not None:
            whole[self.limit_name] = max_tokens
        return self.forms.without_unknown(whole)

    async def client(self) -> AsyncOpenAI:
        """Return the client of the running event loop, for other parts of the API (models/batch_server.py)."""
        return (await self._connect()).client.sdk

    def headers(self) -> dict[str, Any]:
        """Return what each request says besides: nothing, or that there is no key."""
        return {} if self._key else {"Authorization": Omit()}

    def _unreached(self, error: BaseException) -> Again:
        """Sort out a failure without a whole answer. The SDK's transport reports a connection that was reset as a timeout."""
        causes = failure_causes(error)
        silent = any(isinstance(one, aiohttp.ConnectionTimeoutError) for one in causes)  # a machine is down
        refused = any(isinstance(one, aiohttp.ClientConnectorError) for one in causes)
        never_there = not self._heard and (silent or refused)
        if silent:
            what, attempts = f"cannot be reached: no connection within {CONNECT_TIMEOUT_S:g} s", MOST_ATTEMPTS
        elif any(isinstance(one, TimeoutError) for one in causes):
            what, attempts = f"no answer within {TIMEOUT_S:g} s", MOST_TIMEOUTS
        else:
            what, attempts = f"cannot be reached, or hung up: {failure_text(causes[-1])}", MOST_ATTEMPTS
        return Again(self.redact(what), MOST_UNHEARD if never_there else attempts)

    async def _judge_status(
        self, answer: httpx2.Response, request: _Request[Answer], connection: _Connection, cuts: int
    ) -> Answer:
        """Decide what an error status means: a reply after all, a failure that may pass, or the user's business."""
        status, body = answer.status_code, answer.text
        said = self.redact(f"answered {status}: {error_text(body)}")
        if status == 429 and error_code(body) == "insufficient_quota":
            raise BackendError(
                f"{self.who}: {said}; what is finished is kept: run the same command again when it is paid"
            )
        if request.kind == _EMBEDDINGS and is_too_long(body):  # llama.cpp says so with a 500
            raise _TooLong(said)
        if may_pass(status):
            wait_s = retry_after_s(answer.headers) or 0.0
            if wait_s > PATIENCE_S:
                raise Again(f"{said}; it asks to wait {wait_s:.0f} s", attempts=1)
            connection.pace.pause(wait_s)
            if status == 429:
                connection.pace.complained(cuts)
            raise Again(said, wait_s=wait_s)
        if status in {401, 403}:
            what = "holds no key that it takes" if self._key else "is not set"
            raise ConfigError(f"{self.who}: {said}; the environment variable {KEY_VARIABLE} {what}")
        if status in {404, 405}:
            raise ConfigError(f"{self.who}: {said}; {await self._explain_missing(connection, request.kind)}")
        if is_filtered(body) and request.filtered is not None:
            return request.filtered
        if is_too_long(body):
            raise _TooLong(said)
        if self.limit_name == "max_tokens" and "max_completion_tokens" in body:
            self.limit_name = "max_completion_tokens"
            raise Again(said)
        raise ConfigError(f"{self.who}: {said}; it does not take this request, change the settings it names")

    async def _explain_missing(self, connection: _Connection, kind: str) -> str:
        """Say what a 404 means, with the help of the server's list of models."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                page = await connection.client.sdk.models.list(extra_headers=self.headers())
            known = [str(model.id) for model in page.data]
        except Exception:  # a server without a list, or one that answers it with anything
            known = []
        if known and self.name not in known:
            more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
            return self.redact(
                f"it has no model '{self.name}'{did_you_mean(self.name, known)}; "
                f"there are: {', '.join(known[:_MOST_NAMED])}{more}"
            )
        return _MISSING[kind]

    async def _connect(self) -> _Connection:
        """Return the client of the running event loop. The loop closes it at its end, as it does every open generator."""
        loop = asyncio.get_running_loop()
        if loop not in self._connections:
            self._connections = {old: kept for old, kept in self._connections.items() if not old.is_closed()}
            timeout = Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
            client = OpenAiClient(self._key, self._base_url, timeout)
            closing = _closing(client)
            self._connections[loop] = _Connection(client, Pace(self.concurrency), closing)
            await anext(closing)
        return self._connections[loop]

    def redact(self, text: str) -> str:
        """Take what is secret out of a text."""
        for secret, name in self._secrets.items():
            text = text.replace(secret, name)
        return text


async def _all_of(parts: Iterable[Coroutine[Any, Any, Done]]) -> list[Done]:
    """Wait for all; when one fails, the others are cancelled before its error is raised."""
    parts = list(parts)
    if len(parts) == 1:  # as a served model is mostly asked: it needs no task of its own
        return [await parts[0]]
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _closing(client: OpenAiClient) -> AsyncIterator[OpenAiClient]:
    try:
        yield client
    finally:
        await client.close()
