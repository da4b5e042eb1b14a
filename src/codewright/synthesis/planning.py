"""What rows from a teacher will cost: the first seeds of the run are worked on for real, and the rest is worked out from them.

Their replies stay in the cache, where the run finds them: a plan costs nothing twice. Replies are of any length, so nothing less
than real ones tells what they cost.
"""

import asyncio
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from codewright.core.journal import Journal
from codewright.core.plugins import load_plugin
from codewright.core.records import Message
from codewright.engine.stage import StageContext
from codewright.models.budget import Budget, Ledger
from codewright.models.model import Reply, Sampling, open_model
from codewright.models.paid import PaidModel
from codewright.models.reply_cache import ReplyCache, default_cache_path
from codewright.synthesis.filling import Bucket
from codewright.synthesis.teaching import Teaching, fill_buckets, make_buckets

if TYPE_CHECKING:
    from codewright.synthesis.driver import Config

METHODS_PACKAGE = "codewright.synthesis.methods"

_NORMAL_95 = 1.96
_LEAST_RATE = 0.01
"""Share of seeds that give a row, where the sample has none: what is then said is a lower bound."""


@dataclass(frozen=True)
class Estimate:
    """What was sampled, and what a whole run comes to. tokens, money: also of replies that are in the cache already.

    error: half the width of the 95 % interval of the tokens, as a share of them.
    """

    seeds_sampled: int
    rows_sampled: int
    seeds: int
    rows: int
    requests: int
    tokens_in: int
    tokens_out: int
    money: float
    error: float


class _Counted(PaidModel):
    """Adds up what replies took, from the cache or not, by the seed that asked."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.uses: list[tuple[int, int]] = []

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer, and take note."""
        replies = await super().generate(chats, sampling)
        self.uses.extend((reply.prompt_tokens, reply.completion_tokens) for reply in replies)
        return replies


def estimate(config: "Config", context: StageContext, sample: int) -> Estimate:
    """Work on the first `sample` seeds of every quota and say what the whole run comes to.

    Writes into the cache only. Raises what a run raises, and BudgetSpent at the run's own caps.
    """
    method = load_plugin(METHODS_PACKAGE, config.method)
    with tempfile.TemporaryDirectory() as scratch:
        inner = replace(context, out=Path(scratch) / "rows")
        cache = ReplyCache(Path(config.cache) if config.cache else default_cache_path())
        ledger = Ledger(Path(scratch) / "spent.sqlite", config.budget or Budget(), config.prices)
        try:
            model = open_model(config.model or "", config.base_url, config.concurrency)
            buckets = make_buckets(config, inner, method)
            found = [
                _sampled(config, inner, _Counted(model, cache, ledger, config.model), one, sample)
                for one in buckets
            ]
        finally:
            ledger.close()
            cache.close()
    return _whole(config, found)


@dataclass(frozen=True)
class _Sampled:
    bucket: Bucket
    wanted: int
    most: int
    uses: list[tuple[int, int]]


def _sampled(
    config: "Config", context: StageContext, model: _Counted, bucket: Bucket, sample: int
) -> _Sampled:
    most = bucket.seeds.most
    bucket.seeds.most = min(most, sample)
    journal = Journal(context.out / "turns" / f"{bucket.name or 'all'}.jsonl", {})
    work = Teaching(config, context, load_plugin(METHODS_PACKAGE, config.method), model)
    try:
        asyncio.run(fill_buckets(work, journal, [bucket]))
    finally:
        journal.close()
    return _Sampled(bucket, bucket.wanted, most, model.uses)


def _whole(config: "Config", found: list[_Sampled]) -> Estimate:
    seeds = requests = tokens_in = tokens_out = rows = 0
    variance = 0.0
    for one in found:
        done, made = one.bucket.done, len(one.bucket.rows)
        if not done:
            continue
        rate = max(made / done, _LEAST_RATE)
        needed = done if made >= one.wanted else min(one.most, math.ceil(one.wanted / rate))
        seeds += needed
        rows += min(one.wanted, round(needed * rate))
        scale = needed / done
        requests += round(len(one.uses) * scale)
        tokens_in += round(sum(used[0] for used in one.uses) * scale)
        tokens_out += round(sum(used[1] for used in one.uses) * scale)
        variance += _variance(one, rate) * scale**2
    total = tokens_in + tokens_out
    error = _NORMAL_95 * math.sqrt(variance) / total if total else 0.0
    sampled = sum(one.bucket.done for one in found)
    made = sum(len(one.bucket.rows) for one in found)
    money = config.prices.money(tokens_in, tokens_out)
    return Estimate(sampled, made, seeds, rows, requests, tokens_in, tokens_out, money, error)


def _variance(one: _Sampled, rate: float) -> float:
    """Of the tokens of the sample: those of requests differ, and so does how many seeds give a row."""
    if one.bucket.done >= one.most:
        return 0.0
    totals = [sum(used) for used in one.uses]
    mean = sum(totals) / max(len(totals), 1)
    spread = sum((value - mean) ** 2 for value in totals)
    done = one.bucket.done
    rates = (1 - min(rate, 1.0)) / (rate * done)  # relative variance of a share
    return spread + rates * sum(totals) ** 2
