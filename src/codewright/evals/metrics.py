"""Scores with their uncertainty: shares, pass@k, bits. Everything here is a pure function; equal input gives equal output."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from codewright.core.errors import ConfigError

Z95 = 1.959963984540054
"""Standard normal quantile at 0.975."""

RESAMPLES = 10_000
"""Of a bootstrap. Another seed then moves an end of a 95 % interval by less than a hundredth of its width (the standard error
of the 2.5 % quantile of so many normal draws is 0.027 standard deviations)."""

SEED = 0
"""Of every bootstrap; any number would do."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """A share of n with its 95 % interval."""

    n: int
    hits: int
    share: float
    low: float
    high: float


def share_with_interval(hits: int, n: int) -> Share:
    """Return hits/n with its 95 % Wilson score interval; n = 0 gives the empty statement 0 in [0, 1].

    Source: Wilson 1927; chosen over the normal interval because that collapses at 0 and 1 (Brown et al. 2001).
    """
    low, high = _wilson(hits, n)
    return Share(n, hits, round(hits / n, 6) if n else 0.0, round(low, 6), round(high, 6))


def _wilson(hits: float, n: int) -> tuple[float, float]:
    if n == 0:
        return 0.0, 1.0
    p = hits / n
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return 0.0 if hits == 0 else centre - half, 1.0 if hits == n else centre + half


@dataclass(frozen=True)
class Estimate:
    """pass@k averaged over tasks, with its 95 % interval and how that was made."""

    k: int
    tasks: int
    share: float
    low: float
    high: float
    interval: Literal["wilson", "bootstrap"]


def pass_at_k(samples: Sequence[int], hits: Sequence[int], k: int) -> Floats:
    """Estimate, for each task, the chance that at least one of k answers passes, from `hits` of `samples` that did.

    Unbiased and numerically stable: 1 - C(n-c, k) / C(n, k) as a product. Raises ConfigError where a task has fewer than k
    answers.
    Source: arXiv 2107.03374, equation 1.
    """
    fewer = sum(n < k for n in samples)
    if fewer:
        raise ConfigError(
            f"pass@{k} needs {k} answers of every task; {fewer} of {len(samples)} tasks have fewer, the fewest {min(samples)}"
        )
    pairs = list(zip(samples, hits, strict=True))
    values = {pair: _pass_at_k(*pair, k) for pair in set(pairs)}
    return np.array([values[pair] for pair in pairs], dtype=np.float64)


def _pass_at_k(n: int, c: int, k: int) -> float:
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def estimate_pass_at_k(samples: Sequence[int], hits: Sequence[int], k: int, seed: int = SEED) -> Estimate:
    """Average pass@k over tasks and say how sure that is. Raises ConfigError as `pass_at_k` does.

    One answer a task: the tasks are independent trials, and the Wilson interval holds. More: answers to one task are alike,
    so counting each as a trial of its own would claim too much. Then whole tasks are resampled (percentile bootstrap, which
    needs nothing but that tasks were drawn independently), and the chance in a task's few answers is in its value already.
    Where all tasks have one value, resampling sees no spread at all: Wilson again, over the tasks.
    """
    values = pass_at_k(samples, hits, k)
    count = len(values)
    share = float(values.mean()) if count else 0.0
    if max(samples, default=1) == 1 or np.ptp(values) == 0:
        low, high = _wilson(share * count if share < 1 else count, count)
        return Estimate(k, count, round(share, 6), round(low, 6), round(high, 6), "wilson")
    low, high = percentile_interval(bootstrap_means(values, seed))
    return Estimate(k, count, round(share, 6), round(low, 6), round(high, 6), "bootstrap")


def bootstrap_means(values: Floats, seed: int = SEED) -> Floats:
    """Draw as many values as there are, with replacement, RESAMPLES times, and return the means.

    How often each distinct value is drawn is multinomial: drawing that instead of the values is the same, and cheaper, since
    the results of n answers have few distinct values.
    """
    distinct, counts = np.unique(values, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=RESAMPLES)
    means: Floats = drawn @ distinct / len(values)
    return means


def percentile_interval(means: Floats) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile."""
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def bits_per_byte(nats: float, count_bytes: int) -> float:
    """Turn a summed negative log-likelihood in nats into bits per byte of the text it covers."""
    return nats / math.log(2) / count_bytes
