"""The stage `synth` for methods that ask a teacher: one process, many requests at once, every finished row on disk at once.

`messages.jsonl` grows with every row and is the dataset of the moment, also after a kill; at the end stand the same rows as Parquet.
"""

import asyncio
import json
import math
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

from codewright.core.config import build
from codewright.core.errors import CodewrightError, ConfigError
from codewright.core.io import atomic_write, write_parquet
from codewright.core.journal import Journal
from codewright.core.manifest import Counts, part_name
from codewright.core.records import LOST_SCHEMA, SAMPLE_SCHEMA, Lost, Reject, Sample, to_table
from codewright.core.rng import rng_for
from codewright.engine.stage import StageContext, StageResult
from codewright.models.model import DescribedModel, Model, ServedModel, open_model
from codewright.models.together import Together
from codewright.sandbox.lazy import LazySandbox
from codewright.synthesis.ask import Ask
from codewright.synthesis.filling import CRASHED, UNANSWERED, Bucket, Filling, Made, Tally
from codewright.synthesis.seeding import ANY, DocumentSeeds, NumberedSeeds, Pool, Seed, draw_documents

if TYPE_CHECKING:
    from codewright.synthesis.driver import Config

MESSAGES_NAME = "messages.jsonl"

_ROWS_A_PART = 4096
_AT_ONCE_LOCALLY = 64
"""Requests that a model in this process gets: it takes them together (models/backends/hf.py, BATCH_ROWS)."""


@dataclass(frozen=True)
class _Run:
    config: "Config"
    context: StageContext
    method: ModuleType
    model: Model


def run_with_teacher(config: "Config", context: StageContext, method: ModuleType) -> StageResult:
    """Make the rows. Raises ConfigError when no row comes out, BackendError when the teacher seems dead."""
    model = open_model(config.model or "", config.base_url, config.concurrency)
    described = model.describe() if isinstance(model, DescribedModel) else {"model": config.model}
    journal = Journal(context.work / "turns" / "turns.jsonl", {"teacher": described})
    try:
        buckets = _buckets(config, context, method)
        isolation = asyncio.run(_fill(_Run(config, context, method, model), journal, buckets))
    finally:
        journal.close()
    rows = [row for bucket in buckets for row in bucket.rows]
    lost = [one for bucket in buckets for one in bucket.lost]
    if not rows:
        reasons = ", ".join(
            f"{number} {reason}" for reason, number in Counter(one.reason for one in lost).most_common(4)
        )
        raise ConfigError(
            f"stage '{context.id}': method {config.method} made no row from its seeds ({reasons or 'it had none'})"
        )
    counts = _write(context.out, rows, lost)
    if (missing := sum(bucket.wanted for bucket in buckets) - len(rows)) > 0:
        context.reporter.say(
            f"{missing:,} rows fewer than wanted: the seeds ran out (seeds_per_row: {config.seeds_per_row:g})"
        )
    details = {
        "teacher": described,
        "seeds": sum(bucket.done for bucket in buckets),
        "verdicts": dict(
            sorted(Counter(row.verdict.status if row.verdict else "no tests" for row in rows).items())
        ),
        "tasks": dict(sorted(Counter(f"{row.task} ({row.form})" for row in rows).items())),
        "rows_by_language": dict(Counter(row.language for row in rows).most_common()),
    }
    return StageResult(counts, isolation, details)


def _buckets(config: "Config", context: StageContext, method: ModuleType) -> list[Bucket]:
    wanted = dict(config.quotas) or {ANY: config.rows or 0}
    most = {name: math.ceil(rows * config.seeds_per_row) for name, rows in wanted.items()}
    found: dict[str, NumberedSeeds | DocumentSeeds] = {}
    if method.SEEDS == "numbers":
        found = {name: NumberedSeeds(config.method, most[name]) for name in wanted}
    else:
        found = _documents(config, context, most)
    learns = getattr(method, "ROUND_SEEDS", None)
    return [
        Bucket(name, rows, Pool(found[name], learns) if learns else found[name])
        for name, rows in wanted.items()
    ]


