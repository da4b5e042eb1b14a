"""The stage `synth`: runs one method over its seeds, verifies in the sandbox, removes copies, keeps to the quota.

A method is one file under `methods/`:

    SEEDS = "documents" | "numbers"     what `make` is called with: corpus rows, or 0, 1, 2, ...; with a teacher also "rows",
                                        instruction rows of a dataset or a file
    ROWS_PER_SEED = 2                   for numbers: how many rows one seed usually gives
    class Options: ...                  its own settings, a frozen dataclass
    async def make(seed, ask, run, rng, options) -> AsyncIterator[Sample | Reject]

`run` is the sandbox (Job -> Result), `rng` is seeded by run, method and seed id. With `TEACHER = True` in the file, `ask` is the
teacher (`synthesis.ask`) and rows come in by the numbers of their seeds (`synthesis.filling`); without, it is None and shards run apart.
A teacher's method may also have `ROUND_SEEDS` and `def gate(options)`. With the first `make` gets a `seeding.Pooled`: the seed, and
what all rounds of so many seeds before made. The second returns a `filling.Gate`, asked at each row's turn, in the order of seeds,
whether the row is wanted beside all that were accepted before: also beside those of its own round, which `make` cannot see.
"""

import asyncio
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from codewright.core.config import StageRef, build, dump, strict
from codewright.core.errors import CodewrightError, ConfigError
from codewright.core.io import read_parquet, write_parquet
from codewright.core.languages import check_language
from codewright.core.manifest import WORK_FOLDER, Counts, part_name, part_number
from codewright.core.plugins import load_plugin
from codewright.core.records import (
    DOCUMENT_SCHEMA,
    LOST_SCHEMA,
    SAMPLE_SCHEMA,
    Document,
    Lost,
    Reject,
    Sample,
    to_table,
)
from codewright.core.rng import rng_for, stable_hash
from codewright.engine.engine import Shard
from codewright.engine.stage import StageContext, StageResult
from codewright.models.budget import Budget, Prices
from codewright.sandbox.lazy import LazySandbox
from codewright.synthesis.messages import write_messages
from codewright.synthesis.outcomes import CRASHED, add_up, describe_rows, no_row, write_outcomes

METHODS_PACKAGE = "codewright.synthesis.methods"

_HOW = ("base_url", "concurrency", "batch", "budget", "prices", "cache")

IN_FLIGHT = 4
"""Seeds worked on at once in one process: enough to keep its sandbox worker busy while rows are made."""


