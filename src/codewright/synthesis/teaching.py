"""The stage `synth` for methods that ask a teacher: one process, many requests at once, every finished row on disk at once.

`messages.jsonl` grows with every row and is the dataset of the moment, also after a kill; at the end stand the same rows as Parquet.
A method that has `choose(documents, k, options, seed) -> Chosen` (seeding.py) picks its own seeds out of the corpus.
"""

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

from codewright.core.config import build
from codewright.core.errors import CodewrightError
from codewright.core.instruction_rows import instruction_parts
from codewright.core.io import read_json
from codewright.core.journal import Journal
from codewright.core.manifest import part_name
from codewright.core.progress import LiveText
from codewright.core.records import Lost, Reject, Sample
from codewright.core.rng import rng_for
from codewright.engine.stage import StageContext, StageResult
from codewright.models.batch import open_batched
from codewright.models.batch_book import book_beside
from codewright.models.batch_ledger import BatchLedger
from codewright.models.budget import Ledger, Usage
from codewright.models.model import Model, ServedModel, open_model
from codewright.models.paid import PaidModel
from codewright.models.reply_cache import ReplyCache, default_cache_path
from codewright.models.together import Together
from codewright.sandbox.lazy import LazySandbox
from codewright.synthesis import seed_rows
from codewright.synthesis.ask import Ask
from codewright.synthesis.filling import Bucket, Filling, Made, Tally
from codewright.synthesis.messages import MESSAGES_NAME, as_messages
from codewright.synthesis.outcomes import CRASHED, ROWS_A_PART, add_up, describe_rows, no_row, write_outcomes
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
from codewright.synthesis.waves import Waves, most_rows_per_seed

if TYPE_CHECKING:
    from codewright.synthesis.driver import Config

_AT_ONCE_LOCALLY = 64
"""Requests that a model in this process gets: it takes them together (models/backends/hf.py, BATCH_ROWS)."""


@dataclass(frozen=True)
class Teaching:
    """A method at work with its teacher."""

    config: "Config"
    context: StageContext
    method: ModuleType
    model: PaidModel
    on_used: Callable[[int, Usage], None] = lambda *_: None
    """Told of every seed that was worked on, by its number, and what its requests took."""


@contextlib.contextmanager
def open_teacher(
    config: "Config", spent: Path, say: Callable[[str], None]
) -> Iterator[tuple[PaidModel, Ledger]]:  # fmt: skip
    """Open the teacher behind its cache and its budget. spent: the file that says what was paid. say: told of every batch."""
    path = Path(config.cache) if config.cache else default_cache_path()
    with contextlib.ExitStack() as stack:
        cache = stack.enter_context(contextlib.closing(ReplyCache(path)))
        opened = BatchLedger if config.batch else Ledger
        ledger = stack.enter_context(contextlib.closing(opened(spent, config.budget, config.prices)))
        if config.batch:
            batched = open_batched(config.model or "", config.base_url, book_beside(path), say)
            model: Model = stack.enter_context(batched)
        else:
            model = open_model(config.model or "", config.base_url, config.concurrency)
        yield PaidModel(model, cache, ledger, config.model), ledger


