"""Bad input: one clear line, exit code 2, no traceback, nothing overwritten."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from codewright.core.io import write_parquet
from codewright.core.manifest import Counts, Manifest

Cli = Callable[..., subprocess.CompletedProcess[str]]

CORPUS = "  - corpus.build: {{id: corpus, source: ['{source}'], rules: none}}\n"


@pytest.fixture
def recipe(tmp_path: Path, source: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: small\nseed: 1\nstages:\n" + CORPUS.format(source=source))
    return path


def refused(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    for part in parts:
        assert part in lines[0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("name: x\nstage: []\n", ["unknown key 'stage'", "did you mean 'stages'?"]),
        (
            "name: x\nstages:\n  - corpus.biuld: {}\n",
            ["unknown stage 'corpus.biuld'", "did you mean 'corpus.build'?"],
        ),
        (
            "name: x\nstages:\n  - corpus.build: {source: [a], sauce: 1}\n",
            ["unknown key 'sauce'", "did you mean 'source'?"],
        ),
        ("name: x\nstages:\n  - corpus.build: {}\n", ["stage 'corpus.build'", "'source' is missing"]),
        (
            "name: x\nstages:\n  - corpus.build: {source: [stdlib], heldout: lots}\n",
            ["'heldout'", "found 'lots'"],
        ),
        (
            "name: x\nstages:\n  - synth: {method: docstring, corpus: korpus}\n",
            ["'korpus' is neither an earlier stage"],
        ),
        (
            "name: x\nstages:\n  - synth: {method: drills, rows: 1}\n  - synth: {method: drills}\n",
            ["id 'synth' is taken"],
        ),
        ("name: x\nstages: 3\n", ["'stages' must be a list"]),
        ("name: x\nseed: one\nstages:\n  - report: {stages: []}\n", ["'seed' must be a whole number"]),
        ("stages:\n  - report: {stages: []}\n", ["'name' is missing"]),
        ("name: [x\n", ["not valid YAML"]),
        ("name: x\nname: y\nstages:\n  - report: {stages: []}\n", ["key 'name' stands there twice"]),
        ("name: x\nstages:\n  - corpus.build: {source: code}\n", ["'source' must be a list, e.g. [code]"]),
        ("name: x\nstages:\n  - corpus.build: {source: []}\n", ["'source'"]),
        ("name: x\nstages:\n  - corpus.build: {source: [stdlib], heldout: 1.5}\n", ["'heldout'"]),
        ("name: x\nstages:\n  - corpus.build: {source: [stdlib], heldout: .nan}\n", ["'heldout'"]),
        ("name: x\nstages:\n  - eval.problems: {benchmarks: []}\n", ["'benchmarks'"]),
        (
            "name: x\nstages:\n  - eval.problems: {id: p, benchmarks: [drills]}\n  - synth: {method: docstring, corpus: p}\n",
            ["corpus: 'p' is a eval.problems stage; needed: corpus.ingest or corpus.build"],
        ),
        ("just text\n", ["expected a mapping"]),
    ],
)
def test_wrong_recipes(cli: Cli, tmp_path: Path, text: str, parts: list[str]) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    refused(cli("run", path, "--out", tmp_path / "out"), "wrong.yaml", *parts)
    assert not (tmp_path / "out").exists()


def test_a_missing_recipe_and_wrong_overrides(cli: Cli, tmp_path: Path, recipe: Path) -> None:
    refused(cli("run", tmp_path / "none.yaml"), "no such recipe file")
    refused(
        cli("plan", recipe, "--set", "korpus.seed=3"),
        "no stage or key named 'korpus'",
        "did you mean 'corpus'?",
    )
    refused(cli("plan", recipe, "--set", "seed"), "expected NAME=VALUE")
    refused(cli("plan", recipe, "--set", "corpus=1"), "'corpus' is a stage", "corpus.KEY=")
    refused(cli("plan", recipe, "--set", "corpus.source=[badd"), "not valid YAML")
    refused(
        cli("plan", recipe, "--set", "corpus.maxbytes=3"),
        "unknown key 'maxbytes'",
        "did you mean 'max_bytes'?",
    )


@pytest.mark.parametrize(
    ("stage", "parts"),
    [
        ("synth: {method: dril, rows: 1}", ["no method named 'dril'", "did you mean 'drills'?"]),
        ("synth: {method: docstring}", ["needs `corpus:`"]),
        ("eval.problems: {benchmarks: [/no/such.jsonl]}", ["no such file"]),
        (
            "corpus.build: {id: b, source: [stdlib], rules: [txt]}",
            ["'rules'", "'fixed', 'reference' or 'none'"],
        ),
        (
            "corpus.build: {id: b, source: [stdlib], override: {qsc_code_num_line: {low: 1}}}",
            ["no measurement named 'qsc_code_num_line'", "did you mean 'qsc_code_num_lines'?"],
        ),
        (
            "corpus.build: {id: b, source: [stdlib], languages: [Python]}",
            ["no language 'Python'", "did you mean 'python'?"],
        ),
    ],
)
def test_a_typo_in_a_late_stage_costs_no_early_one(
    cli: Cli, tmp_path: Path, recipe: Path, stage: str, parts: list[str]
) -> None:
    recipe.write_text(recipe.read_text() + f"  - {stage}\n")
    for verb in ("run", "plan", "doctor"):
        refused(cli(verb, recipe, "--out", tmp_path / "out"), *parts)
    assert not (tmp_path / "out" / "corpus").exists()


def test_a_missing_source_and_an_empty_corpus(cli: Cli, tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "out"
    refused(
        cli("run", recipe, "--out", out, "--set", "corpus.source=[/no/such/folder]"),
        "'/no/such/folder'",
        "no such file or folder",
    )
    (tmp_path / "empty").mkdir()
    empty = cli("run", recipe, "--out", out, "--set", f"corpus.source=[{tmp_path}/empty]")
    refused(empty, "no document kept of 0 files (nothing there)")
    assert cli("run", recipe, "--out", out).returncode == 0


def test_folders_of_others_are_left_alone(cli: Cli, tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "out"
    assert cli("run", recipe, "--out", out).returncode == 0
    before = {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    other = tmp_path / "other.yaml"
    other.write_text(recipe.read_text().replace("name: small", "name: other"))
    refused(cli("run", other, "--out", out), "holds a run of recipe 'small', not 'other'")
    refused(
        cli("run", recipe, "--out", out, "--set", "corpus.heldout=0.5"),
        "heldout: 0.03, not 0.5",
        "--redo corpus",
    )
    refused(cli("run", recipe, "--out", out, "--set", "seed=2"), "seed 1, not 2")
    refused(cli("run", recipe, "--out", out, "--redo", "corpsu"), "--redo corpsu: no such stage")
    after = {
        path: path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }
    assert after == {path: data for path, data in before.items() if path.name != "run.json"}

    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    refused(cli("run", recipe, "--out", foreign), "not empty and not a codewright run")
    refused(cli("run", recipe, "--out", foreign, "--fresh"), "not empty and not a codewright run")
    refused(cli("run", recipe, "--out", foreign / "thesis.txt"), "is a file")
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("damage", ["cut", "schema"])
def test_damaged_parquet(cli: Cli, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "corpus"
    write_parquet(folder / "part-00000.parquet", pa.table({"identity": ["a"] * 100}))
    Manifest("corpus.build", "corpus", {}, "f", {}, Counts(100, 100), 0, None, 0.0, {}).write(folder)
    if damage == "cut":
        data = (folder / "part-00000.parquet").read_bytes()
        (folder / "part-00000.parquet").write_bytes(data[:-30])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: x\nstages:\n  - synth: {{method: docstring, corpus: '{folder}'}}\n")
    expected = "cannot be read as Parquet" if damage == "cut" else "no column 'id'"
    refused(cli("run", recipe, "--out", tmp_path / "out"), "part-00000.parquet", expected)


def test_damaged_benchmark_files(cli: Cli, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    bench = tmp_path / "bench.jsonl"
    recipe.write_text(f"name: x\nstages:\n  - eval.problems: {{benchmarks: ['{bench}']}}\n")
    refused(cli("run", recipe, "--out", tmp_path / "out"), "no such file")
    bench.write_text('{"task_id": "a/0", "prompt": "def f')
    refused(cli("run", recipe, "--out", tmp_path / "out"), "bench.jsonl, line 1: not valid JSON")
    bench.write_text('{"task_id": "a/0", "question": "why"}\n')
    refused(
        cli("run", recipe, "--out", tmp_path / "out"),
        "not a HumanEval-shaped row",
        "found: question, task_id",
    )


def test_a_changed_benchmark_file_is_noticed(cli: Cli, tmp_path: Path) -> None:
    bench, recipe, out = tmp_path / "bench.jsonl", tmp_path / "recipe.yaml", tmp_path / "out"
    row = '{"task_id": "a/0", "prompt": "def f():\\n", "entry_point": "f", "canonical_solution": "", "test": "%s"}\n'
    bench.write_text(row % "one")
    recipe.write_text(f"name: x\nstages:\n  - eval.problems: {{id: p, benchmarks: ['{bench}']}}\n")
    assert cli("run", recipe, "--out", out).returncode == 0
    assert "finished" in cli("plan", recipe, "--out", out).stdout
    bench.write_text(row % "two")
    assert "changed: needs --redo" in cli("plan", recipe, "--out", out).stdout
    refused(cli("run", recipe, "--out", out), "inputs that changed since", "--redo p")
    assert cli("run", recipe, "--out", out, "--redo", "p").returncode == 0


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, recipe: Path, cli: Cli) -> None:
    """A real, tiny file system fills up; with room the same command goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=24k tmpfs {disk} && cd {Path.cwd()} && "
        f"( $PYTHON -m codewright run {recipe} --out {disk}/out; echo code $?; "
        f"mount -o remount,size=4m {disk} && $PYTHON -m codewright run {recipe} --out {disk}/out; echo code $?; "
        f"ls {disk}/out/corpus )"
    )
    environment = {**os.environ, "PYTHON": sys.executable, "COLUMNS": "200"}
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.stdout.splitlines()[:1] == ["code 2"], result.stderr
    assert "error: the disk is full" in result.stderr
    assert "Traceback" not in result.stderr
    assert "code 0" in result.stdout, result.stderr
    assert "manifest.json" in result.stdout


def test_a_folder_that_cannot_be_written(cli: Cli, recipe: Path) -> None:
    refused(cli("run", recipe, "--out", "/proc/codewright"), "error: ")


def test_two_runs_do_not_share_a_folder(cli: Cli, tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "out"
    assert cli("run", recipe, "--out", out).returncode == 0
    with (out / ".lock").open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        refused(cli("run", recipe, "--out", out), "another codewright run is using this folder")
