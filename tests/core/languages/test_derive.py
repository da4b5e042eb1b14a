"""The data file is what `derive` makes of Linguist's YAML files."""

import subprocess
import sys
from pathlib import Path

import pytest

from codewright.core.errors import DataError
from codewright.core.languages.derive import FILE, derive, to_text
from tests.conftest import REPOSITORY

LINGUIST = REPOSITORY.parent / "shared" / "data" / "linguist"


@pytest.mark.shared_data
def test_the_committed_file_is_derived_from_the_published_ones(tmp_path: Path) -> None:
    if not LINGUIST.is_dir():
        pytest.skip(f"missing: {LINGUIST}")
    out = tmp_path / "linguist.json"
    command = [sys.executable, "-m", "codewright.core.languages.derive", LINGUIST, "--out", out]
    subprocess.run(command, check=True)
    assert out.read_bytes() == FILE.read_bytes()


@pytest.fixture
def linguist(tmp_path: Path) -> Path:
    (tmp_path / "VERSION").write_text("1.2.3\n")
    (tmp_path / "languages.yml").write_text(
        "Zed:\n  type: data\n  extensions: ['.Z']\n"
        "C++:\n  type: programming\n  extensions: ['.z', '.cpp']\n  aliases: [cpp]\n  interpreters: [cling]\n"
        "C#:\n  type: programming\n  extensions: ['.cs']\n  filenames: [Build]\n"
    )
    (tmp_path / "heuristics.yml").write_text("disambiguations:\n- extensions: ['.CS', '.z']\n  rules: []\n")
    return tmp_path


def test_facts_are_turned_round(linguist: Path) -> None:
    assert derive(linguist) == {
        "linguist": "1.2.3",
        "types": {"zed": "data", "cpp": "programming", "csharp": "programming"},
        "aliases": {"cpp": ["cpp"], "c++": ["cpp"], "c#": ["csharp"]},
        "extensions": {".z": ["cpp", "zed"], ".cpp": ["cpp"], ".cs": ["csharp"]},
        "filenames": {"Build": ["csharp"]},
        "interpreters": {"cling": ["cpp"]},
        "guarded": [".cs"],
    }
    assert to_text(derive(linguist)).startswith('{\n"aliases": {\n  "c#": ["csharp"],\n')


@pytest.mark.parametrize(
    ("name", "text"),
    [("languages.yml", "a: [b"), ("languages.yml", "- a\n"), ("heuristics.yml", "{}"), ("VERSION", None)],
)
def test_another_folder_is_refused(linguist: Path, name: str, text: str | None) -> None:
    (linguist / name).unlink() if text is None else (linguist / name).write_text(text)
    with pytest.raises(DataError, match=r"cannot be read as YAML|not a copy of Linguist's data"):
        derive(linguist)


def test_the_script_says_so_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "codewright.core.languages.derive", tmp_path, "--out", tmp_path / "x"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode != 0
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()
