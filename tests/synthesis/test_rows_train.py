"""What every method makes is what the demo's fine-tuning learns from: all methods, decontamination and training in one recipe."""

import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from codewright.core.io import read_parquet
from codewright.core.manifest import Counts, Dataset, Manifest
from codewright.core.plugins import list_plugins
from codewright.core.records import Document, content_id
from codewright.core.rng import stable_hash
from codewright.models.model import Reply, Sampling
from codewright.synthesis.driver import METHODS_PACKAGE
from tests.conftest import REPOSITORY, TINY_RECIPE
from tests.corpus.documents import write_corpus
from tests.models.endpoint import Asked, Said, reply, serving
from tests.synthesis.methods.commented import GOOD_LINES
from tests.synthesis.methods.test_educational import teacher as educational_reply
from tests.synthesis.methods.test_gen_disc import teacher as gen_disc_reply
from tests.synthesis.methods.test_package import teacher as package_reply
from tests.synthesis.teacher import evol_reply, oss_reply, self_instruct_reply

pytestmark = pytest.mark.slow

TEACHERS: dict[str, Callable[[str, Sampling], Reply]] = {
    "oss": oss_reply,
    "self_instruct": self_instruct_reply,
    "evol": evol_reply,
    "gen_disc": gen_disc_reply,
    "educational": educational_reply,
    "package": package_reply,
}
"""Methods that ask, and a script for each: good, bad and malformed answers of varied length, known from the request alone."""

ALONE = {"docstring": 20, "comment_code": 20, "mutation": 6}
"""Methods that ask nobody, and how many rows they are to make."""

ROWS = {**ALONE, **dict.fromkeys(TEACHERS, 10)}

LONGEST_ROW = 1024
"""In tokens of a vocabulary of 512 entries, which cuts words into letters."""


def answer(asked: Asked) -> Said:
    """Say what the method's script says; a method's model has its name. Some rows of `oss` can be made but not learned."""
    body, method = asked.body, asked.body["model"]
    said = TEACHERS[method](
        asked.prompt, Sampling(body["max_tokens"], body["temperature"], seed=body.get("seed", 0))
    )
    if said.finish_reason == "refusal":
        return reply(asked, None, refusal=said.text)
    spoiled = {0: "\n<|im_end|>", 1: "\nand so on" * LONGEST_ROW} if method == "oss" and said.text else {}
    return reply(
        asked, said.text + spoiled.get(stable_hash("spoiled", asked.prompt) % 6, ""), said.finish_reason
    )


FUNCTIONS = (
    '''def total_{n}(values, limit={n}):
    """Return the sum of all values up to the limit of {n}.

    >>> total_{n}([1, 2, {n} + 1])
    {three}
    """
    found = 0
    for value in values:
        if value <= limit:
            found += value
    return found
''',
    '''def pairs_{n}(names, mark="{n}"):
    """Return each name with its mark, the shortest name first.

    >>> pairs_{n}(["bbb", "a"])
    [('a', '{n}'), ('bbb', '{n}')]
    """
    if not names:
        return []
    return [(name, mark) for name in sorted(names, key=len)]
''',
    '''def shift_{n}(text, by={n}):
    """Return a text turned by so many places, its end coming first.

    >>> shift_{n}("ab" * {n})
    {turned!r}
    """
    if not text:
        return text
    at = len(text) - by % len(text)
    return text[at:] + text[:at]
''',
)


def documents() -> list[Document]:
    """Files of tested functions, and one in each language that `comment_code` reads."""
    found = []
    for n in range(20, 32):
        turned = ("ab" * n)[-n:] + ("ab" * n)[:-n]
        code = FUNCTIONS[n % 3].format(n=n, three=3, turned=turned)
        found.append(Document(content_id(code), code, f"shop_{n}.py", f"r/{n % 5}", "python"))
    for language, code in GOOD_LINES.items():
        found.append(Document(content_id(code), code, f"good.{language}", "r/good", language))
    return found


