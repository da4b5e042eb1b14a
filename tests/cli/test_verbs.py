"""The verbs as a user meets them: run, plan, list, doctor, why, and the options of run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from codewright.core.manifest import Dataset, Manifest
from tests.conftest import REPOSITORY

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def recipe(tmp_path: Path, source: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(
        f"name: small\nseed: 1\nstages:\n  - corpus.build: {{id: corpus, source: ['{source}'], rules: none, heldout: 0}}\n"
        "  - synth: {id: rows, method: docstring, corpus: corpus}\n"
        "  - eval.problems: {benchmarks: [drills]}\n"
        "  - decontam.run: {id: clean, rows: [rows], against: eval.problems}\n"
    )
    return path


def test_run_resume_redo_fresh(cli: Cli, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = cli("run", recipe, "--out", out)
    assert first.returncode == 0, first.stderr
    assert "4/4 clean" in first.stderr
    table = first.stderr[first.stderr.rindex("small (seed 1)") :]
    assert [line.split("│")[1].strip() for line in table.splitlines() if "│" in line][-4:] == [
        "corpus",
        "rows",
        "eval.problems",
        "clean",
    ]
    again = cli("run", recipe, "--out", out)
    assert again.stdout.startswith(f"nothing to do: all 4 stages of small are finished in {out}")

    def times() -> dict[str, int]:
        return {path.parent.name: path.stat().st_mtime_ns for path in out.rglob("manifest.json")}

    before = times()
    assert cli("run", recipe, "--out", out, "--redo", "rows").returncode == 0
    assert {name for name, when in times().items() if when != before[name]} == {"rows", "clean"}
    before = times()
    assert (
        cli("run", recipe, "--out", out, "--fresh", "--set", "corpus.max_file_bytes=7000000").returncode == 0
    )
    assert {name for name, when in times().items() if when != before[name]} == set(before)
    assert Manifest.read(out / "corpus").config["max_file_bytes"] == 7_000_000
    assert (
        json.loads((out / "run.json").read_text())["stages"][0]["corpus.build"]["max_file_bytes"] == 7_000_000
    )


def test_the_default_folder_is_under_runs(cli: Cli, recipe: Path) -> None:
    result = cli("plan", recipe)
    assert f"into {Path('runs') / 'small'}" in result.stdout


def test_plan_executes_nothing(cli: Cli, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = cli("plan", recipe, "--out", out, "--set", "rows.rows=7")
    assert result.returncode == 0
    assert "rows=7" in result.stdout
    assert "rows, eval.problems" in result.stdout  # what `clean` reads
    assert not out.exists()
    assert cli("run", recipe, "--out", out).returncode == 0
    assert cli("plan", recipe, "--out", out).stdout.count("finished") == 4


def test_list_names_every_kind(cli: Cli) -> None:
    result = cli("list")
    assert result.returncode == 0
    for key in (
        "corpus.build",
        "train.sft",
        "docstring",
        "drills",
        "humaneval",
        "namespace",
        "unsafe",
        "python",
    ):
        assert key in result.stdout


def test_doctor_says_what_is_there_and_what_is_missing(cli: Cli, recipe: Path, tmp_path: Path) -> None:
    result = cli("doctor", recipe, "--out", tmp_path)
    assert result.returncode == 0, result.stdout
    assert "isolation works" in result.stdout
    assert "extra [train]" not in result.stdout  # this recipe trains nothing
    assert "extra [train]" in cli("doctor", "--out", tmp_path).stdout


def test_doctor_knows_the_sandbox_languages_and_how_to_get_them(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = cli("doctor", "--out", tmp_path)
    assert result.returncode == 0
    assert "language python" in result.stdout
    assert "language go" in result.stdout
    unknown = cli("doctor", "--install", "cobolt")
    assert (unknown.returncode, "does not run language 'cobolt'" in unknown.stderr) == (2, True)
    # A real command is found on PATH and run: here one that only says what it was asked.
    apt = tmp_path / "apt-get"
    apt.write_text('#!/bin/sh\necho "asked for $@"\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    installed = cli("doctor", "--install", "php", "--out", tmp_path)
    assert "+ apt-get install" in installed.stdout
    assert "asked for install" in installed.stdout
    assert "php" in installed.stdout
    apt.write_text("#!/bin/sh\nexit 7\n")
    failed = cli("doctor", "--install", "php")
    assert (failed.returncode, "run it by hand" in failed.stderr) == (2, True)


def test_without_bubblewrap_nothing_runs_unisolated(
    recipe: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "bwrap" not in os.listdir(tmp_path)  # noqa: PTH208
    out = tmp_path / "out"
    result = cli("run", recipe, "--out", out)
    assert result.returncode == 2
    assert "bubblewrap is not installed" in result.stderr
    assert "apt-get install bubblewrap" in result.stderr
    assert "Traceback" not in result.stderr
    doctor = cli("doctor", recipe, "--out", tmp_path)
    assert doctor.returncode == 1
    assert "MISSING" in doctor.stdout


def test_why_and_its_errors(cli: Cli, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli("run", recipe, "--out", out).returncode == 0
    row = next(iter(Dataset(out / "clean").rows()))
    story = cli("why", row["id"][:16], "--out", out).stdout
    assert f"made from {row['origin']['seeds'][0]}" in story
    assert "document alpha/maths.py of source/alpha, python" in story
    duplicate = next(
        item for item in Dataset(out / "corpus").rows("dropped") if item["reason"] == "duplicate"
    )
    assert "source:alpha/maths.py), " in cli("why", duplicate["id"], "--out", out).stdout
    by_path = cli("why", "gamma/garbled.py", "--out", out).stdout  # it never had an id
    assert "corpus: quarantined: undecodable" in by_path
    assert (
        "document alpha/maths.py of source/alpha" in cli("why", "source:alpha/maths.py", "--out", out).stdout
    )
    for folder in "alpha", "beta":
        assert f"source:{folder}/plain.py" in cli("why", "plain.py", "--out", out).stdout
    for id_, message in (("abc", "at least 4"), ("zzzzzz", "no row with this id")):
        result = cli("why", id_, "--out", out)
        assert (result.returncode, message in result.stderr) == (2, True)
    assert "no codewright run here" in cli("why", "abcdef", "--out", tmp_path).stderr


def test_ctrl_c_is_one_line_and_the_run_goes_on_later(cli: Cli, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "codewright", "run", str(recipe), "--out", str(out)]
    # A shell starts background jobs deaf to Ctrl-C, and children inherit that: hear it again.
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, preexec_fn=hear)
    while not (out / "rows" / ".work").exists():
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "error: stopped; run the same command again to go on from here"
    assert "Traceback" not in errors
    assert cli("run", recipe, "--out", out).returncode == 0


def test_help_and_version(cli: Cli) -> None:
    assert cli("--version").stdout.startswith("codewright 0.")
    for verb in ("run", "plan", "list", "doctor", "why"):
        assert cli(verb, "--help").returncode == 0
    assert cli("rnu").returncode == 2
