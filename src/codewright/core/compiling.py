"""How hot loops are compiled: by numba, kept in the cache folder and not beside the sources, which may be read-only."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

from codewright.core.cache import cache_root

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function for the types it is called with, and keep the result in the cache.

    It runs without the interpreter's lock, and with the order of floating-point operations as it is written.
    """
    made: Function = numba.njit(cache=_CACHED, nogil=True, boundscheck=False)(function)
    return made


def _keep_in_cache() -> bool:
    """Point numba at our cache folder; False where none can be written, and code is compiled in every process."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_root() / "numba")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    numba.config.CACHE_DIR = str(folder)
    return os.access(folder, os.W_OK)


_CACHED = _keep_in_cache()
