"""The stage `decontam.run`: instruction rows in, rows that share no text with benchmark problems out.

Every hit leaves with the detector as reason and the problem it hit as detail.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from codewright.core.config import StageRef, strict
from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet, write_parquet
from codewright.core.manifest import Counts, Dataset, part_name
from codewright.core.records import (
    LOST_SCHEMA,
    PROBLEM_SCHEMA,
    SAMPLE_SCHEMA,
    Lost,
    Problem,
    Sample,
    to_table,
)
from codewright.decontam.ngram import NgramIndex
from codewright.decontam.sampled import SampledIndex
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult

Detector = Callable[[str], str | None]
"""Row text -> the problem it hits (`benchmark task_id`), or None."""


@strict
@dataclass(frozen=True)
class Config:
    """What to clean, against what, how."""

    rows: tuple[StageRef, ...]
    """Stages that made instruction rows."""
    against: StageRef
    """An `eval.problems` stage."""
    methods: tuple[Literal["sampled", "ngram"], ...] = ("sampled", "ngram")
    """Detectors, in the order they are asked."""
    sample_chars: int = 50
    """Length of a sampled substring. Source: GPT-4 technical report, arXiv 2303.08774, appendix C."""
    samples: int = 3
    """Substrings per problem. Source: the same."""
    ngram_words: int = 10
    """Words in a row that count as copied. Source: OpenCoder, arXiv 2411.04905, section 4 (10-gram)."""


def run(config: Config, context: StageContext) -> StageResult:
    """Filter all rows. Raises ConfigError when nothing is left."""
    parts = [part for ref in config.rows for part in context.dataset(ref).parts()]
    params = {
        "methods": list(config.methods), "sample_chars": config.sample_chars, "samples": config.samples,
        "ngram_words": config.ngram_words, "seed": context.seed,
    }  # fmt: skip
    problems = str(context.inputs[config.against])
    shards = [
        Shard(part_name(number), str(context.out), (str(part), problems), params)
        for number, part in enumerate(parts)
    ]
    results = context.engine.map(clean_shard, shards, "decontamination")
    counts = Counts.total(Counts.from_json(result["counts"]) for result in results)
    if counts.kept == 0:
        raise ConfigError(
            f"stage '{context.id}': no row is left of {counts.rows_in}; all hit a benchmark problem"
        )
    hits: Counter[str] = Counter()
    for result in results:
        hits.update(result["problems"])
    return StageResult(counts, details={"problems_hit": len(hits), "most_hit": dict(hits.most_common(10))})


def build_detectors(problems: list[Problem], params: dict[str, Any]) -> dict[str, Detector]:
    """Build the detectors that `params` names over all problems."""
    detectors: dict[str, Detector] = {}
    for method in params["methods"]:
        if method == "sampled":
            detectors[method] = SampledIndex(
                problems, chars=params["sample_chars"], samples=params["samples"], seed=params["seed"]
            ).find
        else:
            detectors[method] = NgramIndex(problems, words=params["ngram_words"]).find
    return detectors


def clean_shard(shard: Shard) -> dict[str, Any]:
    """Check one shard of rows against every problem."""
    problems = [
        Problem.from_dict(row) for row in Dataset(Path(shard.inputs[1])).rows(columns=PROBLEM_SCHEMA.names)
    ]
    detectors = build_detectors(problems, dict(shard.params))
    kept: list[Sample] = []
    dropped: list[Lost] = []
    hits: Counter[str] = Counter()
    for row in read_parquet(shard.inputs[0], SAMPLE_SCHEMA.names).to_pylist():
        sample = Sample.from_dict(row)
        text = "\n".join(turn.content for turn in sample.messages)
        found = next(((name, hit) for name, find in detectors.items() if (hit := find(text))), None)
        if found is None:
            kept.append(sample)
            continue
        hits[found[1]] += 1
        dropped.append(Lost(sample.id, f"contaminated:{found[0]}", found[1], row=_as_text(sample)))
    out = Path(shard.out)
    if kept:
        write_parquet(out / shard.name, to_table(kept, SAMPLE_SCHEMA))
    if dropped:
        write_parquet(out / "dropped" / shard.name, to_table(dropped, LOST_SCHEMA))
    counts = Counts(len(kept) + len(dropped), len(kept), Counter(lost.reason for lost in dropped))
    return {"counts": counts.to_json(), "problems": dict(hits)}


def _as_text(sample: Sample) -> str:
    return json.dumps(asdict(sample), ensure_ascii=False, sort_keys=True)
