"""A benchmark's file: given, cached or fetched, and always the one that is meant."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.evals.sources import Source, content_sha256, find_data

TEXT = b'{"task_id": "1"}\n'
SHA = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(TEXT))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_fetched_once_then_offline(server: str, tmp_path: Path) -> None:
    source = Source("b.jsonl.gz", f"{server}/b.jsonl.gz", SHA)
    found = find_data("b", (source,), {}, None)
    assert found.release == "published" and found.sha256 == SHA == content_sha256(Path(str(found.path)))
    (tmp_path / "served" / "b.jsonl.gz").unlink()
    assert find_data("b", (source,), {}, None) == found


def test_what_is_damaged_in_the_cache_is_fetched_again(server: str) -> None:
    source = Source("b.jsonl.gz", f"{server}/b.jsonl.gz", SHA)
    place = Path(str(find_data("b", (source,), {}, None).path))
    place.write_bytes(gzip.compress(b"something else"))
    assert content_sha256(Path(str(find_data("b", (source,), {}, None).path))) == SHA


def test_another_file_than_meant_is_refused_and_not_kept(server: str, cache: Path) -> None:
    source = Source("b.jsonl.gz", f"{server}/b.jsonl.gz", "0" * 64)
    with pytest.raises(ConfigError, match=f"is not the file that is meant .sha256 {SHA}"):
        find_data("b", (source,), {}, None)
    assert not list(cache.rglob("b.jsonl.gz"))


def test_not_to_be_had_says_what_to_do(server: str, cache: Path) -> None:
    source = Source("b.jsonl.gz", f"{server}/none.jsonl.gz", SHA)
    with pytest.raises(ConfigError, match="could not be fetched.*404.*give its file with --data"):
        find_data("b", (source,), {}, None)
    assert not list(cache.rglob("*b.jsonl.gz*"))


def test_found_below_a_folder_by_content_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "other.jsonl").write_text("{}\n")
    (tmp_path / "deep" / "renamed.jsonl").write_bytes(TEXT)
    source = Source("b.jsonl.gz", "http://nowhere.invalid/", SHA)
    assert find_data("b", (source,), {}, str(tmp_path)).path == str(tmp_path / "deep" / "renamed.jsonl")
    newer = find_data("b", (Source("b", "", "0" * 64),), {SHA: "v0.1"}, str(tmp_path))
    assert newer.release == "v0.1"


def test_a_file_nobody_knows_is_used_and_called_unknown(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"a": 1}\n')
    assert find_data("b", (), {}, str(tmp_path / "mine.jsonl")).release == "unknown"
    with pytest.raises(ConfigError, match="no such file or folder"):
        find_data("b", (), {}, str(tmp_path / "none.jsonl"))
    assert find_data("b", (), {}, None).release == "bundled"
    assert find_data("b", (), {}, str(tmp_path)).release == "bundled"