def _documents(
    config: "Config", context: StageContext, most: dict[str, int]
) -> dict[str, NumberedSeeds | DocumentSeeds]:
    dataset = context.dataset(config.corpus or "")
    with context.reporter.bar("draw seeds", total=1) as advance:
        files = draw_documents(dataset, context.work / "seeds", most, context.seed)
        advance()
    return {name: DocumentSeeds(files[name], most[name]) for name in most}


async def _fill(run: _Run, journal: Journal, buckets: list[Bucket]) -> str | None:
    """Fill the buckets; returns the isolation of what was executed, if anything was."""
    config, context, method, model = run.config, run.context, run.method, run.model
    options = build(method.Options, config.options, config.method)
    concurrency = model.concurrency if isinstance(model, ServedModel) else _AT_ONCE_LOCALLY
    asked = model if isinstance(model, ServedModel) else Together(model)
    async with LazySandbox(context.sandbox, context.engine.workers) as sandbox:

        async def work(seed: Seed) -> Made:
            rng = rng_for(context.seed, config.method, seed.key)
            ask = Ask(asked, seed.number)
            try:
                return [row async for row in method.make(seed.value, ask, sandbox.run, rng, options)]
            except CodewrightError:
                raise
            except Exception as error:
                return [Reject(CRASHED, f"{type(error).__name__}: {error}"[:300])]

        with _Partial(context.out / MESSAGES_NAME) as partial, context.reporter.live(config.method) as show:
            shown = _Shown(sum(bucket.wanted for bucket in buckets), partial, show)
            await Filling(journal, work, concurrency, shown.note).fill(buckets)
        return sandbox.isolation


class _Partial:
    """Keeps `messages.jsonl` level with the accepted rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> "_Partial":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open(
            "w", encoding="utf-8", errors="backslashreplace"
        )  # rows of before come first again
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def append(self, rows: list[Sample]) -> None:
        """Add rows, for everybody to read at once."""
        if self._file and rows:
            self._file.writelines(as_messages(row) for row in rows)
            self._file.flush()


def as_messages(row: Sample) -> str:
    """Return a row as a line of OpenAI's `messages`, with what it is beside them."""
    turns = [asdict(turn) for turn in row.messages]
    facts = {"id": row.id, "task": row.task, "method": row.method, "language": row.language}
    return json.dumps({"messages": turns, **facts}, ensure_ascii=False) + "\n"


@dataclass
class _Shown:
    """The table that changes while rows come in."""

    wanted: int
    partial: _Partial
    show: Any
    started: float = field(default_factory=time.monotonic)
    first: int | None = None
    """Rows that were there when this process began."""

    def note(self, tally: Tally, rows: list[Sample]) -> None:
        """Take note of one more seed."""
        self.partial.append(rows)
        if self.first is None:
            self.first = tally.accepted
        minutes = max(time.monotonic() - self.started, 1.0) / 60
        rejected = ", ".join(f"{reason} {number:,}" for reason, number in tally.rejected.most_common(4))
        self.show({
            "rows": f"{tally.accepted:,} of {self.wanted:,}",
            "seeds": f"{tally.seeds:,}",
            "rejected": f"{tally.rejected.total():,}" + (f" ({rejected})" if rejected else ""),
            "rows per minute": f"{(tally.accepted - self.first) / minutes:,.0f}",
        })  # fmt: skip


def _write(out: Path, rows: list[Sample], lost: list[Lost]) -> Counts:
    for number, start in enumerate(range(0, len(rows), _ROWS_A_PART)):
        write_parquet(
            out / f"{part_name(number)}", to_table(rows[start : start + _ROWS_A_PART], SAMPLE_SCHEMA)
        )
    with atomic_write(out / MESSAGES_NAME) as file:
        file.writelines(as_messages(row).encode("utf-8", "backslashreplace") for row in rows)
    bad = [one for one in lost if one.reason in {CRASHED, UNANSWERED}]
    dropped = [one for one in lost if one.reason not in {CRASHED, UNANSWERED}]
    for split, found in (("dropped", dropped), ("quarantine", bad)):
        if found:
            write_parquet(out / split / part_name(0), to_table(found, LOST_SCHEMA))
    return Counts(len(rows) + len(lost), len(rows), Counter(one.reason for one in dropped), len(bad))
