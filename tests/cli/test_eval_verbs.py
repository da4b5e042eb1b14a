"""`codewright eval run`, `eval doctor`, `compare`, `leaderboard`: as a user calls them, on the bundled benchmark."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codewright.cli_eval import _headline
from codewright.core.drills import bundled_problems
from codewright.core.io import read_json, read_jsonl, write_jsonl
from codewright.evals.results import summarise
from tests.conftest import REPOSITORY
from tests.evals.evaluation_folder import verdict_rows

Cli = Callable[..., subprocess.CompletedProcess[str]]
PROBLEMS = bundled_problems()
SLOW = "import time\ntime.sleep(0.06)\n"


def answers(path: Path, wrong: int = 0, prefix: str = "") -> Path:
    """Write answers of which the first `wrong` fail."""
    rows = [
        {
            "task_id": problem.task_id,
            "solution": prefix + problem.prompt + ("    return None\n" if number < wrong else problem.canonical_solution),
        }
        for number, problem in enumerate(PROBLEMS)
    ]  # fmt: skip
    write_jsonl(path, rows)
    return path


def verdicts(folder: Path) -> list[dict[str, Any]]:
    rows = [row for _, row in read_jsonl(folder / "verdicts.jsonl")]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def run(cli: Cli, folder: Path, *more: Any, status: int = 0) -> subprocess.CompletedProcess[str]:
    result = cli("eval", "run", "drills", "--out", folder, *more)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    return result


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two evaluations: of answers of which 20 are wrong, and of which 60 are."""
    root = tmp_path_factory.mktemp("scored")
    for name, wrong in (("a", 20), ("b", 60)):
        command = [sys.executable, "-m", "codewright", "eval", "run", "drills", "--quiet"]
        command += ["--answers", str(answers(root / f"{name}.jsonl", wrong)), "--out", str(root / name)]
        subprocess.run(command, check=True, cwd=REPOSITORY)
    return root / "a", root / "b"


def test_a_score_with_all_that_belongs_to_it(scored: tuple[Path, Path]) -> None:
    folder = scored[0]
    scores = read_json(folder / "scores.json")
    one = scores["pass_at_k"]["passed"]["1"]
    assert one["share"] == pytest.approx(144 / 164, abs=1e-6) and one["low"] < one["share"] < one["high"]
    assert scores["statuses"] == {"passed": 144, "failed": 20}
    assert scores["references"]["passed"] == scores["references"]["checked"] == 164
    assert scores["answers"]["rows_in"] == scores["answers"]["kept"] == 164
    assert scores["isolation"] == "namespace" and not scores["partial"] and scores["forced"] == ""
    rows = verdicts(folder)
    assert [row["task_id"] for row in rows] == [problem.task_id for problem in PROBLEMS]
    assert [row["passed"] for row in rows] == [False] * 20 + [True] * 144
    failures = [row for _, row in read_jsonl(folder / "failures.jsonl")]
    assert len(failures) == 20 and failures[0]["reference"].endswith(PROBLEMS[0].canonical_solution)
    assert PROBLEMS[0].task_id in (folder / "report.html").read_text()
    assert not (folder / ".work").exists()


