"""The stage `corpus.filter`: documents in, those that no quality rule refuses out; of the others, each rule and its value."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codewright.core.config import StageRef, strict
from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet, write_parquet
from codewright.core.manifest import Counts, part_name, part_number
from codewright.core.records import DOCUMENT_SCHEMA, LOST_SCHEMA, Document, Lost, to_table
from codewright.corpus.filtering import judge, load_rules
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

CRASH_LIMIT = 0.001
"""Share of documents on which rules may crash before the run stops (docs/extending.md)."""


@strict
@dataclass(frozen=True)
class Config:
    """Which rules to apply."""

    corpus: StageRef
    """The dataset to filter; its held-out part is filtered, too."""
    rules: tuple[str, ...] = ("text", "python")
    """Rule files to apply; an empty list applies none."""
    override: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Bounds changed for this run: rule name -> {low, high}."""

    def check(self) -> None:
        """Look for the rules and bounds. Raises ConfigError."""
        load_rules(self.rules, self.override)


def run(config: Config, context: StageContext) -> StageResult:
    """Filter every part. Raises ConfigError when a rule crashes on more than a few documents."""
    dataset = context.dataset(config.corpus)
    override = {name: dict(bounds) for name, bounds in config.override.items()}
    shards: list[Shard] = []
    for split in ("", "heldout"):
        for part in dataset.parts(split):
            # Numbered over both splits: a shard's number names what it drops.
            params = {"split": split, "rules": list(config.rules), "override": override}
            shards.append(Shard(part_name(len(shards)), str(context.out), (str(part),), params))
    filtered = context.engine.map(filter_shard, shards, "corpus: filter")
    _check_crashes(filtered)
    languages: Counter[str] = Counter()
    for result in filtered:
        languages.update(result["bytes_by_language"])
    counts = Counts.total(Counts.from_json(result["counts"]) for result in filtered)
    heldout = sum(result["heldout"] for result in filtered)
    details = {
        "bytes_kept": sum(languages.values()),
        "bytes_by_language": dict(languages.most_common()),
        "documents_heldout": heldout,
        "documents_train": counts.kept - heldout,
    }
    return StageResult(counts, details=details)


def filter_shard(shard: Shard) -> dict[str, Any]:
    """Write the documents of one part that all rules keep, and for each of the others which rules fired."""
    out, source, split = Path(shard.out), Path(shard.inputs[0]), shard.params["split"]
    rules = load_rules(shard.params["rules"], shard.params["override"])
    kept: list[Document] = []
    dropped: list[Lost] = []
    quarantined: list[Lost] = []
    languages: Counter[str] = Counter()
    for row in read_parquet(source).to_pylist():
        doc = Document.from_dict(row)
        verdict = judge(doc, rules)
        shown = f"{doc.repo}:{doc.path}"
        if verdict.crashed:
            reason = f"rule_crashed:{verdict.crashed}"
            quarantined.append(Lost(doc.id, reason, verdict.error, shown, doc.content))
        elif verdict.fired:
            fired = ", ".join(f"{name}={value:g}" for name, value in verdict.fired.items())
            dropped.append(Lost(doc.id, f"rule:{next(iter(verdict.fired))}", fired, shown, doc.content))
        else:
            kept.append(doc)
            languages[doc.language] += len(doc.content.encode("utf-8"))
    if kept:
        write_parquet(out / split / source.name, to_table(kept, DOCUMENT_SCHEMA))
    name = part_name(part_number(shard.name))
    for folder, lost in (("dropped", dropped), ("quarantine", quarantined)):
        if lost:
            write_parquet(out / folder / name, to_table(lost, LOST_SCHEMA))
    reasons = Counter(lost.reason for lost in dropped)
    counts = Counts(len(kept) + len(dropped) + len(quarantined), len(kept), reasons, len(quarantined))
    return {
        "counts": counts.to_json(),
        "bytes_by_language": dict(languages),
        "heldout": len(kept) if split else 0,
        "crashed": dict(Counter(lost.reason for lost in quarantined)),
    }


def _check_crashes(filtered: list[dict[str, Any]]) -> None:
    crashed: Counter[str] = Counter()
    for result in filtered:
        crashed.update(result["crashed"])
    seen = sum(result["counts"]["in"] for result in filtered)
    # One crash in a small corpus is a bad document; it takes more than that to call the rule broken.
    if sum(crashed.values()) > max(1, CRASH_LIMIT * seen):
        worst, times = crashed.most_common(1)[0]
        raise ConfigError(
            f"{worst.removeprefix('rule_crashed:')}: this rule crashed on {times} of {seen} documents "
            "(see quarantine/); mend it or leave its file out of `rules`"
        )
