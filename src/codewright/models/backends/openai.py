"""A model behind any OpenAI-compatible server: OpenAI, vLLM, SGLang, Ollama, llama.cpp, `transformers serve`.

The key comes from OPENAI_API_KEY, the address from the caller, else from OPENAI_BASE_URL, else it is OpenAI's. What may pass
(429, 5xx, timeouts, broken replies, a server that is away) is asked again with growing pauses and an end; what will not pass is
a ConfigError. Chat uses the template of the server. `embeddings` asks such a server for vectors, for `embedders/openai.py`.
Limits: top_k and penalties are the server's defaults, which vLLM and `transformers serve` take from the model's generation_config;
the latter samples only if that file says so. Seeds are passed on; whether they hold is the server's business. Of stop
texts four are sent, as OpenAI takes no more; the others are cut off here.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import aiohttp  # the SDK itself would say only in a RuntimeError, later, that it is missing
from openai import (
    APIStatusError,
    AsyncOpenAI,
    DefaultAioHttpClient,
    Omit,
    OpenAIError,
    Timeout,
)
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

from codewright.core.errors import BackendError, ConfigError
from codewright.core.records import Message
from codewright.core.rng import stable_hash
from codewright.core.text import did_you_mean
from codewright.models.model import Reply, Sampling
from codewright.models.openai_format import (
    Unreadable,
    cut_at_stop,
    error_code,
    error_text,
    failure_causes,
    failure_text,
    is_filtered,
    is_too_long,
    read_embeddings,
    read_reply,
)
from codewright.models.pacing import Pace, allowance_wait_s, retry_after_s

SERVED = True
"""Tells `open_model` to pass on base URL and concurrency."""

KEY_VARIABLE = "OPENAI_API_KEY"
OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_CONCURRENCY = 16

TIMEOUT_S = 600.0
"""A whole request, from its turn to its last byte; the SDK's own default, there per read."""
CONNECT_TIMEOUT_S = 10.0

