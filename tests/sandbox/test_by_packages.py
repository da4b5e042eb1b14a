"""Jobs run where their packages are, and nobody else sees those."""

import asyncio

import pytest

from codewright.core.errors import ConfigError
from codewright.sandbox.by_packages import SandboxByPackages
from codewright.sandbox.job import Job, Result

PROGRAM = {"main.py": "import importlib.util as u\nprint(u.find_spec('numpy') is not None)\n"}


def run(*jobs: Job) -> list[Result]:
    async def work() -> list[Result]:
        async with SandboxByPackages("namespace", 1) as sandbox:
            assert sandbox.isolation == "namespace"
            return list(await asyncio.gather(*map(sandbox.run, jobs)))

    return asyncio.run(work())


def test_only_a_job_with_packages_sees_them() -> None:
    with_numpy = Job("script", PROGRAM, packages=("numpy",))
    outputs = [result.stdout for result in run(Job("script", PROGRAM), with_numpy, with_numpy)]
    assert outputs == ["False\n", "True\n", "True\n"]


def test_a_package_of_no_set_is_one_line() -> None:
    with pytest.raises(ConfigError, match="no preload set has nowhere; there are: python, numpy, data"):
        run(Job("script", PROGRAM, packages=("nowhere",)))
