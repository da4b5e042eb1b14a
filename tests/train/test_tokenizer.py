"""The tokenizer: exact round trips, digits alone, a template that Auto classes apply, nothing of the held-out split."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from codewright.core.chat import END_OF_TEXT, PAD, SPECIAL_TOKENS, TURN_END
from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset, Manifest
from codewright.core.records import DOCUMENT_SCHEMA
from tests.train.conftest import VOCAB_SIZE, Train, document, make_dataset

CHAT = [
    {"role": "user", "content": "Add 12 to x"},
    {"role": "assistant", "content": "def f(x):\n    return x + 12\n"},
    {"role": "user", "content": "and 3"},
    {"role": "assistant", "content": "no"},
]


def test_auto_tokenizer_round_trips_every_text(tokenizer_stage: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_stage / "model")
    for text in (
        "def f(x):\n\tif x:\n        return 'é日本 \U0001f600'  \n\n\n",
        "  a b\r\n",
        "",
        "x" * 50,
        "\uff11\uff12 \u0663",
    ):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) == VOCAB_SIZE
    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS] == list(
        range(len(SPECIAL_TOKENS))
    )
    assert (tokenizer.eos_token, tokenizer.pad_token) == (END_OF_TEXT, PAD)


def test_digits_brackets_newlines_and_indentation_stand_alone(tokenizer_stage: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_stage / "model")
    pieces = [tokenizer.decode([token]) for token in tokenizer.encode("x = 1234\n        return 5")]
    assert [piece for piece in pieces if piece.strip().isdigit()] == ["1", "2", "3", "4", "5"]
    closing = [tokenizer.decode([token]) for token in tokenizer.encode("f({g('b')[0]}):\n")]
    assert [piece for piece in closing if set(piece) & set(")]}")] == [")", "]", "}", ")"]
    assert pieces[pieces.index("\n") :][:3] == ["\n", "    ", "    "]


def test_the_template_marks_answers_with_their_end_of_turn(tokenizer_stage: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_stage / "model")
    text = tokenizer.apply_chat_template(CHAT, tokenize=False)
    assert text.count(TURN_END) == 4
    encoded = tokenizer.apply_chat_template(
        CHAT, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    assert tokenizer.decode(encoded["input_ids"]) == text
    marked = [
        token for token, mark in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mark
    ]
    assert tokenizer.decode(marked) == f"{CHAT[1]['content']}{TURN_END}{CHAT[3]['content']}{TURN_END}"


def test_the_heldout_split_is_not_read(tokenizer_stage: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_stage / "model")
    assert not any("zyxw" in token for token in tokenizer.get_vocab())
    assert Manifest.read(tokenizer_stage).details["documents"] == 60


def test_shards_and_their_order_do_not_matter(
    tmp_path: Path, corpus: Path, tokenizer_stage: Path, train: Train
) -> None:
    texts = [row["content"] for row in Dataset(corpus).rows()]
    other = make_dataset(tmp_path / "other", map(document, reversed(texts)), DOCUMENT_SCHEMA)
    train("tokenizer", {"corpus": "c", "vocab_size": VOCAB_SIZE}, tmp_path / "out", {"c": other})
    file = "model/tokenizer.json"
    assert (tmp_path / "out" / file).read_bytes() == (tokenizer_stage / file).read_bytes()


def test_a_sample_of_the_corpus_is_taken(tmp_path: Path, corpus: Path, train: Train) -> None:
    config = {"corpus": "c", "vocab_size": VOCAB_SIZE, "sample_bytes": 5000}
    manifest = train("tokenizer", config, tmp_path / "out", {"c": corpus})
    assert 2 <= manifest.details["documents"] <= 20


def test_bad_input_is_one_line(tmp_path: Path, corpus: Path, train: Train) -> None:
    empty = make_dataset(tmp_path / "empty", [], DOCUMENT_SCHEMA)
    with pytest.raises(ConfigError, match="no documents"):
        train("tokenizer", {"corpus": "c"}, tmp_path / "a", {"c": empty})
    with pytest.raises(ConfigError, match="at least 272"):
        train("tokenizer", {"corpus": "c", "vocab_size": 100}, tmp_path / "b", {"c": corpus})
