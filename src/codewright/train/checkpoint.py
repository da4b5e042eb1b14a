"""Checkpoints in a stage's scratch: written atomically, so that a kill at any moment leaves a usable one.

Limit: one process; the whole state is gathered in one file.
"""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from codewright.core.io import atomic_write

KEPT = 2
"""The newest, and the one before in case the newest cannot be read."""


def save_checkpoint(
    folder: Path, step: int, model: nn.Module, optimizers: Sequence[Optimizer], curve: Mapping[str, Any]
) -> None:
    """Write the state after a step (curve: plain values) and remove checkpoints older than the last `KEPT`."""
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "curve": dict(curve),
    }
    with atomic_write(folder / f"step-{step:08d}.pt") as file:
        torch.save(state, file)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink()


def restore_checkpoint(
    folder: Path, model: nn.Module, optimizers: Sequence[Optimizer]
) -> tuple[int, dict[str, Any] | None]:
    """Load the newest state that can be read into model and optimizers.

    Returns the step it was saved after and the curve's values; (0, None), nothing loaded, when there is none.
    """
    for path in _newest_first(folder):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
            continue  # damaged from outside: the one before is as good, only older
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        return state["step"], state["curve"]
    return 0, None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.pt"), reverse=True)
