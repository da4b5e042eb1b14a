"""Pretrain a Llama-architecture model from scratch on a corpus and save it as a Hugging Face folder, `out/model`.

One visible loop on one device. The batch is a function of (seed, step) and nothing random happens in a step, so a
killed and resumed run ends with the same bytes as an undisturbed one (same thread count, same processor type).
"""

from typing import Any

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from codewright.core.errors import ConfigError
from codewright.core.rng import stable_hash
from codewright.engine.stage import StageContext, StageResult
from codewright.train.checkpoint import restore_checkpoint, save_checkpoint
from codewright.train.compute import prepare, seed_weights
from codewright.train.config import PretrainConfig
from codewright.train.curve import METRICS_NAME, Curve
from codewright.train.folders import MODEL_FOLDER, load_tokenizer, save_model
from codewright.train.optimizer import apply_gradients, build_optimizers, set_learning_rate
from codewright.train.schedule import wsd
from codewright.train.windows import Windows, encode_corpus

INITIALIZER_RANGE = 0.02
"""Standard deviation of the initial weights. Source: GPT-2 (openai/gpt-2, src/model.py)."""


def run(config: PretrainConfig, context: StageContext) -> StageResult:
    """Train, leaving `model/` and `metrics.jsonl`. Raises ConfigError for a corpus too small for one window."""
    tokenizer = load_tokenizer(context.dataset(config.tokenizer).folder / MODEL_FOLDER)
    ids = encode_corpus(
        context.dataset(config.corpus),
        tokenizer,
        tokens=config.tokens,
        folder=context.work,
        seed=context.seed,
        purpose="pretrain",
    )
    windows = Windows(ids, config.sequence_tokens, context.seed, "pretrain")
    step_tokens = config.batch_sequences * config.sequence_tokens
    total_steps = max(1, round(config.tokens / step_tokens))

    compute = prepare(config.precision, config.threads)
    seed_weights(stable_hash(context.seed, "pretrain", "weights"))
    model = build_model(config, tokenizer).to(compute.device)
    optimizers = build_optimizers(model, config)
    done, curve_state = restore_checkpoint(context.work, model, optimizers)

    model.train()
    with (
        Curve(context.out / METRICS_NAME, config.log_steps, total_steps, done, curve_state) as curve,
        context.reporter.bar("pretrain", total=total_steps, done=done) as advance,
    ):
        for step in range(done + 1, total_steps + 1):
            factor = wsd(step, total_steps, config.warmup_fraction, config.decay_fraction)
            lr = set_learning_rate(optimizers, factor)
            window_BS = torch.from_numpy(windows.batch(step, config.batch_sequences)).to(compute.device)
            ids_BT, targets_BT = window_BS[:, :-1], window_BS[:, 1:]
            with compute.autocast():
                logits_BTV = model(input_ids=ids_BT, use_cache=False).logits
            loss = functional.cross_entropy(logits_BTV.float().flatten(0, 1), targets_BT.flatten())
            loss.backward()  # type: ignore[no-untyped-call]
            apply_gradients(model, optimizers, config.grad_clip)
            advance(note=curve.add(step, step_tokens, loss.item(), lr))
            if step % config.checkpoint_steps == 0 or step == total_steps:
                save_checkpoint(context.work, step, model, optimizers, curve.state())
    save_model(context.out / MODEL_FOLDER, model, tokenizer)
    return StageResult(
        counts=None,
        details={
            "parameters": model.num_parameters(),
            "tokens": curve.tokens,
            "steps": total_steps,
            "final_loss": round(curve.last_loss, 6),
            "corpus_tokens": len(ids),
            "epochs": round(total_steps * config.batch_sequences / windows.count, 3),
            "dtype": compute.dtype_name,
            "device": compute.device.type,
            "metrics": METRICS_NAME,
        },
    )


def build_model(config: PretrainConfig, tokenizer: Any) -> Any:
    """Make the untrained model, input and output embeddings tied. Raises ConfigError when heads do not divide."""
    if config.hidden_size % (2 * config.heads) or config.heads % config.kv_heads:
        raise ConfigError(
            f"hidden_size {config.hidden_size} must be an even multiple of heads {config.heads}, "
            f"and heads a multiple of kv_heads {config.kv_heads}"
        )
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads,
            max_position_embeddings=config.max_positions,
            initializer_range=INITIALIZER_RANGE,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.eos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
