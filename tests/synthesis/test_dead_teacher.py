"""A server in a process of its own is killed in the middle of a run: back in time nothing shows, later the run ends and goes on."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tenacity import wait_none

from codewright.core.errors import BackendError
from codewright.core.manifest import Dataset, is_finished
from codewright.core.records import Message
from codewright.models import retrying
from codewright.models.backends import openai
from codewright.models.model import Sampling
from tests.conftest import REPOSITORY
from tests.corpus.documents import make_document, write_corpus
from tests.models.endpoint import Asked, reply

ROWS = 60
DIES_AFTER = 15
"""Rows on disk when the server is killed: others are in flight then."""

_SERVER = """
import sys, threading
from http.server import ThreadingHTTPServer
from tests.models.endpoint import Endpoint, Said
from tests.synthesis.test_served_teacher import answer

endpoint = Endpoint(lambda asked: Said(**{**vars(answer(asked)), "after_s": 0.02}))
handler = endpoint.server.RequestHandlerClass
endpoint.server.server_close()
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler)
print("ready", flush=True)
server.serve_forever()
"""

_QUICK = """
import sys
from tenacity import wait_exponential
from codewright.cli import main
from codewright.models import retrying
quicker = float(sys.argv.pop(1))
retrying._BACKOFF = wait_exponential(multiplier=retrying.FIRST_PAUSE_S / quicker, max=retrying.LONGEST_PAUSE_S / quicker)
main()
"""
"""The command line, whose pauses between attempts are so many times shorter."""


class Teacher:
    """A server that can be killed, and started again at the same address."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/v1"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(self._port)],
            cwd=REPOSITORY,
            text=True,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextlib.contextmanager
def living() -> Iterator[Teacher]:
    one = Teacher()
    one.start()
    try:
        yield one
    finally:
        one.kill()


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with living() as one:
        yield one


