"""Raw answers of a published model: our code against the publisher's own extraction, every difference with its cause."""

import ast
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codewright.core.extract import from_chat
from tests.conftest import REPOSITORY

DATA = REPOSITORY.parent / "shared" / "data"
ANSWERS = {
    "humaneval": (DATA / "published" / "wizardcoder-33b-v1.1.humaneval_plus.raw.jsonl.gz", DATA / "benchmarks" / "humaneval.jsonl.gz"),
    "mbpp": (DATA / "published" / "wizardcoder-33b-v1.1.mbpp_plus.raw.jsonl.gz", DATA / "benchmarks" / "mbpp_plus_v0.1.0.jsonl.gz"),
}  # fmt: skip

WITHOUT_CODE = {"Mbpp/448", "Mbpp/765"}
"""The answer is a list of numbers to the end of its tokens."""

DIFFERENT = {
    "HumanEval/115": "needs the prompt's `import math`, which the publisher leaves out",
    "Mbpp/249": "the publisher takes the first version, we take the one that mends it",
    "Mbpp/451": "the publisher takes the first version, we take the one that mends it",
    "Mbpp/479": "the publisher takes the first version, we take the one that mends it",
    "Mbpp/572": "the function stands in the second block, its helper in the first, which is all the publisher takes",
}
MISNAMED = {"HumanEval/94", "Mbpp/77", "Mbpp/126", "Mbpp/233", "Mbpp/773"}
"""The answer defines a function of another name."""

pytestmark = pytest.mark.shared_data


def read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        pytest.skip(f"published file not here: {path.name}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def definitions(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Assign):
            yield ast.dump(node)


@pytest.mark.parametrize("name", ANSWERS)
def test_every_difference_from_the_publishers_extraction_has_a_cause(name: str) -> None:
    answers, problems = (read(path) for path in ANSWERS[name])
    known = {row["task_id"]: row for row in problems}
    failed, misnamed, different = set(), set(), set()
    for row in answers:
        problem = known[row["task_id"]]
        entry_point = problem["entry_point"]
        found = from_chat(row["response"], entry_point=entry_point, prompt=problem["prompt"])
        if found.failed:
            failed.add(row["task_id"])
        elif found.how.endswith(f"no {entry_point} in it"):
            misnamed.add(row["task_id"])
        elif list(definitions(found.solution)) != list(definitions(row["solution"])):
            different.add(row["task_id"])
    prefix = row["task_id"].partition("/")[0]
    assert failed == {task for task in WITHOUT_CODE if task.startswith(prefix)}
    assert misnamed == {task for task in MISNAMED if task.startswith(prefix)}
    assert different == {task for task in DIFFERENT if task.startswith(prefix)}
