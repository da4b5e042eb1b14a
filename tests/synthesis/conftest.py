"""Replies of tests are kept where tests are, never in the user's own cache."""

from pathlib import Path

import pytest

from codewright.synthesis import teaching


@pytest.fixture(autouse=True)
def own_replies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a cache of its own."""
    monkeypatch.setattr(teaching, "default_cache_path", lambda: tmp_path / "replies.sqlite")
