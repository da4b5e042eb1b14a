"""A stage whose teacher answers in batches: the same rows as from single requests, few batches, and none of them twice."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codewright.core.config import build
from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset
from codewright.core.progress import Reporter
from codewright.models import batch, batch_requests
from codewright.models.model import Sampling
from codewright.runner import run_alone
from codewright.synthesis.driver import Config
from tests.corpus.documents import make_document, write_corpus
from tests.models.batch_endpoint import Batches, serving_batches
from tests.models.endpoint import Asked, Said, reply, serving
from tests.synthesis.teacher import evol_reply, oss_reply

FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "QUIET_S", 0.1)
    monkeypatch.setattr(batch_requests, "FIRST_POLL_S", 0.01)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def answer(asked: Asked) -> Said:
    """What the scripted teachers say, as a server sends it."""
    script = oss_reply if "## Problem" in asked.prompt else evol_reply
    found = script(
        asked.prompt, Sampling(max_tokens=asked.body["max_tokens"], seed=asked.body.get("seed", 0))
    )
    if found.finish_reason == "refusal":
        return reply(asked, None, refusal=found.text)
    return reply(asked, found.text, found.finish_reason)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = ["".join(f"line {line} of {number}\n" for line in range(40)) for number in range(400)]
    documents = [make_document(text, f"f{number}.py", f"r/{number}") for number, text in enumerate(texts)]
    return write_corpus(tmp_path_factory.mktemp("seeds") / "corpus", documents)


def run(folder: Path, url: str, **settings: Any) -> Dataset:
    """Run the stage alone, as the command line does; the cache is in the folder."""
    given = {"model": "openai:tiny", "base_url": url, "cache": str(folder / "replies.sqlite"), **settings}
    config = build(Config, given, "test")
    run_alone("synth", config, folder / "rows", 1, Reporter(quiet=True), sandbox="unsafe")
    return Dataset(folder / "rows")


def bytes_of(dataset: Dataset) -> list[bytes]:
    return [part.read_bytes() for part in dataset.parts()]


def test_rows_are_those_of_single_requests_in_a_few_batches(tmp_path: Path, corpus: Path) -> None:
    settings = {"method": "oss", "corpus": str(corpus), "rows": 120}
    with serving(answer) as endpoint:
        plain = run(tmp_path / "plain", endpoint.url, **settings)
    with serving_batches(answer) as server:
        batched = run(tmp_path / "batched", server.endpoint.url, **settings, batch=True)
    assert bytes_of(batched) == bytes_of(plain)
    assert batched.manifest.counts == plain.manifest.counts
    assert server.endpoint.asked == []
    assert len(server.made) <= 5
    first = len(server.files["file-1"].splitlines())
    assert 100 < first <= 120  # a seed for each row; blank snippets ask for nothing
    assert max(server.times_asked().values()) == 1
    assert batched.manifest.details["spent"]["requests"] == len(server.lines)
    # A change of mind between the two is no other result: the stage is done.
    again = run(tmp_path / "batched", "http://localhost:1/v1", **settings)
    assert bytes_of(again) == bytes_of(plain)


def test_all_quotas_begin_in_one_batch(tmp_path: Path) -> None:
    documents = [
        make_document(
            "".join(f"line {line} of {number}\n" for line in range(40)), f"f{number}.py", f"r/{number}"
        )
        for number in range(200)
    ]
    for number, document in enumerate(documents):
        object.__setattr__(document, "language", ("python", "go")[number % 2])
    settings: dict[str, Any] = {"method": "oss", "corpus": str(write_corpus(tmp_path / "corpus", documents))}
    settings["quotas"] = {"python": 30, "go": 20}
    with serving(answer) as endpoint:
        plain = run(tmp_path / "plain", endpoint.url, **settings)
    with serving_batches(answer) as server:
        batched = run(tmp_path / "batched", server.endpoint.url, **settings, batch=True)
    assert bytes_of(batched) == bytes_of(plain)
    assert batched.manifest.details["rows_by_language"] == {"python": 30, "go": 20}
    first = [
        line["body"]["messages"][0]["content"]
        for line in server.lines[: len(server.files["file-1"].splitlines())]
    ]
    assert sum("source code in go," in prompt for prompt in first) > 10
    assert len(first) > 40


def test_each_step_of_a_method_is_a_batch_more(tmp_path: Path, corpus: Path) -> None:
    settings = {"method": "evol", "rows_from": None, "rows": 40}
    rows = tmp_path / "seeds.jsonl"
    rows.write_text(
        "".join(f'{{"instruction": "Write number {n} of it.", "output": "x = {n}"}}\n' for n in range(200))
    )
    settings["rows_file"] = str(rows)
    with serving(answer) as endpoint:
        plain = run(tmp_path / "plain", endpoint.url, **settings)
    with serving_batches(answer) as server:
        batched = run(tmp_path / "batched", server.endpoint.url, **settings, batch=True)
    assert bytes_of(batched) == bytes_of(plain)
    asked = server.times_asked().total()
    assert asked > 80
    assert len(server.made) <= 15
    assert max(len(data.splitlines()) for data in server.files.values()) >= 40


def killed_under_way(server: Batches, work: Callable[[], Any]) -> None:
    """Kill a process that does this work while its newest batch is at work."""
    process = FORK.Process(target=work)
    process.start()
    before = len(server.made)
    while not (len(server.made) > before and server.made[-1]["seen"]) and process.is_alive():
        time.sleep(0.005)
    assert process.is_alive()
    process.kill()
    process.join()


def test_killed_while_a_batch_is_under_way_a_run_ends_with_the_same_rows_and_asks_nothing_twice(
    tmp_path: Path, corpus: Path
) -> None:
    settings = {"method": "oss", "corpus": str(corpus), "rows": 80, "batch": True}
    with serving_batches(answer) as server:
        plain = run(tmp_path / "plain", server.endpoint.url, **settings)
        made, lines = len(server.made), len(server.lines)
    held = threading.Event()
    with serving_batches(answer, held=held) as server:
        work = lambda: run(tmp_path / "killed", server.endpoint.url, **settings, budget={"requests": lines})  # noqa: E731
        killed_under_way(server, work)
        held.set()
        resumed = work()
        assert (len(server.made), len(server.lines)) == (made, lines)
        assert max(server.times_asked().values()) == 1
    assert bytes_of(resumed) == bytes_of(plain)
    assert resumed.manifest.details["spent"]["requests"] == lines


def test_the_command_line_asks_in_batches(tmp_path: Path, corpus: Path, cli: Callable[..., Any]) -> None:
    with serving_batches(answer) as server:
        done = cli(
            "synth", "oss", "--from", corpus, "--rows", 30, "--model", "openai:tiny", "--base-url", server.endpoint.url,
            "--batch", "--cache", tmp_path / "replies.sqlite", "--out", tmp_path / "rows",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "batch_0: completed" in done.stderr
    assert Dataset(tmp_path / "rows").manifest.counts.kept == 30  # type: ignore[union-attr]
    assert server.endpoint.asked == []


def test_a_server_without_batches_ends_the_run_in_one_line(tmp_path: Path, corpus: Path) -> None:
    settings = {"method": "oss", "corpus": str(corpus), "rows": 9}
    with serving(answer) as endpoint:
        endpoint.other = lambda *_: Said('{"detail": "Not Found"}', 404)
        with pytest.raises(ConfigError, match="no Batch API here") as caught:
            run(tmp_path, endpoint.url, **settings, batch=True)
        assert "\n" not in str(caught.value)
        endpoint.other = lambda *_: None
        assert run(tmp_path, endpoint.url, **settings).manifest.counts.kept == 9  # type: ignore[union-attr]


def test_only_a_model_behind_a_server_answers_in_batches(tmp_path: Path, corpus: Path) -> None:
    config = build(
        Config, {"method": "oss", "corpus": str(corpus), "rows": 9, "model": "hf:x", "batch": True}, "test"
    )
    with pytest.raises(ConfigError, match="batch: model hf:x .*only openai:NAME is"):
        config.check()
    assert "batch" not in config.deciding()
