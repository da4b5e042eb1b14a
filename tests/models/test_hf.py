"""The local backend: batches answer as single requests do, sampling is repeatable, likelihoods are those of the model."""

import asyncio
import math
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import processors
from transformers import AutoModelForCausalLM, AutoTokenizer

from codewright.core.chat import CHAT_TEMPLATE
from codewright.core.errors import ConfigError
from codewright.core.records import Message, content_id
from codewright.models.backends import hf
from codewright.models.model import LikelihoodModel, Model, Reply, Sampling, open_model
from tests.models.tiny_model import save_tiny_model

TEXTS = [f"def f{'x' * (7 * n % 40)}(a):\n    return {n}" for n in range(1, 24)]
GREEDY = Sampling(max_tokens=24)
MAX_POSITIONS = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("hf") / "model", positions=MAX_POSITIONS)


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


def test_plain_texts_get_the_tokenizer_s_start_token_and_chats_only_the_template_s(
    folder: Path, tmp_path: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    start = tokenizer.eos_token
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", special_tokens=[(start, tokenizer.eos_token_id)]
    )
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    tokenizer.save_pretrained(copy)
    plain, with_start = open_model(str(folder)), open_model(str(copy))
    assert complete(with_start, TEXTS[:4], GREEDY) == complete(
        plain, [start + text for text in TEXTS[:4]], GREEDY
    )
    chats = [[Message("user", text)] for text in TEXTS[:4]]
    assert asyncio.run(with_start.generate(chats, GREEDY)) == asyncio.run(plain.generate(chats, GREEDY))


def test_it_says_which_model_it_is_and_how_it_is_asked(model: Any, folder: Path, tmp_path: Path) -> None:
    said = model.describe()
    assert said["model"] == f"hf:{folder}"
    rendered = "<|im_start|>user\nQUESTION<|im_end|>\n<|im_start|>assistant\n"
    assert said["chat_template"] == {"sha256": content_id(CHAT_TEMPLATE), "rendered": rendered}
    base = open_model(str(save_tiny_model(tmp_path / "base", positions=MAX_POSITIONS, chat=False))).describe()
    assert base["chat_template"] is None
    assert base["weights"] != said["weights"]  # the tokenizer counts
    again = open_model(str(save_tiny_model(tmp_path / "again", positions=MAX_POSITIONS))).describe()
    assert again["weights"] == said["weights"]
    other = open_model(str(save_tiny_model(tmp_path / "other", positions=MAX_POSITIONS, seed=4))).describe()
    assert other["weights"] != said["weights"]


def test_a_base_model_in_chat_form_is_pointed_to_completions(tmp_path: Path) -> None:
    base = open_model(str(save_tiny_model(tmp_path / "base", chat=False)))
    with pytest.raises(ConfigError, match="--form completion"):
        asyncio.run(base.generate([[Message("user", "a")]], GREEDY))


def test_a_template_that_does_not_take_a_chat_is_one_line(folder: Path) -> None:
    model = open_model(str(folder))
    model.tokenizer.chat_template = "{{ raise_exception('no\nsystem turns') }}"
    with pytest.raises(ConfigError, match="no system turns"):
        asyncio.run(model.generate([[Message("system", "a")]], GREEDY))


def test_weights_that_are_not_there_are_not_made_up(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ConfigError, match=r"1 of the model's weights are not in its files, such as model\.layers\.1\.mlp"
    ):
        open_model(str(copy))


def test_a_cancelled_call_ends_at_its_next_token(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    begun = threading.Event()

    def slow(*args: Any, **options: Any) -> Any:
        passes.append(1)
        begun.set()
        time.sleep(0.02)
        return forward(*args, **options)

    forward = model.model.forward
    monkeypatch.setattr(model.model, "forward", slow)

    async def story() -> int:
        task = asyncio.create_task(model.complete(["endless"] * 3, Sampling(max_tokens=110, temperature=0.5)))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len(passes)

    at_cancel = asyncio.run(story())  # waits for the thread
    assert len(passes) <= at_cancel + 1


def test_concurrent_callers_get_their_own_replies(model: Any) -> None:
    async def both() -> list[list[Reply]]:
        return await asyncio.gather(model.complete(TEXTS[:8], GREEDY), model.complete(TEXTS[8:], GREEDY))

    first, second = asyncio.run(both())
    assert first + second == complete(model, TEXTS, GREEDY)
