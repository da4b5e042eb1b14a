"""An evaluation's numbers: summed up from verdicts for scores.json, and read back from its folder. Layout: docs/formats.md."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_json, read_jsonl
from codewright.evals.metrics import SEED, Estimate, estimate_pass_at_k

VERDICTS, ANSWERS, SCORES = "verdicts.jsonl", "answers.jsonl", "scores.json"

MARKS = ("base", "plus")
"""Verdicts besides `passed`; in verdicts.jsonl `base_passed`, `plus_passed`."""

USUAL_KS = (1, 10, 100)
"""Source: arXiv 2107.03374, table 1."""

NO_CODE = "failed"
"""What `how` begins with where no code was found in an answer."""

Key = tuple[str, str]
"""Language and task_id: task ids alone repeat from language to language."""


@dataclass(frozen=True)
class Tally:
    """One task: answers, and how many of them passed; first: whether the one of lowest sample_index did."""

    samples: int
    hits: int
    first: bool

    @property
    def rate(self) -> float:
        """The share that passed."""
        return self.hits / self.samples


def tally(verdicts: Iterable[Mapping[str, Any]], column: str = "passed") -> dict[Key, Tally]:
    """Count each task's answers and passes, tasks in the order they first appear.

    column: `passed`, `base` or `plus`. A verdict without that mark (a program that never ran has none) counts as `passed` does.
    """
    field = column if column == "passed" else f"{column}_passed"
    by_task: dict[Key, list[tuple[int, bool]]] = {}
    for row in verdicts:
        passed = bool(row.get(field, row["passed"]))
        by_task.setdefault((row["language"], row["task_id"]), []).append((row["sample_index"], passed))
    return {
        key: Tally(len(found), sum(passed for _, passed in found), min(found)[1])
        for key, found in by_task.items()
    }


def columns_of(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the kinds of verdict there are: `passed`, and `base` and `plus` where any row has them."""
    return ["passed", *(mark for mark in MARKS if any(f"{mark}_passed" in row for row in verdicts))]


def summarise(
    verdicts: Sequence[Mapping[str, Any]],
    answers: Iterable[Mapping[str, Any]] = (),
    *,
    tasks: int,
    samples: int,
    ks: Sequence[int] = (),
    seed: int = SEED,
) -> dict[str, Any]:
    """Sum an evaluation up for scores.json; keys as docs/formats.md says.

    tasks: how many the benchmark has; samples: how many answers each should have. ks: also these, besides those of USUAL_KS
    that every task has answers enough for. Raises ConfigError for a k that is asked for and has not.
    """
    tallies = tally(verdicts)
    counts = [one.samples for one in tallies.values()]
    least = min(counts, default=0)
    wanted = sorted({*(k for k in USUAL_KS if k <= least), *ks})
    columns = columns_of(verdicts)
    by_language: dict[str, list[Mapping[str, Any]]] = {}
    for row in verdicts:
        by_language.setdefault(row["language"], []).append(row)
    return {
        "tasks": {"scored": len(tallies), "of": tasks},
        "samples": {"scored": len(verdicts), "of": tasks * samples, "least": least, "most": max(counts, default=0)},
        "partial": len(verdicts) < tasks * samples,
        **_part(verdicts, columns, wanted, seed),
        "languages": {
            language: _part(rows, columns, wanted, seed) | {"tasks": len(tally(rows))}
            for language, rows in sorted(by_language.items())
        },
        "extraction": _extraction(answers),
        "seconds": _seconds(verdicts),
    }  # fmt: skip


def _part(
    verdicts: Sequence[Mapping[str, Any]], columns: Sequence[str], ks: Sequence[int], seed: int
) -> dict[str, Any]:
    tallies = {column: list(tally(verdicts, column).values()) for column in columns}
    estimates = {
        column: {
            str(k): estimate_pass_at_k([one.samples for one in found], [one.hits for one in found], k, seed)
            for k in ks
        }
        for column, found in tallies.items()
    }
    return {
        "pass_at_k": {column: _plain(found) for column, found in estimates.items()},
        "statuses": _counted(row["status"] for row in verdicts),
        "forgeable_passes": sum(bool(row["passed"] and row["forgeable"]) for row in verdicts),
    }


