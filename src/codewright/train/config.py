"""Settings of the three training stages; imports no torch, so that recipes are read and planned without it.

The defaults are those of the bundled demo: a 2M-parameter model that learns the drills on two CPU cores.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from codewright.core.config import StageRef, strict

Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
OptimizerName = Literal["muon", "adamw"]
Precision = Literal["auto", "bf16", "fp32"]


@strict
@dataclass(frozen=True)
class TokenizerConfig:
    """A byte-level BPE tokenizer trained on a sample of a corpus."""

    corpus: StageRef
    """The dataset of documents; its held-out split is never read."""
    vocab_size: Positive = 2048
    """Tokens, the special ones included."""
    sample_bytes: Positive = 8_000_000
    """How much text to count pairs in, in bytes; documents are drawn at random up to it."""
    max_length: Positive = 1024
    """What the tokenizer declares as its longest input, in tokens."""


@strict
@dataclass(frozen=True)
class PretrainConfig:
    """A Llama-architecture model trained from scratch on a corpus."""

    corpus: StageRef
    """The dataset of documents; its held-out split is never read."""
    tokenizer: StageRef
    """The stage that trained the tokenizer."""
    hidden_size: Positive = 192
    """Width of the residual stream."""
    layers: Positive = 4
    """Transformer blocks."""
    heads: Positive = 4
    """Query heads; must divide hidden_size."""
    kv_heads: Positive = 4
    """Key and value heads; must divide heads."""
    intermediate_size: Positive = 512
    """Width inside the gated MLP."""
    max_positions: Positive = 1024
    """Longest input the saved model declares, in tokens."""
    sequence_tokens: Positive = 256
    """Length of a training window, in tokens."""
    batch_sequences: Positive = 12
    """Windows in one step."""
    tokens: Positive = 400_000
    """How many tokens to train on."""
    optimizer: OptimizerName = "muon"
    """Muon for the matrices inside the blocks and AdamW for the rest, or AdamW for all."""
    peak_lr: Rate = 3e-3
    """Highest learning rate of AdamW."""
    muon_lr: Rate = 0.02
    """Highest learning rate of Muon; unused by adamw."""
    warmup_fraction: Share = 0.05
    """Share of the steps in which the learning rate rises from zero."""
    decay_fraction: Share = 0.3
    """Share of the steps, at the end, in which it falls to zero."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay of all matrices inside the blocks."""
    grad_clip: Rate = 1.0
    """Largest allowed norm of all gradients together."""
    precision: Precision = "auto"
    """bf16 autocast, fp32, or bf16 where the processor multiplies it natively."""
    threads: Positive = 2
    """CPU threads of torch; part of what makes a run repeatable to the bit."""
    checkpoint_steps: Positive = 50
    """Steps between checkpoints: what a killed run may lose."""
    log_steps: Positive = 5
    """Steps between rows of metrics.jsonl; the loss is the mean over them."""


@strict
@dataclass(frozen=True)
class SftConfig:
    """Supervised fine-tuning with loss on the answers only, pretraining windows mixed in."""

    rows: tuple[StageRef, ...]
    """Datasets of instruction rows, trained on together."""
    base: StageRef
    """The stage that made the model to start from."""
    replay: StageRef | None = None
    """The corpus whose windows are replayed, so that the model does not forget plain code; none without it."""
    replay_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the loss, and about that of each step's tokens (at least one window), that goes to replayed text."""
    sequence_tokens: Positive = 256
    """Length of a replayed window, in tokens."""
    max_tokens: Positive = 256
    """Longest row that is trained on, in tokens; longer ones are dropped with reason `too_long`."""
    batch_tokens: Positive = 2048
    """Tokens in one step, padding and replay included."""
    tokens: Positive | None = 1_250_000
    """How many tokens to train on, padding and replay included."""
    epochs: Rate | None = None
    """How often to pass over the rows; takes the place of `tokens` when set."""
    optimizer: OptimizerName = "muon"
    """Muon for the matrices inside the blocks and AdamW for the rest, or AdamW for all."""
    peak_lr: Rate = 1.5e-3
    """Highest learning rate of AdamW."""
    muon_lr: Rate = 0.01
    """Highest learning rate of Muon; unused by adamw."""
    warmup_fraction: Share = 0.05
    """Share of the steps in which the learning rate rises from zero."""
    decay_fraction: Share = 0.3
    """Share of the steps, at the end, in which it falls to zero."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay of all matrices inside the blocks."""
    grad_clip: Rate = 1.0
    """Largest allowed norm of all gradients together."""
    precision: Precision = "auto"
    """bf16 autocast, fp32, or bf16 where the processor multiplies it natively."""
    threads: Positive = 2
    """CPU threads of torch; part of what makes a run repeatable to the bit."""
    checkpoint_steps: Positive = 50
    """Steps between checkpoints: what a killed run may lose."""
    log_steps: Positive = 5
    """Steps between rows of metrics.jsonl; the loss is the mean over them."""