def run_with_teacher(config: "Config", context: StageContext, method: ModuleType) -> StageResult:
    """Make the rows. Raises ConfigError when no row comes out, BackendError when the teacher seems dead."""
    with open_teacher(config, context.work / "spent.sqlite", context.reporter.say) as (model, ledger):
        described = model.describe()
        # Not where it is served: a server may come back at another address.
        teacher = {name: value for name, value in described.items() if name != "base_url"}
        journal = Journal(context.work / "turns" / "turns.jsonl", {"teacher": teacher})
        with contextlib.closing(journal):
            buckets = make_buckets(config, context, method)
            isolation = asyncio.run(fill_buckets(Teaching(config, context, method, model), journal, buckets))
        spent = asdict(ledger.spent())
    rows = [row for bucket in buckets for row in bucket.rows]
    lost = [one for bucket in buckets for one in bucket.lost]
    starts = range(0, len(rows), ROWS_A_PART)
    parts = {part_name(number): rows[start : start + ROWS_A_PART] for number, start in enumerate(starts)}
    counts = write_outcomes(context.out, parts, lost, part_name(0))
    if not rows:
        found = Counter(one.reason for one in lost) or _left_out(context).get("documents_left_out", {})
        raise no_row(context.id, config.method, context.out, found)
    if (missing := sum(bucket.wanted for bucket in buckets) - len(rows)) > 0:
        context.reporter.say(
            f"{missing:,} rows fewer than wanted: the seeds ran out (seeds_per_row: {config.seeds_per_row:g})"
        )
    if model.asked_again:
        context.reporter.say(
            f"{model.asked_again:,} requests were sent again: the server had failed, or was away"
        )
    details = {
        "teacher": described,
        "spent": spent,
        "replies": {**asdict(model.counts), "asked_again": model.asked_again},
        "seeds": sum(bucket.done for bucket in buckets),
        **_left_out(context),
        **add_up([describe_rows(rows)]),
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
            parts, lost = instruction_parts(context.dataset(config.rows_from or "")), []
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
    teacher = str(model.describe()["model"])
    if config.batch and (round_seeds := getattr(method, "ROUND_SEEDS", None)):
        context.reporter.say(
            f"{config.method} learns in rounds of {round_seeds} seeds: no batch holds more, and each round waits for the one before it"
        )
    options = build(method.Options, config.options, config.method)
    concurrency = model.concurrency if isinstance(model, ServedModel) else _AT_ONCE_LOCALLY
    asked: Model = model if isinstance(model, ServedModel) else Together(model)
    async with model, LazySandbox(context.sandbox, context.engine.workers) as sandbox:

        async def work(seed: Seed) -> Made:
            rng = rng_for(context.seed, config.method, seed.key)
            ask = Ask(asked, seed.number)
            try:
                made = [row async for row in method.make(seed.value, ask, sandbox.run, rng, options)]
                return _paid_by(made, teacher, config.prices.money(ask.used.tokens_in, ask.used.tokens_out))
            except CodewrightError:
                raise
            except Exception as error:
                return [Reject(CRASHED, f"{type(error).__name__}: {error}"[:300])]
            finally:
                run.on_used(seed.number, ask.used)

        with _Partial(context.out / MESSAGES_NAME) as so_far, context.reporter.live(config.method) as show:
            shown = _Shown(sum(bucket.wanted for bucket in buckets), so_far, show, model)
            show(shown.first_lines)
            gate = method.gate(options) if hasattr(method, "gate") else None
            kind: Callable[..., Filling] = Filling
            if config.batch:
                kind = partial(Waves, rows_per_seed=most_rows_per_seed(method, options))
            await kind(journal, work, concurrency, shown.note, gate).fill(buckets)
        return sandbox.isolation


def _paid_by(made: Made, teacher: str, money: float) -> Made:
    """Say in a seed's rows who made them, and what their share of its replies cost, the known ones too."""
    rows = sum(isinstance(one, Sample) for one in made)
    return [
        replace(one, origin=replace(one.origin, teacher=teacher, cost_usd=money / rows))
        if isinstance(one, Sample)
        else one
        for one in made
    ]


class _Partial:
    """Keeps `messages.jsonl` level with the accepted rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> "_Partial":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # From the start: the rows of before come first again.
        self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace")
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
    so_far: _Partial
    show: Any
    model: PaidModel
    started: float = field(default_factory=time.monotonic)
    first: int | None = None
    """Rows that were there when this process began."""

    def note(self, tally: Tally, rows: list[Sample]) -> None:
        """Take note of one more seed."""
        self.so_far.append(rows)
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

    @property
    def first_lines(self) -> dict[str, LiveText]:
        """The lines in their order: empty until a seed ends, but for what goes on meanwhile."""
        later = dict.fromkeys(("rows", "seeds", "rejected"), "")
        return {**later, "replies": self._asked, "tokens": self._tokens, "waiting": self._trouble}

    def _asked(self) -> str:
        paid, again = self.model.counts, self.model.asked_again
        sent_again = f", {again:,} sent again" if again else ""
        return f"{paid.sent:,} asked for, {paid.hits + paid.joined:,} known{sent_again}"

    def _tokens(self) -> str:
        paid = self.model.counts
        spent = f", {paid.money:,.2f} spent" if paid.money else ""
        return f"{paid.tokens_in:,} in, {paid.tokens_out:,} out{spent}"

    def _trouble(self) -> str:
        said = " ".join(self.model.trouble.split())
        return f"for the server: {said[:100]}" if said else ""
