"""Where things are kept that are fetched or computed once for many runs. Standard library only: the sandbox needs it."""

import os
from pathlib import Path


def cache_root() -> Path:
    """Return the folder of all caches; XDG_CACHE_HOME moves it. It may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "codewright"
