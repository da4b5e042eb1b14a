"""`codewright plan RECIPE --sample N`: what teachers will cost, and that the run pays nothing of it again."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from codewright.models.model import Sampling
from tests.corpus.documents import make_document, write_corpus
from tests.models.endpoint import Asked, Endpoint, Said, reply, serving
from tests.synthesis.teacher import evol_reply, oss_reply

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def answer(asked: Asked) -> Said:
    """A teacher of two methods."""
    script = oss_reply if asked.prompt.startswith("Below is a fragment") else evol_reply
    said = script(asked.prompt, Sampling())
    return reply(asked, said.text, said.finish_reason)


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with serving(answer) as endpoint:
        yield endpoint


@pytest.fixture
def recipe(tmp_path: Path, server: Endpoint) -> Path:
    texts = ["".join(f"line {line} of {number}\n" for line in range(30)) for number in range(60)]
    corpus = write_corpus(
        tmp_path / "corpus", [make_document(text, f"f{number}.py") for number, text in enumerate(texts)]
    )
    teacher = {
        "model": "openai:tiny", "base_url": server.url, "cache": str(tmp_path / "replies.sqlite"),
        "prices": {"tokens_in": 1000, "tokens_out": 2000},
    }  # fmt: skip
    stages = [
        {"synth": {"id": "first", "method": "oss", "corpus": str(corpus), "rows": 20, **teacher}},
        {"synth": {"id": "drills", "method": "drills", "rows": 4}},
        {"synth": {"id": "harder", "method": "evol", "rows_from": "first", "rows": 5, **teacher}},
    ]
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump({"name": "teachers", "seed": 1, "stages": stages}))
    return path


def lines_of(said: "subprocess.CompletedProcess[str]") -> dict[str, list[str]]:
    assert said.returncode == 0, said.stderr
    table = said.stdout.partition("what teachers will cost")[2]
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if "│" in line]
    return {row[0]: row[1:] for row in cells}


def test_what_can_be_told_is_told_and_what_it_waits_for(
    cli: Cli, recipe: Path, server: Endpoint, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert "what teachers will cost" not in cli("plan", recipe, "--out", out).stdout
    assert not server.asked
    before = lines_of(cli("plan", recipe, "--out", out, "--sample", 8))
    assert not out.exists()
    assert len(server.asked) >= 8
    assert set(before) == {"first", "harder", "all of these"}
    assert before["harder"][-1] == "waits for first"
    assert before["first"][1] == "20"
    assert float(before["first"][-1]) == float(before["all of these"][-1]) > 0
    assert cli("run", recipe, "--out", out).returncode == 0
    prompts = [asked.prompt for asked in server.asked]
    assert len(prompts) == len(set(prompts))
    after = lines_of(cli("plan", recipe, "--out", out, "--sample", 8))
    assert {after["first"][-1], after["harder"][-1]} == {"finished"}


def test_a_recipe_without_teachers_says_so(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    stage = {"synth": {"id": "drills", "method": "drills", "rows": 4}}
    path.write_text(yaml.safe_dump({"name": "plain", "seed": 1, "stages": [stage]}))
    said = cli("plan", path, "--sample", 8)
    assert said.returncode == 2
    assert "--sample: no stage of plain asks a teacher" in said.stderr
