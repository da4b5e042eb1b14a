"""An evaluation's folder as one self-contained page: scores with intervals, how they came about, failures beside the reference.

Reads what `codewright eval run` left in the folder; nothing is executed, nothing fetched. Equal folders give equal bytes.
"""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.html import clip, environment, number
from codewright.core.io import read_json, read_jsonl, write_text
from codewright.core.rng import stable_hash
from codewright.report import charts
from codewright.report.charts import Segment
from codewright.report.page import REPORT_NAME
from codewright.report.samples import VERDICTS_NAME
from codewright.report.stages import REASON_COLOURS, parts

SCORES_NAME, FAILURES_NAME = "scores.json", "failures.jsonl"

MOST_FAILURES = 200
"""Failing tasks shown: more than anybody reads, and a page of a few megabytes at most."""
FACT_CHARS = 600
"""Of one fact about the environment, such as a rendered chat template."""
SLOWEST = 5
"""Tasks named for their time."""

_NEEDED = frozenset({"benchmark", "pass_at_k", "languages", "statuses", "tasks", "samples", "seconds"})
_INFRASTRUCTURE = "sandbox_error"


@dataclass(frozen=True)
class Score:
    """One pass@k with its 95 % interval, as shares."""

    label: str
    share: float
    low: float
    high: float
    tasks: int

    @property
    def percent(self) -> str:
        """The share in percent."""
        return f"{100 * self.share:.1f}"

    @property
    def interval(self) -> str:
        """The interval in percent."""
        return f"{100 * self.low:.1f} to {100 * self.high:.1f}"

    @property
    def words(self) -> str:
        """All of it, for a screen reader."""
        return f"{self.label}: {self.percent} %, 95 % interval {self.interval}, {self.tasks} tasks"


@dataclass(frozen=True)
class Failure:
    """A failing task: its first failing answer, and how many of its answers fail."""

    row: Mapping[str, Any]
    failing: int
    answers: int
    passed_base: bool


@dataclass(frozen=True)
class FailureGroup:
    """Failing tasks of one status: those shown, and how many there are."""

    status: str
    shown: Sequence[Failure]
    total: int


def write_evaluation_report(folder: str | Path) -> Path:
    """Write `report.html` into the folder of one evaluated benchmark; returns its path.

    Raises ConfigError where there is no finished evaluation, DataError for a damaged one.
    """
    root = Path(folder)
    made = environment("codewright.report")
    made.globals["charts"] = charts
    html = made.get_template("evaluation.html.j2").render(gather_evaluation(root))
    write_text(root / REPORT_NAME, html)
    return root / REPORT_NAME


def gather_evaluation(root: Path) -> dict[str, Any]:
    """Collect what the template prints, by name."""
    scores = _read_scores(root)
    verdicts = [row for _, row in read_jsonl(root / VERDICTS_NAME)]
    source = scores.get("answers") or {}
    name = str(source.get("model") or source.get("file") or "unnamed")
    shown = _columns(scores["pass_at_k"])
    languages = {
        language: _scores(part["pass_at_k"], shown) for language, part in scores["languages"].items()
    }
    return {
        "title": f"{scores['benchmark']}: {name}",
        "sentence": _sentence(scores, name, shown),
        "alerts": _alerts(scores),
        "scores": scores,
        "headline": _scores(scores["pass_at_k"], shown),
        "methods": sorted(
            {one["interval"] for by_k in scores["pass_at_k"].values() for one in by_k.values()}
        ),
        "languages": languages if len(languages) > 1 else {},
        "segments": _segments(scores["statuses"]),
        "slowest": _slowest(verdicts),
        "environment": _environment(scores),
        "references": scores.get("references") or {},
        "failures": _failures(root, verdicts),
        "parts": parts,
    }


def _read_scores(root: Path) -> Mapping[str, Any]:
    if not (root / SCORES_NAME).is_file():
        raise ConfigError(
            f"{root}: no finished evaluation here (no {SCORES_NAME}); name a folder that `codewright eval run` finished"
        )
    scores = read_json(root / SCORES_NAME)
    if not isinstance(scores, dict) or not scores.keys() >= _NEEDED:
        raise ConfigError(f"{root / SCORES_NAME}: was not written by `codewright eval run`")
    return scores


def _columns(pass_at_k: Mapping[str, Any]) -> list[str]:
    """List the verdicts to show: `passed` is left out where `plus` says the same."""
    there = [name for name in ("base", "plus") if name in pass_at_k]
    same = pass_at_k.get("plus") == pass_at_k["passed"]
    return there if same else ["passed", *there]


def _scores(pass_at_k: Mapping[str, Any], columns: Sequence[str]) -> list[Score]:
    return [
        Score(
            f"pass@{k}" if column == "passed" else f"{column} pass@{k}",
            one["share"], one["low"], one["high"], one["tasks"],
        )
        for column in columns
        for k, one in sorted(pass_at_k[column].items(), key=lambda item: int(item[0]))
    ]  # fmt: skip


def _sentence(scores: Mapping[str, Any], name: str, columns: Sequence[str]) -> str:
    found = [
        (column, score)
        for column in sorted(columns, key=lambda name: name == "base")
        for score in _scores({column: _first_k(scores["pass_at_k"][column])}, [column])
    ]
    if not found:
        return f"Nothing of {scores['benchmark']} was scored."
    said = [
        f"{score.percent}\u00a0% (95\u00a0% interval {score.interval})"
        + (f" by the {column} tests" if column != "passed" else "")
        for column, score in found
    ]
    most = scores["samples"]["most"]
    each = f" with {most} answers each" if most > 1 else ""
    return f"Pass@1 of {name} on {scores['benchmark']} is {' and '.join(said)}, over {number(found[0][1].tasks)} tasks{each}."


