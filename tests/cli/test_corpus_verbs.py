"""`codewright corpus explain` and `codewright corpus build`."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from codewright.core.manifest import WORK_FOLDER, Dataset, is_finished

Cli = Callable[..., subprocess.CompletedProcess[str]]


def test_explain_names_language_step_and_reason(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("#pragma once\nnamespace [a] {\n")
    result = cli("corpus", "explain", tmp_path / "a.h")
    assert result.returncode == 0, result.stderr
    row = next(line for line in result.stdout.splitlines() if line.startswith("│ language"))
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "language",
        "cpp",
        "content: .h with 'namespace [a] {'",
    ]


def test_explain_takes_any_bytes_and_obeys_none(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(bytes(range(256)) * 8)
    result = cli("corpus", "explain", tmp_path / "blob")
    assert (result.returncode, "unknown" in result.stdout) == (0, True)
    name = os.fsdecode(bytes(tmp_path) + b"/[b]\x1b\xff.sh")
    Path(name).write_text("#!/bin/sh\n")
    result = cli("corpus", "explain", name)
    assert (result.returncode, "shell" in result.stdout, "[b]??.sh" in result.stdout) == (0, True, True), (
        result.stderr
    )
    assert "\x1b" not in result.stdout


def test_explain_says_what_reading_and_rules_make_of_a_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a;\n")
    result = cli("corpus", "explain", tmp_path / "a.c")
    assert "qsc_code_num_words" in result.stdout
    assert re.search(r"verdict +│ dropped +│ qsc_code_num_words", result.stdout), result.stdout
    assert re.search(r"qsc_code_num_lines +│ +1 │ < 10 or > 100000 │ fires", result.stdout), result.stdout
    (tmp_path / "b.c").write_bytes(b"\x7fELF\x00\x01")
    assert re.search(r"reading +│ dropped +│ binary", cli("corpus", "explain", tmp_path / "b.c").stdout)
    refused = cli("corpus", "explain", tmp_path / "a.c", "--rules", "fixd")
    assert (refused.returncode, "did you mean 'fixed'?" in refused.stderr) == (2, True)


@pytest.mark.parametrize(("name", "message"), [("none.c", "no such file"), (".", "not a file")])
def test_explain_refuses_what_is_no_file(cli: Cli, tmp_path: Path, name: str, message: str) -> None:
    result = cli("corpus", "explain", tmp_path / name)
    assert result.returncode == 2
    assert result.stderr.strip().endswith(message)
    assert result.stderr.count("\n") == 1


def test_build_takes_sources_of_several_kinds_and_why_finds_the_way_back(
    cli: Cli, tmp_path: Path, source: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "lib-2.0.zip", "w") as archive:
        archive.writestr("lib/one.go", "package one\n\nfunc Sum(a int, b int) int {\n\treturn a + b\n}\n" * 3)
        archive.writestr("lib/LICENSE.txt", "SPDX-License-Identifier: MIT\n")
    out = tmp_path / "corpus"
    result = cli("corpus", "build", source, tmp_path / "lib-2.0.zip", "--out", out, "--heldout", "0", "--rules", "none", "--languages", "python,go")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "12 in, 7 kept, 4 dropped" in result.stdout.replace("\n", " "), result.stdout
    assert "1 quarantined" in result.stdout
    row = next(row for row in Dataset(out).rows() if row["language"] == "go")
    result = cli("why", row["id"][:12], "--out", out)
    assert "document lib/one.go of lib, go" in result.stdout, result.stdout
    assert "lib-2.0.zip" in result.stdout
    again = cli("corpus", "build", source, tmp_path / "lib-2.0.zip", "--out", out)
    assert again.returncode == 2
    assert "was made with heldout: 0.0, not 0.03" in again.stderr
    assert "--fresh to make it again" in again.stderr
    assert cli("corpus", "build", source, "--out", out, "--rules", "none", "--fresh").returncode == 0
    assert (
        "finished before; --fresh" in cli("corpus", "build", source, "--out", out, "--rules", "none").stderr
    )


def test_build_does_not_read_what_it_writes_and_does_not_throw_away_work_of_others(
    cli: Cli, tmp_path: Path, source: Path
) -> None:
    out = source / "out"
    build = ("corpus", "build", source, "--rules", "none", "--out", out)
    assert cli(*build).returncode == 0
    assert Dataset(out).manifest.counts.rows_in == 10
    (out / "manifest.json").unlink()
    started = out / WORK_FOLDER / "started.json"
    started.parent.mkdir()
    started.write_text('{"fingerprint": "other", "seconds": 0}')
    refused = cli(*build)
    assert (refused.returncode, "holds unfinished work of other settings" in refused.stderr) == (2, True)
    assert cli(*build, "--fresh").returncode == 0


def test_ctrl_c_says_that_work_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "codewright", "corpus", "build", "site-packages", "--out", out]
    # A shell starts background jobs deaf to Ctrl-C, and children inherit that: hear it again.
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=hear
    )
    while not (out / WORK_FOLDER / "stages" / "ingest" / WORK_FOLDER / "plan.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "error: stopped; run the same command again to go on from here" in process.stderr.read()
    assert process.wait(timeout=60) == 130


def test_build_refuses_a_folder_in_use(cli: Cli, tmp_path: Path, source: Path) -> None:
    out = tmp_path / "corpus"
    out.mkdir()
    with (out / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = cli("corpus", "build", source, "--rules", "none", "--out", out)
    assert refused.returncode == 2
    assert "another codewright run is using this folder" in refused.stderr
    assert cli("corpus", "build", source, "--rules", "none", "--out", out).returncode == 0


def build_until(out: Path, source: Path, stage: str) -> bool:
    """Start a build and kill it when a stage has begun; tell whether the whole was unfinished then."""
    command = [
        sys.executable,
        "-m",
        "codewright",
        "corpus",
        "build",
        source,
        "--out",
        out,
        "--max-bytes",
        "4000",
        "--rules",
        "none",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    marks = (out / WORK_FOLDER / "stages" / stage / WORK_FOLDER / "started.json", out / "manifest.json")
    while not any(mark.exists() for mark in marks) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    return not is_finished(out)


@pytest.mark.slow
def test_a_build_killed_in_each_stage_ends_the_same(cli: Cli, tmp_path: Path, source: Path) -> None:
    out, plain = tmp_path / "killed", tmp_path / "plain"
    for stage in ("ingest", "budget", "dedup", "filter", "sample"):
        assert build_until(out, source, stage), f"finished before it was killed in {stage}"
    for folder in (out, plain):
        result = cli("corpus", "build", source, "--out", folder, "--max-bytes", "4000", "--rules", "none")
        assert result.returncode == 0, result.stderr

    def files(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))
        }

    assert files(out) == files(plain)
    assert Dataset(out).manifest.counts == Dataset(plain).manifest.counts
