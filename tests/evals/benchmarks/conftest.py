"""Expected outputs of benchmarks of the EvalPlus kind, computed once for all tests here."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def expected_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("expected")


@pytest.fixture
def own_cache(expected_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep expected outputs for these tests, computed by the code that is tested."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(expected_cache))
    return expected_cache
