"""What OpenAI-compatible servers are asked and what they answer, read with care: the field names are the API's, the gaps and errors everybody's own.

Source of the names: platform.openai.com/docs/api-reference (chat and completions), and what vLLM, SGLang, Ollama, llama.cpp and
`transformers serve` send instead.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from codewright.core.rng import stable_hash
from codewright.core.text import one_line
from codewright.models.model import Reply, Sampling

_SEEDS = 2**31
"""Seeds are taken modulo this: llama.cpp wants 32 bits, others a signed number."""
_MOST_STOPS = 4

_FINISHED = {"length": "length", "content_filter": "refusal"}
"""The API's finish_reason -> ours; anything else that is no failure is `stop`."""

_BROKEN_OFF = frozenset({"abort", "error", "insufficient_system_resource"})
"""Reasons by which vLLM, SGLang and others say that they gave up on a request."""

_FILTERED = frozenset({"content_filter", "content_policy_violation"})
_TOO_LONG = re.compile(
    r"context.?(length|size|window)|maximum (model|input) length"
    r"|must have less than \d+ tokens|maximum allowed batch size"  # text-embeddings-inference, issues 356 and 378
    r"|too large to process",  # llama.cpp, pull request 7389
    re.IGNORECASE,
)

_NO_FORM = frozenset({400, 415, 422, 501})
"""What servers answer that do not know `response_format`, or not this schema; some send a 500 that names it."""
_NAMES_FORM = re.compile(r"response_format|json_schema|grammar", re.IGNORECASE)


class Unreadable(Exception):  # noqa: N818 - not an error of ours: the caller asks again
    """A reply that is none. The message says what came instead."""


