"""The leading right singular vectors of a sparse matrix, by random projection.

Source: Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithms 4.4 and 5.1: the range of A from A times a
Gaussian matrix, sharpened by power iterations; then the SVD of A in that range.
Equal input gives equal bytes with any number of threads: each number of a product is summed by one thread, in one order. That is
why the products are compiled here and not left to BLAS, which cuts them up as threads are free.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codewright.core.compiling import compiled
from codewright.core.rng import stable_hash
from codewright.models.hashed_terms import Floats, Ints, Sparse

Doubles = NDArray[np.float64]

OVERSAMPLING = 16
"""Dimensions more than are wanted while the range is sought; the paper's section 4.2 says 5 or 10."""
POWER_ITERATIONS = 3
"""Rounds that sharpen the range. Words' singular values fall slowly, where section 4.5 of the paper advises some."""

_NOISE = 1e-10
"""Eigenvalues of a Gram matrix below this part of the largest are rounding of float32, and their directions nothing."""
_SWEEPS = 40
"""Rounds of Jacobi rotations, at most; ten are usual."""
_SETTLED = 1e-12
"""Cosine of two rows that counts as 0."""

Map = Callable[[Callable[[int, int], Any], int], None]


def leading_axes(matrix: Sparse, dimensions: int, seed: int, threads: int | None = None) -> Floats:
    """Return orthonormal axes, float32 (matrix.width, dimensions), the one of the largest singular value first.

    Axes beyond the matrix's rank are zeros. threads: as many as there are processors unless told; the axes are the same.
    """
    axes = np.zeros((matrix.width, dimensions), np.float32)
    size = min(dimensions + OVERSAMPLING, len(matrix), matrix.width)
    if size == 0:
        return axes
    rng = np.random.Generator(np.random.PCG64(stable_hash(seed, "truncated svd")))
    columns = _transposed(matrix)
    with _threads(threads) as each:
        basis = _orthonormal(each, times(each, matrix, rng.standard_normal((matrix.width, size), np.float32)))
        for _ in range(POWER_ITERATIONS):
            basis = _orthonormal(each, times(each, matrix, times(each, columns, basis)))
        found = _orthonormal(each, times(each, columns, basis))
    kept = min(dimensions, size)
    axes[:, :kept] = found[:, :kept]
    return axes


def project(matrix: Sparse, axes: Floats, threads: int | None = None) -> Floats:
    """Return matrix times axes; each row depends on its own row of the matrix only."""
    with _threads(threads) as each:
        return times(each, matrix, axes)


