"""Tokens are counted as the tokenizer itself counts them, stay right when content changes, and can be a target."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset
from codewright.corpus import tokens, transform, transforms

Run = Callable[..., Any]
HEADER = "# Copyright 2020 Someone Else\n# SPDX-License-Identifier: MIT\n\n"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BPE that would cut texts at 8 tokens and fill them up to 64, as models' own often do."""
    made = Tokenizer(models.BPE(unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(
        ["def add(a, b): return a + b", "import math"],
        trainers.BpeTrainer(vocab_size=60, special_tokens=["?"]),
    )
    made.enable_truncation(8)
    made.enable_padding(length=64)
    folder = tmp_path_factory.mktemp("tokenizer") / "model"
    folder.mkdir()
    made.save(str(folder / "tokenizer.json"))
    return folder.parent


@pytest.fixture
def counting(tokenizer: Path) -> Callable[[str], int]:
    plain = Tokenizer.from_file(str(tokenizer / "model" / "tokenizer.json"))
    plain.no_truncation()
    plain.no_padding()
    return lambda text: len(plain.encode(text, add_special_tokens=False).ids)


def build(run_stages: Run, source: Path, **options: Any) -> Dataset:
    out = source.parent / f"run{len(list(source.parent.iterdir()))}"
    stage = {"id": "corpus", "source": [str(source)], "heldout": 0.2, "rules": "none", **options}
    run_stages([{"corpus.build": stage}], out=out)
    return Dataset(out / "corpus")


def test_every_document_and_language_has_its_tokens_also_where_content_changed(
    run_stages: Run, source: Path, tokenizer: Path, counting: Callable[[str], int]
) -> None:
    (source / "alpha" / "headed.py").write_text(HEADER + "def headed(a, b):\n    return a + b\n" * 3)
    dataset = build(run_stages, source, tokenizer=str(tokenizer))
    rows = [row for split in ("", "heldout") for row in dataset.rows(split)]
    assert {row["path"]: row["tokens"] for row in rows} == {
        row["path"]: counting(row["content"]) for row in rows
    }
    headed = next(row for row in rows if row["path"].endswith("headed.py"))
    assert "Copyright" not in headed["content"]
    details = dataset.manifest.details
    assert details["tokens_kept"] == sum(row["tokens"] for row in rows)
    for language, total in details["tokens_by_language"].items():
        assert total == sum(row["tokens"] for row in rows if row["language"] == language)
    stages = details["stages"]
    assert "tokens_kept" not in stages["ingest"]
    # what the header held left with it
    gone = stages["tokens"]["tokens_kept"] - stages["transform"]["tokens_kept"]
    assert gone == counting(HEADER + headed["content"]) - headed["tokens"] > 10
    assert sum(stages["sample"]["documents_by_language"].values()) == len(rows)


def test_tokens_are_a_target(run_stages: Run, source: Path, tokenizer: Path) -> None:
    whole = build(run_stages, source, tokenizer=str(tokenizer)).manifest.details["tokens_kept"]
    drawn = build(run_stages, source, tokenizer=str(tokenizer), downsample={"python": {"tokens": whole // 2}})
    assert 0 < drawn.manifest.details["tokens_kept"] <= whole // 2
    with pytest.raises(ConfigError, match="downsample: python: no tokens were counted; give"):
        build(run_stages, source, downsample={"python": {"tokens": 5}})
    with pytest.raises(ConfigError, match=r"one of \{ratio: x\}, \{bytes: n\} and \{tokens: n\}"):
        build(run_stages, source, downsample={"python": {"tokens": 5, "ratio": 0.5}})


def test_another_tokenizer_is_other_work(run_stages: Run, source: Path, tokenizer: Path) -> None:
    digest = tokens.tokenizer_digest(str(tokenizer))
    assert list(digest) == [f"tokenizer {tokenizer}"]
    file = tokenizer / "model" / "tokenizer.json"
    assert tokens.tokenizer_digest(str(file)).popitem()[1] == digest.popitem()[1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing/nowhere/x", None, "missing/nowhere/x: no such folder, and no id of the hub either"),
        ("empty", "", "no tokenizer.json in it; save_pretrained of transformers' AutoTokenizer makes one"),
        ("broken", "{}", "not one of Hugging Face's tokenizer.json"),
    ],
)
def test_what_is_no_tokenizer_is_said_before_anything_is_read(
    run_stages: Run, source: Path, name: str, content: str | None, message: str
) -> None:
    folder = source.parent / name
    if content is not None:
        folder.mkdir()
    if content:
        (folder / "tokenizer.json").write_text(content)
    with pytest.raises(ConfigError, match=message):
        build(run_stages, source, tokenizer=str(folder) if content is not None else name)


def test_many_and_long_and_no_texts_are_counted_in_their_order(
    tokenizer: Path, counting: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"def add{number}(a, b): " * (number % 13) for number in range(200)]
    monkeypatch.setattr(tokens, "_CHARS_AT_A_TIME", 500)
    found = tokens.count_tokens(pa.chunked_array([texts[:70], [], texts[70:]]), str(tokenizer))
    assert found.tolist() == [counting(text) for text in texts]
    assert len(tokens.count_tokens(pa.chunked_array([], pa.string()), str(tokenizer))) == 0


def test_the_stage_names_the_kinds_that_the_detectors_know() -> None:
    assert set(get_args(transform.Kind)) == set(transforms.KINDS)
