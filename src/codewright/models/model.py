"""What a language model is here: chats or texts in, replies out. Finding the backend by the prefix of a spec.

    hf:PATH or PATH     a local Hugging Face folder, or a finished training stage's folder
    hf:ORG/NAME[@REV]   a model of the hub, when no folder of that name is here
    openai:NAME         a model behind an OpenAI-compatible server; with a base URL any, without one OpenAI's own
    scripted:FILE       replies that stand in a JSON Lines file, for tests

Imports nothing heavy: the backend does, when it is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from codewright.core.errors import ConfigError
from codewright.core.plugins import load_plugin
from codewright.core.records import Message

BACKENDS = "codewright.models.backends"
DEFAULT_BACKEND = "hf"


@dataclass(frozen=True)
class Sampling:
    """How to choose tokens.

    max_tokens: longest reply. temperature: 0 is greedy, and then top_p and seed do nothing.
    top_p: sample from the smallest set of tokens with this much probability.
    seed: equal requests with equal seeds get equal replies, whatever else is in the batch; servers may not keep to it.
    stop: texts that end a reply, themselves left out.
    json_schema: what a chat's reply is to look like, a JSON schema as JSON text. Servers that know it keep to it, nothing else
    does: whoever asks for JSON reads it with care.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    json_schema: str | None = None


@dataclass(frozen=True)
class Reply:
    """One reply. Token counts are 0 where a server does not tell them.

    finish_reason: `stop` where the model or a stop text ended it, `length` where the limit did, `refusal` where the server
    or the model declined.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


@runtime_checkable
class Model(Protocol):
    """Anything that answers. Raises BackendError when it cannot; replies come in the order of the requests.

    For several samples of one prompt, repeat it: each repetition is drawn anew.
    """

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer chats, each through the model's chat template."""
        ...

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """Continue plain texts."""
        ...


@runtime_checkable
class LikelihoodModel(Model, Protocol):
    """A model whose token probabilities can be read."""

    async def log_likelihood(self, texts: Sequence[str], window_tokens: int = 256) -> list[tuple[float, int]]:
        """Return (nats, tokens) of each text: its log-likelihood, never positive, and its number of tokens."""
        ...


@runtime_checkable
class ServedModel(Model, Protocol):
    """A model behind a server, which does its own batching: requests are best sent one by one, many at once."""

    concurrency: int
    """Requests in flight at once, at most; it keeps to that itself."""


@runtime_checkable
class DescribedModel(Model, Protocol):
    """A model that can say which one it is, so that a score names it and a resumed run knows it again."""

    def describe(self) -> dict[str, Any]:
        """Return plain JSON: `model` (the spec), what tells its weights apart, `chat_template` where it is known."""
        ...


def open_model(spec: str, base_url: str | None = None, concurrency: int | None = None) -> Model:
    """Open a model by its spec, `BACKEND:REST` or a folder.

    base_url, concurrency: where a served model is and how many requests it gets at once; a model opened here has no use
    for the latter. Raises ConfigError for an unknown backend, a bad folder, or a base URL that nothing asks for.
    """
    prefix, colon, rest = spec.partition(":")
    if not colon or Path(spec).is_dir():
        prefix, rest = DEFAULT_BACKEND, spec
    backend = load_plugin(BACKENDS, prefix)
    model: Model
    if getattr(backend, "SERVED", False):
        model = backend.open_backend(rest, base_url, concurrency)
    elif base_url is not None:
        raise ConfigError(f"model {spec}: a base URL is for served models; did you mean openai:{rest}?")
    else:
        model = backend.open_backend(rest)
    return model
