"""What holds for root has to hold for an ordinary user, who cannot write cgroups: the same suites once more, as one.

Where the tests run as an ordinary user anyway, those suites are this test.
"""

import re
import sys

import pytest

from tests.sandbox.needs import needs_root
from tests.sandbox.ordinary_user import run_as_ordinary_user

ATTACKS, CONFORMANCE = "tests/sandbox/test_attacks.py", "tests/contracts/test_sandbox_contract.py"
SUITES = {
    "attacks": (ATTACKS, "not inproc", 300),
    "conformance": (CONFORMANCE, "namespace", 40),
    "published": ("tests/sandbox/test_published.py", "", 1),
}
"""Name -> file, which of its tests (pytest's -k) and how many of them have to pass at least."""

REST = {"attacks": (ATTACKS, "inproc", 200), "conformance": (CONFORMANCE, "gvisor", 40)}
"""Suites that take minutes and seldom tell more: with `make test-languages`."""

pytestmark = [pytest.mark.slow, needs_root]


@pytest.mark.parametrize(
    "suite",
    [pytest.param(name, marks=[] if name == "published" else [pytest.mark.languages]) for name in SUITES],
)
def test_holds_for_an_ordinary_user(suite: str) -> None:
    check(*SUITES[suite])


@pytest.mark.languages
@pytest.mark.parametrize("suite", REST)
def test_the_rest_holds_for_an_ordinary_user(suite: str) -> None:
    check(*REST[suite])


def check(file: str, which: str, least: int) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-m", "slow or not slow", "-k", which]
    run = run_as_ordinary_user([sys.executable, "-m", "pytest", *options, file])
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    found = re.search(r"(\d+) passed", run.stdout)
    assert found, run.stdout
    assert int(found[1]) >= least


def test_the_ordinary_user_has_no_cgroups() -> None:
    ask = "import os; from codewright.sandbox.cgroups import open_cgroup; print(os.geteuid(), open_cgroup())"
    run = run_as_ordinary_user([sys.executable, "-c", ask])
    assert run.stdout == "65534 None\n", run.stderr
