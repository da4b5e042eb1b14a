"""A run against a real server that answers the same to the same: killed, interrupted, starved of budget, served badly, it ends the same."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codewright.core.manifest import Dataset, is_finished
from codewright.core.records import content_id
from codewright.models.model import Sampling
from tests.conftest import REPOSITORY
from tests.corpus.documents import make_document, write_corpus
from tests.models.endpoint import Asked, Endpoint, Said, error, reply, serving
from tests.synthesis.teacher import oss_reply

CONCURRENCY = 16


def answer(asked: Asked) -> Said:
    """What the scripted teacher says, as a server sends it."""
    said = oss_reply(asked.prompt, Sampling())
    if said.finish_reason == "refusal":
        return reply(asked, None, refusal=said.text)
    return reply(asked, said.text, said.finish_reason)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    documents = [
        make_document(
            "".join(f"line {line} of {number}\n" for line in range(40)), f"f{number}.py", f"r/{number}"
        )
        for number in range(900)
    ]
    return write_corpus(tmp_path_factory.mktemp("seeds") / "corpus", documents)


class Synth:
    """Calls `codewright synth oss` on one server, in processes that can be killed."""

    def __init__(self, corpus: Path, folder: Path, server: Endpoint) -> None:
        self.out = folder / "rows"
        self._server = server
        self._fixed = ["synth", "oss", "--from", corpus, "--model", "openai:tiny", "--base-url", server.url]
        self._fixed += ["--concurrency", CONCURRENCY, "--cache", folder / "replies.sqlite", "--out", self.out]

    def start(self, rows: int, *more: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "codewright", *map(str, [*self._fixed, "--rows", rows, *more])]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        return subprocess.Popen(
            command,
            cwd=REPOSITORY,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def run(self, rows: int, *more: object) -> "subprocess.CompletedProcess[str]":
        process = self.start(rows, *more)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def kill_after(self, rows: int, requests: int) -> bool:
        """Kill a run when the server has had so many more requests; False if it had ended before."""
        before = len(self._server.asked)
        process = self.start(rows)
        while len(self._server.asked) < before + requests and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return not is_finished(self.out)

    def parts(self) -> list[bytes]:
        return [part.read_bytes() for part in Dataset(self.out).parts()]

    def partial(self) -> list[dict[str, Any]]:
        path = self.out / "messages.jsonl"
        return [
            json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]


Make = Callable[[Endpoint, str], Synth]


@pytest.fixture
def make(corpus: Path, tmp_path: Path) -> Make:
    return lambda server, name: Synth(corpus, tmp_path / name, server)


def times_asked(server: Endpoint) -> Counter[str]:
    return Counter(content_id(json.dumps(asked.body, sort_keys=True)) for asked in server.asked)


def check_kills(make: Make, rows: int, kills: int) -> None:
    with serving(answer) as server:
        plain = make(server, "plain")
        assert plain.run(rows).returncode == 0
    drawn = random.Random(rows)
    with serving(answer) as server:
        killed = make(server, "killed")
        done = sum(killed.kill_after(rows, drawn.randint(1, rows // kills)) for _ in range(kills))
        assert done >= min(kills, 2)
        assert killed.run(rows).returncode == 0
        asked = times_asked(server)
    assert killed.parts() == plain.parts()
    assert (killed.out / "messages.jsonl").read_bytes() == (plain.out / "messages.jsonl").read_bytes()
    # Twice only what was in flight when a run was killed.
    assert sum(count - 1 for count in asked.values()) <= kills * CONCURRENCY


def test_killed_runs_end_with_the_same_rows_and_pay_twice_only_what_was_in_flight(make: Make) -> None:
    check_kills(make, rows=70, kills=2)


@pytest.mark.languages
def test_twenty_kills_of_two_thousand_rows(make: Make) -> None:
    check_kills(make, rows=2000, kills=20)


def test_a_budget_ends_a_run_cleanly_and_it_goes_on_when_raised(make: Make) -> None:
    with serving(answer) as server:
        synth = make(server, "budget")
        stopped = synth.run(80, "--max-requests", 30)
        assert stopped.returncode == 2, stopped.stderr
        assert len(server.asked) <= 30
        assert "30" in stopped.stderr
        assert "Traceback" not in stopped.stderr
        rows = synth.partial()
        assert rows
        assert synth.run(80, "--max-requests", 400).returncode == 0
        assert max(times_asked(server).values()) == 1
    assert [row["id"] for row in synth.partial()][: len(rows)] == [row["id"] for row in rows]
    details = Dataset(synth.out).manifest.details
    assert details["spent"]["requests"] == len(server.asked)


def test_a_server_may_come_back_at_another_address(make: Make) -> None:
    with serving(answer) as server:
        assert make(server, "moved").run(40, "--max-requests", 20).returncode == 2
        plain = make(server, "plain")
        assert plain.run(40).returncode == 0
    with serving(answer) as other:
        moved = make(other, "moved")
        done = moved.run(40, "--max-requests", 400)
        assert done.returncode == 0, done.stderr
    assert moved.parts() == plain.parts()


def test_ctrl_c_leaves_what_is_finished(make: Make) -> None:
    def slower(asked: Asked) -> Said:
        return replace(answer(asked), after_s=60.0 if asked.number > 80 else 0.05)

    with serving(slower) as server:
        synth = make(server, "interrupted")
        process = synth.start(400)
        while len(server.asked) < 60 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in err
        rows = synth.partial()
        assert rows
        assert all(len(row["messages"]) == 2 for row in rows)


def faulty(asked: Asked) -> Said:
    """Each request fails once or twice in its own way, then is answered."""
    kind = int(content_id(asked.prompt)[:4], 16) % 8
    seen = FAILED[asked.prompt] = FAILED[asked.prompt] + 1
    faults = {
        0: error(429, "slow down", retry_after="0"),
        1: error(500, "oops"),
        2: Said("not json at all {"),
        3: Said(json.dumps({"id": "r", "object": "x", "model": "m", "choices": []})),
        4: Said(answer(asked).body, cut=40),
        5: error(503, "overloaded"),
    }
    return faults[kind] if kind in faults and seen <= 1 + kind % 2 else answer(asked)


FAILED: Counter[str] = Counter()


def test_no_row_is_lost_or_doubled_by_a_server_that_fails_in_every_way(make: Make) -> None:
    FAILED.clear()
    with serving(answer) as server:
        plain = make(server, "plain")
        assert plain.run(25).returncode == 0
    with serving(faulty) as server:
        synth = make(server, "faulty")
        done = synth.run(25)
        assert done.returncode == 0, done.stderr
        assert max(FAILED.values()) > 1
    assert synth.parts() == plain.parts()
    assert Dataset(synth.out).manifest.counts == Dataset(plain.out).manifest.counts
