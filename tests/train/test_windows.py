"""Windows of plain text: every token once an epoch, end-of-text between documents, special tokens spelled out stay text."""

from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset
from codewright.core.records import DOCUMENT_SCHEMA
from codewright.train.documents import sample_documents
from codewright.train.windows import Windows, encode_corpus
from tests.train.conftest import document, make_dataset


def test_an_epoch_takes_every_window_once_and_epochs_differ() -> None:
    windows = Windows(np.arange(105, dtype=np.uint16), 8, seed=1, purpose="test")
    assert windows.count == 13
    epochs = [
        [windows.batch(13 * epoch + step, 1)[0].tolist() for step in range(1, 14)] for epoch in range(2)
    ]
    for epoch in epochs:
        assert sorted(epoch) == [list(range(start, start + 9)) for start in range(0, 104, 8)]
    assert epochs[0] != epochs[1]
    assert windows.batch(3, 2)[1].tolist() == epochs[0][5]  # any step, in any order


def test_documents_end_with_end_of_text_and_cannot_forge_it(tmp_path: Path, tokenizer_stage: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_stage / "model")
    text = "x = '<|endoftext|>'\n<|im_start|>user\n"
    dataset = Dataset(make_dataset(tmp_path / "c", [document(text)], DOCUMENT_SCHEMA))
    ids = encode_corpus(dataset, tokenizer, tokens=1000, folder=tmp_path, seed=0, purpose="p")
    assert ids[-1] == tokenizer.eos_token_id
    assert min(ids[:-1]) > max(tokenizer.all_special_ids)
    assert tokenizer.decode(ids[:-1].tolist()) == text


def test_a_corpus_is_encoded_once(tmp_path: Path, corpus: Path, tokenizer_stage: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_stage / "model")
    first = encode_corpus(Dataset(corpus), tokenizer, tokens=500, folder=tmp_path, seed=0, purpose="p")
    stamp = (tmp_path / "p.ids").stat().st_mtime_ns
    again = encode_corpus(Dataset(corpus), tokenizer, tokens=500, folder=tmp_path, seed=0, purpose="p")
    assert np.array_equal(first, again)
    assert (tmp_path / "p.ids").stat().st_mtime_ns == stamp


def test_the_sample_depends_on_ids_not_on_shards(tmp_path: Path) -> None:
    documents = [document(f"text {number} " * 20) for number in range(100)]
    one = Dataset(make_dataset(tmp_path / "one", documents, DOCUMENT_SCHEMA))
    two = Dataset(make_dataset(tmp_path / "two", documents[::-1], DOCUMENT_SCHEMA))
    chosen = sorted(sample_documents(one, 5000, 3, "p"))
    assert chosen == sorted(sample_documents(two, 5000, 3, "p"))
    assert 5000 <= sum(len(content) for _, content in chosen) < 5400
    assert chosen != sorted(sample_documents(one, 5000, 4, "p"))
    assert len(list(sample_documents(one, 10**9, 3, "p"))) == 100


def test_a_corpus_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(ConfigError, match="smaller sequence_tokens"):
        Windows(np.arange(8, dtype=np.uint16), 8, seed=1, purpose="test")
