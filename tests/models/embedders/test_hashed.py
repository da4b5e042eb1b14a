"""The embedded default: equal vectors whatever the order, batch or threads, and code that is alike lies together."""

from pathlib import Path

import numpy as np
import pytest

from codewright.core.errors import ConfigError, DataError
from codewright.models.embed import open_embedder
from codewright.models.embedders import hashed
from codewright.models.embedders.hashed import HashedEmbedder, fit_texts, load_fit, save_fit

TOPICS = {
    "sorting": "def merge_sort(items):\n    left, right = split(items)\n    return merge(merge_sort(left), merge_sort(right))\n",
    "http": "async def fetch(url):\n    response = await session.get(url, headers=headers)\n    return response.json()\n",
    "sql": "SELECT customer_id, SUM(amount) FROM orders GROUP BY customer_id HAVING SUM(amount) > 100\n",
}
TEXTS = [
    f"{text}# {name} {number} value_{number % 7}\n" for number in range(20) for name, text in TOPICS.items()
]


@pytest.fixture(scope="module")
def fit() -> hashed.Fit:
    return fit_texts(TEXTS, 12)


def test_vectors_are_float32_of_unit_length() -> None:
    vectors = HashedEmbedder(12).embed(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((60, 12), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_code_that_is_alike_lies_together() -> None:
    vectors = HashedEmbedder(12).embed(TEXTS)
    cosines = vectors @ vectors.T
    topic = np.arange(60) % 3
    alike = topic[:, None] == topic[None, :]
    assert cosines[alike].min() > cosines[~alike].max() + 0.3


def test_neither_order_nor_copies_nor_threads_change_a_byte(fit: hashed.Fit) -> None:
    order = np.random.default_rng(0).permutation(60)
    mixed = [TEXTS[at] for at in order]
    assert fit_texts(mixed + TEXTS[:9], 12).identity() == fit.identity()
    assert fit_texts(TEXTS, 12, threads=1).identity() == fit.identity()
    assert fit_texts(TEXTS, 12, threads=5).identity() == fit.identity()
    vectors = HashedEmbedder(12).embed(TEXTS)
    assert (HashedEmbedder(12).embed(mixed + TEXTS[:9])[:60] == vectors[order]).all()


def test_seeds_differ_and_repeat(fit: hashed.Fit) -> None:
    assert fit_texts(TEXTS, 12, seed=1).identity() != fit.identity()
    assert fit_texts(TEXTS, 12, seed=1).identity() == fit_texts(TEXTS, 12, seed=1).identity()


def test_with_a_saved_fit_a_text_has_one_vector_in_any_batch(fit: hashed.Fit, tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    save_fit(path, fit)
    embedder = open_embedder(f"hashed:{path}")
    together = embedder.embed(TEXTS)
    assert (together == HashedEmbedder(12).embed(TEXTS)).all()
    assert (np.concatenate([embedder.embed([text]) for text in TEXTS]) == together).all()
    assert embedder.describe()["fit"] == fit.identity()
    assert embedder.describe()["dimensions"] == 12


def test_of_many_texts_a_fair_draw_is_fitted(monkeypatch: pytest.MonkeyPatch, fit: hashed.Fit) -> None:
    monkeypatch.setattr(hashed, "FIT_TEXTS", 30)
    part = fit_texts(TEXTS, 12)
    assert part.identity() != fit.identity()
    assert fit_texts(TEXTS[::-1], 12).identity() == part.identity()
    assert HashedEmbedder(12).embed(TEXTS).shape == (60, 12)


def test_texts_without_terms_are_zeros() -> None:
    got = HashedEmbedder(12).embed(["", "+ - ( )\n", *TEXTS])
    assert not got[:2].any()
    assert np.allclose(np.linalg.norm(got[2:], axis=1), 1, atol=1e-6)
    assert not HashedEmbedder(12).embed(["", "{}"]).any()
    assert HashedEmbedder(12).embed([]).shape == (0, 12)


def test_fewer_texts_than_dimensions_leave_the_rest_zero() -> None:
    got = HashedEmbedder(256).embed(list(TOPICS.values()))
    assert got.shape == (3, 256)
    assert np.allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    assert not got[:, 3:].any()


def test_a_term_of_no_text_of_the_fit_counts_nothing(fit: hashed.Fit) -> None:
    embedder = HashedEmbedder(fit=fit)
    plain, longer = embedder.embed([TEXTS[0]]), embedder.embed([TEXTS[0] + " zyzzyva_quux"])
    assert np.allclose(plain, longer, atol=1e-6)
    assert not embedder.embed(["zyzzyva"]).any()


@pytest.mark.parametrize(
    ("spec", "told"),
    [("hashed:0", "from 1 to"), ("hashed:99999", "from 1 to"), ("hashed:none.npz", "nor a file")],
)
def test_settings_that_cannot_be(spec: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        open_embedder(spec)


def test_the_dimensions_stand_in_the_spec() -> None:
    assert open_embedder("hashed:20").embed(TEXTS).shape == (60, 20)


def test_a_file_that_is_no_fit_or_cut_off(tmp_path: Path, fit: hashed.Fit) -> None:
    path = tmp_path / "fit.npz"
    save_fit(path, fit)
    whole = path.read_bytes()
    for data in (b"", b"hello", whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(DataError, match="make it again"):
            load_fit(path)
    np.savez(path, weights=np.ones(5), axes=np.ones((5, 2)))
    with pytest.raises(DataError, match="other buckets"):
        load_fit(path)
