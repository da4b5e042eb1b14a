"""Toolchain caches are filled once, by one at a time, beside the event loop."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from codewright.sandbox import pool, toolchain_cache
from codewright.sandbox.job import Job
from codewright.sandbox.pool import open_sandbox
from codewright.sandbox.toolchain_cache import is_filled, language_cache

ASK = """
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
from codewright.sandbox.toolchain_cache import language_cache
print(language_cache("bash"))
"""


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user's cache folder with nothing in it, and a process that has asked for nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(toolchain_cache, "_found", {})
    return tmp_path


def test_a_cache_is_filled_once_and_then_found(empty: Path) -> None:
    assert not is_filled("bash")
    folder = Path(language_cache("bash"))
    assert is_filled("bash")
    assert folder.is_relative_to(empty)
    assert (folder / "bin" / "bash").exists()
    made = folder.stat().st_ino
    toolchain_cache._found.clear()
    assert language_cache("bash") == str(folder)
    assert folder.stat().st_ino == made


def test_a_language_without_a_cache_needs_no_filling(empty: Path) -> None:
    assert is_filled("python")
    assert language_cache("python") == ""


def test_threads_that_ask_at_once_fill_once(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fills = []
    fill = toolchain_cache._fill
    monkeypatch.setattr(toolchain_cache, "_fill", lambda *given: (fills.append(given), fill(*given)))
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(language_cache("bash"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fills) == 1
    assert len(answers) == 8
    assert set(answers) == {language_cache("bash")}


def test_processes_that_ask_at_once_fill_once(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", ASK]
    processes = [
        subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True) for _ in range(3)
    ]
    outputs = [process.communicate() for process in processes]
    assert len({stdout for stdout, _ in outputs}) == 1
    assert sum(stderr.count("filling the toolchain cache of bash") for _, stderr in outputs) == 1, outputs


def test_the_event_loop_goes_on_while_a_cache_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    released, asked = threading.Event(), []

    def slow(name: str) -> str:
        asked.append(name)
        assert released.wait(20), "nobody else could run"
        return ""

    async def work() -> list[str]:
        async with open_sandbox("namespace", workers=1) as sandbox:
            monkeypatch.setattr(pool, "is_filled", lambda _: bool(asked) and released.is_set())
            monkeypatch.setattr(pool, "language_cache", slow)
            job = Job("script", {"main.sh": "echo hello"}, language="bash")
            tasks = [asyncio.create_task(sandbox.run(job)) for _ in range(2)]
            while not asked:
                await asyncio.sleep(0.01)
            released.set()
            return [(await task).stdout for task in tasks]

    assert asyncio.run(work()) == ["hello\n", "hello\n"]
