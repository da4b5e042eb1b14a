"""Every command and every snippet of the README and docs does what it says there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from codewright.core.config import build
from codewright.core.drills import bundled_problems
from codewright.core.io import write_jsonl
from codewright.core.manifest import Dataset
from codewright.recipe import STAGES, load_symbol, parse_recipe
from tests.conftest import REPOSITORY
from tests.models.endpoint import serving
from tests.synthesis.test_served_teacher import answer

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def snippets(language: str) -> list[tuple[str, str]]:
    return [
        (f"{page.name}:{page.read_text()[: found.start()].count(chr(10)) + 1}", found.group(2))
        for page in PAGES
        for found in FENCE.finditer(page.read_text())
        if found.group(1) == language
    ]


def commands() -> list[tuple[str, str]]:
    return [
        (place, line.split("#", 1)[0].strip())
        for place, text in snippets("bash")
        for line in text.replace("\\\n", " ").splitlines()
        if line.split("#", 1)[0].strip()
    ]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def test_there_is_something_to_check() -> None:
    assert len(commands()) >= 6
    assert {"make demo", "make test"} <= {command for _, command in commands()}


@pytest.mark.parametrize(("place", "command"), commands(), ids=lambda value: value)
def test_commands(place: str, command: str, tiny_run: Path, tmp_path: Path) -> None:
    """`make` targets exist (CI runs them); codewright commands run for real, against a small finished run."""
    words = shlex.split(command)
    if words[0] == "make":
        assert words[1].split("=")[0] in make_targets()
        return
    assert words[0].endswith("codewright"), f"{place}: no test knows how to run {command!r}"
    words = [place_of(word, tiny_run) for word in words[1:]]
    words = [first_id(tiny_run / "clean") if word == "ID" else word for word in words]
    if words[0] == "run":
        # The recipe itself is what the demo and the invariants run; here its options must be accepted.
        words = ["plan", *(word for word in words[1:] if word not in {"--fresh"})]
    if words[0] in {"compare", "leaderboard"}:
        evaluate(words[1:])
    if words[0] in {"card", "synth"}:  # of a corpus that an earlier command of the page would have left
        words = [str(tiny_run / "corpus") if word.endswith("runs/mine-corpus") else word for word in words]
    if "openai:NAME" in words:
        ask_a_teacher(place, words, tmp_path)
        return
    if "--find" in words and not Path(words[-1]).exists():
        command = [sys.executable, "-m", "codewright", "corpus", "dedup", str(tiny_run / "corpus")]
        subprocess.run([*command, "--out", words[-1]], cwd=REPOSITORY, capture_output=True, check=True)
    result = subprocess.run(
        [sys.executable, "-m", "codewright", *words], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert result.returncode == 0, f"{place}: {result.stderr}"


def ask_a_teacher(place: str, words: list[str], folder: Path) -> None:
    """Run a command with a server that answers like a teacher."""
    if "--base-url" in words:
        at = words.index("--base-url")
        del words[at : at + 2]
    with serving(answer) as server:
        more = ["--base-url", server.url, "--cache", str(folder / "replies.sqlite")]
        command = [sys.executable, "-m", "codewright", *words, *more]
        result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, f"{place}: {result.stderr}"
    assert server.asked


def place_of(word: str, tiny_run: Path) -> str:
    """Put what a command reads and writes into the small run's folder; answers are the benchmark's own."""
    if word == "answers.jsonl":
        rows = [
            {"task_id": one.task_id, "solution": one.prompt + one.canonical_solution}
            for one in bundled_problems()
        ]
        write_jsonl(tiny_run.parent / word, rows)
        return str(tiny_run.parent / word)
    return str(tiny_run.parents[1] / word) if word.startswith("runs/") else word


def evaluate(folders: list[str]) -> None:
    """Make evaluations that an earlier command of the page would have left."""
    for folder in folders:
        answers = place_of("answers.jsonl", Path(folder))
        command = [sys.executable, "-m", "codewright", "eval", "run", "drills", "--answers", answers]
        if not Path(folder).exists():
            subprocess.run([*command, "--out", folder], cwd=REPOSITORY, capture_output=True, check=True)


def first_id(folder: Path) -> str:
    return str(next(iter(Dataset(folder).rows(columns=["id"])))["id"])


@pytest.mark.parametrize(("place", "text"), snippets("yaml"), ids=lambda value: value[:30])
def test_yaml(place: str, text: str) -> None:
    tree = yaml.safe_load(text)
    if isinstance(tree, dict) and "stages" in tree:
        parse_recipe(tree, place)
        return
    for stage in tree:
        ((key, options),) = stage.items()
        options.pop("id", None)
        build(load_symbol(STAGES[key][0], key), options, place)


@pytest.mark.parametrize(("place", "text"), snippets("python"), ids=lambda value: value[:30])
def test_python(place: str, text: str, tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_run.parents[1])  # there, runs/quickstart is the small run
    exec(compile(text, place, "exec"), {"__name__": "snippet"})


def test_links_point_to_files() -> None:
    for page in [*PAGES, REPOSITORY / "ARCHITECTURE.md", REPOSITORY / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for name in re.findall(r"\b(docs/[\w-]+\.md)\b", page.read_text()):
            assert (REPOSITORY / name).exists(), f"{page.name}: {name}"
