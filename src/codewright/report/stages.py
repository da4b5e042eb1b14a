"""What the page says of each stage: counts by reason, and what only its kind has to tell."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from codewright.core.html import number
from codewright.core.io import read_jsonl
from codewright.core.manifest import Counts, Dataset, Manifest
from codewright.core.records import Problem
from codewright.core.rng import stable_hash
from codewright.report.charts import Point, Segment

REASON_COLOURS = 6
"""Dropped reasons with a colour of their own; the rest share one."""
LISTED = 24
"""Held-out repositories named on the page."""
EXAMPLES = 3
"""Contaminated rows shown."""
EXAMPLE_CHARS = 1200
"""Of a contaminated row and of its problem; also bounds the search for what they share."""
CONTAMINATED = "contaminated:"
"""Prefix of the reasons that `decontam.run` gives."""
METRICS_NAME = "metrics.jsonl"
_TOLD_BY_CURVE = frozenset({"tokens", "steps", "final_loss", "metrics"})


@dataclass(frozen=True)
class Stage:
    """A finished stage as the page knows it; `ref` is what the recipe calls it, `anchor` the page."""

    ref: str
    anchor: str
    dataset: Dataset

    @property
    def manifest(self) -> Manifest:
        """Its manifest."""
        return self.dataset.manifest

    @property
    def dropped(self) -> int:
        """Rows dropped for any reason."""
        return sum(self.manifest.counts.dropped.values()) if self.manifest.counts else 0

    @property
    def segments(self) -> list[Segment]:
        """Where the rows went: kept, each reason by falling number, quarantined."""
        return segments(self.manifest.counts) if self.manifest.counts else []


def segments(counts: Counts) -> list[Segment]:
    """Turn counts into the pieces of a bar; their values add up to what came in."""
    reasons = sorted(counts.dropped.items(), key=lambda item: (-item[1], item[0]))
    dropped = [
        Segment(reason, value, f"drop-{min(rank, REASON_COLOURS)}")
        for rank, (reason, value) in enumerate(reasons)
    ]
    quarantined = [Segment("quarantined", counts.quarantined, "quarantine")] if counts.quarantined else []
    return [Segment("kept", counts.kept, "kept"), *dropped, *quarantined]


@dataclass(frozen=True)
class Part:
    """One line of a division of a whole."""

    label: str
    value: int
    share: float


def parts(values: Mapping[str, int]) -> list[Part]:
    """Sort a division by falling value, with each part's share."""
    total = sum(values.values()) or 1
    return [
        Part(label, value, value / total)
        for label, value in sorted(values.items(), key=lambda item: (-item[1], item[0]))
    ]


@dataclass(frozen=True)
class Repositories:
    """Held-out repositories with their number of documents: the first few by name, and how many there are."""

    listed: list[tuple[str, int]]
    total: int
    documents: int


def heldout_repositories(dataset: Dataset) -> Repositories | None:
    """Count the documents of each held-out repository; None where nothing is held out."""
    table = dataset.table(["repo"], "heldout")
    if table is None or not len(table):
        return None
    counted = Counter(table.column("repo").to_pylist())
    return Repositories(sorted(counted.items())[:LISTED], len(counted), len(table))


@dataclass(frozen=True)
class Excerpt:
    """A text in three pieces, the middle one to be marked; `left_out` characters follow."""

    before: str
    marked: str
    after: str
    left_out: int


@dataclass(frozen=True)
class Contaminated:
    """A dropped row beside the problem it hit; `problem` is None where its text is not among the stages shown."""

    id: str
    detector: str
    hit: str
    row: Excerpt
    problem: Excerpt | None


@dataclass(frozen=True)
class Hits:
    """What decontamination found: (detector, problem, rows) by falling number, and a few examples."""

    listed: list[tuple[str, str, int]]
    rows: int
    problems: int
    examples: list[Contaminated]


