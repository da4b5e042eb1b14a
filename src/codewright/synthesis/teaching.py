"""The stage `synth` for methods that ask a teacher: one process, many requests at once, every finished row on disk at once.

`messages.jsonl` grows with every row and is the dataset of the moment, also after a kill; at the end stand the same rows as Parquet.
A method that has `choose(documents, k, options, seed) -> Chosen` (seeding.py) picks its own seeds out of the corpus.
"""

import asyncio
import math
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

from codewright.core.config import build
from codewright.core.errors import CodewrightError, ConfigError
from codewright.core.io import read_json, write_parquet
from codewright.core.journal import Journal
from codewright.core.manifest import Counts, part_name
from codewright.core.records import LOST_SCHEMA, SAMPLE_SCHEMA, Lost, Reject, Sample, to_table
from codewright.core.rng import rng_for
from codewright.engine.stage import StageContext, StageResult
from codewright.models.budget import Ledger
from codewright.models.model import DescribedModel, Model, ServedModel, open_model
from codewright.models.paid import PaidModel
from codewright.models.reply_cache import ReplyCache, default_cache_path
from codewright.models.together import Together
from codewright.sandbox.lazy import LazySandbox
from codewright.synthesis import seed_rows
from codewright.synthesis.ask import Ask
from codewright.synthesis.filling import CRASHED, UNANSWERED, Bucket, Filling, Made, Tally
from codewright.synthesis.messages import MESSAGES_NAME, as_messages
from codewright.synthesis.seeding import (
    ANY,
    LEFT_OUT_NAME,
    Choose,
    DocumentSeeds,
    NumberedSeeds,
    Pool,
    RowSeeds,
    Seed,
    draw_documents,
    draw_rows,
)

if TYPE_CHECKING:
    from codewright.synthesis.driver import Config

_ROWS_A_PART = 4096
_QUARANTINED = frozenset({CRASHED, UNANSWERED, seed_rows.UNUSABLE})
_AT_ONCE_LOCALLY = 64
"""Requests that a model in this process gets: it takes them together (models/backends/hf.py, BATCH_ROWS)."""


@dataclass(frozen=True)
class Teaching:
    """A method at work with its teacher."""

    config: "Config"
    context: StageContext
    method: ModuleType
    model: PaidModel


def run_with_teacher(config: "Config", context: StageContext, method: ModuleType) -> StageResult:
    """Make the rows. Raises ConfigError when no row comes out, BackendError when the teacher seems dead."""
    model = open_model(config.model or "", config.base_url, config.concurrency)
    described = model.describe() if isinstance(model, DescribedModel) else {"model": config.model}
    journal = Journal(context.work / "turns" / "turns.jsonl", {"teacher": described})
    cache = ReplyCache(Path(config.cache) if config.cache else default_cache_path())
    ledger = Ledger(context.work / "spent.sqlite", config.budget, config.prices)
    paid = PaidModel(model, cache, ledger, config.model)
    try:
        buckets = make_buckets(config, context, method)
        isolation = asyncio.run(fill_buckets(Teaching(config, context, method, paid), journal, buckets))
        spent = asdict(ledger.spent())
    finally:
        journal.close()
        ledger.close()
        cache.close()
    rows = [row for bucket in buckets for row in bucket.rows]
    lost = [one for bucket in buckets for one in bucket.lost]
    if not rows:
        found = Counter(one.reason for one in lost) or Counter(_left_out(context).get("documents_left_out"))
        reasons = ", ".join(f"{number} {reason}" for reason, number in found.most_common(4))
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
        "spent": spent,
        "replies": asdict(paid.counts),
        "seeds": sum(bucket.done for bucket in buckets),
        **_left_out(context),
        "verdicts": dict(
            sorted(Counter(row.verdict.status if row.verdict else "no tests" for row in rows).items())
        ),
        "tasks": dict(sorted(Counter(f"{row.task} ({row.form})" for row in rows).items())),
        "rows_by_language": dict(Counter(row.language for row in rows).most_common()),
    }
    return StageResult(counts, isolation, details)


def make_buckets(config: "Config", context: StageContext, method: ModuleType) -> list[Bucket]:
    """Draw the seeds, and make a bucket for each quota."""
    wanted = dict(config.quotas) or {ANY: config.rows or 0}
    most = {name: math.ceil(rows * config.seeds_per_row) for name, rows in wanted.items()}
    found: dict[str, NumberedSeeds | DocumentSeeds] = {}
    unusable: list[Lost] = []
    if method.SEEDS == "rows":
        found, unusable = _rows(config, context, most)
    elif method.SEEDS == "numbers":
        found = {name: NumberedSeeds(config.method, most[name]) for name in wanted}
    else:
        found = _documents(config, context, method, most)
    learns = getattr(method, "ROUND_SEEDS", None)
    buckets = [
        Bucket(name, rows, Pool(found[name], learns) if learns else found[name])
        for name, rows in wanted.items()
    ]
    buckets[0].lost.extend(unusable)
    return buckets


