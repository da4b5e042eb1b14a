"""SIGKILL at seeded moments, at least once in every stage, then on: same datasets to the byte, same model, same scores."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from codewright.core.io import read_parquet
from codewright.core.manifest import MANIFEST_NAME, WORK_FOLDER, Dataset, Manifest, is_finished
from tests.conftest import REPOSITORY, TINY_RECIPE

STAGES = [
    "corpus",
    "docstring",
    "drills",
    "problems",
    "clean",
    "tokenizer",
    "base",
    "model",
    "before",
    "after",
    "report",
]
NOT_DATA = {MANIFEST_NAME, "metrics.jsonl", "verdicts.jsonl", "report.html", "card.md", "card.html"}
"""Files that hold measured times beside their content; their content is compared without the times."""

pytestmark = pytest.mark.slow


def start(out: Path) -> subprocess.Popen[bytes]:
    """Start the run; errors go to a file, since a pipe would wait for every process that is left behind."""
    command = [sys.executable, "-m", "codewright", "run", str(TINY_RECIPE), "--out", str(out), "--quiet"]
    with log_of(out).open("wb") as log:
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=log)


def log_of(out: Path) -> Path:
    return out.with_suffix(".log")


def finish(out: Path) -> None:
    assert start(out).wait(timeout=600) == 0, log_of(out).read_text()


def processes_of(out: Path) -> list[str]:
    """Command lines of live processes that name this run, or work in its folder."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if str(out) in line and process.pid != os.getpid():
            found.append(line)
    return found


def kill_in(stage: str, out: Path, delay: float) -> bool:
    """Start the run, kill it `delay` seconds after `stage` began; tell whether the stage was still unfinished."""
    process = start(out)
    family: list[psutil.Process] = []
    try:
        while not (out / stage / WORK_FOLDER / "started.json").exists():
            assert process.poll() is None, log_of(out).read_text()
            if is_finished(out / stage):
                break
            time.sleep(0.001)
        time.sleep(delay)
        family = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, f"left behind by a kill in {stage}: {[item.cmdline() for item in alive]}"
    return not is_finished(out / stage)


def data_files(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in NOT_DATA and path.name != ".lock"
    }


def untimed(out: Path) -> dict[str, object]:
    """The content of the files that hold times, without them."""
    found: dict[str, object] = {}
    for stage in STAGES:
        manifest = json.loads((out / stage / MANIFEST_NAME).read_text())
        for item in (manifest, *manifest["details"].get("stages", {}).values()):
            del item["seconds"]
        found[stage] = manifest
        for name in ("metrics.jsonl", "verdicts.jsonl"):
            path = out / stage / name
            if path.exists():
                rows = [json.loads(line) for line in path.read_text().splitlines()]
                found[f"{stage}/{name}"] = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
    return found


def test_killed_in_every_stage_it_ends_the_same(tiny_run: Path, tmp_path: Path) -> None:
    rng = random.Random(2026)
    out = tmp_path / "run"
    for stage in STAGES:
        seconds = Manifest.read(tiny_run / stage).seconds
        # A stage of milliseconds may be over before the kill lands: then it is made again, and the aim is earlier.
        for attempt in range(12):
            delay = rng.random() * seconds * 0.9 / 2**attempt
            if kill_in(stage, out, delay if seconds > 0.2 else 0.0):
                break
            shutil.rmtree(out / stage)
        else:
            pytest.fail(f"{stage} always finished before the kill")
    finish(out)
    assert processes_of(out) == []
    expected, found = data_files(tiny_run), data_files(out)
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
    assert untimed(out) == untimed(tiny_run)


def test_counts_add_up_in_every_manifest(tiny_run: Path) -> None:
    for stage in STAGES:
        manifest = Manifest.read(tiny_run / stage)
        if manifest.counts is None:
            continue
        manifest.counts.check(stage)
        dataset = Dataset(tiny_run / stage)
        if manifest.stage in {"corpus.build", "synth", "decontam.run"}:
            kept = sum(1 for split in ("", "heldout") for _ in dataset.rows(split))
            assert kept == manifest.counts.kept
            assert sum(1 for _ in dataset.rows("dropped")) == sum(manifest.counts.dropped.values())
            assert sum(1 for _ in dataset.rows("quarantine")) == manifest.counts.quarantined


def test_a_second_run_does_nothing_and_says_so(tiny_run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*") if path.name == MANIFEST_NAME}
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "codewright",
        "run",
        str(TINY_RECIPE),
        "--out",
        str(tiny_run),
    ]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0
    assert f"nothing to do: all {len(STAGES)} stages of tiny are finished" in result.stdout
    assert "drills pass@1 chat" in result.stdout
    # What would make it slow is not even loaded.
    assert not any(line.rstrip().endswith((" torch", " transformers")) for line in result.stderr.splitlines())
    assert before == {
        path: path.stat().st_mtime_ns for path in tiny_run.rglob("*") if path.name == MANIFEST_NAME
    }


def test_why_leads_from_a_training_row_to_its_file(tiny_run: Path) -> None:
    trained = set(read_parquet(tiny_run / "model" / "rows.parquet", ["id"]).column("id").to_pylist())
    rows = Dataset(tiny_run / "clean").rows()
    row = next(row for row in rows if row["method"] == "docstring" and row["id"] in trained)
    command = [sys.executable, "-m", "codewright", "why", row["id"][:20], "--out", str(tiny_run)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (seed,) = row["origin"]["seeds"]
    document = next(item for item in Dataset(tiny_run / "corpus").rows() if item["id"] == seed)
    assert f"row {row['id']}" in result.stdout
    assert "docstring: kept" in result.stdout
    assert "clean: kept" in result.stdout
    assert f"made from {seed} ({row['origin']['place']})" in result.stdout
    assert f"document {document['path']} of {document['repo']}" in result.stdout
    assert "model: trained on" in result.stdout
