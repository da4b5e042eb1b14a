"""The table: which rows share a line, which value may be called the best, and three ways to write it down."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

import tests.report.test_browser as pages
from codewright.core.errors import ConfigError
from codewright.evals.leaderboard import (
    Leaderboard,
    make_leaderboard,
    to_csv,
    to_html,
    to_markdown,
    write_leaderboard,
)
from tests.evals.evaluation_folder import make_evaluation, model, single

NASTY = "</script><script>alert(1)</script>|`x`\u202e\x1b[31m*b* {{ 7*7 }} [u](http://x)"


def mark(passes: int, of: int = 100, start: int = 0) -> str:
    return "".join("1" if start <= at < start + passes else "0" for at in range(of))


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Three models on two benchmarks; the second benchmark's scores cannot be told apart."""
    made = []
    for name, first, second in (("small", 20, 50), ("middle", 40, 52), ("large", 70, 51)):
        settings = {"answers": model(name)}
        made.append(make_evaluation(tmp_path / f"{name}-x", single(mark(first)), benchmark="x", **settings))
        second_outcomes = single(mark(second, start=second - 50))
        made.append(make_evaluation(tmp_path / f"{name}-y", second_outcomes, benchmark="y", **settings))
    return made


def bests(board: Leaderboard) -> dict[str, list[str]]:
    return {
        title: [row.name for row in board.rows if column in row.cells and row.cells[column].best]
        for title, column in zip(board.titles, board.columns, strict=True)
    }


def test_folders_of_one_model_share_a_row(folders: list[Path]) -> None:
    board = make_leaderboard(folders)
    assert [row.name for row in board.rows] == ["small", "middle", "large"]
    assert board.titles == ["x pass@1", "y pass@1"]
    assert [round(row.cells[board.columns[0]].share, 2) for row in board.rows] == [0.2, 0.4, 0.7]
    assert board.rows[0].setting == "chat, n = 1, temperature 0"


def test_best_only_where_it_can_be_told(folders: list[Path]) -> None:
    assert bests(make_leaderboard(folders)) == {"x pass@1": ["large"], "y pass@1": []}
    assert bests(make_leaderboard(folders[:1])) == {"x pass@1": []}, (
        "alone there is nothing to be better than"
    )


def test_best_has_to_hold_against_all_not_only_the_next(tmp_path: Path) -> None:
    # `next` differs from the first in eight tasks, all one way; `third` is lower, but differs both ways, 30 against 20.
    first = [at < 60 for at in range(100)]
    second = [at < 52 for at in range(100)]
    third = [30 <= at < 80 for at in range(100)]
    made = [
        make_evaluation(
            tmp_path / name, {f"t/{at}": [one] for at, one in enumerate(passes)}, answers=model(name)
        )
        for name, passes in (("first", first), ("next", second), ("third", third))
    ]
    assert bests(make_leaderboard(made[:2])) == {"bench pass@1": ["first"]}
    assert bests(make_leaderboard(made)) == {"bench pass@1": []}


def test_other_tasks_or_partial_scores_make_nobody_best(tmp_path: Path) -> None:
    whole = make_evaluation(tmp_path / "a", single(mark(80)), answers=model("a"))
    low = make_evaluation(tmp_path / "b", single(mark(10)), answers=model("b"))
    partial = make_evaluation(tmp_path / "c", single("1" * 30), of=100, answers=model("c"))
    shifted = make_evaluation(tmp_path / "d", single(mark(5), offset=50), answers=model("d"))
    assert bests(make_leaderboard([whole, low, partial])) == {"bench pass@1": ["a"]}
    assert bests(make_leaderboard([whole, low, shifted])) == {"bench pass@1": []}
    assert "100.0 [88.6 to 100.0], partial: 30 of 100 tasks" in to_markdown(
        make_leaderboard([whole, partial])
    )


def test_marks_say_partial_forced_and_forgeable(tmp_path: Path) -> None:
    folder = make_evaluation(
        tmp_path / "a", single("1100"), of=8, forced="many references fail", forgeable=True
    )
    board = make_leaderboard([folder])
    (cell,) = board.rows[0].cells.values()
    assert list(cell.marks) == ["partial: 4 of 8 tasks", "forced", "2 forgeable"]
    for text in (to_markdown(board), to_csv(board), to_html(board)):
        assert "partial: 4 of 8 tasks" in text
        assert "2 forgeable" in text


def test_base_plus_and_every_k_are_columns(tmp_path: Path) -> None:
    outcomes = {f"t/{at}": [(True, at % 2 == 0)] * 5 + [(False, False)] * 5 for at in range(6)}
    board = make_leaderboard([make_evaluation(tmp_path / "a", outcomes)])
    assert board.titles == [
        "bench base pass@1",
        "bench base pass@10",
        "bench plus pass@1",
        "bench plus pass@10",
    ]
    assert [cell.score for cell in board.rows[0].cells.values()] == ["50.0", "100.0", "25.0", "50.0"]


