"""The local backend: batches answer as single requests do, sampling is repeatable, likelihoods are those of the model."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from codewright.core.chat import CHAT_TEMPLATE, END_OF_TEXT, PAD, SPECIAL_TOKENS
from codewright.core.errors import ConfigError
from codewright.core.records import Message
from codewright.models.backends import hf
from codewright.models.model import LikelihoodModel, Model, Reply, Sampling, open_model

TEXTS = [f"def f{'x' * (7 * n % 40)}(a):\n    return {n}" for n in range(1, 24)]
GREEDY = Sampling(max_tokens=24)
MAX_POSITIONS = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model over single bytes; its weights are large, so that no two tokens are nearly tied."""

    vocabulary = {token: number for number, token in enumerate(SPECIAL_TOKENS)}
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary[letter] = len(vocabulary)
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=END_OF_TEXT, pad_token=PAD, chat_template=CHAT_TEMPLATE,
        extra_special_tokens=[token for token in SPECIAL_TOKENS if token not in {END_OF_TEXT, PAD}],
    )  # fmt: skip
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=MAX_POSITIONS, initializer_range=0.4, tie_word_embeddings=True,
        bos_token_id=0, eos_token_id=0, pad_token_id=3,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = [0, 2]
    path = tmp_path_factory.mktemp("hf") / "model"
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return open_model(str(folder))


def complete(model: Any, texts: list[str], sampling: Sampling) -> list[Reply]:
    return asyncio.run(model.complete(texts, sampling))


def test_it_is_a_model_and_opens_from_a_stage_folder(model: Any, folder: Path) -> None:
    assert isinstance(model, Model)
    assert isinstance(model, LikelihoodModel)
    assert complete(open_model(f"hf:{folder.parent}"), TEXTS[:2], GREEDY) == complete(
        model, TEXTS[:2], GREEDY
    )


