"""Where a model comes from: folders that lack something, the hub's cache, and a hub that cannot be reached."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.records import content_id
from codewright.models.hf_source import HfSource, find_source
from tests.models.tiny_model import save_tiny_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASK = """
import asyncio, sys
from codewright.core.errors import ConfigError
from codewright.models.hf_source import find_tokenizer
from codewright.models.model import Sampling, open_model
for spec in sys.argv[1:]:
    try:
        if spec.startswith("tokenizer:"):
            print(find_tokenizer(spec.removeprefix("tokenizer:")).stat().st_size)
            continue
        model = open_model(spec)
        text = asyncio.run(model.complete(["def f"], Sampling(max_tokens=5)))[0].text
        print(text.encode(), model.describe()["weights"])
    except ConfigError as error:
        print("ConfigError", error)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("source") / "model")


def ask(home: Path, *specs: str, **environment: str) -> list[str]:
    """Open models in a process whose hub cache is elsewhere; a line of what it says to each."""
    variables = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", **environment}
    done = subprocess.run([sys.executable, "-c", ASK, *specs], env=variables, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(specs), done.stdout + done.stderr
    return lines


@contextlib.contextmanager
def serving_hub(folder: Path) -> Iterator[str]:
    """A hub that has one model, team/tiny, with one revision and a gated neighbour; yields its address."""

    def files(name: str) -> list[str]:
        return [f"/team/tiny/resolve/{revision}/{name}" for revision in (COMMIT, "main")]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            name = path.rpartition("/")[2]
            if path.startswith("/api/models/team/gated"):
                self.answer(403, b"", {"X-Error-Code": "GatedRepo"})
            elif path in {"/api/models/team/tiny", f"/api/models/team/tiny/revision/{COMMIT}"}:
                self.answer(200, json.dumps({"id": "team/tiny", "sha": COMMIT}).encode())
            elif path.startswith("/api/models/team/tiny/revision/"):
                self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
            elif path in files(name) and (folder / name).is_file():
                data = (folder / name).read_bytes()
                self.answer(200, data, {"ETag": f'"{content_id(data)}"', "X-Repo-Commit": COMMIT})
            elif path.startswith(("/team/tiny/", f"/api/models/team/tiny/tree/{COMMIT}/")):
                self.answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            else:
                self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})

        do_HEAD = do_GET  # noqa: N815 - the name is the library's

        def answer(self, status: int, data: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
            self.send_response(status)
            for header, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(header, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_folder_and_a_stage_s_folder(folder: Path) -> None:
    assert find_source(str(folder)) == HfSource(str(folder))
    assert find_source(str(folder.parent)) == HfSource(str(folder))


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("config.json", "it has no config.json"),
        ("tokenizer.json", "it has no tokenizer.json; save the tokenizer"),
        ("model.safetensors", "it has no weights"),
    ],
)
def test_a_folder_that_lacks_something(folder: Path, tmp_path: Path, lost: str, said: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / lost).unlink()
    with pytest.raises(ConfigError, match=said) as caught:
        find_source(str(copy))
    assert "\n" not in str(caught.value)


def test_a_mistyped_folder_is_no_hub_id(tmp_path: Path) -> None:
    for rest in (str(tmp_path / "none"), "./none", "runs/demo/stages/sft", "~/model", "a b"):
        with pytest.raises(ConfigError, match="no such folder, and no id of the hub"):
            find_source(rest)


def test_a_change_of_weights_is_seen_in_every_block(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert find_source(str(copy)).identity() == find_source(str(folder)).identity()
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert find_source(str(copy)).identity() != find_source(str(folder)).identity()


@pytest.mark.languages
def test_a_hub_id_is_taken_from_the_cache_when_the_hub_is_away(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--team--tiny"
    shutil.copytree(folder, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    specs = (str(folder), "hf:team/tiny", f"team/tiny@{COMMIT}", "hf:team/tiny@v2", "hf:team/none")
    local, cached, pinned, unknown, missing = ask(tmp_path, *specs)
    assert local.startswith("b'")
    assert cached == pinned == f"{local.split()[0]} {COMMIT}"
    assert unknown.startswith(
        "ConfigError team/tiny@v2: no such folder here, not in the hub's cache, and the hub cannot be"
    )
    assert missing.startswith(
        "ConfigError team/none: no such folder here, not in the hub's cache, and the hub cannot be"
    )


def test_a_hub_id_is_fetched_at_the_commit_that_the_hub_names(folder: Path, tmp_path: Path) -> None:
    specs = (
        "hf:team/tiny", f"hf:team/tiny@{COMMIT}", "hf:team/tiny@v2", "hf:team/none", "hf:team/gated",
        "tokenizer:team/tiny", "tokenizer:team/none",
    )  # fmt: skip
    with serving_hub(folder) as address:
        online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": address}
        fetched, pinned, revision, missing, gated, tokenizer, no_tokenizer = ask(
            tmp_path / "home", *specs, **online
        )
    [local] = ask(tmp_path, str(folder))
    assert fetched.split()[0] == local.split()[0]
    assert fetched == pinned
    assert fetched.endswith(COMMIT)
    assert revision == "ConfigError team/tiny@v2: the hub has no revision 'v2' of this model"
    assert missing.startswith("ConfigError team/none: no such folder here, and the hub has no such model")
    assert "HF_TOKEN" in gated
    assert tokenizer == str((folder / "tokenizer.json").stat().st_size)
    assert no_tokenizer.startswith(
        "ConfigError team/none: no such folder here, and the hub has no such model"
    )
    again, tokenizer_again = ask(tmp_path / "home", "hf:team/tiny", "tokenizer:team/tiny")
    assert (again, tokenizer_again) == (fetched, tokenizer)  # the hub is gone, its cache is not


def test_a_hub_that_refuses_connections_is_one_line(tmp_path: Path) -> None:
    [said] = ask(tmp_path, "hf:team/tiny", HF_HUB_OFFLINE="0", HF_ENDPOINT="http://127.0.0.1:9")
    assert said.startswith(
        "ConfigError team/tiny: no such folder here, not in the hub's cache, and the hub cannot be"
    )
    assert "refused" in said
