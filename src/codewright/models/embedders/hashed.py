"""Vectors without a model: TF-IDF of hashed code terms, brought to a few hundred dimensions by a truncated SVD.

`hashed` and `hashed:384` fit weights and axes to the texts of each call, so only vectors of one call can be compared; they depend on
which texts there are, not on their order, on copies, or on threads. `hashed:FILE` uses what `save_fit` wrote: every text then has
one vector, whatever else is in the call.
Weights are scikit-learn's (feature_extraction.text, TfidfTransformer): 1 + ln(count), times ln((1 + n) / (1 + texts with the term)) + 1.
Latent semantic analysis: Deerwester et al. 1990.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import atomic_write
from codewright.core.records import content_id
from codewright.models.embed import of_unit_length
from codewright.models.hashed_terms import BUCKETS, Floats, Sparse, count_terms
from codewright.models.truncated_svd import leading_axes, project

DIMENSIONS = 256
MOST_DIMENSIONS = 2048

FIT_TEXTS = 20_000
"""Weights and axes are fitted to at most so many different texts, those of the smallest ids, which is a fair draw; more change them little."""


@dataclass(frozen=True)
class Fit:
    """weights: inverse document frequencies (BUCKETS), 0 for terms that no text held. axes: (BUCKETS, dimensions)."""

    weights: Floats
    axes: Floats

    def identity(self) -> str:
        """Return a hash of all of it."""
        return content_id(self.weights.tobytes(), self.axes.tobytes())


def open_embedder_plugin(rest: str) -> "HashedEmbedder":
    """Open it with a number of dimensions or a saved fit. Raises ConfigError for what is neither."""
    if not rest:
        return HashedEmbedder(DIMENSIONS)
    if rest.isascii() and rest.isdigit():
        if not 1 <= int(rest) <= MOST_DIMENSIONS:
            raise ConfigError(f"embedder hashed:{rest}: dimensions go from 1 to {MOST_DIMENSIONS}")
        return HashedEmbedder(int(rest))
    return HashedEmbedder(DIMENSIONS, load_fit(rest))


class HashedEmbedder:
    """The embedded default: no download, no key, no GPU. 14,000 files (213 MB) take 16 CPU seconds, 12 of them for the fit."""

    def __init__(self, dimensions: int = DIMENSIONS, fit: Fit | None = None, seed: int = 0) -> None:
        """Take a fit, or fit to each call's texts. seed: of the random projection."""
        self._dimensions = dimensions if fit is None else fit.axes.shape[1]
        self._fit = fit
        self._seed = seed

    def describe(self) -> dict[str, Any]:
        """Return the settings, and the hash of the fit or that each call makes its own."""
        return {
            "embedder": "hashed",
            "buckets": BUCKETS,
            "dimensions": self._dimensions,
            "fit": self._fit.identity() if self._fit else "the texts of each call",
            "seed": self._seed,
        }

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return (texts, dimensions) vectors of unit length, zeros for texts without a known term."""
        fit = self._fit or fit_texts(texts, self._dimensions, self._seed)
        return of_unit_length(project(_weighted(count_terms(texts), fit.weights), fit.axes))


def fit_texts(
    texts: Sequence[str], dimensions: int = DIMENSIONS, seed: int = 0, threads: int | None = None
) -> Fit:
    """Fit weights and axes to texts, each counted once, in an order of their own."""
    distinct = {content_id(text): text for text in texts}
    chosen = [distinct[id_] for id_ in sorted(distinct)[:FIT_TEXTS]]
    counts = count_terms(chosen)
    holding = np.bincount(counts.columns, minlength=BUCKETS)
    weights = np.where(holding > 0, np.log((1 + len(chosen)) / (1 + holding)) + 1, 0).astype(np.float32)
    return Fit(weights, leading_axes(_weighted(counts, weights), dimensions, seed, threads))


def save_fit(path: str | Path, fit: Fit) -> None:
    """Write a fit for `hashed:FILE`, atomically; a name in .npz is usual."""
    with atomic_write(path) as file:
        np.savez(file, weights=fit.weights, axes=fit.axes)


def load_fit(path: str | Path) -> Fit:
    """Read what `save_fit` wrote. Raises ConfigError where there is no such file, DataError for one that is none or cut off."""
    if not Path(path).is_file():
        raise ConfigError(f"embedder hashed:{path}: neither a number of dimensions nor a file")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            fit = Fit(arrays["weights"], arrays["axes"])
    except Exception as error:  # zip, numpy and missing names each raise a kind of their own
        raise DataError(f"{path}: no saved fit, or cut off ({error}); make it again") from None
    if fit.weights.shape != (BUCKETS,) or fit.axes.ndim != 2 or len(fit.axes) != BUCKETS:
        raise DataError(f"{path}: a fit of other buckets than {BUCKETS}; make it again")
    return Fit(np.ascontiguousarray(fit.weights, np.float32), np.ascontiguousarray(fit.axes, np.float32))


def _weighted(counts: Sparse, weights: Floats) -> Sparse:
    """Weight terms, and bring each text to unit length, so that long ones do not decide the axes."""
    values = counts.values * weights[counts.columns]
    rows = np.repeat(np.arange(len(counts)), np.diff(counts.starts))
    squares = np.bincount(rows, np.square(values, dtype=np.float64), minlength=len(counts))
    lengths = np.sqrt(np.where(squares > 0, squares, 1.0))
    return replace(counts, values=(values / lengths[rows]).astype(np.float32))
