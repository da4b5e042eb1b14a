"""`codewright sandbox check` and `codewright sandbox run`."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Cli = Callable[..., subprocess.CompletedProcess[str]]


def test_check_prints_a_table_and_ends_well(cli: Cli) -> None:
    result = cli("sandbox", "check")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("contained") >= 19
    assert "GOT THROUGH" not in result.stdout


def test_check_does_not_attack_the_machine_itself(cli: Cli) -> None:
    result = cli("sandbox", "check", "--backend", "unsafe")
    assert result.returncode == 2
    assert "nothing to test" in result.stderr


def test_run_prints_the_result(cli: Cli, tmp_path: Path) -> None:
    program = tmp_path / "sum.py"
    program.write_text("import sys\nprint(sum(map(int, sys.argv[1:])), input())\n")
    result = cli("sandbox", "run", program, "2", "3", input="and more\n")
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert (said["status"], said["stdout"], said["isolation"]) == ("passed", "5 and more\n", "namespace")


def test_run_fails_with_the_program_and_says_what_is_wrong(cli: Cli, tmp_path: Path) -> None:
    program = tmp_path / "loop.py"
    program.write_text("while True:\n    pass\n")
    result = cli("sandbox", "run", program, "--wall", "0.5", input="")
    assert result.returncode == 1
    assert json.loads(result.stdout)["status"] == "timeout"
    for name, text, message in (
        ("a.xyz", "", "no language is known"),
        ("b.sql", "select 1;", "does not run language 'sql'"),
    ):
        (tmp_path / name).write_text(text)
        refused = cli("sandbox", "run", tmp_path / name, input="")
        assert (refused.returncode, message in refused.stderr) == (2, True)
    assert "cannot be read" in cli("sandbox", "run", tmp_path / "none.py", input="").stderr
