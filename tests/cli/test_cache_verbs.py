"""`codewright cache list`, `export` and `prune`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codewright.cli import main
from codewright.models.model import Reply, Sampling
from codewright.models.reply_cache import ReplyCache, Request

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Call the command line as `cli` does, without a process of its own: many calls take no time."""

    def call(*args: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["codewright", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(args, int(end.value.code or 0), out, err)

    return call


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default place, filled: 3 replies of openai:big of 2001, 1 of hf:small, made now."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "codewright" / "replies.sqlite"
    old = ReplyCache(path, clock=lambda: 1e9)
    for number in range(3):
        reply = Reply(f"reply {number} " * 500, "stop", 1000, 2000)
        old.put(Request({"model": "openai:big"}, f"prompt {number}", Sampling()), reply)
    old.close()
    new = ReplyCache(path)
    new.put(Request({"model": "hf:small"}, "é\ud800[bold]", Sampling()), Reply("\0\ud800", "refusal", 7, 0))
    new.close()
    return path


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_list_shows_each_model_and_one_line_says_how_large(here: Cli, home: Path) -> None:
    result = here("cache", "list")
    assert result.returncode == 0, result.stderr
    rows = [cells(line) for line in result.stdout.splitlines() if line.startswith("│")]
    assert rows[1][:4] == ["openai:big", "3", "3,000", "6,000"]
    assert rows[1][5:] == ["2001-09-09", "2001-09-09"]
    assert rows[0][:4] == ["hf:small", "1", "7", "0"]
    assert result.stdout.splitlines()[-1].endswith("requests 633 B, replies 11.7 KiB")


def test_a_long_name_is_shown_whole(here: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "openai:" + "an-organisation/a-model-" * 6
    ReplyCache(home).put(Request({"model": name}, "a", Sampling()), Reply("b", "stop", 1, 1))
    monkeypatch.setenv("COLUMNS", "60")
    result = here("cache", "list")
    assert any(cells(line)[:2] == [name, "1"] for line in result.stdout.splitlines())


def test_list_of_nothing_makes_nothing(here: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for verb in (("list",), ("prune", "--all")):
        result = here("cache", *verb)
        assert (result.returncode, str(tmp_path) in result.stdout) == (0, True)
    assert here("cache", "export").returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_export_to_stdout_and_to_a_file(cli: Cli, here: Cli, home: Path, tmp_path: Path) -> None:
    result = cli("cache", "export", "--model", "hf:small")
    [row] = [json.loads(line) for line in result.stdout.splitlines()]
    assert row["request"]["text"] == "é\ud800[bold]"
    assert row["reply"] == {
        "text": "\0\ud800",
        "finish_reason": "refusal",
        "prompt_tokens": 7,
        "completion_tokens": 0,
    }
    out = tmp_path / "out" / "rows.jsonl"
    result = here("cache", "export", "--out", out)
    assert (result.returncode, result.stdout) == (0, f"4 replies; in {out}\n")
    texts = sorted(json.loads(line)["request"]["text"] for line in out.read_bytes().split(b"\n")[1:-1])
    assert texts == ["prompt 0", "prompt 1", "prompt 2"]


def test_prune_says_what_went(here: Cli, home: Path) -> None:
    assert "nothing to remove" in here("cache", "prune", "--model", "hf:small", "--older-than", "1").stdout
    result = here("cache", "prune", "--older-than", "30")
    assert result.returncode == 0, result.stderr
    assert any(cells(line)[:2] == ["openai:big", "3"] for line in result.stdout.splitlines())
    assert "3 replies removed; " in result.stdout
    assert [total.model for total in ReplyCache(home).summary()] == ["hf:small"]
    assert "1 reply removed" in here("cache", "prune", "--all").stdout
    assert "no replies are kept" in here("cache", "list").stdout


def test_a_cache_of_a_runs_own(here: Cli, home: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.sqlite"
    ReplyCache(own).close()
    assert f"no replies are kept in {own}" in here("cache", "list", "--file", own).stdout
    assert len(ReplyCache(home).summary()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("prune",), "say what goes"),
        (("prune", "--all", "--model", "hf:small"), "say what goes"),
        (("prune", "--model", "hf:smal"), "no replies of it are kept (did you mean 'hf:small'?)"),
        (("export", "--model", "none"), "no replies of it are kept"),
        (("export", "--out", "/"), "is a folder"),
        (("list", "--file", "/none.sqlite"), "no such file"),
        (("list", "--file", __file__), "damaged, or not a reply cache"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_goes(
    here: Cli, home: Path, words: tuple[str, ...], said: str
) -> None:
    result = here("cache", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert sum(total.replies for total in ReplyCache(home).summary()) == 4


def test_export_does_not_overwrite_the_cache(here: Cli, home: Path) -> None:
    result = here("cache", "export", "--out", home)
    assert (result.returncode, "is the cache itself" in result.stderr) == (2, True)
    assert sum(total.replies for total in ReplyCache(home).summary()) == 4