@strict
@dataclass(frozen=True)
class Config:
    """Which method, over what, how much."""

    method: str
    """File name under synthesis/methods."""
    model: str | None = None
    """The teacher, for methods that ask one: openai:NAME, a model folder or an id of the hub."""
    corpus: StageRef | None = None
    """The corpus whose documents are the seeds, for methods that need one."""
    rows_from: StageRef | None = None
    """The dataset whose instruction rows are the seeds, for methods that need some."""
    rows_file: str | None = None
    """Instead of it: a file of instruction rows in any published format (synthesis/formats.py)."""
    rows: Annotated[int, Field(gt=0)] | None = None
    """Keep at most this many rows, chosen by a seeded order over ids; None keeps all."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The method's own settings."""
    seeds_per_shard: Annotated[int, Field(gt=0)] = 1024
    """Numbered seeds per shard; documents keep the corpus's shards. A teacher's method has none."""
    quotas: Mapping[str, Annotated[int, Field(gt=0)]] = field(default_factory=dict)
    """Language -> rows, for methods that ask a teacher; together they are `rows`."""
    seeds_per_row: Annotated[float, Field(ge=1)] = 4.0
    """A teacher's method ends with fewer rows than wanted after this many seeds a row."""
    base_url: str | None = None
    """Where the teacher is served, for openai: models; not part of what decides the rows."""
    concurrency: Annotated[int, Field(gt=0)] | None = None
    """Requests that a served teacher gets at once; with `batch` a batch holds what it can."""
    batch: bool = False
    """Ask an openai: teacher through its Batch API: at half the price and in up to a day. Each step of a method is a batch more; rounds of
    a method that learns are batches of their own (models/batch.py, synthesis/waves.py)."""
    budget: Budget = field(default_factory=Budget)
    """Hard caps over the run and its resumes: {requests, tokens, money}; raise one and run again."""
    prices: Prices = field(default_factory=Prices)
    """What a million tokens cost: {tokens_in, tokens_out}."""
    cache: str | None = None
    """The file that replies are kept in, so that none is paid twice; the user's own without it."""

    def deciding(self) -> dict[str, Any]:
        """Return the settings that decide which rows come out."""
        return {name: value for name, value in dump(self).items() if name not in _HOW}

    def file_digests(self) -> dict[str, str]:
        """Hash the file of rows, so that a changed one is not taken for the one that was read."""
        if self.rows_file is None or not Path(self.rows_file).is_file():
            return {}
        with Path(self.rows_file).open("rb") as file:
            return {self.rows_file: hashlib.file_digest(file, "sha256").hexdigest()}

    def check(self) -> None:
        """Look at the method's needs and options. Raises ConfigError."""
        method = load_plugin(METHODS_PACKAGE, self.method)
        asks = getattr(method, "TEACHER", False)
        if asks and self.model is None:
            raise ConfigError(f"method {self.method} needs a teacher: `model:`")
        if asks and self.rows is None and not self.quotas:
            raise ConfigError(f"method {self.method} needs `rows:` or `quotas:`")
        if not asks and (self.model or self.quotas or self.base_url):
            raise ConfigError(f"method {self.method} asks no teacher: no `model:`, `base_url:` and `quotas:`")
        if self.batch and not (self.model or "").startswith("openai:"):
            raise ConfigError(
                f"batch: model {self.model} is behind no server with a Batch API; only openai:NAME is"
            )
        if self.quotas and method.SEEDS == "numbers":
            raise ConfigError(f"method {self.method} has no languages to divide: no `quotas:`")
        for name in self.quotas:
            check_language(name, "quotas")
        build(method.Options, self.options, "options")
        if method.SEEDS == "documents" and self.corpus is None:
            raise ConfigError(f"method {self.method} needs `corpus:`")
        if method.SEEDS == "numbers" and self.rows is None:
            raise ConfigError(f"method {self.method} needs `rows:`")
        self._check_rows(method.SEEDS == "rows")

    def _check_rows(self, wanted: bool) -> None:
        given = [name for name in ("rows_from", "rows_file") if getattr(self, name) is not None]
        if given and not wanted:
            raise ConfigError(f"method {self.method} does not start from instruction rows: no `{given[0]}:`")
        if wanted and len(given) != 1:
            raise ConfigError(
                f"method {self.method} needs {'only one of ' if given else ''}`rows_from:` or `rows_file:`"
            )
        if self.rows_file is not None and not Path(self.rows_file).is_file():
            raise ConfigError(f"rows_file: {self.rows_file}: no such file")


def run(config: Config, context: StageContext) -> StageResult:
    """Make the rows, and their card. Raises ConfigError when the method's needs are not met or no row comes out."""
    made = _run(config, context)
    from codewright.synthesis.dataset_card import gather_facts, write_dataset_card  # a template engine

    corpus = context.inputs[config.corpus] if config.corpus else None
    facts = gather_facts(context.out, made, corpus, name=context.id, config=dump(config), seed=context.seed)
    write_dataset_card(context.out, facts)
    return made


def _run(config: Config, context: StageContext) -> StageResult:
    method = load_plugin(METHODS_PACKAGE, config.method)
    options = dump(build(method.Options, config.options, f"stage '{context.id}', options"))
    if getattr(method, "TEACHER", False):
        from codewright.synthesis.teaching import run_with_teacher  # a template engine, HTTP, or a model

        return run_with_teacher(config, context, method)
    shards = _plan(config, context, method.SEEDS, options)
    made = context.engine.map(synthesize_shard, shards, f"{config.method}: make and verify")
    _choose(config, context, shards)
    parts = [Shard(shard.name, shard.out) for shard in shards]
    written = context.engine.map(write_shard, parts, f"{config.method}: write")
    write_messages(context.out)
    counts = Counts.total(Counts.from_json(result["counts"]) for result in written)
    if not counts.kept:
        raise no_row(context.id, config.method, context.out, counts.dropped)
    isolation = next((result["isolation"] for result in made if result["isolation"]), None)
    return StageResult(counts, isolation, dict(add_up(written)))


def _plan(config: Config, context: StageContext, kind: str, options: Mapping[str, Any]) -> list[Shard]:
    params = {"method": config.method, "options": options, "seed": context.seed, "sandbox": context.sandbox}
    out = str(context.out)
    if kind == "documents" and config.corpus is not None:
        parts = context.dataset(config.corpus).parts()
        return [Shard(part_name(number), out, (str(part),), params) for number, part in enumerate(parts)]
    per_seed = load_plugin(METHODS_PACKAGE, config.method).ROWS_PER_SEED
    seeds = math.ceil((config.rows or 0) / per_seed)
    starts = range(0, seeds, config.seeds_per_shard)
    return [
        Shard(
            part_name(number),
            out,
            (),
            {**params, "start": start, "stop": min(seeds, start + config.seeds_per_shard)},
        )
        for number, start in enumerate(starts)
    ]


