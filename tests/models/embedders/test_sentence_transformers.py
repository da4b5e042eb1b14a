"""Models of the sentence-transformers library, one made here; without the library only what is said of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codewright.core.errors import BackendError, ConfigError
from codewright.models.embed import Embedder, of_unit_length, open_embedder
from codewright.models.embedders import sentence_transformers as plugin

TEXTS = ["def f(): pass", "a", "x = 1\n" * 200, "größe"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def library() -> Any:
    return pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed (extra embed)"
    )


@pytest.fixture(scope="module")
def plain(library: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of transformers, which the library adds a pooling to."""
    from tests.models.tiny_model import save_tiny_model

    return save_tiny_model(tmp_path_factory.mktemp("plain"), positions=64)


@pytest.fixture(scope="module")
def saved(library: Any, plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as the library saves it, modules in folders of their own."""
    folder = tmp_path_factory.mktemp("saved")
    library.SentenceTransformer(str(plain)).save(str(folder))
    return folder


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "LIBRARY", "a_library_that_is_not_there")
    with pytest.raises(ConfigError, match=r"pip install 'codewright\[embed\]'"):
        open_embedder("sentence_transformers:org/name")


def test_vectors_are_the_librarys_of_unit_length(library: Any, saved: Path) -> None:
    embedder = open_embedder(f"sentence_transformers:{saved}")
    assert isinstance(embedder, Embedder)
    got = embedder.embed(TEXTS)
    wanted = library.SentenceTransformer(str(saved)).encode(TEXTS, show_progress_bar=False)
    assert (got.dtype, got.shape) == (np.float32, wanted.shape)
    assert np.allclose(got, of_unit_length(wanted), atol=1e-6)
    assert np.allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)
    assert embedder.embed([]).shape[0] == 0


def test_a_folder_alone_and_one_of_transformers_do_as_well(saved: Path, plain: Path) -> None:
    assert np.allclose(
        open_embedder(str(plain)).embed(TEXTS), open_embedder(str(saved)).embed(TEXTS), atol=1e-6
    )


def test_kept_vectors_hang_on_the_weights_and_the_modules(
    library: Any, saved: Path, plain: Path, tmp_path: Path
) -> None:
    from tests.models.tiny_model import save_tiny_model

    weights = open_embedder(str(saved)).describe()["weights"]
    assert open_embedder(str(saved)).describe()["weights"] == weights
    other = save_tiny_model(tmp_path / "other", positions=64, seed=4)
    assert open_embedder(str(other)).describe()["weights"] != open_embedder(str(plain)).describe()["weights"]
    [pooling] = [path for path in saved.glob("*/config.json") if "ooling" in path.parent.name]
    before = pooling.read_text()
    pooling.write_text(before.replace("lasttoken", "mean"))
    try:
        assert open_embedder(str(saved)).describe()["weights"] != weights
    finally:
        pooling.write_text(before)


def test_a_folder_that_is_no_model(library: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither modules\.json nor config\.json"):
        open_embedder(str(tmp_path))
    (tmp_path / "modules.json").write_text("[")
    with pytest.raises(ConfigError, match="the library cannot load it") as caught:
        open_embedder(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_name_that_is_none(library: Any) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        open_embedder("sentence_transformers:not/a/model")
    with pytest.raises(ConfigError, match="has no model"):
        open_embedder("sentence_transformers:")


def test_a_model_that_fails_is_one_line() -> None:
    class Failing:
        max_seq_length = 8

        def encode(self, *texts: Any, **options: Any) -> Any:
            raise RuntimeError("CUDA out of memory.\nTried to allocate")

    with pytest.raises(BackendError, match=r"out of memory\. Tried to allocate"):
        plugin.SentenceTransformersEmbedder("m", "0", Failing()).embed(["a"])
