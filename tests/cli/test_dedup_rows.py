"""`codewright corpus dedup-rows`."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from codewright.core.manifest import Dataset
from tests.corpus.documents import edited, families, make_text, write_corpus
from tests.corpus.test_row_dedup import row, write_rows

Cli = Callable[..., subprocess.CompletedProcess[str]]


def test_two_datasets_become_one_and_why_tells_what_stayed(cli: Cli, tmp_path: Path) -> None:
    rng = random.Random(1)
    problem, solution = make_text(rng, 60), make_text(rng, 60)
    first = [row(problem, solution)]
    second = [
        row(edited(problem, rng, 1), make_text(rng, 60)),
        row(make_text(rng, 60), edited(solution, rng, 1)),
        row(make_text(rng, 60), "Yes."),
    ]
    folders = write_rows(tmp_path / "first", first), write_rows(tmp_path / "second", second)
    out = tmp_path / "out"
    done = cli("corpus", "dedup-rows", *folders, "--out", out, "--workers", "1")
    assert done.returncode == 0, done.stderr
    said = "4 in, 2 kept, 2 dropped (near_duplicate:problem 1, near_duplicate:solution 1)"
    assert said in done.stdout
    assert "1 solutions of fewer than five words were not compared" in done.stdout
    assert [one["id"] for one in Dataset(out).rows()] == [first[0].id, second[2].id]
    told = cli("why", second[0].id, "--out", out)
    assert f"dropped: near_duplicate:problem ({first[0].id})" in told.stdout, told.stderr
    again = cli("corpus", "dedup-rows", *folders, "--out", out, "--problem", "0")
    assert again.returncode == 2
    assert "was made with problem" in again.stderr
    other = cli("corpus", "dedup-rows", *folders, "--out", out, "--problem", "0", "--fresh", "--workers", "1")
    assert "4 in, 3 kept, 1 dropped (near_duplicate:solution 1)" in other.stdout, other.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["corpus"], "made by corpus.build; needed: synth or decontam.run or corpus.dedup_rows"),
        (["nowhere"], "no finished dataset here"),
        (["rows", "--problem", "1.5"], "--problem"),
        (["rows", "--solution", "much"], "--solution"),
        ([], "Missing argument"),
    ],
)
def test_wrong_input_is_one_line(cli: Cli, tmp_path: Path, arguments: list[str], message: str) -> None:
    write_corpus(tmp_path / "corpus", families(1, 2))
    write_rows(tmp_path / "rows", [row("a", "b")])
    places = [tmp_path / one if one in {"corpus", "nowhere", "rows"} else one for one in arguments]
    done = cli("corpus", "dedup-rows", *places, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    if places and isinstance(places[-1], Path):
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
