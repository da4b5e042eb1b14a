"""Attack programs against the namespace backend: nothing gets out, nothing stays, nothing starves, nothing is forged."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codewright.sandbox.job import Job, Limits, Mode
from tests.sandbox.attacks import SECRET_TESTS, SHORT, Attack
from tests.sandbox.attacks_leftovers import SCAN_MEMORY, SECRET_TEXT
from tests.sandbox.forgeries import FORGERIES
from tests.sandbox.opened import Opened
from tests.sandbox.suite import (
    ATTACKS,
    KINDS,
    MODES,
    offer_host,
    run_attack,
    run_where_exit_codes_count,
)

HARMLESS = [attack for attack in ATTACKS if attack.harmless]


def names(attacks: list[Attack]) -> list[str]:
    return [f"{attack.kind.replace(' ', '-')}-{attack.name}" for attack in attacks]


@pytest.fixture(scope="module")
def things() -> Iterator[str]:
    with offer_host() as things:
        yield things


@pytest.fixture(scope="module")
def runner() -> Iterator[Opened]:
    with Opened() as runner:
        yield runner


def test_there_are_many_attacks_of_every_kind() -> None:
    assert len({(attack.kind, attack.name) for attack in ATTACKS}) == len(ATTACKS) >= 80
    assert min(Counter(attack.kind for attack in ATTACKS)[kind] for kind in KINDS) >= 20


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("attack", ATTACKS, ids=names(ATTACKS))
def test_no_attack_gets_through(runner: Opened, things: str, attack: Attack, mode: Mode) -> None:
    outcome = runner.wait_for(run_attack(runner.sandbox, attack, mode, things))
    if outcome.through:  # in one process a verdict can be forged, and says so
        assert (mode, attack.kind, outcome.last.forgeable) == ("inproc", "forged verdicts", True), outcome
    else:
        assert outcome.last.forgeable == (mode == "inproc")


@pytest.mark.parametrize("attack", FORGERIES, ids=names(FORGERIES))
def test_every_forgery_works_on_simple_evaluators(runner: Opened, attack: Attack) -> None:
    """In one process with the tests, or where the exit code is believed: otherwise it would prove nothing elsewhere."""
    outcome = runner.wait_for(run_attack(runner.sandbox, attack, "inproc", ""))
    assert outcome.through or runner.wait_for(run_where_exit_codes_count(runner.sandbox, attack))


@pytest.mark.parametrize("attack", HARMLESS, ids=names(HARMLESS))
def test_harmless_attacks_get_through_where_nothing_isolates(things: str, attack: Attack) -> None:
    try:
        with Opened("unsafe") as unsafe:
            assert unsafe.wait_for(run_attack(unsafe.sandbox, attack, "script", things)).through
    finally:
        for folder in ("/tmp", "/dev/shm"):
            for path in Path(folder).glob("*codewright-left*"):
                path.unlink()


@pytest.mark.parametrize(
    "attack",
    [attack for attack in ATTACKS if attack.kind == "forged verdicts"],
    ids=lambda attack: attack.name,
)
def test_no_verdict_is_forged_where_the_tests_may_call_everything(runner: Opened, attack: Attack) -> None:
    job = Job("split", {"solution.py": attack.code}, tests=attack.tests, limits=attack.limits)
    result = runner.run(job)
    assert result.status not in ("passed", "sandbox_error"), result
    assert not result.forgeable


def test_the_forgery_tests_can_be_passed(runner: Opened) -> None:
    knows = "def solve(x): return ('only-the-checker-' + 'knows')[::1 if x == 1 else -1]"
    assert runner.run(Job("split", {"solution.py": knows}, tests=SECRET_TESTS)).status == "passed"


def test_no_text_stays_in_memory(runner: Opened) -> None:
    left = [
        runner.run(Job("inproc", {"a.py": SECRET_TEXT})),
        runner.run(Job("split", {"a.py": "def f(): pass"}, tests=SECRET_TEXT)),
        runner.run(
            Job("split", {"a.py": "def f(): pass"}, tests="assert f(), 'only the other program knows'")
        ),
        runner.run(Job("script", {"a.py": SECRET_TEXT}, args=("only the other program knows",))),
    ]
    assert [result.status for result in left] == ["failed", "failed", "failed", "error"]
    assert runner.run(Job("script", {"scan.py": SCAN_MEMORY})).stdout == "scanned True\n"
    scanned = runner.run(Job("split", {"scan.py": f"def f():\n    exec({SCAN_MEMORY!r})"}, tests="f()"))
    assert (scanned.status, scanned.stdout) == ("passed", "scanned True\n")


def test_a_forged_record_needs_the_nonce(runner: Opened) -> None:
    forge = (
        "import json, os\nnonce = os.read(3, 4096).decode()\n"
        "os.write(3, bytes(1).join([b'', b'passed', b'', b'0', b'']))\nos._exit(0)"
    )
    result = runner.run(Job("inproc", {"solution.py": forge}, tests="assert False"))
    assert (result.status, result.forgeable) == ("exited_early", True)


@pytest.mark.parametrize("mode", ["inproc", "split"])
def test_a_program_cannot_pose_as_trouble_of_the_sandbox(runner: Opened, mode: Any) -> None:
    code = (
        "import json, os\n"
        "for text in (b'trouble x', b'missing package x', b'ready'):\n    os.write(3, text)\n"
        "os.write(3, bytes(1).join([b'x', b'sandbox_error', b'', b'0', b'']))\nos._exit(1)"
    )
    result = runner.run(Job(mode, {"a.py": code}, tests="solve(1)"))
    assert result.status in ("exited_early", "not_plain", "error")


def test_a_script_cannot_change_its_exit_code(runner: Opened) -> None:
    forge = (
        "import json, os\nnonce = os.read(3, 4096).decode()\n"
        "os.write(3, bytes(1).join([nonce.encode(), b'passed', b'', b'0', b'']))\nos._exit(7)"
    )
    result = runner.run(Job("script", {"a.py": forge}))
    assert (result.status, result.exit_code) == ("error", 7)


def test_a_command_cannot_reach_the_process_that_reports_for_it(runner: Opened) -> None:
    code = "kill -9 1; kill -STOP 1; ls /proc/1/fd; cat /proc/1/mem; echo x > /proc/1/fd/3; exit 5"
    result = runner.run(Job("script", {"a.sh": code}, language="bash", limits=SHORT))
    assert (result.status, result.exit_code) == ("error", 5)
    assert "/proc/1/fd" in result.stderr
    assert not result.stdout


def test_the_network_is_new_after_a_program_that_used_it(runner: Opened) -> None:
    """Not only for attacks: a test that binds a port has to find it free, whoever ran before."""
    serve = (
        "import socket\ns = socket.create_server(('127.0.0.1', 8080))\n"
        "c = socket.create_connection(('127.0.0.1', 8080))\nt, _ = s.accept()\nt.close()\nc.recv(1)\nprint('served')"
    )
    results = [runner.run(Job("script", {"a.py": serve})) for _ in range(3)]
    assert [result.stdout for result in results] == ["served\n"] * 3


def test_zeros_can_still_be_read(runner: Opened) -> None:
    code = "head -c 3000000 /dev/zero | wc -c; dd if=/dev/zero of=x bs=1k count=8 2>/dev/null; wc -c < x"
    assert runner.run(Job("script", {"a.sh": code}, language="bash")).stdout.split() == ["3000000", "8192"]


def test_forked_workers_that_share_memory_are_not_over_the_limit(runner: Opened) -> None:
    code = (
        "import os, time\nx = b'x' * (100 << 20)\n"
        "children = [os.fork() for _ in range(1)] + [0]\n"
        "pids = []\nif children[0]:\n    pids = [children[0]]\n    for _ in range(3):\n        pid = os.fork()\n        if pid == 0: break\n        pids.append(pid)\n"
        "time.sleep(0.5)\nprint(len(pids))"
    )
    result = runner.run(Job("script", {"a.py": code}, limits=Limits(tree_bytes=300 << 20, wall_s=5)))
    assert (result.status, result.max_rss_bytes > 300 << 20) == ("passed", True), result