def _plain(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    fields = {k: asdict(estimate) for k, estimate in estimates.items()}
    return {k: {name: value for name, value in one.items() if name != "k"} for k, one in fields.items()}


def _counted(names: Iterable[str]) -> dict[str, int]:
    """Count, the commonest first."""
    counted = Counter(names)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _extraction(answers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    rows = list(answers)
    ends = _counted(str(row["finish_reason"]) for row in rows if row["finish_reason"])
    return {
        "kinds": _counted(_kind(str(row["how"])) for row in rows),
        "failed": sum(str(row["how"]).startswith(NO_CODE) for row in rows),
        "empty": sum(map(_is_empty, rows)),
        **({"finish_reasons": ends} if ends else {}),
    }


def _is_empty(row: Mapping[str, Any]) -> bool:
    """Tell whether nothing was answered; the solution of a continuation begins with its prompt."""
    said = row["response"] if row["form"] == "completion" else row["solution"]
    return not str(said).strip()


def _kind(how: str) -> str:
    """Fold `how` to what several answers have in common: up to its first comma or bracket, numbers aside."""
    return re.sub(r"\d+", "n", re.split(r"[,;(]", how)[0]).strip() or "nothing to extract"


def _seconds(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    seconds = sorted(float(row["seconds"]) for row in verdicts)
    if not seconds:
        return {"total": 0.0, "median": 0.0, "longest": 0.0}
    return {
        "total": round(sum(seconds), 2),
        "median": round(seconds[len(seconds) // 2], 4),
        "longest": round(seconds[-1], 4),
    }


def counted(number: int, noun: str) -> str:
    """Say `1 answer`, `2 answers`; `passes` for pass."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"


@dataclass(frozen=True)
class Results:
    """A finished evaluation of one benchmark, as its folder holds it."""

    folder: Path
    scores: Mapping[str, Any]
    verdicts: Sequence[Mapping[str, Any]]

    @property
    def benchmark(self) -> str:
        """The benchmark as it was asked for, NAME or NAME:VARIANT."""
        return str(self.scores["benchmark"])

    @property
    def model(self) -> str:
        """The model, else the name of the answers file."""
        return name_of(self.scores)

    @property
    def coverage(self) -> str:
        """How much was scored where that is not all, e.g. `120 of 164 tasks`; else nothing."""
        return coverage_of(self.scores)

    @cached_property
    def columns(self) -> list[str]:
        """The kinds of verdict worth showing: `base` and `plus` where there are, and `passed` unless `plus` says the same."""
        there = columns_of(self.verdicts)
        return [name for name in there if name != "passed" or self._says_more(there)]

    def _says_more(self, there: Sequence[str]) -> bool:
        return "plus" not in there or self.tallies("plus") != self.tallies("passed")

    def tallies(self, column: str) -> dict[Key, Tally]:
        """Count each task's answers and passes."""
        return tally(self.verdicts, column)


def name_of(scores: Mapping[str, Any]) -> str:
    """Name what was evaluated: the model, else the answers file."""
    source = scores.get("answers") or {}
    return str(source.get("model") or source.get("file") or "unnamed")


def coverage_of(scores: Mapping[str, Any]) -> str:
    """Say n of N where an evaluation is not complete; else nothing."""
    if not scores["partial"]:
        return ""
    tasks, samples = scores["tasks"], scores["samples"]
    if tasks["scored"] < tasks["of"]:
        return f"{tasks['scored']:,} of {tasks['of']:,} tasks"
    return f"{samples['scored']:,} of {samples['of']:,} answers"


def score_rows(scores: Mapping[str, Any], columns: Sequence[str] | None = None) -> list[list[str]]:
    """Lay scores out for a terminal: language, verdict, k, pass@k in percent, 95 % interval, tasks. Languages last, one a row."""
    parts = [("all", scores), *scores["languages"].items()]
    if len(parts) == 2:
        parts = parts[1:]
    return [
        [
            language,
            column,
            f"pass@{k}",
            f"{100 * one['share']:.1f}",
            f"{100 * one['low']:.1f} to {100 * one['high']:.1f}",
            str(one["tasks"]),
        ]
        for language, part in parts
        for column, by_k in part["pass_at_k"].items()
        if columns is None or column in columns
        for k, one in by_k.items()
    ]


def refuse_file(out: Path) -> None:
    """Raise ConfigError where a file stands in the way of a folder that is to be written."""
    there = next(place for place in (out, *out.parents) if place.exists())
    if not there.is_dir():
        raise ConfigError(f"--out {out}: {'it' if there == out else there} is a file; name a folder")


def load_results(folder: str | Path) -> list[Results]:
    """Read an evaluation's folder, or one that holds several, a benchmark each.

    Raises ConfigError for a folder that is missing, holds no evaluation, or one that is unfinished or damaged.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigError(f"{root}: no such folder; give one that `codewright eval run --out` wrote")
    if _holds_any(root):
        return [_load_one(root)]
    folders = [child for child in sorted(root.iterdir()) if child.is_dir() and _holds_any(child)]
    if not folders:
        raise ConfigError(
            f"{root}: holds no evaluation (no {SCORES}, here or one folder below); give one that `codewright eval run --out` wrote"
        )
    return [_load_one(child) for child in folders]


def _holds_any(folder: Path) -> bool:
    return any((folder / name).exists() for name in (SCORES, VERDICTS, ANSWERS, ".work"))


_AGAIN = "run the same `codewright eval run` again: it keeps the verdicts that are whole"


def _read_scores(path: Path) -> dict[str, Any]:
    try:
        scores = read_json(path)
    except DataError:
        raise ConfigError(
            f"{path}: not valid JSON, perhaps cut off; evaluate again with another --out"
        ) from None
    if not isinstance(scores, dict) or not {"benchmark", "pass_at_k", "samples"} <= scores.keys():
        raise ConfigError(f"{path}: was not written by `codewright eval run`")
    return scores


def _load_one(folder: Path) -> Results:
    if not (folder / SCORES).is_file():
        raise ConfigError(
            f"{folder}: this evaluation is not finished (no {SCORES}); run the same `codewright eval run` again, it goes on there"
        )
    try:
        scores = _read_scores(folder / SCORES)
        verdicts = [row for _, row in read_jsonl(folder / VERDICTS)]
        tally(verdicts)
    except DataError as error:
        raise ConfigError(f"{error}; {_AGAIN}") from None
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{folder / VERDICTS}: its rows are no verdicts (missing: {error}); {_AGAIN}"
        ) from None
    expected = scores["samples"]["scored"]
    if len(verdicts) != expected:
        raise ConfigError(
            f"{folder / VERDICTS}: holds {len(verdicts)} verdicts, {SCORES} counted {expected}: perhaps cut off; {_AGAIN}"
        )
    return Results(folder, scores, verdicts)
