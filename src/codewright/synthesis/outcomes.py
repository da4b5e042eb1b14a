"""How rows end on disk, with why the others left, and what a manifest says of them: the same with and without a teacher."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.io import write_parquet
from codewright.core.manifest import Counts
from codewright.core.records import LOST_SCHEMA, SAMPLE_SCHEMA, Lost, Sample, to_table

CRASHED = "method_crashed"
UNANSWERED = "teacher_failed"
UNUSABLE = "unusable_seed"
"""What a file holds that is no row; the detail says why."""

_QUARANTINED = frozenset({CRASHED, UNANSWERED, UNUSABLE})
"""Reasons that are nobody's judgement of a row: these go to quarantine, all others are dropped."""

NO_TESTS = "no tests"
"""What stands for a verdict where a row has none."""

ROWS_A_PART = 4096


def write_outcomes(
    out: Path, parts: Mapping[str, Sequence[Sample]], lost: Iterable[Lost], name: str
) -> Counts:
    """Write rows by the names of their parts, and what was lost under one name; returns how many went where."""
    for part, rows in parts.items():
        if rows:
            write_parquet(out / part, to_table(rows, SAMPLE_SCHEMA))
    split: dict[str, list[Lost]] = {"dropped": [], "quarantine": []}
    for one in lost:
        split["quarantine" if one.reason in _QUARANTINED else "dropped"].append(one)
    for folder, found in split.items():
        if found:
            write_parquet(out / folder / name, to_table(found, LOST_SCHEMA))
    kept = sum(len(rows) for rows in parts.values())
    left, bad = split["dropped"], split["quarantine"]
    return Counts(kept + len(left) + len(bad), kept, Counter(one.reason for one in left), len(bad))


def no_row(stage: str, method: str, out: Path, reasons: Mapping[str, int]) -> ConfigError:
    """Say that a method made no row, why not, and where it stands of each seed."""
    most = Counter(reasons).most_common(4)
    why = ", ".join(f"{number} {reason}" for reason, number in most) or "no candidate at all"
    where = [str(out / name) for name in ("dropped", "quarantine") if (out / name).is_dir()]
    told = f"; why, seed by seed: {' and '.join(where)}" if where else ""
    return ConfigError(f"stage '{stage}': method {method} made no row from its seeds ({why}){told}")


def describe_rows(rows: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """Count rows by the sandbox's verdict, and by task and form."""
    return {
        "verdicts": dict(Counter(row.verdict.status if row.verdict else NO_TESTS for row in rows)),
        "tasks": dict(Counter(f"{row.task} ({row.form})" for row in rows)),
    }


def add_up(described: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Add up what `describe_rows` said of several, each in the order of its names."""
    found: dict[str, Counter[str]] = {"verdicts": Counter(), "tasks": Counter()}
    for one in described:
        for name, counter in found.items():
            counter.update(one[name])
    return {name: dict(sorted(counter.items())) for name, counter in found.items()}
