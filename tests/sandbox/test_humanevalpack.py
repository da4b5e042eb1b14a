"""HumanEvalPack through the sandbox: canonical solutions pass, buggy ones do not, in every language with a toolchain here."""

import asyncio
import gzip
import json
import re
from typing import Any

import pytest

from codewright.sandbox.job import Job, Result
from codewright.sandbox.pool import open_sandbox
from codewright.sandbox.toolchains import list_installed
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY.parent / "shared" / "data" / "benchmarks" / "humanevalpack"
LANGUAGES = {
    "python": ("python", "main.py"),
    "js": ("javascript", "main.js"),
    "java": ("java", "Main.java"),
    "go": ("go", "main.go"),
    "cpp": ("cpp", "main.cpp"),
    "rust": ("rust", "main.rs"),
}
FAILING = {
    "CPP/162": "needs libcrypto on the linker's command line",
    "JavaScript/162": "needs npm's js-md5",
    "Rust/32": "calls gen_range with two arguments, as rand did before 0.8",
    "Rust/50": "calls gen_range with two arguments, as rand did before 0.8",
}
"""Canonical solutions that may fail, with the cause."""

SAMPLE_EVERY = 16
GO_IMPORTS = re.compile(r'^import (?:\([^)]*\)|"[^"]*")\n', re.MULTILINE)
GO_ASSUMED = ('"math"', '"sort"', '"strconv"', '"strings"')
"""Solutions use these without an import of theirs."""


def read_rows(language: str) -> list[dict[str, Any]]:
    path = FOLDER / f"{language}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"published file not here: {path.name}")
    if LANGUAGES[language][0] not in list_installed():
        pytest.skip(f"toolchain not installed: {LANGUAGES[language][0]}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def go_program(row: dict[str, Any], solution: str) -> str:
    """Imports of prompt and test_setup in one block, those in use; helpers stand only in the prompt."""
    text = f"{row['test_setup']}\n{row['prompt']}{solution}".replace("package main\n", "", 1)
    names = {name for block in GO_IMPORTS.findall(text) for name in re.findall(r'"[^"]*"', block)}
    body = GO_IMPORTS.sub("", text)
    code = re.sub(r"//.*", "", body + row["test"]) + "testing."
    used = [
        name
        for name in sorted({*names, *GO_ASSUMED})
        if re.search(rf"\b{name.strip(chr(34)).rpartition('/')[2]}\.", code)
    ]
    return "package main\nimport (\n" + "\n".join(used) + "\n)\n" + body


def job_for(language: str, row: dict[str, Any], solution: str) -> Job:
    name, file = LANGUAGES[language]
    program = row["prompt"] + solution
    if language == "go":
        program = go_program(row, solution)
    if language == "cpp":
        # Canonical solutions were written against the declaration's headers, helpers stand in the prompt.
        headers = re.findall(r"^#include.*$", row["declaration"], re.MULTILINE)
        program = "\n".join([*headers, program])
    return Job(
        "split" if language == "python" else "script", {file: program}, language=name, tests=row["test"]
    )


def run_all(language: str, rows: list[dict[str, Any]], key: str) -> dict[str, Result]:
    async def work() -> list[Result]:
        async with open_sandbox() as sandbox:
            jobs = (sandbox.run(job_for(language, row, row[key])) for row in rows)
            return list(await asyncio.gather(*jobs))

    results = asyncio.run(work())
    return {row["task_id"]: result for row, result in zip(rows, results, strict=True)}


def check(language: str, rows: list[dict[str, Any]]) -> None:
    good = run_all(language, rows, "canonical_solution")
    failed = {name: result.detail for name, result in good.items() if result.status != "passed"}
    assert failed.keys() <= FAILING.keys(), failed
    buggy = run_all(language, rows, "buggy_solution")
    assert [name for name, result in buggy.items() if result.status in ("passed", "sandbox_error")] == []


@pytest.mark.shared_data
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sample_of_canonical_solutions_passes_and_no_buggy_one_does(language: str) -> None:
    check(language, read_rows(language)[::SAMPLE_EVERY])


@pytest.mark.slow
@pytest.mark.languages
@pytest.mark.shared_data
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_canonical_solution_passes_and_no_buggy_one_does(language: str) -> None:
    rows = read_rows(language)
    assert len(rows) == 164
    check(language, rows)