@contextmanager
def _threads(count: int | None) -> Iterator[Map]:
    """Yield what calls a function with the ends of ranges of 0 to n, in several threads."""
    workers = count or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:

        def each(function: Callable[[int, int], Any], n: int) -> None:
            edges = [n * part // workers for part in range(workers + 1)]
            for _ in pool.map(function, edges[:-1], edges[1:]):
                pass

        yield each


def times(each: Map, matrix: Sparse, dense: Floats) -> Floats:
    """Multiply a sparse matrix with a dense one."""
    out = np.zeros((len(matrix), dense.shape[1]), np.float32)

    def work(low: int, high: int) -> None:
        _times(matrix.starts[low : high + 1], matrix.columns, matrix.values, dense, out[low:high])

    each(work, len(matrix))
    return out


def _orthonormal(each: Map, tall: Floats) -> Floats:
    """Return tall's left singular vectors, the largest first; zeros for what is only noise."""
    size = tall.shape[1]
    gram = np.zeros((size, size), np.float64)
    each(lambda low, high: _gram(tall, low, gram[low:high]), size)
    values, vectors = eigenvectors(gram)
    scale = np.where(
        values > _NOISE * values[0], 1 / np.sqrt(np.maximum(values, np.finfo(np.float64).tiny)), 0.0
    )
    turn = (vectors * scale).astype(np.float32)
    out = np.zeros_like(tall)
    each(lambda low, high: _turn(tall[low:high], turn, out[low:high]), len(tall))
    return out


def eigenvectors(gram: Doubles) -> tuple[Doubles, Doubles]:
    """Return eigenvalues, the largest first, and eigenvectors (as columns) of a symmetric matrix without negative ones.

    Rotates its rows until they are orthogonal (Hestenes 1958, one-sided Jacobi): they are then the eigenvectors, each as
    long as its eigenvalue.
    """
    rows = gram.copy()
    _rotate(rows, _SWEEPS)
    lengths = np.sqrt(np.square(rows).sum(axis=1))
    order = np.argsort(-lengths, kind="stable")
    return lengths[order], (rows / np.where(lengths > 0, lengths, 1.0)[:, None])[order].T


def _transposed(matrix: Sparse) -> Sparse:
    """Return the matrix by columns."""
    order = np.argsort(matrix.columns, kind="stable")
    starts = np.searchsorted(matrix.columns[order], np.arange(matrix.width + 1))
    rows = np.repeat(np.arange(len(matrix), dtype=np.int32), np.diff(matrix.starts))
    return Sparse(starts.astype(np.int64), rows[order], matrix.values[order], len(matrix))


@compiled
def _times(starts: Ints, columns: NDArray[np.int32], values: Floats, dense: Floats, out: Floats) -> None:
    """Add the weighted sum of dense rows to each row of out, two rows at a time."""
    for i in range(len(starts) - 1):
        at, end = starts[i], starts[i + 1]
        while at + 1 < end:
            x, y = values[at], values[at + 1]
            one, other = columns[at], columns[at + 1]
            for j in range(dense.shape[1]):
                out[i, j] += x * dense[one, j] + y * dense[other, j]
            at += 2
        if at < end:
            x, one = values[at], columns[at]
            for j in range(dense.shape[1]):
                out[i, j] += x * dense[one, j]


@compiled
def _gram(tall: Floats, first: int, out: Doubles) -> None:
    """Add to `out` the rows from `first` of tall's transpose times tall, summed in float64, four rows of tall at a time."""
    rows, size = tall.shape
    whole = rows // 4 * 4
    for i in range(0, whole, 4):
        for p in range(len(out)):
            a, b = np.float64(tall[i, first + p]), np.float64(tall[i + 1, first + p])
            c, d = np.float64(tall[i + 2, first + p]), np.float64(tall[i + 3, first + p])
            for q in range(size):
                out[p, q] += (a * tall[i, q] + b * tall[i + 1, q]) + (c * tall[i + 2, q] + d * tall[i + 3, q])
    for i in range(whole, rows):
        for p in range(len(out)):
            a = np.float64(tall[i, first + p])
            for q in range(size):
                out[p, q] += a * tall[i, q]


@compiled
def _turn(tall: Floats, turn: Floats, out: Floats) -> None:
    """Multiply two dense matrices, four numbers of a row at a time."""
    size = turn.shape[0]
    whole = size // 4 * 4
    for i in range(len(tall)):
        for j in range(0, whole, 4):
            a, b, c, d = tall[i, j], tall[i, j + 1], tall[i, j + 2], tall[i, j + 3]
            for k in range(turn.shape[1]):
                out[i, k] += (a * turn[j, k] + b * turn[j + 1, k]) + (c * turn[j + 2, k] + d * turn[j + 3, k])
        for j in range(whole, size):
            a = tall[i, j]
            for k in range(turn.shape[1]):
                out[i, k] += a * turn[j, k]


@compiled
def _rotate(rows: Doubles, sweeps: int) -> None:
    """Rotate pairs of rows until all are orthogonal."""
    count, width = rows.shape
    for _ in range(sweeps):
        turned = False
        for p in range(count - 1):
            for q in range(p + 1, count):
                pp = qq = pq = 0.0
                for j in range(width):
                    pp += rows[p, j] * rows[p, j]
                    qq += rows[q, j] * rows[q, j]
                    pq += rows[p, j] * rows[q, j]
                if abs(pq) <= _SETTLED * np.sqrt(pp * qq):
                    continue
                turned = True
                zeta = (qq - pp) / (2 * pq)
                tangent = (1.0 if zeta >= 0 else -1.0) / (abs(zeta) + np.sqrt(1 + zeta * zeta))
                cosine = 1 / np.sqrt(1 + tangent * tangent)
                sine = cosine * tangent
                for j in range(width):
                    x, y = rows[p, j], rows[q, j]
                    rows[p, j] = cosine * x - sine * y
                    rows[q, j] = sine * x + cosine * y
        if not turned:
            return