def recipe(url: str, folder: Path) -> dict[str, Any]:
    """Return the tiny twin of the quickstart up to its fine-tuning, with rows of all methods in place of its own."""
    twin = yaml.safe_load(TINY_RECIPE.read_text())
    settings = {kind: dict(config) for stage in twin["stages"] for kind, config in stage.items()}
    corpus = str(write_corpus(folder / "corpus", documents()))
    options = {"gen_disc": {"embedder": "hashed:8", "blacklist": []}, "mutation": {"max_chars": 1500}}
    stages: list[dict[str, Any]] = []
    for method, rows in ROWS.items():
        stage: dict[str, Any] = {"method": method, "rows": rows, "options": options.get(method, {})}
        if method in TEACHERS:
            stage |= {"model": f"openai:{method}", "base_url": url, "cache": str(folder / "replies.sqlite")}
        if method == "evol":
            stage["rows_from"] = "docstring"
        elif method != "self_instruct":
            stage["corpus"] = corpus
        stages.append({"synth": {"id": method, **stage}})
    changes: dict[str, dict[str, Any]] = {
        "eval.problems": {},
        "decontam.run": {"rows": [*ROWS]},
        "train.tokenizer": {"corpus": corpus},
        "train.pretrain": {"corpus": corpus, "tokens": 5000},
        "train.sft": {
            "replay": corpus, "tokens": None, "epochs": 1.0, "max_tokens": LONGEST_ROW, "batch_tokens": 2048, "log_steps": 1,
        },
    }  # fmt: skip
    stages += [{kind: {**settings[kind], **more}} for kind, more in changes.items()]
    return {**twin, "stages": stages}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("taught")
    file, out = folder / "taught.yaml", folder / "run"
    with serving(answer, tuple(TEACHERS)) as server:
        file.write_text(yaml.safe_dump(recipe(server.url, folder), sort_keys=False))
        command = [sys.executable, "-m", "codewright", "run", file, "--out", out, "--quiet"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return out


def test_no_method_is_left_out() -> None:
    assert {*ROWS, "drills"} == set(
        list_plugins(METHODS_PACKAGE)
    )  # the drills are what the demo itself learns


def counts_of(folder: Path) -> Counts:
    counts = Manifest.read(folder).counts
    assert counts is not None
    assert counts.rows_in == counts.kept + sum(counts.dropped.values()) + counts.quarantined
    return counts


@pytest.mark.parametrize("method", [*ALONE, *TEACHERS])
def test_what_is_no_row_has_a_reason(run: Path, method: str) -> None:
    counts = counts_of(run / method)
    dataset = Dataset(run / method)
    assert counts.kept == ROWS[method] == len(list(dataset.rows()))
    assert counts.quarantined == 0
    lost = list(dataset.rows("dropped"))
    assert Counter(row["reason"] for row in lost) == counts.dropped
    if method in TEACHERS:
        assert len(set(counts.dropped) - {"over_quota"}) > 1, "the teacher was too good to test anything"
        lengths = sorted(sum(len(turn["content"]) for turn in row["messages"]) for row in dataset.rows())
        assert lengths[-1] > 2 * lengths[0]


def test_the_fine_tuning_learns_from_the_rows_of_every_method(run: Path) -> None:
    made = {row["id"]: method for method in ROWS for row in Dataset(run / method).rows()}
    cleaned, trained = counts_of(run / "clean"), counts_of(run / "model")
    assert cleaned.rows_in == sum(ROWS.values()) == len(made)
    assert cleaned.kept == trained.rows_in
    # Nothing is lost on the way, and what cannot be learned is named.
    lost = {row["id"]: row["reason"] for row in Dataset(run / "model").rows("dropped")}
    learned = {row["id"]: row for row in read_parquet(run / "model" / "rows.parquet").to_pylist()}
    assert lost.keys() | learned.keys() == {row["id"] for row in Dataset(run / "clean").rows()}
    assert not lost.keys() & learned.keys()
    assert {reason: made[id_] for id_, reason in lost.items()} == {"special_token": "oss", "too_long": "oss"}
    assert Counter(made[id_] for id_ in learned) == Counter(ROWS) - Counter(oss=len(lost)) - dropped_by(
        run, made
    )
    assert all(row["times"] == 1 and 0 < row["tokens"] <= LONGEST_ROW for row in learned.values())
    details = Manifest.read(run / "model").details
    assert details["rows_trained"] == trained.kept == len(learned)
    assert details["tokens"] >= sum(row["tokens"] for row in learned.values())


def dropped_by(run: Path, made: dict[str, str]) -> Counter[str]:
    """How many rows of each method the decontamination took out."""
    return Counter(made[row["id"]] for row in Dataset(run / "clean").rows("dropped"))


def test_it_ends_with_a_model_that_learned_something(run: Path) -> None:
    points = [json.loads(line) for line in (run / "model" / "metrics.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == list(
        range(1, Manifest.read(run / "model").details["steps"] + 1)
    )
    assert all(math.isfinite(point["loss"]) for point in points)
    assert points[-1]["loss"] < points[0]["loss"]
    before, after = (
        AutoModelForCausalLM.from_pretrained(run / stage / "model") for stage in ("base", "model")
    )
    assert not torch.equal(before.model.norm.weight, after.model.norm.weight)
    tokens = AutoTokenizer.from_pretrained(run / "model" / "model")("def f(x):", return_tensors="pt")
    assert torch.isfinite(after(**tokens).logits).all()