def hits(dataset: Dataset, problems: Mapping[str, Problem]) -> Hits | None:
    """Count hits by detector and problem; None where there are none. problems: by `benchmark task_id`."""
    table = dataset.table(["id", "reason", "detail"], "dropped")
    found = [
        row
        for row in (table.to_pylist() if table is not None else [])
        if row["reason"].startswith(CONTAMINATED)
    ]
    if not found:
        return None
    pairs = Counter((row["reason"].removeprefix(CONTAMINATED), row["detail"]) for row in found)
    listed = sorted(((*pair, count) for pair, count in pairs.items()), key=lambda item: (-item[2], item[:2]))
    chosen = sorted(found, key=lambda row: (stable_hash(row["id"]), row["id"]))[:EXAMPLES]
    wanted = {row["id"] for row in chosen}
    texts: dict[str, str] = {}
    for row in dataset.rows("dropped", ["id", "row"]):
        if row["id"] in wanted:
            texts.setdefault(row["id"], _text_of(row["row"]))
    examples = [_contaminated(row, texts.get(row["id"], ""), problems.get(row["detail"])) for row in chosen]
    return Hits(listed[:10], len(found), len({problem for _, problem in pairs}), examples)


def _text_of(row: str | None) -> str:
    """Return the messages of a row kept as JSON."""
    try:
        messages = json.loads(row or "{}").get("messages", [])
        return "\n".join(str(turn["content"]) for turn in messages)
    except (ValueError, AttributeError, KeyError, TypeError):
        return row or ""


def _contaminated(row: Mapping[str, Any], text: str, problem: Problem | None) -> Contaminated:
    detector = row["reason"].removeprefix(CONTAMINATED)
    shown, prompt = text[:EXAMPLE_CHARS], problem.prompt[:EXAMPLE_CHARS] if problem else ""
    at, in_prompt, size = SequenceMatcher(None, shown, prompt, autojunk=False).find_longest_match()
    return Contaminated(
        id=row["id"],
        detector=detector,
        hit=row["detail"],
        row=_excerpt(text, at, size),
        problem=_excerpt(problem.prompt, in_prompt, size) if problem else None,
    )


def _excerpt(text: str, start: int, size: int) -> Excerpt:
    shown = text[:EXAMPLE_CHARS]
    return Excerpt(shown[:start], shown[start : start + size], shown[start + size :], len(text) - len(shown))


@dataclass(frozen=True)
class Curve:
    """What a training stage logged: points over tokens; losses in nats per token."""

    stage: Stage
    steps: int
    tokens: int
    loss: Sequence[Point]
    lr: Sequence[Point]


def curve(stage: Stage) -> Curve | None:
    """Read `metrics.jsonl`; None where a stage logged nothing. Values that are no number are left out."""
    path = Path(stage.dataset.folder) / METRICS_NAME
    if not path.is_file():
        return None
    rows = [row for _, row in read_jsonl(path)]
    loss, lr = (
        [(float(row["tokens"]), float(row[name])) for row in rows if _is_number(row.get(name))]
        for name in ("loss", "lr")
    )
    if not loss:
        return None
    return Curve(stage, int(rows[-1].get("step", len(rows))), int(loss[-1][0]), loss, lr)


def facts(stage: Stage) -> list[tuple[str, str]]:
    """List the plain numbers and words of a stage's details, but those the curve tells already."""
    found: list[tuple[str, str]] = []
    for key, value in stage.manifest.details.items():
        if key in _TOLD_BY_CURVE or not isinstance(value, str | int | float) or isinstance(value, bool):
            continue
        name = key.replace("_", " ").capitalize()
        found.append((name, value if isinstance(value, str) else number(value)))
    return found


def problem_name(named: str) -> str:
    """Shorten `drills drills/7` to `drills/7`: many task ids begin with their benchmark."""
    benchmark, _, task_id = named.partition(" ")
    return task_id if task_id.lower().startswith(f"{benchmark.lower()}/") else named


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
