"""Every method with a teacher, on the command line, against a real `transformers serve` whose model babbles: rejects, all accounted for."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from codewright.core.io import read_parquet
from codewright.core.manifest import is_finished
from tests.conftest import REPOSITORY
from tests.corpus.documents import write_corpus
from tests.models.served import transformers_serve
from tests.models.tiny_model import save_tiny_model
from tests.synthesis.rows import make_row, write_rows
from tests.synthesis.test_rows_train import TEACHERS, documents

pytestmark = pytest.mark.slow

POSITIONS = 8192
"""Context of the model, whose tokens are bytes."""

ROWS, SEEDS = 2, 8
"""Rows that are asked for, and the seeds after which a run ends without them: four a row."""

MAX_TOKENS = 120
"""Some of the model's replies end by themselves within so many tokens, others are cut off."""

METHODS = {
    "oss": {"cut_off", "unparsable", "empty_reply"},
    "self_instruct": {"cut_off", "unparsable", "empty_reply"},
    "evol": {"cut_off", "unparsable", "empty_reply"},
    "gen_disc": {"cut_off", "unparsable", "empty_reply"},
    "educational": {"cut_off", "unparsable_score", "empty_reply"},
    "package": {"cut_off", "unparsable", "empty_reply"},
}
"""Methods, and what their rejects of nonsense may be called."""


@dataclass(frozen=True)
class Served:
    """A server, and what the methods start from."""

    model: str
    url: str
    folder: Path

    def synth(self, method: str, *more: object) -> "subprocess.CompletedProcess[str]":
        """Call `codewright synth`; it ends by itself, or the test does not."""
        command: list[object] = [sys.executable, "-m", "codewright", "synth", method, "--rows", ROWS, *more]
        command += ["--model", self.model, "--base-url", self.url, "--option", f"max_tokens={MAX_TOKENS}"]
        if method == "self_instruct":
            command += ["--option", "human_tasks=2"]  # six of them are 11,000 bytes
        else:
            command += ["--from", self.folder / ("rows" if method == "evol" else "corpus")]
        if method == "gen_disc":
            command += ["--option", "choose=seeded"]
        command += ["--cache", self.folder / "replies.sqlite", "--out", self.out(method)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        return subprocess.run(
            list(map(str, command)), capture_output=True, text=True, cwd=REPOSITORY, timeout=300,
            env={**environment, "COLUMNS": "200"},
        )  # fmt: skip

    def out(self, method: str) -> Path:
        return self.folder / method


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    model = save_tiny_model(folder / "model", positions=POSITIONS)
    write_corpus(folder / "corpus", documents())
    write_rows(folder / "rows", [make_row(number) for number in range(20)])
    with transformers_serve(model, folder / "log") as url:
        yield Served(f"openai:{model}", url, folder)


def test_no_method_is_left_out() -> None:
    assert METHODS.keys() == TEACHERS.keys()


@pytest.mark.parametrize("method", METHODS)
def test_a_teacher_that_babbles_ends_the_run_with_a_reason_for_every_seed(
    served: Served, method: str
) -> None:
    done = served.synth(method)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    said = re.search(rf"method {method} made no row from its seeds \((.*?)\)", line)
    assert said, line
    # What it says, what it shows, what it wrote down, and what lies in the folder are the same eight.
    counted = {reason: int(number) for number, reason in re.findall(r"(\d+) (\w+)", said[1])}
    assert sum(counted.values()) == SEEDS
    assert counted.keys() <= METHODS[method]
    out = served.out(method)
    lost = read_parquet(out / "dropped" / "part-00000.parquet").to_pylist()
    assert Counter(row["reason"] for row in lost) == counted
    assert len({row["path"] for row in lost}) == SEEDS, "a seed was lost, or counted twice"
    assert all(row["detail"] for row in lost if row["reason"] == "cut_off")
    assert str(out / "dropped") in line
    assert not (out / "quarantine").exists()
    assert not is_finished(out)
    assert (out / "messages.jsonl").read_bytes() == b""
    assert re.search(rf"replies +│ +{SEEDS} asked for, 0 known", done.stderr)


def test_who_runs_it_again_pays_nothing_and_hears_the_same(served: Served) -> None:
    first = served.synth("oss")  # after the test above, or before it
    again = served.synth("oss")
    assert again.returncode == 2
    errors = [[line for line in one.stderr.splitlines() if "error:" in line] for one in (first, again)]
    assert errors[0] == errors[1]
    assert not re.search(r"[1-9]\d* asked for", again.stderr)
    fresh = served.synth("oss", "--fresh")
    assert re.search(rf"replies +│ +0 asked for, {SEEDS} known", fresh.stderr)
