"""Embeddings of any OpenAI-compatible server, through the client of `backends/openai.py`: its keys, attempts, pauses and pace.

Limit: a server does not tell whether the model behind a name changed; what was kept under that name is used again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codewright.core.errors import BackendError
from codewright.models.backends.openai import OpenAiModel, open_backend
from codewright.models.embed import of_unit_length

SERVED = True
KEPT = True

TEXTS_A_REQUEST = 32
"""What text-embeddings-inference takes unless told otherwise (--max-client-batch-size); OpenAI takes 2,048."""
BYTES_A_REQUEST = 250_000
"""OpenAI takes 300,000 tokens a request (API reference, embeddings); a token is a byte at least."""

_EMPTY = " "
"""Sent for a text that is empty, which OpenAI refuses."""


def open_embedder_plugin(rest: str, base_url: str | None = None) -> "OpenAiEmbedder":
    """Open a served model; nothing is sent yet. Raises ConfigError as the backend for chats does."""
    return OpenAiEmbedder(open_backend(rest, base_url))


class OpenAiEmbedder:
    """A model behind a server."""

    def __init__(self, model: OpenAiModel) -> None:
        """Take the client."""
        self._model = model

    def describe(self) -> dict[str, Any]:
        """Return spec and address."""
        said = self._model.describe()
        return {"embedder": said["model"], "base_url": said["base_url"]}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors, brought to unit length. Raises ConfigError and BackendError as chats do."""
        batches = list(_batches([text or _EMPTY for text in texts]))
        answers = asyncio.run(self._model.embeddings(batches))
        rows = [vector for answer in answers for vector in answer]
        widest = max((len(row) for row in rows), default=0)
        if any(len(row) != widest for row in rows):
            raise BackendError(
                f"{self._model.describe()['model']}: its vectors have different lengths; is it one model behind this name?"
            )
        return of_unit_length(np.array(rows, np.float32).reshape(len(rows), widest))


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Cut texts into requests."""
    batch: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode("utf-8", "surrogatepass"))
        if batch and (len(batch) == TEXTS_A_REQUEST or size + length > BYTES_A_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch
