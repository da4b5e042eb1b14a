"""The battery that users run: everything contained on `namespace`, and proof on `unsafe` that the attacks are real."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from codewright.sandbox.battery import PROBES, Host, Outcome, run_battery
from tests.sandbox.opened import Opened


def outcomes(backend: str) -> list[Outcome]:
    with Opened(backend) as opened:
        return opened.wait_for(run_battery(opened.sandbox))


def test_nothing_gets_through_the_namespace_backend() -> None:
    found = outcomes("namespace")
    assert len(found) == len(PROBES) >= 19
    assert [outcome for outcome in found if not outcome.contained] == []


def test_it_refuses_to_attack_the_machine_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codewright.sandbox.battery.PROBES", ())  # should the refusal fail, nothing is run
    with pytest.raises(ValueError, match="without isolation"):
        outcomes("unsafe")


@pytest.mark.parametrize(("area", "index"), [("host", 0), ("network", 0)])
def test_a_harmless_attack_gets_through_where_nothing_stops_it(area: str, index: int, tmp_path: Path) -> None:
    """Run by hand on the host, the probes that only look must succeed: otherwise `contained` would mean nothing."""
    probe = [probe for probe in PROBES if probe.area == area][index]
    (tmp_path / "canary").write_text("host")
    with socket.create_server(("127.0.0.1", 0)) as server:
        job = probe.job(Host(str(tmp_path / "canary"), server.getsockname()[1]))
        command = [sys.executable, "-c", job.files["main.py"], *job.args]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == "got through\n"
