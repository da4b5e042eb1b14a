"""Axes against numpy's whole SVD."""

import numpy as np
import pytest

from codewright.models.hashed_terms import Sparse
from codewright.models.truncated_svd import eigenvectors, leading_axes, project


def sparse(dense: np.ndarray) -> Sparse:
    rows, columns = np.nonzero(dense)
    starts = np.searchsorted(rows, np.arange(len(dense) + 1))
    return Sparse(starts, columns.astype(np.int32), dense[rows, columns].astype(np.float32), dense.shape[1])


def decaying(rows: int, width: int, seed: int) -> np.ndarray:
    """A matrix with gaps and singular values that fall."""
    rng = np.random.default_rng(seed)
    dense = rng.random((rows, width)) * (rng.random((rows, width)) < 0.2)
    return (dense * 0.9 ** np.arange(width)).astype(np.float32)


@pytest.mark.parametrize(("rows", "width"), [(200, 90), (60, 300), (31, 31)])
def test_leading_axes_are_those_of_the_svd(rows: int, width: int) -> None:
    dense = decaying(rows, width, 0)
    axes = leading_axes(sparse(dense), 10, seed=3)
    _, values, right = np.linalg.svd(dense.astype(np.float64))
    assert np.allclose(axes.T @ axes, np.eye(10), atol=1e-5)
    assert np.allclose(np.linalg.norm(dense @ axes, axis=0), values[:10], rtol=1e-4)
    assert np.allclose(np.abs(np.sum(axes.T * right[:10], axis=1)), 1, atol=1e-3)


def test_beyond_the_rank_there_are_zeros() -> None:
    dense = np.outer(np.arange(1, 30), np.arange(40) % 3).astype(np.float32)
    axes = leading_axes(sparse(dense), 5, seed=0)
    assert np.isclose(np.linalg.norm(axes[:, 0]), 1, atol=1e-6)
    assert not axes[:, 1:].any()
    assert not leading_axes(sparse(np.zeros((4, 6), np.float32)), 5, seed=0).any()
    assert leading_axes(sparse(np.zeros((0, 6), np.float32)), 5, seed=0).shape == (6, 5)


def test_threads_change_no_byte() -> None:
    matrix = sparse(decaying(150, 80, 1))
    one = leading_axes(matrix, 12, seed=1, threads=1)
    for threads in (2, 3, 7):
        assert leading_axes(matrix, 12, seed=1, threads=threads).tobytes() == one.tobytes()
        assert project(matrix, one, threads).tobytes() == project(matrix, one, 1).tobytes()
    assert leading_axes(matrix, 12, seed=2, threads=1).tobytes() != one.tobytes()


def test_a_product_is_the_product() -> None:
    dense = decaying(50, 40, 2)
    other = np.random.default_rng(3).normal(size=(40, 7)).astype(np.float32)
    assert np.allclose(project(sparse(dense), other), dense @ other, atol=1e-5)


def test_eigenvectors_of_a_gram_matrix() -> None:
    tall = np.random.default_rng(4).normal(size=(30, 12)) * 0.7 ** np.arange(12)
    values, vectors = eigenvectors(tall.T @ tall)
    assert np.allclose(values, np.sort(np.linalg.eigvalsh(tall.T @ tall))[::-1])
    assert np.allclose(vectors.T @ vectors, np.eye(12), atol=1e-9)
    assert np.allclose(tall.T @ tall @ vectors, vectors * values)