def test_greedy_equals_transformers_own_generate(model: Any, folder: Path) -> None:
    reference, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    for text, reply in zip(TEXTS, complete(model, TEXTS, GREEDY), strict=True):
        inputs = tokenizer(text, return_tensors="pt")
        output = reference.generate(**inputs, max_new_tokens=24, do_sample=False)[0]
        expected = tokenizer.decode(output[inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert reply.text == expected
        assert reply.prompt_tokens == inputs["input_ids"].shape[1]


def test_batched_equals_one_at_a_time_in_any_order(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for sampling in (GREEDY, Sampling(max_tokens=24, temperature=0.9, top_p=0.9, seed=5)):
        together = complete(model, TEXTS, sampling)
        assert len({reply.text for reply in together}) > 15  # the model does tell prompts apart
        assert [complete(model, [text], sampling)[0] for text in TEXTS] == together
        assert complete(model, TEXTS[::-1], sampling) == together[::-1]
        monkeypatch.setattr(hf, "BATCH_ROWS", 4)
        assert complete(model, TEXTS, sampling) == together
        monkeypatch.undo()


def test_a_batch_is_one_pass_through_the_model_per_token(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    forward = model.model.forward
    monkeypatch.setattr(model.model, "forward", lambda *a, **k: passes.append(1) or forward(*a, **k))
    complete(model, TEXTS, GREEDY)
    assert len(passes) <= GREEDY.max_tokens


def test_replies_end_at_an_end_token_or_at_the_limit(model: Any) -> None:
    replies = complete(model, TEXTS * 4, Sampling(max_tokens=60, temperature=1.5, seed=1))
    reasons = {reply.finish_reason for reply in replies}
    assert reasons == {"stop", "length"}
    for reply in replies:
        assert reply.completion_tokens <= 60
        assert (reply.completion_tokens < 60) == (reply.finish_reason == "stop")
        assert "<|" not in reply.text


def test_sampling_depends_on_the_seed_and_repeats_differ(model: Any) -> None:
    sampling = Sampling(max_tokens=24, temperature=1.0, seed=1)
    repeated = [reply.text for reply in complete(model, [TEXTS[0]] * 6, sampling)]
    assert len(set(repeated)) > 1
    assert [reply.text for reply in complete(model, [TEXTS[0]] * 6, sampling)] == repeated
    other = Sampling(max_tokens=24, temperature=1.0, seed=2)
    assert [reply.text for reply in complete(model, [TEXTS[0]] * 6, other)] != repeated


def test_a_tiny_top_p_is_greedy(model: Any) -> None:
    sampling = Sampling(max_tokens=24, temperature=1.0, top_p=1e-9, seed=1)
    assert complete(model, TEXTS, sampling) == complete(model, TEXTS, GREEDY)


def test_sampled_tokens_follow_the_model(model: Any, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    number = 3000
    replies = complete(model, [TEXTS[0]] * number, Sampling(max_tokens=1, temperature=3.0, seed=0))
    logits = model.model(**tokenizer(TEXTS[0], return_tensors="pt")).logits[0, -1]
    probabilities = (logits / 3.0).softmax(-1)
    # Tokens that are a letter of their own; the halves of longer characters all look alike in text.
    letters = [
        token for token in probabilities.argsort(descending=True) if tokenizer.decode([token]).isascii()
    ]
    plain = [token for token in letters if token not in tokenizer.all_special_ids]
    for token in plain[:3]:
        expected = probabilities[token].item()
        text = tokenizer.decode([token])
        found = sum(reply.text == text for reply in replies) / number
        assert abs(found - expected) < 5 * math.sqrt(expected * (1 - expected) / number)


def test_stop_texts_end_a_reply_and_are_left_out(model: Any) -> None:
    [whole] = complete(model, TEXTS[:1], GREEDY)
    stop = whole.text[5:7]
    sampling = Sampling(max_tokens=24, stop=("never there", stop))
    [cut] = complete(model, TEXTS[:1], sampling)
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"
    assert cut.completion_tokens < whole.completion_tokens


def test_chats_go_through_the_template(model: Any) -> None:
    chats = [[Message("user", text)] for text in TEXTS]
    rendered = [f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n" for text in TEXTS]
    replies = asyncio.run(model.generate(chats, GREEDY))
    assert replies == complete(model, rendered, GREEDY)
    assert replies[0].prompt_tokens < len(rendered[0])  # turns are single tokens, not text


def test_prompts_without_room_get_an_empty_reply(model: Any) -> None:
    too_long, tight = complete(model, ["x" * MAX_POSITIONS, "x" * (MAX_POSITIONS - 3)], GREEDY)
    assert (too_long.text, too_long.finish_reason, too_long.completion_tokens) == ("", "length", 0)
    assert tight.completion_tokens <= 3
    assert complete(model, [], GREEDY) == []


def test_likelihoods_are_those_of_the_model_and_every_token_counts_once(model: Any, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = ["a", "def f(x): return x", "y = '<|endoftext|>'", "", "z" * 100]
    scores = asyncio.run(model.log_likelihood(texts, 16))
    assert [tokens for _, tokens in scores] == [1, 18, 19, 0, 100]
    for text, (nats, _) in zip(texts[:2], scores[:2], strict=True):
        ids = [tokenizer.eos_token_id, *tokenizer.encode(text)]
        expected = 0.0
        for start in range(0, len(ids) - 1, 16):
            window = ids[start : start + 17]
            logits_TV = model.model(input_ids=torch.tensor([window])).logits[0].log_softmax(-1)
            expected += sum(logits_TV[place - 1, window[place]].item() for place in range(1, len(window)))
        assert nats == pytest.approx(expected, rel=1e-4)
    assert scores[3] == (0.0, 0)
    backwards = asyncio.run(model.log_likelihood(texts[::-1], 16))[::-1]
    assert [nats for nats, _ in backwards] == pytest.approx([nats for nats, _ in scores])


def test_a_folder_with_damaged_weights_is_one_line(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:500])
    with pytest.raises(ConfigError, match="cannot be loaded") as caught:
        open_model(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_concurrent_callers_get_their_own_replies(model: Any) -> None:
    async def both() -> list[list[Reply]]:
        return await asyncio.gather(model.complete(TEXTS[:8], GREEDY), model.complete(TEXTS[8:], GREEDY))

    first, second = asyncio.run(both())
    assert first + second == complete(model, TEXTS, GREEDY)
