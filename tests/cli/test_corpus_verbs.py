"""`codewright corpus explain`."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("name", "message"), [("none.c", "no such file"), (".", "not a file")])
def test_explain_refuses_what_is_no_file(cli: Cli, tmp_path: Path, name: str, message: str) -> None:
    result = cli("corpus", "explain", tmp_path / name)
    assert result.returncode == 2
    assert result.stderr.strip().endswith(message)
    assert result.stderr.count("\n") == 1