MOST_ATTEMPTS = 10
"""With the pauses below about two minutes: a server may be restarted meanwhile."""
MOST_TIMEOUTS = 3
MOST_UNHEARD = 3
"""Attempts to reach a server that has never answered: most likely its address is wrong."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
PATIENCE_S = 300.0
"""The longest pause that a server may ask for; whoever is to wait longer wants to know."""

_SEEDS = 2**31
"""Seeds are taken modulo this: llama.cpp wants 32 bits, others a signed number."""
_MOST_STOPS = 4
_MOST_NAMED = 10

_CHAT, _TEXT, _EMBEDDINGS = "chat", "text", "embeddings"
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


class _Again(Exception):  # noqa: N818 - internal; becomes a BackendError if it stays
    """A failure that may pass. attempts: after how many to give up; wait_s: pause at least so long."""

    def __init__(self, what: str, attempts: int = MOST_ATTEMPTS, wait_s: float = 0.0) -> None:
        super().__init__(what)
        self.attempts = attempts
        self.wait_s = wait_s


class _TooLong(Exception):  # noqa: N818 - internal
    """The server says that prompt and reply do not fit into the model's context. The message is the server's."""


@dataclass(frozen=True)
class _Connection:
    """What belongs to one event loop. closing: kept so that the loop closes the client when it ends."""

    client: AsyncOpenAI
    pace: Pace
    closing: AsyncIterator[AsyncOpenAI]


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
        self._name = name
        self._base_url = base_url
        self._key = key
        self._secrets = _find_secrets(key, base_url)
        self._who = f"openai:{name} at {_place(base_url)}"
        self._heard = False
        # The old name is what all other servers know, the new one what OpenAI's newer models insist on.
        self._limit_name = "max_completion_tokens" if base_url == OPENAI_URL else "max_tokens"
        self._connections: dict[asyncio.AbstractEventLoop, _Connection] = {}

    def describe(self) -> dict[str, Any]:
        """Return spec and address; the chat template is the server's secret."""
        return {"model": f"openai:{self._name}", "base_url": _place(self._base_url)}

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
            body = {field: prompt, "temperature": sampling.temperature}
            if sampling.temperature > 0:
                seed = stable_hash(sampling.seed, "sampling", repeats[key], key)
                body |= {"top_p": sampling.top_p, "seed": seed % _SEEDS}
            if sampling.stop:
                body["stop"] = list(sampling.stop[:_MOST_STOPS])
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
            raise ConfigError(f"{self._who}: finds a text of one character too long; it said: {said}")
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
            f"{self._who}: {max_tokens} new tokens do not fit into the model's context beside the prompt; "
            f"ask for fewer (--max-tokens); it said: {said}"
        )

    async def _ask_patiently(self, request: _Request[Answer], max_tokens: int | None) -> Answer:
        retrying = AsyncRetrying(  # one per request: it holds what is under way
            retry=retry_if_exception_type(_Again), stop=_is_enough, wait=_pause_s, sleep=asyncio.sleep, reraise=True
        )  # fmt: skip
        attempts = 0

        async def attempt() -> Answer:
            nonlocal attempts
            attempts += 1
            return await self._ask_once(request, max_tokens)

        try:
            return await retrying(attempt)
        except _Again as error:
            times = "" if attempts == 1 else f" ({attempts} attempts)"
            raise BackendError(
                f"{self._who}: {error}{times}; what is finished is kept: run the same command again to go on"
            ) from None

    async def _ask_once(self, request: _Request[Answer], max_tokens: int | None) -> Answer:
        connection = await self._connect()
        body = {**request.body, "model": self._name}
        if max_tokens is not None:
            body[self._limit_name] = max_tokens
        refused: APIStatusError | None = None
        async with connection.pace.turn() as cuts:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    answer = await self._send(connection.client, request.kind, body)
            except APIStatusError as error:
                refused = error  # judged outside, so that no message drags the request along as its context
            except (OpenAIError, aiohttp.ClientError, OSError) as error:  # a timeout is an OSError
                raise self._unreached(error) from None
            self._heard = True
            if refused is not None:
                return await self._judge_status(refused, request, connection, cuts)
            connection.pace.went_well()
            try:
                reply = request.read(answer.text)
            except Unreadable as error:
                raise _Again(self._redact(f"answered {error}")) from None
            wait_s = allowance_wait_s(answer.headers, request.tokens(reply) + (max_tokens or 0))
            connection.pace.pause(min(wait_s, PATIENCE_S))
        return reply

    async def _send(self, client: AsyncOpenAI, kind: str, body: dict[str, Any]) -> Any:
        asked: Any = {
            _CHAT: client.chat.completions,
            _TEXT: client.completions,
            _EMBEDDINGS: client.embeddings,
        }
        create: Callable[..., Awaitable[Any]] = asked[kind].with_raw_response.create
        return await create(**body, extra_headers=self._headers())

    def _headers(self) -> dict[str, Any]:
        return {} if self._key else {"Authorization": Omit()}

    def _unreached(self, error: BaseException) -> _Again:
        """Sort out a failure without a whole answer. The SDK's transport reports a connection that was reset as a timeout."""
        causes = failure_causes(error)
        never_there = not self._heard and any(isinstance(one, aiohttp.ClientConnectorError) for one in causes)
        if any(isinstance(one, TimeoutError) for one in causes):
            what, attempts = f"no answer within {TIMEOUT_S:g} s", MOST_TIMEOUTS
        else:
            what, attempts = f"cannot be reached, or hung up: {failure_text(causes[-1])}", MOST_ATTEMPTS
        return _Again(self._redact(what), MOST_UNHEARD if never_there else attempts)

    async def _judge_status(
        self, error: APIStatusError, request: _Request[Answer], connection: _Connection, cuts: int
    ) -> Answer:
        """Decide what an error status means: a reply after all, a failure that may pass, or the user's business."""
        status, body = error.status_code, error.response.text
        said = self._redact(f"answered {status}: {error_text(body)}")
        if status == 429 and error_code(body) == "insufficient_quota":
            raise BackendError(
                f"{self._who}: {said}; what is finished is kept: run the same command again when it is paid"
            )
        if request.kind == _EMBEDDINGS and is_too_long(body):  # llama.cpp says so with a 500
            raise _TooLong(said)
        if status in {408, 409, 425, 429} or status >= 500:
            wait_s = retry_after_s(error.response.headers) or 0.0
            if wait_s > PATIENCE_S:
                raise _Again(f"{said}; it asks to wait {wait_s:.0f} s", attempts=1)
            connection.pace.pause(wait_s)
            if status == 429:
                connection.pace.complained(cuts)
            raise _Again(said, wait_s=wait_s)
        if status in {401, 403}:
            what = "holds no key that it takes" if self._key else "is not set"
            raise ConfigError(f"{self._who}: {said}; the environment variable {KEY_VARIABLE} {what}")
        if status in {404, 405}:
            raise ConfigError(f"{self._who}: {said}; {await self._explain_missing(connection, request.kind)}")
        if is_filtered(body) and request.filtered is not None:
            return request.filtered
        if is_too_long(body):
            raise _TooLong(said)
        if self._limit_name == "max_tokens" and "max_completion_tokens" in body:
            self._limit_name = "max_completion_tokens"
            raise _Again(said)
        raise ConfigError(f"{self._who}: {said}; it does not take this request, change the settings it names")

    async def _explain_missing(self, connection: _Connection, kind: str) -> str:
        """Say what a 404 means, with the help of the server's list of models."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                page = await connection.client.models.list(extra_headers=self._headers())
            known = [str(model.id) for model in page.data]
        except Exception:  # a server without a list, or one that answers it with anything
            known = []
        if known and self._name not in known:
            more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
            return self._redact(
                f"it has no model '{self._name}'{did_you_mean(self._name, known)}; "
                f"there are: {', '.join(known[:_MOST_NAMED])}{more}"
            )
        return _MISSING[kind]

    async def _connect(self) -> _Connection:
        """Return the client of the running event loop. The loop closes it at its end, as it does every open generator."""
        loop = asyncio.get_running_loop()
        if loop not in self._connections:
            self._connections = {old: kept for old, kept in self._connections.items() if not old.is_closed()}
            timeout = Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
            client = AsyncOpenAI(
                api_key=self._key or "none",
                admin_api_key="",
                base_url=self._base_url,
                timeout=timeout,
                max_retries=0,
                http_client=DefaultAioHttpClient(timeout=timeout),
            )
            closing = _closing(client)
            self._connections[loop] = _Connection(client, Pace(self.concurrency), closing)
            await anext(closing)
        return self._connections[loop]

    def _redact(self, text: str) -> str:
        for secret, name in self._secrets.items():
            text = text.replace(secret, name)
        return text


async def _all_of(parts: Iterable[Coroutine[Any, Any, Done]]) -> list[Done]:
    """Wait for all; when one fails, the others are cancelled before its error is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _closing(client: AsyncOpenAI) -> AsyncIterator[AsyncOpenAI]:
    try:
        yield client
    finally:
        await client.close()


def _find_secrets(key: str, base_url: str) -> dict[str, str]:
    """Map what must not appear in a message to what stands there instead."""
    parts = urlsplit(base_url)
    secrets = {key: KEY_VARIABLE, parts.password or "": "PASSWORD", parts.query: "QUERY"}
    for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines():  # the SDK sends these along
        name, _, value = line.partition(":")
        secrets[value.strip()] = name.strip()
    return {secret: name for secret, name in secrets.items() if secret}


_BACKOFF = wait_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S)


def _pause_s(state: RetryCallState) -> float:
    """Return how long to pause: what the server asked for or the back-off, and up to a quarter more, so that not all come at once."""
    error = _failure(state)
    return max(error.wait_s, _BACKOFF(state)) * random.uniform(1.0, 1.25)


def _is_enough(state: RetryCallState) -> bool:
    return state.attempt_number >= _failure(state).attempts


def _failure(state: RetryCallState) -> _Again:
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, _Again):
        raise TypeError("only _Again is asked again")
    return error
