"""Embedding models of the sentence-transformers library, from a folder or the hub (extra `embed`).

WaveCoder's is sentence-transformers/all-roberta-large-v1 (src/data/raw_code_collection/main.py). Texts are cut at the model's longest
input, as the library does it; code that comes with a model is not run. Runs where torch finds an accelerator, else on the CPU.
Limit: in other company a text is padded to another length, which moves the last bits of its vector; what is kept stays as it was.
"""

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codewright.core.errors import BackendError, ConfigError
from codewright.core.text import one_line
from codewright.models.embed import of_unit_length

KEPT = True

LIBRARY = "sentence_transformers"
BATCH = 32
"""Texts in one pass of the model: the library's default."""

_MODULES = "modules.json"
_SETTINGS = "config.json"


def open_embedder_plugin(rest: str) -> "SentenceTransformersEmbedder":
    """Load a model by folder or hub id, with or without @revision. Raises ConfigError for a missing extra or no such model."""
    try:
        library: Any = importlib.import_module(LIBRARY)
        from codewright.models.hf_source import HfSource, find_source
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"embedder sentence_transformers: needs the package '{error.name}', which is not installed: pip install 'codewright[embed]'"
        ) from None
    if not rest:
        raise ConfigError(
            "embedder sentence_transformers: has no model; give a folder or a hub id after the colon"
        )
    folder = Path(rest)
    if folder.exists():
        _check_folder(folder)
        source, identity = HfSource(str(folder)), _identity(folder)
    else:
        source = find_source(rest)
        identity = source.identity()
    try:
        model = library.SentenceTransformer(source.path, **source.options())
    except Exception as error:  # a broken file, a missing module, a model that wants its own code run: each a kind of its own
        raise ConfigError(
            f"embedder sentence_transformers:{rest}: the library cannot load it: {one_line(error, 200)}"
        ) from None
    return SentenceTransformersEmbedder(rest, identity, model)


def _check_folder(folder: Path) -> None:
    if not any((folder / name).is_file() for name in (_MODULES, _SETTINGS)):
        raise ConfigError(
            f"{folder}: not a sentence-transformers folder, it has neither {_MODULES} nor {_SETTINGS}"
        )


def _identity(folder: Path) -> str:
    """Hash the folder's files as models are, and those of its modules' folders, which hold pooling and other layers."""
    from codewright.models.hf_source import HfSource

    digest = hashlib.sha256(HfSource(str(folder)).identity().encode())
    for path in sorted(folder.glob("*.json")):
        digest.update(path.name.encode() + path.read_bytes())
    for module in sorted(path for path in folder.iterdir() if path.is_dir()):
        digest.update(f"{module.name} {HfSource(str(module)).identity()}".encode())
    return digest.hexdigest()


class SentenceTransformersEmbedder:
    """A loaded model."""

    def __init__(self, name: str, identity: str, model: Any) -> None:
        """identity: what tells its weights apart, the hub's commit or a hash."""
        self._name = name
        self._identity = identity
        self._model = model

    def describe(self) -> dict[str, Any]:
        """Return the model, what tells its weights apart, and its longest input in tokens."""
        return {
            "embedder": f"sentence_transformers:{self._name}",
            "weights": self._identity,
            "max_tokens": self._model.max_seq_length,
        }

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors, brought to unit length. Raises BackendError where the model fails (out of memory)."""
        if not texts:
            return np.zeros((0, 0), np.float32)
        try:
            vectors = self._model.encode(
                list(texts), batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True
            )
        except RuntimeError as error:
            raise BackendError(
                f"embedder sentence_transformers:{self._name}: {one_line(error, 200)}"
            ) from None
        return of_unit_length(np.asarray(vectors, np.float32))
