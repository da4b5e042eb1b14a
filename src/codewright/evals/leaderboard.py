"""Several evaluations as one table: Markdown, CSV, and an HTML page that needs nothing but itself.

A best value is marked only where it holds against every other one in its column, by the paired comparison on the same tasks.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from codewright.core.errors import ConfigError
from codewright.core.html import environment, visible
from codewright.core.io import write_text
from codewright.core.text import one_line
from codewright.evals.compare import compare_values
from codewright.evals.metrics import SEED, Floats, pass_at_k
from codewright.evals.results import Results, load_results, refuse_file

MARKDOWN_NAME, CSV_NAME, HTML_NAME = "leaderboard.md", "leaderboard.csv", "leaderboard.html"


@dataclass(frozen=True, order=True)
class Column:
    """What one column shows. sha256: of the benchmark's data: other data, other column. language: empty for all together."""

    benchmark: str
    sha256: str
    language: str
    verdict: str
    k: int
    release: str = field(default="", compare=False)

    def title(self, tell_release: bool) -> str:
        """Name it. tell_release: where the benchmark stands in the table with different data."""
        parts = [self.benchmark]
        if self.language:
            parts.append(self.language)
        if self.verdict != "passed":
            parts.append(self.verdict)
        if tell_release:
            parts.append(f"[{self.release or 'data'} {self.sha256[:8]}]")
        return " ".join([*parts, f"pass@{self.k}"])


@dataclass(frozen=True)
class Cell:
    """A score with its interval. marks: what a reader has to know, in words; values: pass@k of each task, for comparing."""

    share: float
    low: float
    high: float
    marks: Sequence[str]
    is_whole: bool
    values: Mapping[tuple[str, str], float]
    best: bool = False

    @property
    def score(self) -> str:
        """The score in percent."""
        return f"{100 * self.share:.1f}"

    @property
    def interval(self) -> str:
        """Its interval in percent."""
        return f"{100 * self.low:.1f} to {100 * self.high:.1f}"


@dataclass(frozen=True)
class Row:
    """One model or answers file: its name, how it was asked, its cells."""

    name: str
    setting: str
    cells: Mapping[Column, Cell]


@dataclass(frozen=True)
class Leaderboard:
    """The table."""

    columns: Sequence[Column]
    rows: Sequence[Row]

    @property
    def titles(self) -> list[str]:
        """The columns' names, with the release where one benchmark is there with different data."""
        data: dict[str, set[str]] = {}
        for column in self.columns:
            data.setdefault(column.benchmark, set()).add(column.sha256)
        return [column.title(len(data[column.benchmark]) > 1) for column in self.columns]


def make_leaderboard(
    folders: Sequence[str | Path], *, by_language: bool = False, seed: int = SEED
) -> Leaderboard:
    """Read evaluations' folders and lay them out, a model or answers file a row.

    Folders of one model asked in one way share a row unless they are of the same benchmark. by_language: a column for each
    language of a benchmark in several. Raises ConfigError without folders, and as `load_results` does.
    """
    if not folders:
        raise ConfigError("leaderboard: give at least one folder that `codewright eval run --out` wrote")
    runs: list[tuple[str, list[Results]]] = []
    for folder in dict.fromkeys(map(str, folders)):
        for result in load_results(folder):
            _place(runs, result, folder)
    names = [group[0].model for _, group in runs]
    rows = [
        Row(
            name if names.count(name) == 1 else f"{name} ({group[0].folder})",
            _setting(group[0]),
            dict(cell for result in group for cell in _cells(result, by_language)),
        )
        for name, (_, group) in zip(names, runs, strict=True)
    ]
    columns = sorted({column for row in rows for column in row.cells})
    marked = {column: _best(column, rows, seed) for column in columns}
    return Leaderboard(columns, [_with_best(row, marked) for row in rows])


def _place(runs: list[tuple[str, list[Results]]], result: Results, folder: str) -> None:
    """Put a result into the row it belongs to, or a new one."""
    source = result.scores.get("answers") or {}
    # Answers files of one name need not be of one model: those share a row only within one folder.
    who = json.dumps(source, sort_keys=True) if source.get("model") else f"{result.model} {folder}"
    for key, group in runs:
        if key == who and all(one.benchmark != result.benchmark for one in group):
            group.append(result)
            return
    runs.append((who, [result]))


def _setting(result: Results) -> str:
    """Say how the model was asked, in a few words."""
    source = result.scores.get("answers") or {}
    style = result.scores.get("prompt_style") or {}
    words = [str(style.get("form", ""))] if isinstance(style, dict) else [str(style)]
    words.append(f"n = {result.scores['samples']['most']}")
    if source.get("temperature") is not None:
        words.append(f"temperature {source['temperature']:g}")
    return ", ".join(filter(None, words))