def test_languages_get_columns_of_their_own_when_asked(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path / "a", {"java:t/1": [True], "cpp:t/1": [False], "cpp:t/2": [True]})
    assert make_leaderboard([folder]).titles == ["bench pass@1"]
    board = make_leaderboard([folder], by_language=True)
    assert board.titles == ["bench pass@1", "bench cpp pass@1", "bench java pass@1"]
    assert [board.rows[0].cells[column].score for column in board.columns] == ["66.7", "50.0", "100.0"]


def test_other_data_is_another_column(tmp_path: Path) -> None:
    old = {"data": {"sha256": "cd" * 32, "release": "v0.1.0"}}
    made = [
        make_evaluation(tmp_path / "a", single(mark(90)), answers=model("a")),
        make_evaluation(tmp_path / "b", single(mark(10)), answers=model("b"), **old),
    ]
    board = make_leaderboard(made)
    assert board.titles == ["bench [published abababab] pass@1", "bench [v0.1.0 cdcdcdcd] pass@1"]
    assert bests(board) == {title: [] for title in board.titles}


def test_rows_are_told_apart(tmp_path: Path) -> None:
    file = {"answers": {"file": "answers.jsonl.gz", "field": "solution"}}
    made = [
        make_evaluation(tmp_path / "a", single("10"), benchmark="x", **file),
        make_evaluation(tmp_path / "b", single("11"), benchmark="y", **file),
        make_evaluation(tmp_path / "c", single("11"), benchmark="x", answers=model("m")),
        make_evaluation(tmp_path / "d", single("11"), benchmark="x", answers=model("m")),
        make_evaluation(tmp_path / "e", single("11"), benchmark="y", answers=model("m", temperature=0.8)),
    ]
    names = [row.name for row in make_leaderboard(made).rows]
    assert names == [
        f"answers.jsonl.gz ({made[0]})", f"answers.jsonl.gz ({made[1]})", f"m ({made[2]})", f"m ({made[3]})", f"m ({made[4]})",
    ]  # fmt: skip
    several = tmp_path / "several"
    for name in ("x", "y"):
        make_evaluation(several / name, single("10"), benchmark=name, **file)
    assert [row.name for row in make_leaderboard([several, several]).rows] == ["answers.jsonl.gz"]


def test_csv_has_numbers_that_read_back(folders: list[Path]) -> None:
    board = make_leaderboard(folders)
    rows = list(csv.DictReader(io.StringIO(to_csv(board))))
    assert [row["name"] for row in rows] == ["small", "middle", "large"]
    for row, shown in zip(rows, board.rows, strict=True):
        cell = shown.cells[board.columns[0]]
        assert (float(row["x pass@1"]), float(row["x pass@1 low"]), float(row["x pass@1 high"])) == (
            cell.share, cell.low, cell.high,
        )  # fmt: skip
    assert [row["x pass@1 marks"] for row in rows] == ["", "", "best"]


def test_markdown_is_one_table_whatever_names_hold(folders: list[Path], tmp_path: Path) -> None:
    nasty = make_evaluation(tmp_path / "n", single(mark(5)), benchmark="x", answers=model(NASTY))
    lines = to_markdown(make_leaderboard([*folders, nasty])).split("\n")
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 4
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "| **70.0** [60.4 to 78.1] |" in table[4]
    assert "<script" not in "".join(table)
    assert "| - |" in table[5]
    assert "\\`x\\`" in table[5]
    assert "| x pass@1 | y pass@1 |" in table[0]
    assert "a\\|b\\*c d_e \\_f\\_" in to_markdown(
        make_leaderboard([make_evaluation(tmp_path / "m", single("1"), answers=model("a|b*c d_e _f_"))])
    )
    assert not {"\x1b", "\u202e"} & set("".join(lines))


def test_nothing_to_show_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give at least one folder"):
        make_leaderboard([])
    with pytest.raises(ConfigError, match="no such folder"):
        make_leaderboard([tmp_path / "nowhere"])


def test_three_files_are_written_and_equal_folders_give_equal_bytes(
    folders: list[Path], tmp_path: Path
) -> None:
    paths = write_leaderboard(make_leaderboard(folders), tmp_path / "out")
    assert [path.name for path in paths] == ["leaderboard.md", "leaderboard.csv", "leaderboard.html"]
    before = [path.read_bytes() for path in paths]
    write_leaderboard(make_leaderboard(folders), tmp_path / "out")
    assert [path.read_bytes() for path in paths] == before


browser = pages.browser


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_in_chromium(browser: Any, folders: list[Path], tmp_path: Path, width: int, scheme: str) -> None:
    more = [
        make_evaluation(
            tmp_path / "n", single("1100"), of=8, benchmark="z", answers=model(NASTY), forgeable=True
        ),
        make_evaluation(tmp_path / "l", single("1100"), benchmark="x" * 80, answers=model("y" * 120)),
    ]
    _, _, page = write_leaderboard(make_leaderboard([*folders, *more]), tmp_path / "out")
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    found = pages.visit(browser, page, width, scheme)
    assert found == {
        "complaints": [],
        "requests": [],
        "overflow": 0,
        "title": "Leaderboard",
        "low_contrast": [],
    }
