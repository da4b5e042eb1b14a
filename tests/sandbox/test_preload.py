"""Preload sets: third-party modules that a worker's programs find imported, and that other workers do not see."""

import pytest

from codewright.core.errors import ConfigError
from codewright.sandbox import pool
from codewright.sandbox.guest.wire import SITE_FOLDER
from codewright.sandbox.job import Job, Mode, Result
from codewright.sandbox.pool import open_sandbox
from tests.sandbox.opened import Opened

SOLUTION = "import numpy as np\ndef double(x):\n    return np.asarray(x) * 2\n"
TESTS = "assert isinstance(double([1, 2]), np.ndarray) and double([1, 2]).tolist() == [2, 4]"


def run_jobs(preload: str, *jobs: Job) -> list[Result]:
    with Opened(preload=preload) as opened:
        return [opened.run(job) for job in jobs]


def job(mode: Mode, source: str = SOLUTION, tests: str = TESTS) -> Job:
    return Job(mode, {"solution.py": source}, tests=tests, packages=("numpy",))


def test_numpy_works_where_it_is_preloaded() -> None:
    loaded = job(
        "script", "import sys\nassert 'numpy' in sys.modules\nimport numpy\nprint(numpy.ones(3).sum())", ""
    )
    checked, script, split = run_jobs("numpy", job("inproc"), loaded, job("split"))
    assert (checked.status, checked.detail) == ("passed", "")
    assert (script.status, script.stdout) == ("passed", "3.0\n")
    assert split.status == "not_plain", "an array is no plain data"


def test_a_preload_set_leaves_the_host_as_closed_as_before() -> None:
    source = (
        "import os, pathlib, sys, numpy\n"
        "folder = pathlib.Path(numpy.__file__).parents[1]\n"
        "try: (folder / 'planted.py').write_text('x')\n"
        "except OSError as error: print(error.errno)\n"
        "print(folder, os.path.exists(sys.argv[1]), os.getuid())\n"
    )
    (result,) = run_jobs("numpy", Job("script", {"a.py": source}, args=(__file__,)))
    assert result.stdout == f"30\n{SITE_FOLDER} False 1000\n", result


def test_the_plain_set_does_not_see_numpy() -> None:
    with pytest.raises(ConfigError, match="no package 'numpy'"):
        run_jobs("python", job("inproc"))
    (result,) = run_jobs("python", Job("inproc", {"a.py": "import numpy"}))
    assert (result.status, result.detail) == ("error", "ModuleNotFoundError: No module named 'numpy'")


def test_a_set_with_a_package_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pool.PRELOADS, "odd", ("numpy", "nothing_like_it"))
    with pytest.raises(ConfigError, match="no package 'nothing_like_it'"):
        open_sandbox(preload="odd")


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(ConfigError, match="'nunpy'.*did you mean 'numpy'.*python, numpy, data"):
        open_sandbox(preload="nunpy")
