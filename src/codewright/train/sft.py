"""Fine-tune a model on instruction rows, loss on the answers only, and save it as a Hugging Face folder, `out/model`.

Each step takes one batch of rows of similar length and, with `replay`, a few windows of plain corpus text, so that
the model learns to answer without forgetting code. One visible loop on one device; a killed and resumed run ends with
the same bytes as an undisturbed one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch.nn import functional

from codewright.core.errors import ConfigError
from codewright.core.io import write_parquet
from codewright.core.manifest import Counts, part_name
from codewright.core.records import LOST_SCHEMA, Lost, Sample, to_table
from codewright.core.text import one_line
from codewright.engine.stage import StageContext, StageResult
from codewright.train.checkpoint import restore_checkpoint, save_checkpoint
from codewright.train.compute import prepare
from codewright.train.config import SftConfig
from codewright.train.curve import METRICS_NAME, Curve
from codewright.train.folders import MODEL_FOLDER, load_model, load_tokenizer, save_model
from codewright.train.optimizer import apply_gradients, build_optimizers, set_learning_rate
from codewright.train.rows import RowBatches, encode_rows, pad_right
from codewright.train.schedule import wsd
from codewright.train.windows import Windows, encode_corpus

ROWS_NAME = "rows.parquet"
"""The rows trained on: id, tokens, times (how often); rows that no step reached are not in it."""


@dataclass(frozen=True)
class SftData:
    """What the loop trains on.

    windows: replayed corpus text, `replayed` windows a step; None and 0 without replay.
    replay_weight: their share of the loss.
    """

    batches: RowBatches
    windows: Windows | None
    replayed: int
    replay_weight: float
    total_steps: int
    counts: Counts


def run(config: SftConfig, context: StageContext) -> StageResult:
    """Train, leaving `model/`, `metrics.jsonl`, `rows.parquet`, and under `dropped/` the rows that were not usable.

    Raises: ConfigError without a usable row, for a base without a model, or for a corpus too small to replay.
    """
    base = context.dataset(config.base).folder / MODEL_FOLDER
    tokenizer = load_tokenizer(base)
    data = _prepare_data(config, context, tokenizer)
    compute = prepare(config.precision, config.threads)
    model = load_model(base).to(compute.device)
    optimizers = build_optimizers(model, config)
    done, curve_state = restore_checkpoint(context.work, model, optimizers)

    model.train()
    with (
        Curve(context.out / METRICS_NAME, config.log_steps, data.total_steps, done, curve_state) as curve,
        context.reporter.bar("fine-tune", total=data.total_steps, done=done) as advance,
    ):
        for step in range(done + 1, data.total_steps + 1):
            factor = wsd(step, data.total_steps, config.warmup_fraction, config.decay_fraction)
            lr = set_learning_rate(optimizers, factor)
            rows = data.batches.batch(step)
            tokens = sum(len(row.ids) for row in rows)
            ids_BT, learned_BT = pad_right(rows, tokenizer.pad_token_id)
            with compute.autocast():
                answer_loss = masked_loss(model, ids_BT.to(compute.device), learned_BT.to(compute.device))
            ((1 - data.replay_weight) * answer_loss).backward()  # type: ignore[no-untyped-call]
            if data.windows:
                window_BT = torch.from_numpy(data.windows.batch(step, data.replayed)).to(compute.device)
                with compute.autocast():
                    replay_loss = masked_loss(model, window_BT, torch.ones_like(window_BT, dtype=torch.bool))
                (data.replay_weight * replay_loss).backward()  # type: ignore[no-untyped-call]
                tokens += data.replayed * config.sequence_tokens
            apply_gradients(model, optimizers, config.grad_clip)
            advance(note=curve.add(step, tokens, answer_loss.item(), lr))
            if step % config.checkpoint_steps == 0 or step == data.total_steps:
                save_checkpoint(context.work, step, model, optimizers, curve.state())
    save_model(context.out / MODEL_FOLDER, model, tokenizer)
    trained = _write_rows(context.out / ROWS_NAME, data)
    return StageResult(
        counts=data.counts,
        details={
            "parameters": model.num_parameters(),
            "tokens": curve.tokens,
            "steps": data.total_steps,
            "final_loss": round(curve.last_loss, 6),
            "rows_trained": trained,
            "epochs": round(data.total_steps / data.batches.count, 3),
            "replayed_tokens": data.total_steps * data.replayed * config.sequence_tokens,
            "dtype": compute.dtype_name,
            "device": compute.device.type,
            "metrics": METRICS_NAME,
        },
    )


def masked_loss(model: Any, ids_BT: torch.Tensor, learned_BT: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy, in nats, of predicting the learned tokens from those before them.

    Only the learned positions go through the output layer, which is a fifth of the work in a small model.
    """
    hidden_BTD = model.base_model(input_ids=ids_BT[:, :-1], use_cache=False).last_hidden_state
    hidden_ND = hidden_BTD[learned_BT[:, 1:]]
    logits_NV = model.get_output_embeddings()(hidden_ND)
    return functional.cross_entropy(logits_NV.float(), ids_BT[:, 1:][learned_BT[:, 1:]])


