"""The demo itself, as `make demo` runs it: it must learn, in both forms, without forgetting plain code."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codewright.core.io import read_json, read_jsonl
from codewright.core.manifest import Manifest
from tests.conftest import REPOSITORY
from tests.models.served import transformers_serve

pytestmark = [pytest.mark.slow, pytest.mark.languages]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("demo") / "run"
    command = [sys.executable, "-m", "codewright", "run", "recipes/quickstart.yaml", "--out", str(out)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    print(result.stderr, result.stdout, sep="\n")  # shown with -rP, and when a test below fails
    return out, result.stdout


def test_it_learns_the_heldout_drills_in_both_forms(demo: tuple[Path, str]) -> None:
    out, _ = demo
    before = read_json(out / "before" / "scores.json")["pass_at_1"]["drills"]
    after = read_json(out / "after" / "scores.json")["pass_at_1"]["drills"]
    assert before["chat"]["share"] <= 0.05
    assert after["chat"]["share"] >= 0.7
    assert after["completion"]["share"] >= 0.4
    assert after["chat"]["forgeable_passes"] == 0


def test_it_does_not_forget_plain_code(demo: tuple[Path, str]) -> None:
    out, _ = demo
    before = read_json(out / "before" / "scores.json")["bits_per_byte"]
    after = read_json(out / "after" / "scores.json")["bits_per_byte"]
    assert before["repositories"] > 1
    assert after["value"] <= 1.15 * before["value"]


def test_it_prints_the_scores_and_the_report(demo: tuple[Path, str]) -> None:
    out, printed = demo
    assert "after  drills pass@1 chat" in printed
    assert f"report: {out / 'report' / 'report.html'}" in printed
    assert (out / "report" / "report.html").stat().st_size > 50_000


def test_the_model_is_an_ordinary_folder(demo: tuple[Path, str]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out, _ = demo
    tokenizer = AutoTokenizer.from_pretrained(out / "model" / "model")
    model = AutoModelForCausalLM.from_pretrained(out / "model" / "model")
    assert 1_500_000 < sum(weights.numel() for weights in model.parameters()) < 3_000_000
    chat = [{"role": "user", "content": "Write a Python function `f(x)`. Add 3 to x."}]
    inputs = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    answer = tokenizer.decode(model.generate(**inputs, max_new_tokens=32, do_sample=False)[0])
    assert "def f(x):\n    return" in answer


def test_every_row_with_tests_was_executed(demo: tuple[Path, str]) -> None:
    out, _ = demo
    for stage in ("docstring", "drills", "mutation"):
        manifest = Manifest.read(out / stage)
        assert manifest.isolation == "namespace"
        assert set(manifest.details["verdicts"]) <= {"passed", "no tests"}
    assert Manifest.read(out / "drills").details["verdicts"].keys() == {"passed"}


def evaluate(folder: Path, *model: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "codewright", "eval", "run", "drills", "--quiet", "--max-tokens", "64"]
    result = subprocess.run(
        [*command, "--out", str(folder), *model], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return [row for _, row in read_jsonl(folder / "verdicts.jsonl")]


def test_through_a_server_it_gets_the_same_verdicts(demo: tuple[Path, str], tmp_path: Path) -> None:
    """Greedily, from this folder and through `transformers serve`; and the score is the one that the recipe gave."""
    out, _ = demo
    here = evaluate(tmp_path / "here", "--model", str(out / "model"))
    with transformers_serve(out / "model" / "model", tmp_path / "log") as url:
        there = evaluate(
            tmp_path / "there", "--model", f"openai:{out / 'model' / 'model'}", "--base-url", url
        )
    assert [(row["task_id"], row["status"]) for row in here] == [
        (row["task_id"], row["status"]) for row in there
    ]
    after = read_json(out / "after" / "scores.json")["pass_at_1"]["drills"]["chat"]["share"]
    assert sum(row["passed"] for row in here) / len(here) == pytest.approx(after, abs=1e-6)
    command = [sys.executable, "-m", "codewright", "compare", str(tmp_path / "here"), str(tmp_path / "there")]
    assert (
        "not distinguishable"
        in subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True).stdout
    )
