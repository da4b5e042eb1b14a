"""The stage `report`: finished stages in, one self-contained `report.html` out.

Reads only what stages left in their folders; nothing is executed, nothing fetched. A section stands on the page where
there is data for it, so the report of a corpus alone is as whole as that of a full run. Equal folders give equal bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from codewright.core.config import StageRef, strict
from codewright.core.errors import ConfigError
from codewright.core.html import environment
from codewright.core.io import write_text
from codewright.core.records import Problem
from codewright.engine.stage import StageContext, StageResult
from codewright.report import charts
from codewright.report.samples import choose_answers, choose_rows
from codewright.report.scores import gather_scores, result_sentences
from codewright.report.stages import Stage, curve, facts, heldout_repositories, hits, parts, problem_name

REPORT_NAME = "report.html"


@strict
@dataclass(frozen=True)
class Config:
    """Which stages to show, and how much of them."""

    stages: tuple[StageRef, ...]
    """Stages in the order the page shows them; scores are compared from the first `eval.run` to the last."""
    title: str = "codewright report"
    """The page's heading."""
    samples: Annotated[int, Field(ge=0)] = 10
    """Training rows shown, and model answers shown; 0 leaves both out."""


def run(config: Config, context: StageContext) -> StageResult:
    """Write the page. Raises ConfigError when there is no stage to show, DataError for a damaged folder."""
    if not config.stages:
        raise ConfigError(f"stage '{context.id}': 'stages' is empty; name the stages to show")
    page = gather(config, context)
    made = environment("codewright.report")
    made.globals["charts"] = charts
    html = made.get_template("report.html.j2").render(page)
    write_text(context.out / REPORT_NAME, html)
    return StageResult(None, details={"page": REPORT_NAME})


def gather(config: Config, context: StageContext) -> dict[str, Any]:
    """Collect what the template prints, by name."""
    refs = dict.fromkeys(config.stages)
    stages = [Stage(ref, f"stage-{at}", context.dataset(ref)) for at, ref in enumerate(refs, 1)]
    by_kind: dict[str, list[Stage]] = {}
    for stage in stages:
        by_kind.setdefault(stage.manifest.stage, []).append(stage)
    problems = _problems(by_kind.get("eval.problems", []))
    evals = by_kind.get("eval.run", [])
    scores = gather_scores(evals)
    curves = [
        found for stage in stages if stage.manifest.stage.startswith("train.") and (found := curve(stage))
    ]
    row_stages = by_kind.get("decontam.run") or by_kind.get("synth") or []
    rows_from = row_stages[-1] if row_stages else None
    answers_from = evals[-1] if evals else None
    return {
        "title": config.title,
        "sentences": result_sentences(scores, curves, stages),
        "stages": stages,
        "counted": [
            stage for stage in stages if stage.manifest.counts and stage.manifest.stage != "eval.run"
        ],
        "slowest": max(stage.manifest.seconds for stage in stages) or 1.0,
        "total_seconds": sum(stage.manifest.seconds for stage in stages),
        "isolation": sorted({stage.manifest.isolation for stage in stages if stage.manifest.isolation}),
        "scores": scores,
        "curves": curves,
        "heldout": {s.ref: heldout_repositories(s.dataset) for s in by_kind.get("corpus.build", [])},
        "hits": {s.ref: hits(s.dataset, problems) for s in by_kind.get("decontam.run", [])},
        "rows": choose_rows(rows_from.dataset, config.samples) if rows_from else None,
        "rows_from": rows_from,
        "answers": choose_answers(answers_from.dataset, config.samples) if answers_from else None,
        "answers_from": answers_from,
        "versions": _versions(stages),
        "tokenizers": by_kind.get("train.tokenizer", []),
        "facts": facts,
        "parts": parts,
        "problem_name": problem_name,
        "as_json": _as_json,
    }


def _problems(stages: list[Stage]) -> Mapping[str, Problem]:
    """Read problems, by the `benchmark task_id` that hits and verdicts name them with."""
    rows = (Problem.from_dict(row) for stage in stages for row in stage.dataset.rows())
    return {f"{problem.benchmark} {problem.task_id}": problem for problem in rows}


def _versions(stages: list[Stage]) -> list[tuple[str, list[str]]]:
    """List each package with the versions the stages ran under; more than one means a run resumed after an upgrade."""
    found: dict[str, list[str]] = {}
    for stage in stages:
        for name, version in stage.manifest.versions.items():
            if version not in found.setdefault(name, []):
                found[name].append(version)
    return sorted(found.items())


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
