"""Replies of tests are kept where tests are, never in the user's own cache; and how tests run a method with a teacher."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codewright.core.manifest import Dataset
from codewright.models.model import Model
from codewright.synthesis import teaching


@pytest.fixture(autouse=True)
def own_replies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a cache of its own."""
    monkeypatch.setattr(teaching, "default_cache_path", lambda: tmp_path / "replies.sqlite")


@pytest.fixture
def synth_by(
    run_stages: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Dataset]:
    """Run a method with a teacher, as the only stage of a run; every folder of runs has a cache of its own."""

    def run(method: str, teacher: Model, out: str = "run", **settings: Any) -> Dataset:
        monkeypatch.setattr(teaching, "open_model", lambda *_: teacher)
        settings.setdefault("cache", str(tmp_path / f"{out}.sqlite"))
        stage = {"id": "rows", "method": method, "model": "scripted:x", **settings}
        run_stages([{"synth": stage}], out=tmp_path / out)
        return Dataset(tmp_path / out / "rows")

    return run
