"""The attack suite: every attack, how one is carried out in each mode, and when it counts as contained."""

import contextlib
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codewright.sandbox.guest.wire import DETAIL_CHARACTERS
from codewright.sandbox.job import Job, Mode, Result, Sandbox
from tests.sandbox import attacks_host, attacks_kernel, attacks_leftovers, attacks_resources
from tests.sandbox.attacks import Attack, Kind
from tests.sandbox.forgeries import FORGERIES
from tests.sandbox.forgeries_crossing import CROSSING

ATTACKS: list[Attack] = [
    *attacks_host.FILES,
    *attacks_host.PROCESSES,
    *attacks_host.NETWORK,
    *attacks_kernel.KERNEL,
    *attacks_leftovers.LEFTOVERS,
    *attacks_resources.MEMORY,
    *attacks_resources.PROCESSOR,
    *attacks_resources.PROCESSES,
    *attacks_resources.DISK,
    *attacks_resources.OUTPUT,
    *FORGERIES,
    *CROSSING,
]
KINDS: tuple[Kind, ...] = ("host access", "leftovers", "denial of service", "forged verdicts")
MODES: tuple[Mode, ...] = ("script", "split", "inproc")

SECRET_VARIABLE = "CODEWRIGHT_TEST_SECRET"

_CARRY_OUT = """
def carry_out():
    try:
        through = attack()
    except OSError:
        through = False
    print('THROUGH' if through else 'stopped', flush=True)
"""
_ANSWERS = "\nprint(solve(1), solve(2))\n"
_EXPECTED_ANSWERS = "only-the-checker-knows swonk-rekcehc-eht-ylno\n"


@dataclass(frozen=True)
class Outcome:
    """What came of one attack in one mode. through: it got what it wanted; last: the result that showed it."""

    through: bool
    last: Result


@contextlib.contextmanager
def offer_host() -> Iterator[str]:
    """Put on the host what attacks are after; yields source that names it."""
    name = f"codewright-test-{os.getpid()}"
    stop = threading.Event()
    with (
        tempfile.NamedTemporaryFile("w", prefix="codewright-canary-") as canary,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        canary.write("secret")
        canary.flush()
        Path(canary.name).chmod(0o644)
        abstract.bind(f"\0{name}")
        abstract.listen()
        things = {
            "CANARY": canary.name,
            "SOURCE": __file__,
            "PORT": server.getsockname()[1],
            "ABSTRACT": name,
            "READ_OFTEN": os.__file__,
            "HOSTNAME": socket.gethostname(),
            "HOME_OF_PYTHON": Path(sys.base_prefix).parts,
        }
        reader = threading.Thread(target=_read_often, args=(os.__file__, stop))
        reader.start()
        os.environ[SECRET_VARIABLE] = "x"
        try:
            yield "".join(f"{thing} = {value!r}\n" for thing, value in things.items())
        finally:
            del os.environ[SECRET_VARIABLE]
            stop.set()
            reader.join()


def _read_often(path: str, stop: threading.Event) -> None:
    while not stop.wait(0.02):
        Path(path).read_bytes()


def job_of(attack: Attack, mode: Mode, things: str) -> Job:
    """Build the attack as a program of this mode."""
    code = attack.code if attack.kind == "forged verdicts" else f"{things}{attack.code}{_CARRY_OUT}"
    if mode == "script":
        end = _ANSWERS if attack.kind == "forged verdicts" else "carry_out()\n"
        return Job(mode, {"attack.py": f"{code}\n{end}"}, limits=attack.limits)
    tests, entry = (
        (attack.tests, "solve") if attack.kind == "forged verdicts" else ("carry_out()", "carry_out")
    )
    return Job(mode, {"attack.py": code}, tests=tests, entry_point=entry, limits=attack.limits)


async def run_attack(sandbox: Sandbox, attack: Attack, mode: Mode, things: str) -> Outcome:
    """Carry out one attack, and see whether it got through. `things` comes from `offer_host`.

    Raises AssertionError where an attack ended in a way that shows neither.
    """
    job = job_of(attack, mode, things)
    result = await sandbox.run(job)
    if attack.kind == "leftovers":
        assert result.status == "passed", result
        result = await sandbox.run(job)
    _check_sound(result)
    if attack.kind == "forged verdicts":
        through = result.status == "passed" and (mode != "script" or result.stdout == _EXPECTED_ANSWERS)
        return Outcome(through, result)
    assert result.status in attack.ends or "THROUGH" in result.stdout, result
    assert result.status != "passed" or result.stdout in ("THROUGH\n", "stopped\n"), result
    if attack.kind == "denial of service":
        after = await sandbox.run(Job("script", {"after.py": "print('still here')"}))
        assert (after.status, after.stdout) == ("passed", "still here\n"), after
    return Outcome("THROUGH" in result.stdout, result)


async def run_where_exit_codes_count(sandbox: Sandbox, attack: Attack) -> bool:
    """Do as simple evaluators do: append a forgery's tests to its solution and believe the exit code. True if it passes."""
    evaluator = "import subprocess, sys\nprint(subprocess.run([sys.executable, 'attack.py'], capture_output=True).returncode)"
    program = f"{attack.code}\n{attack.tests}\n"
    result = await sandbox.run(Job("script", {"evaluator.py": evaluator, "attack.py": program}))
    return result.stdout == "0\n"


def _check_sound(result: Result) -> None:
    """Whatever a program does, its result is sound and safe to show."""
    assert result.status != "sandbox_error", result
    assert result.detail.isprintable(), result.detail
    assert len(result.detail) <= DETAIL_CHARACTERS
    (result.stdout + result.stderr).encode()  # raises for what is no Unicode