def request_body(field: str, prompt: Any, sampling: Sampling, repetition: int = 0) -> dict[str, Any]:
    """Return the body of a request without model and limit.

    field: `messages` for a chat, `prompt` for a text. repetition: how many equal prompts came before, each drawn anew.
    A schema goes along with chats only: of texts the API's /completions knows none.
    """
    body = {field: prompt, "temperature": sampling.temperature}
    if sampling.temperature > 0:
        seed = stable_hash(sampling.seed, "sampling", repetition, str(prompt))
        body |= {"top_p": sampling.top_p, "seed": seed % _SEEDS}
    if sampling.stop:
        body["stop"] = list(sampling.stop[:_MOST_STOPS])
    if sampling.json_schema is not None and field == "messages":
        form = {"name": "reply", "strict": True, "schema": json.loads(sampling.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return body


class Forms:
    """The forms of replies, `response_format`, that a server has declined; a request goes without them from then on."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()

    def without_unknown(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a request's body as this server takes it."""
        if self._unknown and json.dumps(body.get("response_format")) in self._unknown:
            return {name: value for name, value in body.items() if name != "response_format"}
        return body

    def is_declined(self, body: Mapping[str, Any], status: int, said: str) -> bool:
        """Tell whether an error may mean the form asked for, and remember it: what is known to mean else does not."""
        if (
            "response_format" not in body
            or is_filtered(said)
            or is_too_long(said)
            or "max_completion_tokens" in said
        ):
            return False
        if status not in _NO_FORM and not (status >= 500 and _NAMES_FORM.search(said)):
            return False
        self._unknown.add(json.dumps(body["response_format"]))
        return True


def read_reply(text: str, *, chat: bool) -> Reply:
    """Read the body of an answer with status 200. Raises Unreadable for cut JSON, an empty body, no choices and their like."""
    data = read_object(text)
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unreadable(f"no choices: {error_text(text)}")
    choice = choices[0]
    reason = choice.get("finish_reason")
    if reason in _BROKEN_OFF:
        raise Unreadable(f"a reply that ended by '{reason}'")
    content, refusal = _chat_content(choice) if chat else (_flat(choice.get("text")), "")
    if content is None:
        raise Unreadable(f"a choice without {'content' if chat else 'text'}: {one_line(text, 80)}")
    usage = data.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Reply(
        refusal or content,
        "refusal" if refusal else _FINISHED.get(str(reason), "stop"),
        _count(counts.get("prompt_tokens")),
        _count(counts.get("completion_tokens")),
    )


def read_embeddings(text: str, count: int) -> tuple[list[list[float]], int]:
    """Read the body of an answer of /embeddings: the vectors in the order of the texts, and the prompt's tokens.

    Raises Unreadable unless there are `count` of them, of one length, all numbers finite.
    """
    data = read_object(text)
    rows = data.get("data")
    found = {
        row.get("index", place): row.get("embedding")
        for place, row in enumerate(rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    }
    if sorted(found, key=str) != sorted(range(count), key=str):
        raise Unreadable(f"{len(found)} vectors for {count} texts: {error_text(text)}")
    vectors: list[Any] = [found[place] for place in range(count)]
    if not all(isinstance(vector, list) and vector and len(vector) == len(vectors[0]) for vector in vectors):
        raise Unreadable("vectors that are none, or of different lengths")
    if not all(type(number) in {int, float} and math.isfinite(number) for one in vectors for number in one):
        raise Unreadable("a vector with something that is no number")
    usage = data.get("usage")
    return vectors, _count(usage.get("prompt_tokens") if isinstance(usage, dict) else None)


def read_object(text: str) -> dict[str, Any]:
    """Read a body that should be a JSON object; other JSON is an empty one. Raises Unreadable for cut JSON and an empty body."""
    if not text.strip():
        raise Unreadable("an empty body")
    try:
        data = json.loads(text)
    except ValueError:
        raise Unreadable(f"no JSON, or cut JSON: {one_line(text, 80)}") from None
    return data if isinstance(data, dict) else {}


def _chat_content(choice: dict[str, Any]) -> tuple[str | None, str]:
    """Return a chat reply's text, and its refusal where there is one. No content at all is an empty text."""
    message = choice.get("message")
    if not isinstance(message, dict):
        return None, ""
    refusal = message.get("refusal")
    content = message.get("content")
    return "" if content is None else _flat(content), refusal if isinstance(refusal, str) else ""


def _flat(content: object) -> str | None:
    """Join content that comes as a list of parts, of which only the text ones count."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def error_text(body: str) -> str:
    """Return what an error's body says, in one line: OpenAI's `error.message`, FastAPI's `detail`, or the text itself."""
    try:
        said: object = json.loads(body)
    except ValueError:
        return one_line(body, 200) or "no words"
    for name in ("error", "message", "detail"):
        if isinstance(said, dict) and said.get(name):
            said = said[name]
    return one_line(said if isinstance(said, str) else json.dumps(said), 200)


def error_code(body: str) -> str:
    """Return the `code` or `type` of an error, or nothing."""
    try:
        error = json.loads(body).get("error")
        return str(error.get("code") or error.get("type") or "")
    except (ValueError, AttributeError):
        return ""


def is_filtered(body: str) -> bool:
    """Tell whether an error means that the prompt was refused, as Azure's filter does by a 400."""
    return error_code(body) in _FILTERED


def is_too_long(body: str) -> bool:
    """Tell whether an error means that prompt and reply together are longer than the model's context."""
    return error_code(body) == "context_length_exceeded" or bool(_TOO_LONG.search(error_text(body)))


def failure_causes(error: BaseException) -> list[BaseException]:
    """List an error and what lies behind it, the deepest last, since transports wrap each other's errors."""
    causes = [error]
    while (deeper := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(deeper)
    return causes


def failure_text(error: BaseException) -> str:
    """Say in one line why no answer came."""
    if isinstance(error, OSError) and error.errno is not None:
        known = os.strerror(error.errno) if error.errno > 0 else error.strerror
        return one_line(known or error)
    return one_line(str(error) or type(error).__name__)


def cut_at_stop(reply: Reply, stops: tuple[str, ...]) -> Reply:
    """End a reply at the first stop text: some servers leave it in, and some take only four."""
    found = [place for stop in stops if (place := reply.text.find(stop)) >= 0]
    if not found:
        return reply
    return Reply(reply.text[: min(found)], "stop", reply.prompt_tokens, reply.completion_tokens)


def find_secrets(key: str, variable: str, base_url: str) -> dict[str, str]:
    """Map what must not appear in a message to what stands there instead: the key, for example, to the name of its variable."""
    parts = urlsplit(base_url)
    secrets = {key: variable, parts.password or "": "PASSWORD", parts.query: "QUERY"}
    for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines():  # the SDK sends these along
        name, _, value = line.partition(":")
        secrets[value.strip()] = name.strip()
    return {secret: name for secret, name in secrets.items() if secret}
