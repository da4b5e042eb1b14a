"""Checkpoints: what is saved comes back, the newest readable one counts, half a file counts as none."""

from pathlib import Path

import pytest
import torch
from torch import nn

from codewright.train.checkpoint import restore_checkpoint, save_checkpoint


def trained(steps: int) -> tuple[nn.Module, list[torch.optim.Optimizer]]:
    torch.manual_seed(0)
    model = nn.Linear(4, 4, bias=False)
    optimizers: list[torch.optim.Optimizer] = [torch.optim.Muon(model.parameters(), lr=0.1)]
    for step in range(steps):
        model(torch.full((2, 4), float(step + 1))).square().sum().backward()
        optimizers[0].step()
        optimizers[0].zero_grad()
    return model, optimizers


def test_the_newest_comes_back_with_the_optimizer(tmp_path: Path) -> None:
    for steps in (1, 2, 3, 4):
        save_checkpoint(tmp_path, steps, *trained(steps), {"tokens": steps})
    assert len(list(tmp_path.glob("*.pt"))) == 2
    model, optimizers = trained(0)
    assert restore_checkpoint(tmp_path, model, optimizers) == (4, {"tokens": 4})
    expected, expected_optimizers = trained(4)
    assert torch.equal(model.weight, expected.weight)
    [state], [wanted] = (
        list(item[0].state_dict()["state"].values()) for item in (optimizers, expected_optimizers)
    )
    assert torch.equal(state["momentum_buffer"], wanted["momentum_buffer"])


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_damaged_newest_gives_way_to_the_one_before(tmp_path: Path, keep: int) -> None:
    for steps in (1, 2):
        save_checkpoint(tmp_path, steps, *trained(steps), {"tokens": steps})
    newest = max(tmp_path.glob("*.pt"))
    newest.write_bytes(newest.read_bytes()[:keep])
    model, optimizers = trained(0)
    assert restore_checkpoint(tmp_path, model, optimizers) == (1, {"tokens": 1})
    assert torch.equal(model.weight, trained(1)[0].weight)


def test_none_at_all_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / ".step-00000001.pt.12.tmp").write_bytes(b"half")
    model, optimizers = trained(1)
    assert restore_checkpoint(tmp_path, model, optimizers) == (0, None)
    assert torch.equal(model.weight, trained(1)[0].weight)