class Synth:
    """Calls `codewright synth oss`, its pauses so many times shorter than they are."""

    def __init__(self, folder: Path, teacher: Teacher, quicker: float) -> None:
        self._folder, self._teacher, self._quicker = folder, teacher, quicker
        documents = [
            make_document("".join(f"line {line} of {number}\n" for line in range(40)), f"f{number}.py")
            for number in range(200)
        ]
        self._corpus = write_corpus(folder / "corpus", documents)

    def start(self, out: str) -> "subprocess.Popen[str]":
        command: list[object] = [
            sys.executable,
            "-c",
            _QUICK,
            self._quicker,
            "synth",
            "oss",
            "--from",
            self._corpus,
        ]
        command += [
            "--model",
            "openai:tiny",
            "--base-url",
            self._teacher.url,
            "--rows",
            ROWS,
            "--concurrency",
            4,
        ]
        command += ["--cache", self._folder / f"{out}.sqlite", "--out", self._folder / out]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        return subprocess.Popen(
            list(map(str, command)), cwd=REPOSITORY, text=True, env={**environment, "COLUMNS": "200"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def finish(self, process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
        out, err = process.communicate(timeout=400)
        assert "Traceback" not in err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def until_rows(self, out: str, count: int, process: "subprocess.Popen[str]") -> None:
        while len(self.rows(out)) < count and process.poll() is None:
            time.sleep(0.005)
        assert process.poll() is None, process.communicate()

    def rows(self, out: str) -> list[str]:
        path = self._folder / out / "messages.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line)["id"] for line in lines if line.endswith("\n")]

    def dataset(self, out: str) -> Dataset:
        return Dataset(self._folder / out)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """What a run makes that nothing disturbs."""
    with living() as one:
        synth = Synth(tmp_path_factory.mktemp("plain"), one, quicker=1.0)
        assert synth.finish(synth.start("plain")).returncode == 0
    return synth.dataset("plain")


def alike(one: Dataset, other: Dataset) -> bool:
    same = [part.read_bytes() for part in one.parts()] == [part.read_bytes() for part in other.parts()]
    return same and one.manifest.counts == other.manifest.counts


@pytest.mark.parametrize("quicker", [30.0, pytest.param(1.0, marks=pytest.mark.languages)])
def test_a_server_dead_for_a_minute_costs_nothing_but_the_minute(
    tmp_path: Path, plain: Dataset, teacher: Teacher, quicker: float
) -> None:
    synth = Synth(tmp_path, teacher, quicker)
    process = synth.start("dead")
    synth.until_rows("dead", DIES_AFTER, process)
    teacher.kill()
    time.sleep(60.0 / quicker)
    assert process.poll() is None, process.communicate()
    known = synth.rows("dead")
    assert DIES_AFTER <= len(known) < ROWS
    teacher.start()
    done = synth.finish(process)
    assert done.returncode == 0, done.stderr
    assert alike(synth.dataset("dead"), plain)
    assert synth.rows("dead")[: len(known)] == known
    replies = synth.dataset("dead").manifest.details["replies"]
    assert replies["failed"] == 0
    assert replies["asked_again"] > 0
    assert f"{replies['asked_again']:,} requests were sent again" in " ".join(
        (done.stdout + done.stderr).split()
    )


def the_end(done: "subprocess.CompletedProcess[str]") -> str:
    """What a run that stopped says last, in one line."""
    assert done.returncode == 2, done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert [line.startswith("error: ") for line in lines].count(True) == 1
    assert lines[-1].startswith("error: ")
    return lines[-1]


def test_a_server_that_stays_dead_ends_the_run_which_goes_on_later(
    tmp_path: Path, plain: Dataset, teacher: Teacher
) -> None:
    synth = Synth(tmp_path, teacher, quicker=300.0)
    process = synth.start("dead")
    synth.until_rows("dead", DIES_AFTER, process)
    teacher.kill()
    said = the_end(synth.finish(process))
    assert (
        f"the teacher failed to answer 16 seeds in a row, the last with: openai:tiny at {teacher.url}:"
        in said
    )
    assert f"Connection refused ({retrying.MOST_ATTEMPTS} attempts)" in said
    assert "what is finished is kept: run the same command again to go on" in said
    known = synth.rows("dead")
    assert DIES_AFTER <= len(known) < ROWS
    assert not is_finished(tmp_path / "dead")
    # Still dead: nobody waits for a server that is not there at all, and nothing is lost.
    assert f"Connection refused ({retrying.MOST_UNHEARD} attempts)" in the_end(
        synth.finish(synth.start("dead"))
    )
    assert synth.rows("dead") == known
    teacher.start()
    done = synth.finish(synth.start("dead"))
    assert done.returncode == 0, done.stderr
    assert alike(synth.dataset("dead"), plain)
    assert synth.rows("dead")[: len(known)] == known


def test_attempts_outlast_a_minute_whenever_a_request_begins_in_it() -> None:
    """A request that begins in the last second of a good time has its attempts spread over what comes; no draw shortens it."""
    pauses = [
        retrying._BACKOFF(SimpleNamespace(attempt_number=number))  # type: ignore[arg-type]
        for number in range(1, retrying.MOST_ATTEMPTS)
    ]
    assert sum(pauses) > 60
    assert max(pauses) == retrying.LONGEST_PAUSE_S  # so long, at most, a server that is back is not noticed


def test_a_machine_that_is_down_is_waited_for_as_a_server_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers there, not even that there is nobody: each attempt takes as long as connecting may."""
    monkeypatch.setattr(retrying, "_BACKOFF", wait_none())
    monkeypatch.setattr(openai, "CONNECT_TIMEOUT_S", 0.1)
    chat = [[Message("user", "Are you there?")]]
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        said = reply(Asked(0, "", {}, {"messages": [{"content": ""}]}, 0.0, 1), "Yes.").body

        def answer_once() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(said)}\r\n"
                connection.sendall(f"{head}connection: close\r\n\r\n{said}".encode())

        async def ask_twice() -> None:
            model = openai.open_backend("tiny", f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
            answering = asyncio.create_task(asyncio.to_thread(answer_once))
            [first] = await model.generate(chat, Sampling())
            await answering
            assert first.text == "Yes."
            for _ in range(3):  # as many as wait to be accepted; the system drops what comes behind them
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listening.getsockname())
            with pytest.raises(BackendError) as caught:
                await model.generate(chat, Sampling())
            assert f"no connection within 0.1 s ({retrying.MOST_ATTEMPTS} attempts)" in str(caught.value)

        asyncio.run(ask_twice())
