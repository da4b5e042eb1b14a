"""What rows from a teacher will cost: the first seeds of the run are worked on for real, and the rest is worked out from them.

Their replies stay in the cache, where the run finds them: a plan costs nothing twice. Replies are of any length, so nothing less
than real ones tells what they cost. Rows come in until there are enough, so what is estimated is the tokens that a row takes: a
ratio, with its usual variance (Cochran, Sampling Techniques, 3rd edition, chapter 6), of the seeds not yet worked on only.
"""

import asyncio
import contextlib
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from codewright.core.errors import ConfigError
from codewright.core.journal import Journal
from codewright.core.plugins import load_plugin
from codewright.engine.stage import StageContext
from codewright.models.budget import Usage
from codewright.synthesis.driver import METHODS_PACKAGE
from codewright.synthesis.filling import Bucket
from codewright.synthesis.teaching import Teaching, fill_buckets, make_buckets, open_teacher

if TYPE_CHECKING:
    from codewright.synthesis.driver import Config

_NORMAL_95 = 1.96
_LEAST_RATE = 0.01
"""Rows that a seed gives, where the sample has none: what is then said is a lower bound."""
_LEAST_LATER = 16
"""Seeds beyond the first round that tell what later rounds take; ours."""


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


@dataclass(frozen=True)
class _Seed:
    """One seed that was worked on. used: by all its requests, known replies too."""

    rows: int
    used: Usage


@dataclass(frozen=True)
class _Sampled:
    """The first seeds of a bucket; of `wanted` rows, and `most` seeds, in rounds of `round_seeds` if the method has rounds."""

    seeds: Sequence[_Seed]
    wanted: int
    most: int
    round_seeds: int | None

    @property
    def rows(self) -> int:
        """Rows that the sample gave."""
        return sum(one.rows for one in self.seeds)

    @property
    def is_whole(self) -> bool:
        """Whether the sample is all there is to do."""
        return self.rows >= self.wanted or len(self.seeds) >= self.most


@dataclass(frozen=True)
class _Projected:
    """A bucket's whole run: seeds, rows, what its requests take, and the variance of the tokens."""

    seeds: int
    rows: int
    requests: float
    tokens_in: float
    tokens_out: float
    variance: float


def estimate(config: "Config", context: StageContext, sample: int) -> Estimate:
    """Work on the first `sample` seeds of every quota and say what the whole run comes to.

    Writes into the cache only. Raises what a run raises, BudgetSpent at the run's own caps, and ConfigError where the sample is of
    a first round that says nothing of later ones.
    """
    method = load_plugin(METHODS_PACKAGE, config.method)
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_teacher(config, Path(scratch) / "spent.sqlite", context.reporter.say) as (model, _),
    ):
        inner = replace(context, out=Path(scratch) / "rows")
        work = Teaching(config, inner, method, model)
        found = [_sampled(work, bucket, sample) for bucket in make_buckets(config, inner, method)]
    whole = [_projected(one, config.method) for one in found if one.seeds]
    tokens_in = round(sum(one.tokens_in for one in whole))
    tokens_out = round(sum(one.tokens_out for one in whole))
    total = tokens_in + tokens_out
    return Estimate(
        seeds_sampled=sum(len(one.seeds) for one in found),
        rows_sampled=sum(one.rows for one in found),
        seeds=sum(one.seeds for one in whole),
        rows=sum(one.rows for one in whole),
        requests=round(sum(one.requests for one in whole)),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        money=config.prices.money(tokens_in, tokens_out),
        error=_NORMAL_95 * math.sqrt(sum(one.variance for one in whole)) / total if total else 0.0,
    )


def _sampled(work: Teaching, bucket: Bucket, sample: int) -> _Sampled:
    most = bucket.seeds.most
    bucket.seeds.most = min(most, sample)
    used: dict[int, Usage] = {}
    path = work.context.out / "turns" / f"{bucket.name or 'all'}.jsonl"
    with contextlib.closing(Journal(path, {})) as journal:
        asyncio.run(fill_buckets(replace(work, on_used=used.__setitem__), journal, [bucket]))
    with contextlib.closing(Journal(path, {})) as journal:
        seeds = [_Seed(len(turn["rows"]), used.get(turn["seed"], Usage())) for turn in journal.rows]
    return _Sampled(seeds, bucket.wanted, most, getattr(work.method, "ROUND_SEEDS", None))


def _projected(one: _Sampled, method: str) -> _Projected:
    """Work out a bucket's whole run. Raises ConfigError where it goes beyond the first round and the sample does not."""
    if one.is_whole:
        return _scaled(one.seeds, (), 0.0, one.wanted, capped=False)
    rounds = one.round_seeds or 0
    learned = bool(rounds) and len(one.seeds) >= rounds + _LEAST_LATER
    # Later rounds see what earlier ones made: a first round tells nothing of them.
    start = rounds if learned else 0
    known, sample = one.seeds[:start], one.seeds[start:]
    rate = max(sum(seed.rows for seed in sample) / len(sample), _LEAST_RATE)
    missing = one.wanted - sum(seed.rows for seed in known)
    needed = min(missing / rate, one.most - start)
    if rounds and not learned and needed > rounds:
        raise ConfigError(
            f"a sample of {len(one.seeds)} seeds: method {method} works in rounds of {rounds} seeds, and later ones are shown what earlier "
            f"ones made; sample {rounds + _LEAST_LATER} seeds or more, better {2 * rounds} (the replies of these are kept)"
        )
    return _scaled(known, sample, needed, one.wanted, capped=needed < missing / rate)


def _scaled(
    known: Sequence[_Seed], sample: Sequence[_Seed], needed: float, wanted: int, *, capped: bool
) -> _Projected:
    """Add what is known to what so many seeds like those of the sample take. capped: rows stay missing at the last seed."""
    scale = needed / len(sample) if sample else 0.0
    first, then = (sum((seed.used for seed in seeds), Usage()) for seeds in (known, sample))
    rows = sum(seed.rows for seed in known) + sum(seed.rows for seed in sample) * scale
    return _Projected(
        seeds=len(known) + math.ceil(needed),
        rows=min(wanted, round(rows)),
        requests=first.requests + then.requests * scale,
        tokens_in=first.tokens_in + then.tokens_in * scale,
        tokens_out=first.tokens_out + then.tokens_out * scale,
        variance=_variance(sample, needed, capped=capped) if sample else 0.0,
    )


def _variance(sample: Sequence[_Seed], needed: float, *, capped: bool) -> float:
    """Of the tokens of so many seeds, those of the sample among them; where rows end the run, a seed that gives one shortens it."""
    count = len(sample)
    tokens = [seed.used.tokens for seed in sample]
    if count < 2:
        return (sum(tokens) * needed) ** 2
    rows = sum(seed.rows for seed in sample)
    if capped or not rows:
        left = [one - sum(tokens) / count for one in tokens]
    else:
        left = [one - sum(tokens) / rows * seed.rows for one, seed in zip(tokens, sample, strict=True)]
    spread = sum(one**2 for one in left) / (count - 1)
    return max(0.0, needed - count) * needed / count * spread
