"""`codewright eval run`: answers or a model, one benchmark, and an evaluation's folder at the end.

The order: data, answers read (or the model opened), references, answers generated, verdicts, scores. What is wrong with the
input is said before anything is computed; what was computed is kept, so that a killed run goes on where it was.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codewright import __version__
from codewright.core.io import write_json
from codewright.core.journal import Journal
from codewright.core.manifest import WORK_FOLDER
from codewright.core.progress import Reporter
from codewright.core.records import Form, content_id
from codewright.evals.answers import AnswerSet, read_answers
from codewright.evals.doctor import Diagnosis
from codewright.evals.folder import Folder, take_folder
from codewright.evals.generation import describe, generate_answers
from codewright.evals.limits import describe_limits
from codewright.evals.results import refuse_file, summarise
from codewright.evals.scoring import ANSWERS, SCORES, Bench, Pair, write_rows, write_texts
from codewright.evals.session import (
    Loaded,
    Options,
    Session,
    find_unrunnable,
    load,
    refuse_incomplete,
    refuse_sick,
)
from codewright.models.model import Model, Sampling, open_model

QUARANTINE = Path("quarantine", "answers.jsonl")


@dataclass(frozen=True)
class Asked:
    """Answers to judge and where they come from. source, style: for scores.json; samples: how many a task should have."""

    pairs: Sequence[Pair]
    source: Mapping[str, Any]
    style: Mapping[str, Any]
    samples: int = 1


@dataclass(frozen=True)
class ModelSettings:
    """Which model, and how it is asked; see `codewright.models.model.Sampling`. n: answers a problem."""

    spec: str
    base_url: str | None = None
    form: Form = "chat"
    n: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    concurrency: int = 16


def evaluate_all(
    items: Sequence[str],
    out: Path,
    options: Options,
    reporter: Reporter,
    *,
    answers: Path | None = None,
    field: str | None = None,
    model: ModelSettings | None = None,
) -> list[Path]:
    """Evaluate an answers file, or a model on each benchmark; the folders, one a benchmark.

    Raises ConfigError for bad input, BackendError for a server or sandbox that fails, SandboxUnavailable.
    """

    refuse_file(out)

    async def work() -> list[Path]:
        folders = []
        opened = (
            None
            if model is None
            else open_model(model.spec, base_url=model.base_url, concurrency=model.concurrency)
        )
        async with Session.open(options, reporter) as session:
            for item in items:
                folder = out if len(items) == 1 else out / item.replace(":", "-")
                if answers is not None:
                    await evaluate_answers(session, item, answers, folder, field)
                elif model is not None and opened is not None:
                    await evaluate_model(session, item, opened, model, folder)
                folders.append(folder)
        return folders

    return asyncio.run(work())


async def evaluate_answers(
    session: Session, item: str, answers: Path, out: Path, field: str | None = None
) -> dict[str, Any]:
    """Score an answers file. Returns what scores.json holds. Raises ConfigError for bad input."""
    loaded = load(item, session.options)
    found = read_answers(
        answers, loaded.benchmark, loaded.problems, asked=loaded.asked, known=loaded.known, field=field
    )
    refuse_incomplete(found, item, session.options.partial)
    spoken = loaded.only({problem.language for problem in found.problems})
    missing = find_unrunnable(spoken, session.options.partial)
    folder = take_folder(out, {**_work(session, loaded), "answers": _digest(found.pairs)})
    if folder.scores is not None:
        return folder.scores
    if found.unusable:
        write_texts(out / QUARANTINE, map(vars, found.unusable))
    ready = await session.prepare(spoken.without(missing))
    diagnosis = await session.diagnose(ready)
    forced = refuse_sick(diagnosis, session.options)
    by_place = {(problem.language, problem.task_id): problem for problem in ready.problems}
    asked = Asked(
        [
            (by_place[problem.language, problem.task_id], answer)
            for problem, answer in found.pairs
            if problem.language not in missing
        ],
        _describe_file(answers, found),
        {"form": f"answers file, field {found.field}"},
        found.samples,
    )
    return await _judge_and_write(session, ready, asked, folder, Health(diagnosis, forced))


async def evaluate_model(
    session: Session, item: str, model: Model, settings: ModelSettings, out: Path
) -> dict[str, Any]:
    """Let a model answer, and score it. Returns what scores.json holds. Raises ConfigError, BackendError."""
    loaded = load(item, session.options)
    asking = {name: value for name, value in asdict(settings).items() if name != "concurrency"}
    work = {**_work(session, loaded), **asking, "seed": session.options.seed}
    folder = take_folder(out, work, rejudge=False)
    if folder.scores is not None:
        return folder.scores
    ready = await session.prepare(loaded.without(find_unrunnable(loaded, session.options.partial)))
    diagnosis = await session.diagnose(ready)
    forced = refuse_sick(diagnosis, session.options)
    sampling = Sampling(
        settings.max_tokens,
        settings.temperature,
        settings.top_p,
        session.options.seed,
        ready.benchmark.stops if settings.form == "completion" else (),
    )
    journal = Journal(out / WORK_FOLDER / ANSWERS, work)
    with session.reporter.bar("answers", len(ready.problems) * settings.n) as advance:
        pairs = await generate_answers(
            ready.benchmark, ready.problems, model, form=settings.form, n=settings.n, sampling=sampling,
            journal=journal, on_progress=advance,
        )  # fmt: skip
    asked = Asked(pairs, {"model": settings.spec, **asking}, describe(model, settings.form), settings.n)
    scores = await _judge_and_write(session, ready, asked, folder, Health(diagnosis, forced))
    journal.remove()
    return scores


def _work(session: Session, loaded: Loaded) -> dict[str, Any]:
    """Say what makes two evaluations the same."""
    return {
        "benchmark": loaded.benchmark.item,
        "data": loaded.data.sha256,
        "problems": content_id(*(f"{problem.language}/{problem.task_id}" for problem in loaded.problems)),
        "sandbox": session.options.sandbox,
    }


def _digest(pairs: Sequence[Pair]) -> str:
    return content_id(
        *(
            text
            for problem, answer in pairs
            for text in (
                problem.language,
                answer.task_id,
                str(answer.sample_index),
                answer.form,
                answer.solution,
            )
        )
    )


def _describe_file(path: Path, found: AnswerSet) -> dict[str, Any]:
    return {
        "file": path.name,
        "field": found.field,
        "rows_in": found.rows_in,
        "kept": len(found.pairs),
        "quarantined": len(found.unusable),
        "left_out": dict(found.left_out),
        "missing": len(found.missing),
    }


@dataclass(frozen=True)
class Health:
    """What the doctor found, and why the score is one only by force."""

    diagnosis: Diagnosis
    forced: str


async def _judge_and_write(
    session: Session, loaded: Loaded, asked: Asked, folder: Folder, health: Health
) -> dict[str, Any]:
    bench = Bench(loaded.benchmark, loaded.problems, health.diagnosis, session.slowness)
    verdicts = await session.judge(bench, asked.pairs, folder.journal)
    write_rows(folder.out, asked.pairs, verdicts)
    scores = {
        "benchmark": loaded.benchmark.item,
        "codewright": __version__,
        "work": folder.key,
        "data": loaded.data.describe(),
        "problems": len(loaded.problems),
        "answers": dict(asked.source),
        "prompt_style": dict(asked.style),
        "references": health.diagnosis.describe(),
        "forced": health.forced,
        "limits": describe_limits(session.slowness, loaded.benchmark.limits),
        "isolation": session.sandbox.isolation,
        "seed": session.options.seed,
        **summarise(
            [verdict.as_row() for verdict in verdicts],
            [vars(answer) for _, answer in asked.pairs],
            tasks=loaded.of,
            samples=asked.samples,
            seed=session.options.seed,
        ),
    }
    write_json(folder.out / SCORES, scores)
    folder.journal.remove()
    return scores
