"""The training curve, `metrics.jsonl`: one row per logged step, written as training goes, continued after a kill."""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl

METRICS_NAME = "metrics.jsonl"


class Curve:
    """Collects a loss per step and writes rows {step, tokens, loss, lr, seconds}.

    loss: mean over the steps since the last row, in nats per token. tokens: trained on so far, padding excluded.
    seconds: spent in the loop so far, those of earlier, killed runs up to their checkpoint included.
    """

    def __init__(
        self,
        path: Path,
        log_steps: int,
        total_steps: int,
        done: int = 0,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Start, or continue behind step `done`: later rows are removed, they will be written again."""
        self._path, self._log_steps, self._total_steps = path, log_steps, total_steps
        self._recent: list[float] = list(state["recent"]) if state else []
        self._before: float = state["seconds"] if state else 0.0
        self.tokens: int = state["tokens"] if state else 0
        self.last_loss: float = state["last_loss"] if state else math.nan
        write_jsonl(path, _rows_up_to(path, done))
        self._file = path.open("a", encoding="utf-8")
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        """Use as a context: the file is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, step: int, tokens: int, loss: float, lr: float) -> str:
        """Take in one step; return a short note for the progress bar. Raises ConfigError when the loss is not finite."""
        if not math.isfinite(loss):
            raise ConfigError(f"the loss became {loss} at step {step}; lower peak_lr and muon_lr")
        self.tokens += tokens
        self._recent.append(loss)
        if step % self._log_steps == 0 or step == self._total_steps:
            self.last_loss = sum(self._recent) / len(self._recent)
            self._recent.clear()
            row = {
                "step": step,
                "tokens": self.tokens,
                "loss": round(self.last_loss, 6),
                "lr": lr,
                "seconds": round(self._seconds, 3),
            }
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        return f"loss {loss:.3f}"

    @property
    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold to continue."""
        return {
            "recent": list(self._recent),
            "seconds": self._seconds,
            "tokens": self.tokens,
            "last_loss": self.last_loss,
        }


def _rows_up_to(path: Path, step: int) -> list[dict[str, Any]]:
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            break  # cut off by the kill
        if row["step"] > step:
            break
        rows.append(row)
    return rows