def test_the_same_again_does_nothing_and_something_else_is_refused(
    cli: Cli, scored: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = scored[0]
    before = (folder / "verdicts.jsonl").stat().st_mtime_ns
    assert "87.8 %" in run(cli, folder, "--answers", folder.parent / "a.jsonl").stdout
    assert (folder / "verdicts.jsonl").stat().st_mtime_ns == before
    other = run(cli, folder, "--answers", folder.parent / "b.jsonl", status=2)
    assert "holds the results of another evaluation" in other.stderr
    assert (folder / "verdicts.jsonl").stat().st_mtime_ns == before
    (tmp_path / "precious.txt").write_text("mine")
    foreign = run(cli, tmp_path, "--answers", folder.parent / "b.jsonl", status=2)
    assert "no evaluation's folder" in foreign.stderr and [path.name for path in tmp_path.iterdir()] == [
        "precious.txt"
    ]


def test_bad_rows_are_put_aside_and_counts_add_up(cli: Cli, tmp_path: Path) -> None:
    path = answers(tmp_path / "a.jsonl")
    with path.open("a") as file:
        file.write('{"task_id": "drills/none", "solution": "x"}\n{"solution": "x"}\n')
    shown = run(cli, tmp_path / "out", "--answers", path)
    assert "166 rows = 164 used + 2 put aside (quarantine/answers.jsonl)" in shown.stderr
    aside = [row for _, row in read_jsonl(tmp_path / "out" / "quarantine" / "answers.jsonl")]
    assert [row["line"] for row in aside] == [165, 166] and "unknown task_id" in aside[0]["reason"]


def test_half_a_character_and_a_cut_file_end_well(cli: Cli, tmp_path: Path) -> None:
    path, out = answers(tmp_path / "a.jsonl"), tmp_path / "out"
    rows = [row for _, row in read_jsonl(path)]
    rows[0]["solution"] = "x = '\ud800'"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + "no row\n")
    options = ("--answers", path, "--limit", "6", "--partial")
    shown = run(cli, out, *options)
    assert "165 rows = 6 used + 1 put aside (quarantine/answers.jsonl) + 158 not asked" in shown.stderr
    (failure,) = [row for _, row in read_jsonl(out / "failures.jsonl")]
    assert failure["solution"] == rows[0]["solution"] and "⟨U+D800⟩" in (out / "report.html").read_text()
    before = verdicts(out)
    whole = (out / "verdicts.jsonl").read_bytes()
    (out / "verdicts.jsonl").write_bytes(whole[: len(whole) // 2])
    assert cli("leaderboard", out).returncode == 2
    run(cli, out, *options)
    assert verdicts(out) == before and len(before) == 6


def test_the_benchmarks_own_score_comes_first() -> None:
    verdicts = verdict_rows({"a": [(True, True)], "b": [(True, False)]})
    scores = summarise(verdicts, tasks=2, samples=1)
    assert re.fullmatch(
        r"pass@1 50\.0 % \(.*\), base tests 100\.0 % \(.*\)", _headline(scores, ["base", "plus"])
    )
    assert re.fullmatch(r"pass@1 50\.0 % \([^)]*\)", _headline(scores, ["passed"]))


def test_an_incomplete_file_is_refused_unless_partial(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [row for _, row in read_jsonl(answers(tmp_path / "all.jsonl"))][:100])
    refused = run(cli, tmp_path / "out", "--answers", path, status=2)
    assert "64 answers are missing" in refused.stderr and "--partial" in refused.stderr
    assert not (tmp_path / "out").exists()
    shown = run(cli, tmp_path / "out", "--answers", path, "--partial")
    assert "only 100 of 164 tasks" in shown.stdout
    assert "100 of 164" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either --answers FILE or --model MODEL"),
        (("--answers", "x.jsonl", "--model", "m"), "give either --answers FILE or --model MODEL"),
        (("--answers", "/no/such.jsonl"), "no such file"),
        (("--answers", "x.jsonl", "--n", "2", "--form", "chat"), "--n, --form: belongs to --model"),
        (("--answers", "x.jsonl", "--out", __file__), "is a file; name a folder"),
        (("--answers", __file__), "line 1: not valid JSON"),
        (("--model", "/no/such/model"), "/no/such/model"),
    ],
)
def test_mistakes_are_one_line(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run(cli, tmp_path / "out", *arguments, status=2)
    assert message in result.stderr and len(result.stderr.strip().splitlines()) == 1


def test_unknown_benchmarks_have_a_nearest(cli: Cli, tmp_path: Path) -> None:
    path = answers(tmp_path / "a.jsonl")
    for item, message in (("drils", "did you mean 'drills'"), ("drills:x", "has no variant 'x'")):
        result = cli("eval", "run", item, "--answers", path, "--out", tmp_path / "out")
        assert result.returncode == 2 and message in result.stderr


def test_killed_and_resumed_ends_with_the_same_verdicts(cli: Cli, tmp_path: Path) -> None:
    path = answers(tmp_path / "a.jsonl", wrong=7, prefix=SLOW)
    command = [sys.executable, "-m", "codewright", "eval", "run", "drills", "--answers", str(path), "--quiet"]
    journal = tmp_path / "out" / ".work" / "verdicts.jsonl"
    for done in (20, 60):
        process = subprocess.Popen([*command, "--out", str(tmp_path / "out")], cwd=REPOSITORY)
        while not journal.exists() or journal.read_bytes().count(b"\n") < done:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "out" / "scores.json").exists()
    before = {json.loads(line)["task_id"] for line in journal.read_bytes().split(b"\n")[1:-1]}
    other = run(cli, tmp_path / "out", "--answers", answers(tmp_path / "b.jsonl"), status=2)
    assert "holds an unfinished run with other settings" in other.stderr
    run(cli, tmp_path / "out", "--answers", path)
    run(cli, tmp_path / "whole", "--answers", path)
    assert verdicts(tmp_path / "out") == verdicts(tmp_path / "whole")
    assert 59 <= len(before) < 164


def test_compare(cli: Cli, scored: tuple[Path, Path]) -> None:
    a, b = scored
    shown = cli("compare", a, b, "--json")
    (found,) = json.loads(shown.stdout)
    assert found["tasks"] == 164
    words = cli("compare", a, b)
    assert words.returncode == 0 and "better than" in words.stdout and "24.4 points" in words.stdout
    same = cli("compare", a, a)
    assert "not distinguishable" in same.stdout
    missing = cli("compare", a, a.parent / "none")
    assert missing.returncode == 2 and len(missing.stderr.strip().splitlines()) == 1


def test_leaderboard(cli: Cli, scored: tuple[Path, Path], tmp_path: Path) -> None:
    shown = cli("leaderboard", *scored)
    assert shown.returncode == 0 and "87.8" in shown.stdout and "63.4" in shown.stdout
    written = cli("leaderboard", *scored, "--out", tmp_path / "board")
    paths = [Path(line) for line in written.stdout.split("\n") if line]
    assert sorted(path.suffix for path in paths) == [".csv", ".html", ".md"]
    assert all("87.8" in path.read_text() or "0.878" in path.read_text() for path in paths)


def test_doctor(cli: Cli) -> None:
    shown = cli("eval", "doctor", "drills")
    assert shown.returncode == 0 and "164 of 164" in shown.stdout
    unknown = cli("eval", "doctor", "drils")
    assert unknown.returncode == 2 and "did you mean" in unknown.stderr
