"""The stage `corpus.filter`: documents in, those that no quality rule refuses out; of the others, each rule and its value."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from codewright.core.config import StageRef, strict
from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet, write_parquet
from codewright.core.manifest import Counts
from codewright.core.records import LOST_SCHEMA, Lost, place_of, to_table
from codewright.corpus.parts import (
    added,
    by_language,
    kept_documents,
    rows_of,
    shards_of,
    summed,
    write_part,
)
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

if TYPE_CHECKING:
    from codewright.corpus.quality import RuleBook, Verdict

CRASH_LIMIT = 0.001
"""Share of documents on which rules may crash before the run stops (docs/extending.md)."""


@strict
@dataclass(frozen=True)
class Config:
    """Which rules to apply."""

    corpus: StageRef
    """The dataset to filter; its held-out part is filtered, too."""
    rules: Literal["fixed", "reference", "none"] = "fixed"
    """`fixed`: the rules of OpenCoder with what is wrong in them corrected; `reference`: as published, slow; or `none`."""
    override: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Bounds changed for this run: measurement -> {low, high, equal}; null takes a bound away."""
    signals: bool = False
    """Whether to write `signals/part-*.parquet`, all measurements of every document."""

    def check(self) -> None:
        """Look for the measurements and bounds. Raises ConfigError."""
        if not self.override:
            return
        from codewright.corpus.quality.verdicts import (  # numba, which `plan` seldom has need of
            MODES,
            RuleBook,
        )

        RuleBook(MODES[0] if self.rules == "none" else self.rules, self.override)


def run(config: Config, context: StageContext) -> StageResult:
    """Filter every part. Raises ConfigError when rules crash on more than a few documents."""
    override = {name: dict(bounds) for name, bounds in config.override.items()}
    params = {"rules": config.rules, "override": override, "signals": config.signals, "seed": context.seed}
    shards = shards_of(context.dataset(config.corpus), context.out, **params)
    filtered = context.engine.map(
        filter_shard, shards, "corpus: filter", None if config.rules == "none" else warm_up
    )
    crashed = added(filtered, "crashed")
    counts, documents = kept_documents(filtered)
    check_crashes(crashed, counts.rows_in)
    details = {**summed(filtered), **documents, "rules_crashed": crashed}
    return StageResult(counts, details=details)


def warm_up() -> None:
    """Compile the kernels of the rules, or load them from the cache."""
    from codewright.corpus.quality import verdicts

    verdicts.warm_up()


class Judging:
    """Judges the documents of one part, and collects what becomes of them."""

    def __init__(self, book: "RuleBook | None", signals: bool) -> None:
        """book: without one, all are kept. signals: whether to note all measurements."""
        self._book = book
        self._wants_signals = signals
        self.keep: list[bool] = []
        self.dropped: list[Lost] = []
        self.crashed: Counter[str] = Counter()
        self._signals: list[dict[str, Any]] = []

    def take(self, row: Mapping[str, Any]) -> None:
        """Judge one document. Its `size`, if it has one, is its size in bytes before it was decoded."""
        if self._book is None:
            self.keep.append(True)
            return
        facts = {"name": row["path"], "language": row["language"] or None, "doc_id": row["id"]}
        verdict = self._book.judge(row["content"], size_bytes=row.get("size"), **facts)
        self.keep.append(verdict.keep)
        self.crashed.update(verdict.crashed.keys())
        if not verdict.keep:
            fired = ", ".join(f"{name} {one.value:g} {one.bound}" for name, one in verdict.fired.items())
            reason = f"rule:{next(iter(verdict.fired))}" if verdict.fired else f"doc_type:{verdict.doc_type}"
            self.dropped.append(Lost(row["id"], reason, fired, place_of(row), row["content"]))
        if self._wants_signals:
            self._note(row, verdict)

    def _note(self, row: Mapping[str, Any], verdict: "Verdict") -> None:
        facts = {name: row[name] for name in ("id", "repo", "path", "language")}
        facts |= {"doc_type": verdict.doc_type, "rule_set": verdict.rule_set, "keep": verdict.keep}
        facts |= {"fired": list(verdict.fired), "crashed": list(verdict.crashed)}
        self._signals.append({**facts, **verdict.measurements})

    def write_signals(self, path: Path) -> None:
        """Write what was measured, if anything was."""
        if self._signals:
            write_parquet(path, pa.Table.from_pylist(self._signals, schema=signal_schema()))


def filter_shard(shard: Shard) -> dict[str, Any]:
    """Write the documents of one part that all rules keep, and for each of the others which rules fired."""
    from codewright.corpus.quality import RuleBook

    out, source, params = Path(shard.out), Path(shard.inputs[0]), shard.params
    rules = params["rules"]
    book = None if rules == "none" else RuleBook(rules, params["override"], params["seed"])
    judged = Judging(book, params["signals"])
    table = read_parquet(source)
    for row in rows_of(table):
        judged.take(row)
    kept = table.filter(pa.array(judged.keep)) if judged.dropped else table
    write_part(out / params["split"] / source.name, kept, source, unchanged=not judged.dropped)
    if judged.dropped:
        write_parquet(out / "dropped" / shard.name, to_table(judged.dropped, LOST_SCHEMA))
    judged.write_signals(out / "signals" / shard.name)
    reasons = Counter(lost.reason for lost in judged.dropped)
    return {
        "counts": Counts(len(table), len(kept), reasons).to_json(),
        **by_language(kept),
        "heldout": len(kept) if params["split"] else 0,
        "crashed": dict(judged.crashed),
    }


def signal_schema() -> pa.Schema:
    """Return the columns of a table of measurements."""
    from codewright.corpus.quality import measurements

    texts = ("id", "repo", "path", "language", "doc_type", "rule_set")
    names = pa.list_(pa.string())
    return pa.schema(
        [(name, pa.string()) for name in texts]
        + [("keep", pa.bool_()), ("fired", names), ("crashed", names)]
        + [(item.name, pa.float64()) for item in measurements()]
    )


def check_crashes(crashed: Mapping[str, int], seen: int) -> None:
    """Raise ConfigError when rules crashed on more than a few documents."""
    # One crash in a small corpus is a bad document; it takes more than that to call the rule broken.
    if sum(crashed.values()) > max(1, CRASH_LIMIT * seen):
        worst = max(crashed, key=lambda name: (crashed[name], name))
        raise ConfigError(
            f"{worst}: this rule crashed on {crashed[worst]} of {seen} documents; "
            "`corpus explain FILE` shows how on one of them; mend the rule, or report it"
        )
