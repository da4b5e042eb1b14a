"""The optimizers of both loops: Muon for the matrices inside the blocks with AdamW for the rest, or AdamW for all."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer

from codewright.train.config import PretrainConfig, SftConfig

ADAM_BETAS = (0.9, 0.95)
"""Source: Llama 2, arXiv 2307.09288, section 2.2."""
MUON_MOMENTUM = 0.95
"""Source: KellerJordan/Muon, muon.py (its default)."""


def build_optimizers(model: nn.Module, config: PretrainConfig | SftConfig) -> list[Optimizer]:
    """Make the optimizers for a Llama model; together they hold every parameter once.

    Each parameter group keeps its highest learning rate as `peak_lr`, for `set_learning_rate`.
    Embeddings (tied to the output layer) and norms go to AdamW without weight decay.
    Source: KellerJordan/Muon README (embeddings, heads and gains stay with AdamW; lr scaled by sqrt(max(1, rows/columns))).
    """
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside_block = parameter.dim() == 2 and ".layers." in name
        (matrices if inside_block else rest).append(parameter)
    decayed = {"params": matrices, "weight_decay": config.weight_decay}
    plain = {"params": rest, "weight_decay": 0.0}
    optimizers: list[Optimizer]
    if config.optimizer == "muon":
        muon = Muon(
            [decayed], lr=config.muon_lr, momentum=MUON_MOMENTUM, nesterov=True, adjust_lr_fn="original"
        )
        optimizers = [muon, AdamW([plain], lr=config.peak_lr, betas=ADAM_BETAS, fused=True)]
    else:
        optimizers = [AdamW([decayed, plain], lr=config.peak_lr, betas=ADAM_BETAS, fused=True)]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def set_learning_rate(optimizers: Sequence[Optimizer], factor: float) -> float:
    """Set every group's learning rate to factor x its peak; return that of AdamW, which stands in the metrics."""
    rate = 0.0
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            rate = group["lr"] = factor * group["peak_lr"]
    return rate


def apply_gradients(model: nn.Module, optimizers: Sequence[Optimizer], grad_clip: float) -> None:
    """Clip the gradients to a common norm, take one step and clear them."""
    torch.nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
