"""Files are plugins; listing imports nothing."""

import sys
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.core.plugins import extra_with, list_plugins, load_plugin


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "some_plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "good.py").write_text("VALUE = 3\n")
    (folder / "needs_more.py").write_text("import a_package_nobody_has\n")
    (folder / "_private.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "some_plugins"
    for name in [name for name in sys.modules if name.startswith("some_plugins")]:
        del sys.modules[name]


def test_listing_imports_no_plugin(package: str) -> None:
    assert list_plugins(package) == ["good", "needs_more"]
    assert "some_plugins.needs_more" not in sys.modules


def test_loading(package: str) -> None:
    assert load_plugin(package, "good").VALUE == 3
    with pytest.raises(
        ConfigError,
        match=r"no some_plugin named 'goood' \(did you mean 'good'\?\); there are: good, needs_more",
    ):
        load_plugin(package, "goood")
    with pytest.raises(ConfigError, match="needs the package 'a_package_nobody_has'"):
        load_plugin(package, "needs_more")


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("torch", "train,eval"),
        ("openai", "train,eval"),
        ("sentence_transformers.models", "embed"),
        ("esprima", "reference"),
        ("httpcore2", "train,eval"),
    ],
)
def test_the_extra_that_brings_a_package_is_named(module: str, extra: str) -> None:
    assert extra_with(module) == extra
