"""Plain text as training windows: documents tokenised once to a file of ids, batches cut from it by (seed, step) alone."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codewright.core.errors import ConfigError
from codewright.core.io import atomic_write, read_json, write_json
from codewright.core.manifest import Dataset
from codewright.core.rng import stable_hash
from codewright.train.documents import sample_documents

BYTES_PER_TOKEN_BOUND = 6
"""Documents are drawn up to this many bytes per wanted token: above what tokenizers reach on code (2 to 4.5)."""
_BATCH_DOCUMENTS = 256


class Windows:
    """Windows of a token stream in an order shuffled anew for each epoch."""

    def __init__(
        self, ids: npt.NDArray[np.unsignedinteger[Any]], sequence_tokens: int, seed: int, purpose: str
    ) -> None:
        """ids: the stream, shape (N,). Raises ConfigError when it is shorter than one window and the token after it."""
        self._ids, self._length = ids, sequence_tokens
        self._key = (seed, purpose)
        self.count = (len(ids) - 1) // sequence_tokens
        if self.count < 1:
            raise ConfigError(
                f"the corpus has {len(ids)} tokens, one window needs {sequence_tokens + 1}; "
                "give a larger corpus or a smaller sequence_tokens"
            )
        self._epoch = -1
        self._order: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def batch(self, step: int, size: int) -> npt.NDArray[np.int64]:
        """Return windows of shape (size, sequence_tokens + 1) for a step, counted from 1; the last id is only a target."""
        rows = []
        for number in range((step - 1) * size, step * size):
            epoch, position = divmod(number, self.count)
            if epoch != self._epoch:
                self._epoch = epoch
                self._order = np.random.default_rng(stable_hash(*self._key, epoch)).permutation(self.count)
            start = int(self._order[position]) * self._length
            rows.append(self._ids[start : start + self._length + 1])
        return np.stack(rows).astype(np.int64)


def encode_corpus(
    dataset: Dataset, tokenizer: Any, *, tokens: int, folder: Path, seed: int, purpose: str
) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Tokenise enough documents for `tokens` tokens, each ended by end-of-text, to a file in folder; map it.

    Done once: a resumed run maps the finished file. Special tokens spelled out in documents stay plain text.
    Raises: ConfigError when the corpus is empty.
    """
    path, note = folder / f"{purpose}.ids", folder / f"{purpose}.json"
    if not note.exists():
        width = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
        count = 0
        with atomic_write(path) as file:
            for block in _encoded_blocks(dataset, tokenizer, tokens * BYTES_PER_TOKEN_BOUND, seed, purpose):
                file.write(np.asarray(block, dtype=width).tobytes())
                count += len(block)
        write_json(note, {"dtype": np.dtype(width).name, "tokens": count})
    facts = read_json(note)
    if not facts["tokens"]:
        raise ConfigError(f"{dataset.folder}: no documents to train on")
    return np.memmap(path, dtype=facts["dtype"], mode="r", shape=(facts["tokens"],))


def _encoded_blocks(
    dataset: Dataset, tokenizer: Any, sample_bytes: int, seed: int, purpose: str
) -> Iterator[list[int]]:
    backend = tokenizer.backend_tokenizer
    documents = sample_documents(dataset, sample_bytes, seed, purpose)
    backend.encode_special_tokens = True
    try:
        while texts := [content for _, content in islice(documents, _BATCH_DOCUMENTS)]:
            encodings = backend.encode_batch_fast(texts, add_special_tokens=False)
            yield [token for encoding in encodings for token in (*encoding.ids, tokenizer.eos_token_id)]
    finally:
        backend.encode_special_tokens = False
