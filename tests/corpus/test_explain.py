"""`corpus filter DIR --explain OUT`: one table of all measurements, the same as the rules say of each file alone."""

import gzip
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from codewright.core.manifest import Dataset
from codewright.corpus.quality import RuleBook, measurements
from codewright.corpus.quality.reference_names import reference_language
from tests.corpus.quality.test_reference import ROOTS, VERDICTS, known

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def table(out: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(out / "signals.parquet").to_pylist()
    return {row["path"]: row for row in rows}


def test_a_folder_s_files_with_every_measurement_and_nothing_lost(
    cli: Cli, tmp_path: Path, source: Path
) -> None:
    shutil.copy(json.__file__, source / "delta" / "real.py")
    (source / "delta" / "vendor").mkdir()
    shutil.copy(shutil.__file__, source / "delta" / "vendor" / "shutil.min.py")
    out = tmp_path / "out"
    done = cli("corpus", "filter", source, "--explain", out)
    assert done.returncode == 0, done.stderr
    rows = table(out)
    assert set(rows["delta/real.py"]) >= {"language", "doc_type", "rule_set", "keep", "fired"} | {
        one.name for one in measurements()
    }
    book = RuleBook()
    for path, row in rows.items():
        content = (source / path).read_text()
        verdict = book.judge(content, name=path, language=row["language"], doc_id=row["id"])
        assert (row["keep"], row["fired"], row["rule_set"]) == (
            verdict.keep,
            list(verdict.fired),
            verdict.rule_set,
        )
        for name, value in verdict.measurements.items():
            assert row[name] == value
    assert "delta/vendor/shutil.min.py" in rows  # nothing is left out as vendored or minified
    counts = Dataset(out).manifest.counts
    assert counts is not None
    assert counts.rows_in == 12
    assert counts.quarantined == 1
    assert counts.dropped["unknown_language"] == 1
    assert len(rows) == 10
    lost = {
        row["path"].removeprefix(f"{source}:")
        for split in ("dropped", "quarantine")
        for row in Dataset(out).rows(split)
    }
    assert lost | {path for path, row in rows.items() if row["keep"]} == {
        str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()
    }


def test_a_finished_corpus_is_measured_too_and_both_at_once(cli: Cli, tmp_path: Path, source: Path) -> None:
    corpus = tmp_path / "corpus"
    assert cli("corpus", "build", source, "--out", corpus, "--rules", "none").returncode == 0
    done = cli("corpus", "filter", corpus, "--explain", tmp_path / "e", "--out", tmp_path / "f", "--signals")
    assert done.returncode == 0, done.stderr
    rows = table(tmp_path / "e")
    documents = [row for split in ("", "heldout") for row in Dataset(corpus).rows(split)]
    assert {row["id"] for row in rows.values()} == {row["id"] for row in documents}
    signals = {row["path"]: row for row in Dataset(tmp_path / "f").rows("signals")}
    assert signals == rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--explain", "{tmp}/o"], "no such folder"),
        ([], "name --out DIR for what is kept, --explain DIR for all measurements, or both"),
        (["--explain", "{tmp}/o", "--mode", "fixd"], "mode"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    cli: Cli, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = cli("corpus", "filter", tmp_path / "none", *[one.format(tmp=tmp_path) for one in arguments])
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_reference_s_names() -> None:
    said = {
        "a.h": "c",
        "b/x.CPP": "cpp",
        "a.s": "motorola 68k assembly",
        "Makefile": "makefile",
        "a.sql": "sql",
        "x.nope": None,
    }
    assert {name: reference_language(name) for name in said} == said
    assert reference_language(".py") is None


@pytest.mark.shared_data
def test_reference_mode_agrees_with_the_published_verdicts(cli: Cli, tmp_path: Path) -> None:
    if not VERDICTS.exists():
        pytest.skip(f"{VERDICTS.name} is not here")
    rows = {}
    for line in gzip.decompress(VERDICTS.read_bytes()).decode().splitlines():
        row = json.loads(line)
        path = ROOTS[row["root"]] / row["path"]
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]:
            copy = tmp_path / "root" / row["root"] / row["path"]
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
            rows[str(copy.relative_to(tmp_path / "root"))] = row
    if not rows:
        pytest.skip("none of the files that were judged is on this machine")
    done = cli("corpus", "filter", tmp_path / "root", "--mode", "reference", "--explain", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    signals = table(tmp_path / "out")
    assert signals.keys() == rows.keys()
    for path, row in rows.items():
        ours = signals[path]
        assert (ours["keep"], ours["rule_set"], ours["language"]) == (
            row["keep"],
            row["rule_set"],
            row["language"],
        ), path
        for name, value in row["signals"].items():
            if name not in known(row) and ours.get(name) is not None and value is not None:
                assert ours[name] == pytest.approx(float(value), abs=1e-6), (path, name)
