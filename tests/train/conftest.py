"""A small corpus, rows and a trained tokenizer, made once; stages run through the engine's own StageRun."""

import importlib
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from codewright.core.config import build
from codewright.core.drills import draw
from codewright.core.io import write_parquet
from codewright.core.manifest import Manifest, fingerprint
from codewright.core.progress import Reporter
from codewright.core.records import (
    DOCUMENT_SCHEMA,
    SAMPLE_SCHEMA,
    Document,
    Form,
    Message,
    Origin,
    Sample,
    content_id,
    to_table,
)
from codewright.engine.local import LocalEngine
from codewright.engine.stage import StageContext, StageRun
from codewright.train.config import PretrainConfig, SftConfig, TokenizerConfig

CONFIGS = {"tokenizer": TokenizerConfig, "pretrain": PretrainConfig, "sft": SftConfig}
VOCAB_SIZE = 400
TINY = {
    "hidden_size": 32, "layers": 2, "heads": 2, "kv_heads": 1, "intermediate_size": 48, "sequence_tokens": 32,
    "batch_sequences": 4, "tokens": 1280, "checkpoint_steps": 2, "log_steps": 1, "threads": 1,
}  # fmt: skip
"""A model of 20,000 parameters, 10 steps."""
TINY_SFT = {
    "batch_tokens": 512, "sequence_tokens": 32, "max_tokens": 96, "tokens": 5120, "checkpoint_steps": 2, "log_steps": 1,
    "threads": 1, "replay_fraction": 0.25,
}  # fmt: skip


def make_dataset(folder: Path, rows: Iterable[Any], schema: pa.Schema, **splits: Iterable[Any]) -> Path:
    """Write a finished dataset of one shard, with other splits by name."""
    for split, part in {"": rows, **splits}.items():
        write_parquet(folder / split / "part-00000.parquet", to_table(part, schema))
    mark = fingerprint(str(folder), {}, 0, {})
    Manifest("test", folder.name, {}, mark, {}, None, 0, None, 0.0, {}).write(folder)
    return folder


def document(text: str) -> Document:
    return Document(content_id(text), text, "a.py", "repo", "python")


def sample(user: str, assistant: str, form: Form = "chat") -> Sample:
    turns = (Message("user", user), Message("assistant", assistant))
    return Sample.make(turns, task="write", method="test", language="python", form=form, origin=Origin())


def stage_run(
    name: str, config: dict[str, Any], out: Path, inputs: dict[str, Path], seed: int = 7
) -> StageRun:
    """Prepare one training stage."""
    module = importlib.import_module(f"codewright.train.{name}")
    context = StageContext(out.name, out, inputs, seed, LocalEngine(1), Reporter(quiet=True))
    return StageRun(f"train.{name}", build(CONFIGS[name], config, name), lambda: module.run, context)


Train = Callable[..., Manifest]


@pytest.fixture(scope="session")
def train() -> Train:
    """Run one training stage into a folder; return its manifest."""
    return lambda *args, **options: stage_run(*args, **options).execute()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 small documents, and one held-out document that holds what no other does."""
    rng = random.Random(0)
    texts = [
        "".join(draw(rng, heldout=False).solution + "\n\n" for _ in range(12)) + f"# file {number}\n"
        for number in range(60)
    ]
    folder = tmp_path_factory.mktemp("data") / "corpus"
    return make_dataset(folder, map(document, texts), DOCUMENT_SCHEMA, heldout=[document("zyxwzyxw " * 500)])


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 drills in both forms."""
    rng = random.Random(1)
    drills = [draw(rng, heldout=False) for _ in range(120)]
    samples = [sample(drill.instruction, drill.solution) for drill in drills]
    samples += [sample(drill.prompt, drill.body, "completion") for drill in drills]
    return make_dataset(tmp_path_factory.mktemp("data") / "rows", samples, SAMPLE_SCHEMA)


@pytest.fixture(scope="session")
def tokenizer_stage(tmp_path_factory: pytest.TempPathFactory, corpus: Path, train: Train) -> Path:
    """A finished tokenizer stage."""
    out = tmp_path_factory.mktemp("stages") / "tokenizer"
    train("tokenizer", {"corpus": "corpus", "vocab_size": VOCAB_SIZE}, out, {"corpus": corpus})
    return out


@pytest.fixture(scope="session")
def base_stage(
    tmp_path_factory: pytest.TempPathFactory, corpus: Path, tokenizer_stage: Path, train: Train
) -> Path:
    """A finished pretraining stage."""
    out = tmp_path_factory.mktemp("stages") / "base"
    config = {"corpus": "corpus", "tokenizer": "tokenizer", **TINY}
    train("pretrain", config, out, {"corpus": corpus, "tokenizer": tokenizer_stage})
    return out