def _first_k(by_k: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"1": by_k["1"]} if "1" in by_k else {}


def _alerts(scores: Mapping[str, Any]) -> list[str]:
    """Say at the top what limits how far the score can be believed."""
    found = []
    tasks, samples = scores["tasks"], scores["samples"]
    if scores.get("partial"):
        found.append(
            f"Partial: {number(samples['scored'])} of {number(samples['of'])} answers, "
            f"{number(tasks['scored'])} of {number(tasks['of'])} tasks. The score is that of these tasks only."
        )
    if scores.get("forced"):
        found.append(f"Forced: {scores['forced']}. Part of what fails may be this machine's fault.")
    if scores.get("isolation") == "unsafe":
        found.append(
            "Code was executed without isolation. Verdicts can be wrong, and it could reach this machine's files."
        )
    if scores.get("forgeable_passes"):
        found.append(
            f"{number(scores['forgeable_passes'])} of the passes {'is' if scores['forgeable_passes'] == 1 else 'are'} forgeable: "
            "the program ran in one process with its tests, "
            "and could have written its own verdict."
        )
    if scores["statuses"].get(_INFRASTRUCTURE):
        found.append(
            f"{number(scores['statuses'][_INFRASTRUCTURE])} answer{'s' if scores['statuses'][_INFRASTRUCTURE] > 1 else ''} met a failure of the sandbox, not of their own."
        )
    return found


def _segments(statuses: Mapping[str, int]) -> list[Segment]:
    """Turn statuses into the pieces of a bar: what passed, then the commonest first."""
    failed = sorted(
        ((name, count) for name, count in statuses.items() if name not in {"passed", _INFRASTRUCTURE}),
        key=lambda item: (-item[1], item[0]),
    )
    found = [Segment("passed", statuses["passed"], "kept")] if statuses.get("passed") else []
    found += [
        Segment(name, count, f"drop-{min(rank, REASON_COLOURS)}") for rank, (name, count) in enumerate(failed)
    ]
    if statuses.get(_INFRASTRUCTURE):
        found.append(Segment(_INFRASTRUCTURE, statuses[_INFRASTRUCTURE], "quarantine"))
    return found


def _slowest(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return heapq.nsmallest(
        SLOWEST, verdicts, key=lambda row: (-row["seconds"], row["language"], row["task_id"], row["sample_index"])
    )  # fmt: skip


def _environment(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List under which circumstances the score was made."""
    data = scores.get("data") or {}
    rows = [
        ("Benchmark", scores["benchmark"]),
        ("Release", data.get("release")),
        ("SHA-256 of its data", data.get("sha256")),
        ("Isolation", scores.get("isolation")),
        ("Seed", scores.get("seed")),
        ("codewright", scores.get("codewright")),
    ]
    for title, key in (("Answers", "answers"), ("Prompt style", "prompt_style"), ("Limits", "limits")):
        rows += _flat(title, scores.get(key))
    return [(name, _say(value)) for name, value in rows if value not in (None, "", [], {})]


def _flat(title: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        return [(title, value)]
    return [row for key, one in value.items() for row in _flat(f"{title}, {key}", one)]


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return clip(str(value), FACT_CHARS).text


def _failures(root: Path, verdicts: Sequence[Mapping[str, Any]]) -> list[FailureGroup] | None:
    """Choose failing tasks by hash, every status its part; None where the folder does not hold them.

    The file is read twice, since the texts of many answers a task need not fit into memory.
    """
    path = root / FAILURES_NAME
    if not path.is_file():
        return None
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for line, row in read_jsonl(path):
        first.setdefault((row["language"], row["task_id"]), (line, row["status"]))
    totals = Counter(status for _, status in first.values())
    quotas = share_out(totals, MOST_FAILURES)
    lines: set[int] = set()
    for status, quota in quotas.items():
        of_status = [(stable_hash(*key), line) for key, (line, found) in first.items() if found == status]
        lines.update(line for _, line in heapq.nsmallest(quota, of_status))
    failing = Counter((row["language"], row["task_id"]) for row in verdicts if not row["passed"])
    answers = Counter((row["language"], row["task_id"]) for row in verdicts)
    base = {
        (row["language"], row["task_id"], row["sample_index"]) for row in verdicts if row.get("base_passed")
    }
    groups: dict[str, list[Failure]] = {status: [] for status, _ in totals.most_common()}
    for line, row in read_jsonl(path):
        if line in lines:
            key = (row["language"], row["task_id"])
            groups[row["status"]].append(
                Failure(row, failing[key], answers[key], (*key, row["sample_index"]) in base)
            )
    return [FailureGroup(status, shown, totals[status]) for status, shown in groups.items()]


def share_out(totals: Mapping[str, int], cap: int) -> dict[str, int]:
    """Divide `cap` places: all of a rare kind, and as many of each other."""
    quotas: dict[str, int] = {}
    for done, (name, count) in enumerate(sorted(totals.items(), key=lambda item: (item[1], item[0]))):
        quotas[name] = min(count, (cap - sum(quotas.values())) // (len(totals) - done))
    return quotas
