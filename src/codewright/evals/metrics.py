"""Scores with their uncertainty."""

import math
from dataclasses import dataclass

Z95 = 1.959963984540054
"""Standard normal quantile at 0.975."""


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
    if n == 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    p = hits / n
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    low = 0.0 if hits == 0 else centre - half
    high = 1.0 if hits == n else centre + half
    return Share(n, hits, round(p, 6), round(low, 6), round(high, 6))


def bits_per_byte(nats: float, count_bytes: int) -> float:
    """Turn a summed negative log-likelihood in nats into bits per byte of the text it covers."""
    return nats / math.log(2) / count_bytes
