"""What an embedder is: texts in, vectors out. Finding it by the prefix of a spec, and keeping what it gave.

    hashed[:DIMENSIONS]                      words of code and their SVD, nothing to download
    hashed:FILE                              the same with axes that were fitted and saved before
    sentence_transformers:PATH or PATH       a model of that library in a folder
    sentence_transformers:ORG/NAME[@REV]     one of the hub's
    openai:NAME                              a model behind an OpenAI-compatible server, at a base URL or OpenAI's own

Vectors of models are kept below the cache folder, a file for each embedder, and found again by the text's id.
Imports nothing heavy but numpy: the plugin does, when it is opened.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from codewright.core.cache import cache_root
from codewright.core.errors import BackendError, ConfigError, DataError
from codewright.core.plugins import list_plugins, load_plugin
from codewright.core.records import content_id

EMBEDDERS = "codewright.models.embedders"
OF_FOLDERS = "sentence_transformers"
"""What opens a spec that is a folder."""

TEXTS_AT_ONCE = 2048
"""Texts embedded before their vectors are kept: work for sixteen requests at once, and what a kill may lose."""

_WAIT_S = 60.0
"""How long to wait for another process that writes to the same file."""


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns texts into vectors. Not for event loops: there, `await asyncio.to_thread(embedder.embed, texts)`."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, d) vectors of unit length, zeros for a text that holds nothing the embedder knows.

        Raises ConfigError for what the user must change, BackendError when a server or model fails.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Return plain JSON: `embedder` (the spec) and all that tells its vectors apart from others."""
        ...


def open_embedder(spec: str, base_url: str | None = None) -> Embedder:
    """Open an embedder by its spec, `PLUGIN`, `PLUGIN:REST` or a folder.

    Raises ConfigError for an unknown plugin, a bad model, a missing extra, or a base URL that nothing asks for.
    """
    prefix, _, rest = spec.partition(":")
    if prefix not in list_plugins(EMBEDDERS) and Path(spec).is_dir():
        prefix, rest = OF_FOLDERS, spec
    plugin = load_plugin(EMBEDDERS, prefix)
    if getattr(plugin, "SERVED", False):
        embedder: Embedder = plugin.open_embedder_plugin(rest, base_url)
    elif base_url is not None:
        raise ConfigError(f"embedder {spec}: a base URL is for served models; did you mean openai:NAME?")
    else:
        embedder = plugin.open_embedder_plugin(rest)
    return KeptEmbedder(embedder) if getattr(plugin, "KEPT", False) else embedder


def of_unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows to length 1; zeros stay."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


class KeptEmbedder:
    """An embedder whose vectors are looked up first, and kept as they come. Equal texts are embedded once."""

    def __init__(self, embedder: Embedder) -> None:
        """Wrap one whose vectors depend on nothing but `describe()` and the text."""
        self._embedder = embedder

    def describe(self) -> dict[str, Any]:
        """Return what the embedder says of itself."""
        return self._embedder.describe()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors; raises as the embedder does, and DataError where the file of kept ones is damaged."""
        ids = [content_id(text) for text in texts]
        with _kept(self.describe()) as kept:
            found = {id_: vector for id_ in dict.fromkeys(ids) if (vector := kept.find(id_)) is not None}
            missing = {id_: text for id_, text in zip(ids, texts, strict=True) if id_ not in found}
            names = list(missing)
            for start in range(0, len(names), TEXTS_AT_ONCE):
                some = names[start : start + TEXTS_AT_ONCE]
                vectors = self._check(self._embedder.embed([missing[name] for name in some]), len(some))
                new = dict(zip(some, vectors, strict=True))
                kept.add(new)
                found |= new
        if len({len(vector) for vector in found.values()}) > 1:
            raise BackendError(
                f"{self._name()}: its vectors have different lengths; is it one model behind this name?"
            )
        return np.array([found[id_] for id_ in ids], np.float32).reshape(len(ids), -1 if ids else 0)

    def _check(self, vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        if vectors.ndim != 2 or len(vectors) != count:
            raise BackendError(f"{self._name()}: gave vectors of the shape {vectors.shape} for {count} texts")
        if not np.isfinite(vectors).all():
            raise BackendError(f"{self._name()}: gave a vector with a number that is not finite")
        return vectors

    def _name(self) -> str:
        return f"embedder {self.describe().get('embedder')}"


class _Kept:
    """The kept vectors of one embedder; without a file it finds and keeps nothing."""

    def __init__(self, database: sqlite3.Connection | None) -> None:
        self._database = database

    def find(self, id_: str) -> NDArray[np.float32] | None:
        if self._database is None:
            return None
        row = self._database.execute(
            "SELECT vector FROM vectors WHERE id = ?", (bytes.fromhex(id_),)
        ).fetchone()
        return None if row is None else np.frombuffer(row[0], "<f4")

    def add(self, vectors: dict[str, NDArray[np.float32]]) -> None:
        if self._database is None:
            return
        rows = [(bytes.fromhex(id_), vector.astype("<f4").tobytes()) for id_, vector in vectors.items()]
        with contextlib.suppress(sqlite3.OperationalError), self._database:  # a full disk: they are not kept
            self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)


@contextlib.contextmanager
def _kept(description: dict[str, Any]) -> Iterator[_Kept]:
    """Open the file of an embedder's vectors, made if need be; none where the cache folder cannot be written."""
    said = json.dumps(description, sort_keys=True)
    path = cache_root() / "embeddings" / f"{hashlib.sha256(said.encode()).hexdigest()[:32]}.sqlite"
    database = None
    try:
        with contextlib.suppress(OSError, sqlite3.OperationalError):
            path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(path, timeout=_WAIT_S)
            with database:
                database.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (id BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
                )
                database.execute("CREATE TABLE IF NOT EXISTS embedder (description TEXT PRIMARY KEY)")
                database.execute("INSERT OR IGNORE INTO embedder VALUES (?)", (said,))
            yield _Kept(database)
            return
        yield _Kept(None)
    except sqlite3.DatabaseError as error:
        raise DataError(f"{path}: the kept vectors cannot be read ({error}); remove it") from None
    finally:
        if database is not None:
            database.close()