def _documents(
    config: "Config", context: StageContext, method: ModuleType, most: dict[str, int]
) -> dict[str, NumberedSeeds | DocumentSeeds]:
    dataset = context.dataset(config.corpus or "")
    choose: Choose | None = None
    if hasattr(method, "choose"):
        options = build(method.Options, config.options, config.method)
        choose = partial(method.choose, options=options, seed=context.seed)
    with context.reporter.bar("draw seeds", total=1) as advance:
        files = draw_documents(dataset, context.work / "seeds", most, context.seed, choose)
        advance()
    return {name: DocumentSeeds(files[name], most[name]) for name in most}


def _rows(
    config: "Config", context: StageContext, most: dict[str, int]
) -> tuple[dict[str, NumberedSeeds | DocumentSeeds], list[Lost]]:
    """Return the seeds of each bucket, and what of a file was no row."""
    with context.reporter.bar("draw seeds", total=1) as advance:
        if config.rows_file is not None:
            parts, lost = seed_rows.parts_of_file(Path(config.rows_file), context.work / "rows")
        else:
            parts, lost = seed_rows.parts_of(context.dataset(config.rows_from or "")), []
        files = draw_rows(parts, context.work / "seeds", most, context.seed)
        advance()
    return {name: RowSeeds(files[name], most[name]) for name in most}, lost


def _left_out(context: StageContext) -> dict[str, Any]:
    """Say which of the corpus's documents the method's own choice left out, and why."""
    file = context.work / "seeds" / LEFT_OUT_NAME
    return {"documents_left_out": read_json(file)} if file.exists() else {}


async def fill_buckets(run: Teaching, journal: Journal, buckets: list[Bucket]) -> str | None:
    """Fill the buckets; returns the isolation of what was executed, if anything was."""
    config, context, method, model = run.config, run.context, run.method, run.model
    options = build(method.Options, config.options, config.method)
    concurrency = model.concurrency if isinstance(model, ServedModel) else _AT_ONCE_LOCALLY
    asked: Model = model if isinstance(model, ServedModel) else Together(model)
    async with model, LazySandbox(context.sandbox, context.engine.workers) as sandbox:

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
            shown = _Shown(sum(bucket.wanted for bucket in buckets), partial, show, model)
            gate = method.gate(options) if hasattr(method, "gate") else None
            await Filling(journal, work, concurrency, shown.note, gate).fill(buckets)
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


@dataclass
class _Shown:
    """The table that changes while rows come in."""

    wanted: int
    partial: _Partial
    show: Any
    model: PaidModel
    started: float = field(default_factory=time.monotonic)
    first: int | None = None
    """Rows that were there when this process began."""

    def note(self, tally: Tally, rows: list[Sample]) -> None:
        """Take note of one more seed."""
        self.partial.append(rows)
        if self.first is None:
            self.first = tally.accepted
        paid = self.model.counts
        minutes = max(time.monotonic() - self.started, 1.0) / 60
        rejected = ", ".join(f"{reason} {number:,}" for reason, number in tally.rejected.most_common(4))
        self.show({
            "rows": f"{tally.accepted:,} of {self.wanted:,}",
            "seeds": f"{tally.seeds:,}",
            "rejected": f"{tally.rejected.total():,}" + (f" ({rejected})" if rejected else ""),
            "replies": f"{paid.sent:,} asked for, {paid.hits + paid.joined:,} known",
            "tokens": f"{paid.tokens_in:,} in, {paid.tokens_out:,} out" + (f", {paid.money:,.2f} spent" if paid.money else ""),
            "rows per minute": f"{(tally.accepted - self.first) / minutes:,.0f}",
        })  # fmt: skip


def _write(out: Path, rows: list[Sample], lost: list[Lost]) -> Counts:
    for number, start in enumerate(range(0, len(rows), _ROWS_A_PART)):
        write_parquet(
            out / f"{part_name(number)}", to_table(rows[start : start + _ROWS_A_PART], SAMPLE_SCHEMA)
        )
    bad = [one for one in lost if one.reason in _QUARANTINED]
    dropped = [one for one in lost if one.reason not in _QUARANTINED]
    for split, found in (("dropped", dropped), ("quarantine", bad)):
        if found:
            write_parquet(out / split / part_name(0), to_table(found, LOST_SCHEMA))
    return Counts(len(rows) + len(lost), len(rows), Counter(one.reason for one in dropped), len(bad))
