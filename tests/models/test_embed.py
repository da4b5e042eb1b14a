"""Opening embedders by spec, and keeping what they gave."""

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codewright.core.errors import BackendError, ConfigError, DataError
from codewright.core.plugins import list_plugins
from codewright.models import embed as module
from codewright.models.embed import EMBEDDERS, Embedder, KeptEmbedder, of_unit_length, open_embedder
from codewright.models.embedders import hashed


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "codewright" / "embeddings"


class Counting:
    """An embedder that counts what it is asked; vectors are bytes of the text's hash."""

    def __init__(self, name: str = "a", width: int = 8, fails_at: str = "") -> None:
        self.asked: list[str] = []
        self._name, self._width, self._fails_at = name, width, fails_at

    def describe(self) -> dict[str, Any]:
        return {"embedder": self._name}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self._fails_at in texts:
            raise BackendError("the server went away")
        self.asked += texts
        rows = [list(hashlib.sha256(text.encode()).digest()[: self._width]) for text in texts]
        return of_unit_length(np.array(rows, np.float32).reshape(len(texts), -1))


def test_the_default_needs_nothing() -> None:
    embedder = open_embedder("hashed")
    assert isinstance(embedder, hashed.HashedEmbedder)
    assert isinstance(embedder, Embedder)
    vectors = embedder.embed(["def one(): return 1", "SELECT 1"])
    assert vectors.shape == (2, 256)
    assert vectors.dtype == np.float32


def test_every_plugin_is_listed() -> None:
    assert list_plugins(EMBEDDERS) == ["hashed", "openai", "sentence_transformers"]


def test_an_unknown_one_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no embedder named 'hasched' \(did you mean 'hashed'\?\)"):
        open_embedder("hasched")


def test_a_base_url_that_nothing_asks_for() -> None:
    with pytest.raises(ConfigError, match="a base URL is for served models"):
        open_embedder("hashed", "http://localhost:1/v1")


def test_a_folder_is_for_sentence_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from codewright.models.embedders import sentence_transformers as plugin

    monkeypatch.setattr(plugin, "LIBRARY", "a_library_that_is_not_there")
    with pytest.raises(ConfigError, match=r"a_library_that_is_not_there.*pip install 'codewright\[embed\]'"):
        open_embedder(str(tmp_path))


def test_what_is_kept_is_not_asked_again(cache: Path) -> None:
    texts = ["one", "two", "one", "three"]
    first = Counting()
    got = KeptEmbedder(first).embed(texts)
    assert first.asked == ["one", "two", "three"]
    assert (got == Counting().embed(texts)).all()
    again = Counting()
    assert (KeptEmbedder(again).embed(["four", *reversed(texts)])[1:] == got[::-1]).all()
    assert again.asked == ["four"]
    assert len(list(cache.iterdir())) == 1


def test_two_embedders_do_not_share_vectors(cache: Path) -> None:
    KeptEmbedder(Counting("a")).embed(["one"])
    other = Counting("b", width=4)
    assert KeptEmbedder(other).embed(["one"]).shape == (1, 4)
    assert other.asked == ["one"]
    assert len(list(cache.iterdir())) == 2


def test_what_came_before_a_failure_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", 2)
    texts = ["a", "b", "c", "d", "e"]
    with pytest.raises(BackendError, match="went away"):
        KeptEmbedder(Counting(fails_at="d")).embed(texts)
    later = Counting()
    assert (KeptEmbedder(later).embed(texts) == Counting().embed(texts)).all()
    assert later.asked == ["c", "d", "e"]


def test_nothing_in_nothing_out() -> None:
    assert KeptEmbedder(Counting()).embed([]).shape[0] == 0


def test_a_damaged_file_is_told_by_name(cache: Path) -> None:
    KeptEmbedder(Counting()).embed(["one"])
    [path] = cache.iterdir()
    path.write_bytes(b"no database at all, but long enough to look at" * 50)
    with pytest.raises(DataError, match="cannot be read .*; remove it") as caught:
        KeptEmbedder(Counting()).embed(["one"])
    assert str(path) in str(caught.value)


def test_without_a_place_to_keep_them_vectors_come_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", os.fspath(tmp_path / "file"))
    assert (KeptEmbedder(Counting()).embed(["one"]) == Counting().embed(["one"])).all()


def test_vectors_that_are_none_are_a_failure_and_not_kept(cache: Path) -> None:
    class Broken(Counting):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.full((len(texts), 3), np.nan, np.float32)

    with pytest.raises(BackendError, match="not finite"):
        KeptEmbedder(Broken()).embed(["one"])
    [path] = cache.iterdir()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM vectors").fetchone() == (0,)
    database.close()


def test_vectors_of_another_length_than_the_kept_ones_are_a_failure() -> None:
    KeptEmbedder(Counting(width=8)).embed(["one"])
    with pytest.raises(BackendError, match="different lengths"):
        KeptEmbedder(Counting(width=4)).embed(["one", "two"])


def test_unit_length_leaves_zeros() -> None:
    got = of_unit_length(np.array([[3.0, 4.0], [0.0, 0.0], [1e-30, 0.0]], np.float32))
    assert got.tolist() == [[np.float32(0.6), np.float32(0.8)], [0.0, 0.0], [1.0, 0.0]]