def synthesize_shard(shard: Shard) -> dict[str, Any]:
    """Run the method over one shard of seeds; rows go to scratch, rejects and crashes beside them."""
    return asyncio.run(_synthesize(shard))


async def _synthesize(shard: Shard) -> dict[str, Any]:
    params = shard.params
    method = load_plugin(METHODS_PACKAGE, params["method"])
    options = build(method.Options, params["options"], params["method"])
    gate = asyncio.Semaphore(IN_FLIGHT)

    async with LazySandbox(params["sandbox"]) as sandbox:

        async def work(seed: Document | int) -> list[Sample | Lost]:
            key = seed.id if isinstance(seed, Document) else f"{params['method']}:{seed}"
            rng = rng_for(params["seed"], params["method"], key)
            async with gate:
                try:
                    made = [row async for row in method.make(seed, None, sandbox.run, rng, options)]
                    return [Lost("", r.reason, r.detail, key) if isinstance(r, Reject) else r for r in made]
                except CodewrightError:
                    raise
                except Exception as error:
                    return [Lost(key, CRASHED, f"{type(error).__name__}: {error}", key)]

        results = await asyncio.gather(*(work(seed) for seed in _seeds(shard)))
        isolation = sandbox.isolation
    rows = [row for result in results for row in result]
    work_folder = Path(shard.out) / WORK_FOLDER
    samples = [row for row in rows if isinstance(row, Sample)]
    lost = [row for row in rows if isinstance(row, Lost)]
    write_parquet(work_folder / "made" / shard.name, to_table(samples, SAMPLE_SCHEMA))
    write_parquet(work_folder / "lost" / shard.name, to_table(lost, LOST_SCHEMA))
    return {"isolation": isolation}


def _seeds(shard: Shard) -> Iterable[Document | int]:
    if shard.inputs:
        return [
            Document.from_dict(row)
            for row in read_parquet(shard.inputs[0], DOCUMENT_SCHEMA.names).to_pylist()
        ]
    return range(shard.params["start"], shard.params["stop"])


def _choose(config: Config, context: StageContext, shards: list[Shard]) -> None:
    """Choose one of equal rows, then the quota, by orders that know nothing of shards; write the decisions."""
    done = context.work / "chosen.parquet"
    if done.exists():
        return
    best: dict[str, tuple[list[str], str, int, int]] = {}
    rows: list[tuple[str, int, int]] = []
    for number, shard in enumerate(shards):
        table = read_parquet(context.work / "made" / shard.name, ["id", "origin"])
        for index, row in enumerate(table.to_pylist()):
            order = (row["origin"]["seeds"], row["origin"]["place"] or "", number, index)
            rows.append((row["id"], number, index))
            if row["id"] not in best or order < best[row["id"]]:
                best[row["id"]] = order
    ranked = sorted(best, key=lambda id_: (stable_hash(context.seed, "quota", id_), id_))
    within = set(ranked if config.rows is None else ranked[: config.rows])
    reasons: list[Lost] = []
    for id_, number, index in rows:
        if best[id_][2:] != (number, index):
            reasons.append(Lost(id_, "duplicate", "", f"{number}/{index}"))
        elif id_ not in within:
            reasons.append(Lost(id_, "over_quota", f"rows: {config.rows}", f"{number}/{index}"))
    write_parquet(done, to_table(reasons, LOST_SCHEMA))


def write_shard(shard: Shard) -> dict[str, Any]:
    """Write the kept rows of one shard, and why the others left."""
    out, work = Path(shard.out), Path(shard.out) / WORK_FOLDER
    number = part_number(shard.name)
    leaving: dict[int, dict[str, Any]] = {}
    for row in read_parquet(work / "chosen.parquet").to_pylist():
        part, index = row["path"].split("/")
        if int(part) == number:
            leaving[int(index)] = row
    made = read_parquet(work / "made" / shard.name).to_pylist()
    kept = [Sample.from_dict(row) for index, row in enumerate(made) if index not in leaving]
    lost = [Lost(row["id"], row["reason"], row["detail"]) for row in leaving.values()]
    lost += [Lost(**row) for row in read_parquet(work / "lost" / shard.name).to_pylist()]
    counts = write_outcomes(out, {shard.name: kept}, lost, shard.name)
    return {"counts": counts.to_json(), **describe_rows(kept)}
