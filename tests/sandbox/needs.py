"""What tests need that not every machine has. Without it they are skipped, and the reason says what is missing."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from codewright.sandbox.toolchains import list_installed

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root to become an ordinary user (the other tests run as one already)"
)


def skip_without_runsc() -> None:
    __tracebackhide__ = True  # so that the report names the caller
    if shutil.which("runsc") is None:
        pytest.skip("runsc is not installed (apt-get install runsc)")


def skip_without_toolchain(language: str) -> None:
    __tracebackhide__ = True
    if language not in list_installed():
        pytest.skip(f"toolchain not installed: {language}")


def published(path: Path) -> Path:
    """Return the path of a published file that is here."""
    __tracebackhide__ = True
    if not path.is_file():
        pytest.skip(f"published file not here: {path.name}")
    return path


COMPILED = {"cpp", "csharp", "go", "java", "rust", "typescript"}


def sooner(languages: Iterable[str]) -> list[Any]:
    """Leave languages whose compilers take seconds to `make test-languages`, where a neighbouring test samples them anyway."""
    return [
        pytest.param(name, marks=[pytest.mark.languages] if name in COMPILED else []) for name in languages
    ]
