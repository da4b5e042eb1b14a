"""Shared fixtures: a small source tree, the command line as a user calls it, stages run without a recipe."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codewright.core.progress import Reporter
from codewright.recipe import parse_recipe
from codewright.runner import RunResult, run_recipe

REPOSITORY = Path(__file__).parents[1]
TINY_RECIPE = REPOSITORY / "tests" / "invariants" / "tiny.yaml"

ADD = '''"""Arithmetic."""

import math


def add(a, b):
    """Return the sum of two given numbers.

    >>> add(2, 3)
    5
    """
    if a is None:
        return b
    return a + b


def area(radius):
    """Return the area of a circle of this radius."""
    if radius < 0:
        radius = 0
    return math.pi * radius ** 2


def wrong(x):
    """Double the number that is given here.

    >>> wrong(2)
    4
    """
    if x:
        x = x + 1
    return x + 2
'''


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with four packages: functions with docstrings, a copy, a file in no encoding, one that is not code."""
    root = tmp_path / "source"
    for package in ("alpha", "beta", "gamma", "delta"):
        (root / package).mkdir(parents=True)
        lines = [f"def {package}_{number}(value):\n    return value * {number}\n" for number in range(30)]
        (root / package / "plain.py").write_text("\n\n".join(lines))
    (root / "alpha" / "maths.py").write_text(ADD)
    (root / "beta" / "copy.py").write_text(ADD)
    (root / "gamma" / "garbled.py").write_bytes("name = 'été'\n".encode() * 9 + b"# \xe9\xff\x81\x8d\n")
    (root / "gamma" / "notes.xyz").write_text("not a language anybody knows")
    (root / "delta" / "broken.py").write_text("def broken(:\n    return 1\n")
    (root / "delta" / "app.js").write_text("function go() { return 1; }\n" * 5)
    return root


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of every stage of the quickstart, each as small as can be; read it, do not change it."""
    out = tmp_path_factory.mktemp("tiny") / "runs" / "quickstart"
    if "PYTEST_XDIST_WORKER" not in os.environ:
        make_tiny_run(out)
        return out
    # Its making takes half a minute: the first of pytest's processes does it, each has a copy of its own.
    shared = tmp_path_factory.getbasetemp().parent / "tiny-run"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "report" / "manifest.json").exists():
            make_tiny_run(shared)
    shutil.copytree(shared, out)
    return out


def make_tiny_run(out: Path) -> None:
    command = [sys.executable, "-m", "codewright", "run", TINY_RECIPE, "--out", out, "--quiet"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture
def run_stages(tmp_path: Path) -> Callable[..., RunResult]:
    """Run a list of stages into tmp_path/run."""

    def run(stages: list[dict[str, Any]], *, out: Path | None = None, **top: Any) -> RunResult:
        tree = {"name": "test", "seed": 5, "workers": 2, **top, "stages": stages}
        return run_recipe(parse_recipe(tree, "test"), out or tmp_path / "run", reporter=Reporter(quiet=True))

    return run


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out waiting for the disk, half of the time of runs over many small shards; only a power failure would tell."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def cli() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the command line in a process of its own, from the repository's root."""

    def call(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "codewright", *map(str, args)]
        environment = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(
            command, capture_output=True, text=True, cwd=REPOSITORY, env=environment, **options
        )

    return call
