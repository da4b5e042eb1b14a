"""The stage `decontam.run`: planted copies leave with their reason, everything else stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import write_jsonl, write_parquet
from codewright.core.manifest import Counts, Dataset, Manifest
from codewright.core.records import SAMPLE_SCHEMA, Message, Origin, Sample, to_table

PROMPT = 'def count_vowels_and_consonants(text):\n    """Return how many vowels and how many consonants there are in the text given."""\n'


def make_rows(folder: Path, texts: list[str]) -> None:
    rows = [
        Sample.make(
            (Message("user", text), Message("assistant", "ok")),
            task="write", method="test", language="python", form="chat", origin=Origin((f"test:{number}",)),
        )
        for number, text in enumerate(texts)
    ]  # fmt: skip
    write_parquet(folder / "part-00000.parquet", to_table(rows, SAMPLE_SCHEMA))
    Manifest("synth", "rows", {}, "f", {}, Counts(len(rows), len(rows)), 0, None, 0.0, {}).write(folder)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    path = tmp_path / "bench.jsonl.gz"
    row = {"task_id": "b/0", "prompt": PROMPT, "entry_point": "count_vowels_and_consonants"}
    write_jsonl(
        path,
        [{**row, "canonical_solution": "    return 0, 0\n", "test": "def check(candidate):\n    pass\n"}],
    )
    return path


def stages(rows: Path, bench: Path, **options: Any) -> list[dict[str, Any]]:
    return [
        {"eval.problems": {"id": "problems", "benchmarks": [str(bench)]}},
        {"decontam.run": {"id": "clean", "rows": [str(rows)], "against": "problems", **options}},
    ]


def test_planted_copies_leave(run_stages: Callable[..., Any], bench: Path, tmp_path: Path) -> None:
    rewrapped = "Return how many\nvowels and how\nmany consonants there\nare in the text given."
    make_rows(
        tmp_path / "rows", ["Sort a list.", PROMPT, rewrapped.upper(), "Return how many vowels there are."]
    )
    run_stages(stages(tmp_path / "rows", bench))
    clean = Dataset(tmp_path / "run" / "clean")
    assert clean.manifest.counts.to_json() == {
        "in": 4,
        "kept": 2,
        "dropped": {"contaminated:ngram": 1, "contaminated:sampled": 1},
        "quarantined": 0,
    }
    assert [row["messages"][0]["content"] for row in clean.rows()] == [
        "Sort a list.",
        "Return how many vowels there are.",
    ]
    assert {row["detail"] for row in clean.rows("dropped")} == {"bench b/0"}
    assert clean.manifest.details["problems_hit"] == 1


def test_nothing_left_is_an_error(run_stages: Callable[..., Any], bench: Path, tmp_path: Path) -> None:
    make_rows(tmp_path / "rows", [PROMPT])
    with pytest.raises(ConfigError, match="no row is left of 1"):
        run_stages(stages(tmp_path / "rows", bench, methods=["ngram"]))