def _cells(result: Results, by_language: bool) -> Iterator[tuple[Column, Cell]]:
    data = result.scores.get("data") or {}
    parts: list[tuple[str, Mapping[str, Any]]] = [("", result.scores)]
    if by_language and len(result.scores["languages"]) > 1:
        parts += list(result.scores["languages"].items())
    for verdict in result.columns:
        tallies = result.tallies(verdict)
        for language, part in parts:
            keys = [key for key in tallies if language in ("", key[0])]
            for k, score in part["pass_at_k"][verdict].items():
                found = [tallies[key] for key in keys]
                values = pass_at_k([one.samples for one in found], [one.hits for one in found], int(k))
                column = Column(
                    result.benchmark, str(data.get("sha256", "")), language, verdict, int(k),
                    str(data.get("release", "")),
                )  # fmt: skip
                yield column, Cell(
                    score["share"], score["low"], score["high"], _marks(result, part), not result.coverage,
                    dict(zip(keys, values.tolist(), strict=True)),
                )  # fmt: skip


def _marks(result: Results, part: Mapping[str, Any]) -> list[str]:
    marks = [f"partial: {result.coverage}"] if result.coverage else []
    if result.scores.get("forced"):
        marks.append("forced")
    if part["forgeable_passes"]:
        marks.append(f"{part['forgeable_passes']} forgeable")
    return marks


def _best(column: Column, rows: Sequence[Row], seed: int) -> Row | None:
    """Find the row that is better than each other one in this column; None where that cannot be said.

    Partial scores do not take part: they are of fewer tasks.
    """
    ranked = sorted(
        (row for row in rows if column in row.cells and row.cells[column].is_whole),
        key=lambda row: -row.cells[column].share,
    )
    if len(ranked) < 2:
        return None
    first = ranked[0].cells[column].values
    for other in ranked[1:]:
        values = other.cells[column].values
        if values.keys() != first.keys():
            return None
        paired = compare_values(_floats(first.values()), _floats([values[key] for key in first]), seed)
        if not (paired.is_distinguishable and paired.difference > 0):
            return None
    return ranked[0]


def _floats(values: Any) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _with_best(row: Row, marked: Mapping[Column, Row | None]) -> Row:
    cells = {column: replace(cell, best=marked[column] is row) for column, cell in row.cells.items()}
    return replace(row, cells=cells)


NOTES = (
    "Scores in percent with their 95 % intervals.",
    "Marked as best: better than every other complete score of its column, by a paired comparison on the same tasks (p below "
    "0.05 and an interval without 0). Where none is marked, the first cannot be told from another, or stands alone.",
    "partial: answers were missing. forced: more than 2 % of the benchmark's own references fail on that machine. forgeable: "
    "passes in which a program could have written its own verdict.",
)


def to_markdown(board: Leaderboard) -> str:
    """Write the table in Markdown, with what its marks mean."""
    lines = [
        _markdown_row(["", "asked", *board.titles]),
        _markdown_row(["---", "---", *["---:"] * len(board.columns)], escape=False),
    ]
    for row in board.rows:
        cells = [_markdown_text(row.name), _markdown_text(row.setting)]
        for column in board.columns:
            cell = row.cells.get(column)
            cells.append(_markdown_cell(cell) if cell else "-")
        lines.append(_markdown_row(cells, escape=False))
    return "\n".join([*lines, "", *(f"{note}\n" for note in NOTES)])


def _markdown_row(cells: Sequence[str], escape: bool = True) -> str:
    return f"| {' | '.join(_markdown_text(cell) if escape else cell for cell in cells)} |"


def _markdown_cell(cell: Cell) -> str:
    score = f"**{cell.score}**" if cell.best else cell.score
    return ", ".join([f"{score} [{cell.interval}]", *cell.marks])


def _markdown_text(text: str) -> str:
    """Make a name safe inside a Markdown table: no cell border, markup or HTML of its own."""
    shown = visible(one_line(text, 200)).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"[\\|`*\[\]~]|(?<!\w)_|_(?!\w)", r"\\\g<0>", shown)


def to_csv(board: Leaderboard) -> str:
    """Write the table as CSV: a line a row, and for every column share, low, high (0 to 1) and marks."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header = [f"{title}{part}" for title in board.titles for part in ("", " low", " high", " marks")]
    writer.writerow(["name", "asked", *header])
    for row in board.rows:
        values: list[Any] = [row.name, row.setting]
        for column in board.columns:
            cell = row.cells.get(column)
            if cell is None:
                values += [""] * 4
            else:
                marks = [*cell.marks, *(["best"] if cell.best else [])]
                values += [cell.share, cell.low, cell.high, "; ".join(marks)]
        writer.writerow(values)
    return out.getvalue()


def to_html(board: Leaderboard, title: str = "Leaderboard") -> str:
    """Write the table as one self-contained page."""
    template = environment("codewright.evals").get_template("leaderboard.html.j2")
    return template.render(board=board, title=title, notes=NOTES)


def write_leaderboard(board: Leaderboard, out: Path) -> list[Path]:
    """Write all three files into a folder; returns their paths. Raises ConfigError where the folder is a file."""
    refuse_file(out)
    made = {MARKDOWN_NAME: to_markdown(board), CSV_NAME: to_csv(board), HTML_NAME: to_html(board)}
    for name, text in made.items():
        write_text(out / name, text)
    return [out / name for name in made]
