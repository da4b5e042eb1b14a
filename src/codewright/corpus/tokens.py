"""The stage `corpus.tokens`: documents in, the same with a column `tokens` out, counted with any Hugging Face tokenizer."""

import functools
import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from codewright.core.config import StageRef, strict
from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet, write_parquet
from codewright.core.manifest import Counts
from codewright.corpus.parts import TOKENS, by_language, kept_documents, shards_of, summed
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CHARS_AT_A_TIME = 4_000_000
"""Of text that is encoded together: what a tokenizer returns takes some fifty times the memory of the text."""


@strict
@dataclass(frozen=True)
class Config:
    """Whose documents to count, and with what."""

    corpus: StageRef
    """The dataset whose documents are counted; its held-out part, too."""
    tokenizer: str
    """A tokenizer.json, a folder that holds one, or an id of the hub, which may end in @revision."""

    def check(self) -> None:
        """Look for the tokenizer. Raises ConfigError."""
        check_tokenizer(self.tokenizer)

    def file_digests(self) -> dict[str, str]:
        """Name the tokenizer's content."""
        return tokenizer_digest(self.tokenizer)


def check_tokenizer(name: str) -> None:
    """Find and load a tokenizer. Raises ConfigError when it is missing, damaged, or the extra is."""
    if importlib.util.find_spec("tokenizers") is None:
        raise ConfigError("tokenizer: needs the package 'tokenizers': pip install 'codewright[tokens]'")
    _load(name)


def tokenizer_digest(name: str) -> dict[str, str]:
    """Return the SHA-256 of a tokenizer by its name, for fingerprints."""
    check_tokenizer(name)
    return {f"tokenizer {name}": hashlib.sha256(_file(name).read_bytes()).hexdigest()}


def run(config: Config, context: StageContext) -> StageResult:
    """Count every part."""
    shards = shards_of(context.dataset(config.corpus), context.out, tokenizer=config.tokenizer)
    counted = context.engine.map(count_shard, shards, "corpus: tokens")
    counts, documents = kept_documents(counted)
    return StageResult(counts, details={**summed(counted), **documents})


def count_shard(shard: Shard) -> dict[str, Any]:
    """Write one part with its column of tokens."""
    out, source, split = Path(shard.out), Path(shard.inputs[0]), shard.params["split"]
    table = read_parquet(source)
    if TOKENS in table.column_names:
        table = table.drop_columns([TOKENS])
    counts = count_tokens(table.column("content"), shard.params["tokenizer"])
    table = table.append_column(TOKENS, pa.array(counts, pa.int64()))
    write_parquet(out / split / source.name, table)
    return {
        "counts": Counts(len(table), len(table)).to_json(),
        "heldout": len(table) if split else 0,
        **by_language(table),
    }


def count_tokens(contents: pa.ChunkedArray, tokenizer: str) -> NDArray[np.int64]:
    """Count the tokens of each text, without those a model wants around it."""
    encode = _load(tokenizer).encode_batch_fast
    counts: list[int] = []
    texts: list[str] = []
    size = 0

    def flush() -> None:
        try:
            counts.extend(len(found) for found in encode(texts, add_special_tokens=False))
        except Exception as error:  # a vocabulary without its own unknown token, say
            raise ConfigError(f"tokenizer {tokenizer}: cannot encode the corpus ({error})") from None
        texts.clear()

    for chunk in contents.chunks:
        for value in chunk:
            texts.append(value.as_py())
            size += len(texts[-1])
            if size >= _CHARS_AT_A_TIME:
                flush()
                size = 0
    flush()
    return np.array(counts, np.int64)


@functools.cache
def _file(name: str) -> Path:
    from codewright.models.hf_source import find_tokenizer

    return find_tokenizer(name)


@functools.cache
def _load(name: str) -> "Tokenizer":
    # Shards are what runs side by side; threads of the library's own would take each other's cores.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from tokenizers import Tokenizer

    path = _file(name)
    try:
        made = Tokenizer.from_file(str(path))
    except Exception as error:  # its parser raises Exception itself
        raise ConfigError(f"tokenizer {path}: not one of Hugging Face's tokenizer.json ({error})") from None
    made.no_truncation()  # which some bring with them
    made.no_padding()
    return made