def _prepare_data(config: SftConfig, context: StageContext, tokenizer: Any) -> SftData:
    if (config.tokens is None) == (config.epochs is None):
        raise ConfigError(f"{context.id}: set either tokens or epochs, and the other one to null")
    quarantined: list[Lost] = []
    encoded = encode_rows(tokenizer, _read_samples(config, context, quarantined), config.max_tokens)
    counts = _write_lost(context.out, len(encoded.kept), encoded.dropped, quarantined)
    if not encoded.kept:
        raise ConfigError(
            f"{context.id}: no rows to train on in {', '.join(config.rows)} ({counts.to_json()})"
        )
    windows, replayed = None, 0
    if config.replay is not None and config.replay_fraction > 0:
        # At least one window, or the fraction would silently be none.
        replayed = max(1, round(config.replay_fraction * config.batch_tokens / config.sequence_tokens))
    row_tokens = config.batch_tokens - replayed * config.sequence_tokens
    if row_tokens < config.sequence_tokens:
        raise ConfigError(
            f"{context.id}: batch_tokens {config.batch_tokens} leaves no room for rows beside replay"
        )
    batches = RowBatches(encoded.kept, row_tokens, context.seed)
    if config.tokens is not None:
        total_steps = max(1, round(config.tokens / config.batch_tokens))
    else:
        total_steps = max(1, round((config.epochs or 0) * batches.count))
    if replayed and config.replay is not None:
        ids = encode_corpus(
            context.dataset(config.replay),
            tokenizer,
            tokens=total_steps * replayed * config.sequence_tokens,
            folder=context.work,
            seed=context.seed,
            purpose="replay",
        )
        windows = Windows(ids, config.sequence_tokens, context.seed, "replay")
    return SftData(
        batches, windows, replayed, config.replay_fraction if windows else 0.0, total_steps, counts
    )


def _read_samples(config: SftConfig, context: StageContext, quarantined: list[Lost]) -> Iterator[Sample]:
    """Yield the rows of all datasets in order; rows that are not samples are put into quarantined."""
    for ref in config.rows:
        for row in context.dataset(ref).rows():
            try:
                sample = Sample.from_dict(row)
            except (KeyError, TypeError) as error:
                quarantined.append(Lost(str(row.get("id", "")), "not_a_sample", one_line(error), path=ref))
                continue
            yield sample


def _write_lost(out: Path, kept: int, dropped: Sequence[Lost], quarantined: Sequence[Lost]) -> Counts:
    for folder, lost in (("dropped", dropped), ("quarantine", quarantined)):
        if lost:
            write_parquet(out / folder / part_name(0), to_table(lost, LOST_SCHEMA))
    reasons = Counter(lost.reason for lost in dropped)
    return Counts(kept + len(dropped) + len(quarantined), kept, dict(reasons), len(quarantined))


def _write_rows(path: Path, data: SftData) -> int:
    """Write which rows the steps used, by the same function of (seed, step) as the loop; return how many."""
    times: Counter[str] = Counter()
    lengths: dict[str, int] = {}
    for step in range(1, data.total_steps + 1):
        for row in data.batches.batch(step):
            times[row.id] += 1
            lengths[row.id] = len(row.ids)
    ids = sorted(times)
    columns = {
        "id": pa.array(ids, pa.string()),
        "tokens": pa.array([lengths[identity] for identity in ids], pa.int64()),
        "times": pa.array([times[identity] for identity in ids], pa.int64()),
    }
    write_parquet(path, pa.table(columns))
    return len(ids)
