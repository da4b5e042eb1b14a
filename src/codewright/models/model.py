"""What a language model is here: chats or texts in, replies out. Finding the backend by the prefix of a spec.

    hf:PATH or PATH     a local Hugging Face folder, or a finished training stage's folder

Imports nothing heavy: the backend does, when it is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from codewright.core.plugins import load_plugin
from codewright.core.records import Message

BACKENDS = "codewright.models.backends"
DEFAULT_BACKEND = "hf"


@dataclass(frozen=True)
class Sampling:
    """How to choose tokens.

    max_tokens: longest reply. temperature: 0 is greedy, and then top_p and seed do nothing.
    top_p: sample from the smallest set of tokens with this much probability.
    seed: equal requests with equal seeds get equal replies, whatever else is in the batch.
    stop: texts that end a reply, themselves left out.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """One reply. finish_reason: `stop` where the model or a stop text ended it, `length` where the limit did."""

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


def open_model(spec: str) -> Model:
    """Open a model by its spec, `BACKEND:REST` or a folder. Raises ConfigError for an unknown backend or a bad folder."""
    prefix, colon, rest = spec.partition(":")
    if not colon or Path(spec).is_dir():
        prefix, rest = DEFAULT_BACKEND, spec
    model: Model = load_plugin(BACKENDS, prefix).open_backend(rest)
    return model
