"""Hostile inputs: each ends in counted rows with a reason, writes nothing anywhere, and takes bounded memory."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import tests.corpus.hostile_files  # noqa: F401 - registers its inputs
from codewright.corpus import members
from tests.conftest import REPOSITORY
from tests.corpus.hostile import INPUTS, SOME
from tests.corpus.ingested import PYTHON, Run, ingest, look_at

MAX_PEAK_BYTES = 1_000_000_000
"""What a worker may take, by the issue that asked for it."""

FEW = 500
"""In place of MAX_MEMBERS for the one input that has ten to the tenth of them, so that the test does not take minutes."""


def below(folder: Path) -> set[str]:
    return {os.fsencode(path).decode("utf-8", "replace") for path in folder.rglob("*")}


@pytest.mark.parametrize("what", list(INPUTS))
def test_it_ends_in_counted_rows(
    run_stages: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    make, ends = INPUTS[what]
    if "too_many_members" in ends:
        monkeypatch.setattr(members, "MAX_MEMBERS", FEW)
    folder, beside = tmp_path / "hostile", tmp_path / "beside"
    folder.mkdir()
    (beside / "pkg").mkdir(parents=True)
    (beside / "pkg" / "beside.py").write_text(PYTHON)
    source = make(folder)
    before = below(tmp_path)
    found = ingest(run_stages, tmp_path / "run", source, beside)
    assert "pkg/beside.py" in found.kept  # what follows is read all the same
    reasons = Counter(
        row["reason"] for split in ("dropped", "quarantine") for row in found.dataset.rows(split)
    )
    reasons["kept"] = len(found.rows) - 1
    some = {reason for reason, number in ends.items() if number == SOME}
    assert {reason: number for reason, number in reasons.items() if number and reason not in some} == {
        reason: number for reason, number in ends.items() if number and reason not in some
    }
    assert all(reasons[reason] for reason in some)
    assert {name for name in below(tmp_path) - before if not name.startswith(str(tmp_path / "run"))} == set()


def test_there_are_at_least_forty() -> None:
    assert len(INPUTS) >= 40


ALL_AT_ONCE = """
import json, resource, sys
from pathlib import Path
from codewright.core.progress import Reporter
from codewright.recipe import parse_recipe
from codewright.runner import run_recipe

stage = {"corpus.ingest": {"id": "ingest", "source": json.loads(sys.argv[1])}}
tree = {"name": "hostile", "seed": 1, "workers": 1, "stages": [stage]}
run_recipe(parse_recipe(tree, "test"), Path(sys.argv[2]), reporter=Reporter(quiet=True))
# Of the worker (its own ru_maxrss would hold what the process that started it had) and of the git commands that it ran.
(peak,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
print(int(peak.split()[1]) * 1024)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def test_one_worker_reads_them_all_in_bounded_memory(tmp_path: Path) -> None:
    sources = []
    for number, (make, _) in enumerate(INPUTS.values()):
        folder = tmp_path / f"{number:03d}"
        folder.mkdir()
        sources.append(str(make(folder)))
    command = [sys.executable, "-c", ALL_AT_ONCE, json.dumps(sources), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    assert max(map(int, done.stdout.split())) < MAX_PEAK_BYTES
    look_at(tmp_path / "run" / "ingest")
