"""The corpus stage on a small tree: what is kept, what leaves and why, and that nothing else decides."""

import json
import os
import random
import re
import shutil
import string
import sysconfig
import tarfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset, Manifest
from codewright.core.progress import Reporter
from codewright.corpus import listing
from codewright.corpus.quality import Bounds, TextView, measures
from codewright.recipe import load_recipe
from codewright.runner import run_recipe
from tests.conftest import REPOSITORY

Run = Callable[..., Any]

REAL = [
    "textwrap",
    "shlex",
    "queue",
    "sched",
    "fnmatch",
    "heapq",
    "glob",
    "gzip",
    "zipapp",
    "wave",
    "tempfile",
    "cmd",
    "code",
    "csv",
    "calendar",
]
"""Modules of the standard library."""


def build(run_stages: Run, source: Path, out: Path | None = None, **options: Any) -> Dataset:
    top = {key: options.pop(key) for key in ("workers", "seed") if key in options}
    fixed = {"id": "corpus", "source": [str(source)], "heldout": 0.2, "rules": "none"}
    stage = {"corpus.build": {**fixed, **options}}
    out = out or source.parent / "run"
    run_stages([stage], out=out, **top)
    return Dataset(out / "corpus")


def lost(dataset: Dataset, split: str) -> dict[str, str]:
    return {row["path"].split(":", 1)[1]: row["reason"] for row in dataset.rows(split)}


def test_every_file_is_accounted_for(run_stages: Run, source: Path) -> None:
    dataset = build(run_stages, source)
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.to_json() == {
        "in": 10,
        "kept": 7,
        "dropped": {"duplicate": 1, "unknown_language": 1},
        "quarantined": 1,
    }
    dropped = lost(dataset, "dropped")
    assert dropped["gamma/notes.xyz"] == "unknown_language"
    assert dropped["beta/copy.py"] == "duplicate"  # alpha comes first in the order of repositories
    assert lost(dataset, "quarantine") == {"gamma/garbled.py": "undecodable"}


def test_provenance_and_held_out_repositories(run_stages: Run, source: Path) -> None:
    dataset = build(run_stages, source)
    train = {(row["repo"], row["path"]) for row in dataset.rows()}
    heldout = {(row["repo"], row["path"]) for row in dataset.rows("heldout")}
    assert heldout
    assert not {repo for repo, _ in train} & {repo for repo, _ in heldout}
    assert ("source/alpha", "alpha/maths.py") in train | heldout
    assert len(train | heldout) == 7
    details = dataset.manifest.details
    assert details["documents_train"] == len(train)
    assert details["documents_heldout"] == len(heldout)


def test_output_depends_on_neither_workers_nor_shards(run_stages: Run, source: Path) -> None:
    def rows(dataset: Dataset) -> list[Any]:
        return [*dataset.rows(), *dataset.rows("heldout")]

    base = build(run_stages, source, source.parent / "a", workers=2)
    same = build(run_stages, source, source.parent / "b", workers=1)
    many = build(run_stages, source, source.parent / "c", workers=2, shard_bytes=1)
    assert [part.read_bytes() for part in base.parts()] == [part.read_bytes() for part in same.parts()]
    assert len(many.parts()) > len(base.parts())
    assert rows(many) == rows(base)


def test_budgets_and_languages(run_stages: Run, source: Path) -> None:
    dataset = build(run_stages, source, max_file_bytes=1000, languages=["python"])
    reasons = dataset.manifest.counts.dropped
    assert reasons["too_large"] == 4
    assert reasons["other_language"] == 1
    small = build(run_stages, source, source.parent / "small", max_bytes=2000)
    assert small.manifest.counts.dropped["over_budget"] > 0
    assert sum(len(row["content"]) for row in small.rows()) <= 2000


def test_symbolic_links_are_not_followed(run_stages: Run, source: Path) -> None:
    (source / "alpha" / "link.py").symlink_to("/etc/hostname")
    (source / "alpha" / "loop").symlink_to(source)
    dataset = build(run_stages, source)
    assert dataset.manifest.counts.rows_in == 12
    assert dataset.manifest.counts.dropped["symlink"] == 2


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Five packages of three real files each, which no rule refuses, and one file that some do."""
    root = tmp_path / "real"
    for number, name in enumerate(REAL):
        folder = root / "abcde"[number // 3]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(sysconfig.get_paths()["stdlib"]) / f"{name}.py", folder)
    (root / "a" / "data.py").write_text("x = '" + "a" * 1_000_000 + "'\n")
    return root


def test_heldout_is_a_share_of_what_is_kept(run_stages: Run, real: Path) -> None:
    details = build(run_stages, real, heldout=0.03, rules="fixed").manifest.details
    assert (details["documents_heldout"], details["documents_train"]) == (3, 12)


def test_names_that_are_not_utf8_empty_files_and_closed_folders_are_counted(
    run_stages: Run, source: Path
) -> None:
    (source / "alpha" / "empty.py").write_text("\n")
    (Path(os.fsdecode(os.fsencode(source / "alpha") + b"/bad\xff.py"))).write_text("x = 1\n")
    dataset = build(run_stages, source)
    assert dataset.manifest.counts.rows_in == 12
    assert lost(dataset, "dropped")["alpha/empty.py"] == "empty"
    assert lost(dataset, "quarantine")["alpha/bad\\udcff.py"] == "unsafe_name"
    closed = list(listing.walk(source / "nowhere"))
    assert [found.trouble for found in closed] == ["unreadable"]


def test_rules_drop_with_their_values_and_bounds_can_be_overridden(run_stages: Run, real: Path) -> None:
    dataset = build(run_stages, real, rules="fixed", signals=True)
    assert list(lost(dataset, "dropped")) == ["a/data.py"]
    (row,) = dataset.rows("dropped")
    assert row["reason"] == "rule:qsc_code_num_words"
    assert "qsc_code_num_words 2 < 30, " in row["detail"]
    signals = {row["path"]: row for row in dataset.rows("signals")}
    assert len(signals) == 16
    assert signals["a/data.py"]["qsc_code_num_words"] == 2
    assert (signals["a/data.py"]["keep"], signals["a/shlex.py"]["keep"]) == (False, True)
    assert signals["a/shlex.py"]["rule_set"] == "code/python"
    override = {"qsc_code_num_lines": {"low": 400}}
    dataset = build(run_stages, real, real.parent / "o", rules="fixed", override=override)
    dropped = {row["path"].split(":")[-1]: row["detail"] for row in dataset.rows("dropped")}
    assert re.fullmatch(r"qsc_code_num_lines \d+ < 400", dropped["b/sched.py"])
    with pytest.raises(ConfigError, match="override of qsc_code_num_lines: unknown bound 'hihg'"):
        build(run_stages, real, real.parent / "c", override={"qsc_code_num_lines": {"hihg": 20}})


def test_a_crashing_rule_loses_that_rule_only_and_many_crashes_stop_the_run(
    run_stages: Run, real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = measures.measurements()

    def crash_on(word: str) -> None:
        def qsc_code_odd(view: TextView) -> float:
            if word in view.content:
                raise ValueError("cannot measure this")
            return 0.0

        (like,) = [one for one in declared if one.name == "qsc_code_num_lines"]
        odd = replace(like, name="qsc_code_odd", function=qsc_code_odd, bounds=Bounds(high=1), per_set={})
        monkeypatch.setattr(measures, "measurements", lambda: (*declared, odd))

    crash_on("class shlex")
    dataset = build(run_stages, real, rules="fixed", workers=1)
    assert dataset.manifest.details["stages"]["filter"]["rules_crashed"] == {"qsc_code_odd": 1}
    assert "a/shlex.py" in {row["path"] for split in ("", "heldout") for row in dataset.rows(split)}
    crash_on("import sys")
    with pytest.raises(ConfigError, match=r"qsc_code_odd: this rule crashed on \d of 16 documents"):
        build(run_stages, real, real.parent / "b", rules="fixed", workers=1)


@pytest.mark.parametrize("make", ["empty", "unknown", "rules"])
def test_an_empty_corpus_is_one_clear_error(run_stages: Run, tmp_path: Path, make: str) -> None:
    root = tmp_path / "source"
    root.mkdir()
    if make == "unknown":
        (root / "a.xyz").write_text("text")
    if make == "rules":
        (root / "a.py").write_text("def broken(:")
    message = (
        "corpus is empty: all 1 files .*rule:qsc_code_num_words"
        if make == "rules"
        else "no document kept of . files"
    )
    with pytest.raises(ConfigError, match=message):
        build(run_stages, root, rules="fixed")


def test_a_missing_source_is_one_clear_error(run_stages: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        build(run_stages, tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="1 unknown_format"):
        build(run_stages, tmp_path / "file", tmp_path / "other")


def test_an_archive_goes_all_the_way_and_every_stage_says_what_it_did(run_stages: Run, source: Path) -> None:
    archive = source.parent / "things-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source, "things")
    shutil.rmtree(source)
    dataset = build(run_stages, archive, dedup={"preset": "opencoder"}, keep_stages=True, heldout=0)
    stages = dataset.manifest.details["stages"]
    assert sorted(stages) == ["dedup", "filter", "ingest", "sample", "transform"]
    assert stages["ingest"]["counts"]["in"] == dataset.manifest.counts.rows_in == 10
    assert stages["sample"]["counts"]["kept"] == dataset.manifest.counts.kept == 7
    for before, after in pairwise(("ingest", "dedup", "transform", "filter", "sample")):
        assert stages[before]["counts"]["kept"] == stages[after]["counts"]["in"]
    kept = {row["id"] for row in dataset.rows()}
    again = Dataset(dataset.folder / "stages" / "dedup")  # an index to go on from
    assert again.manifest.config["preset"] == "opencoder"
    assert kept == {row["id"] for row in again.rows()}


@pytest.mark.parametrize(
    ("dedup", "message"),
    [
        ({"thresold": 0.5}, "dedup: unknown key 'thresold' .did you mean 'threshold'"),
        ({"index": ["x"]}, "dedup: 'index' is no key here; give it beside `dedup`"),
        ({"bands": 9, "rows": 9, "permutations": 80}, "permutations: 9 bands of 9 rows need 81"),
    ],
)
def test_settings_of_dedup_are_checked_before_anything_is_read(
    run_stages: Run, source: Path, dedup: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build(run_stages, source, dedup=dedup)


def test_the_manifest_tells_how_it_was_made(run_stages: Run, source: Path) -> None:
    dataset = build(run_stages, source)
    manifest = Manifest.read(dataset.folder)
    assert manifest.config["max_file_bytes"] == 8_000_000
    assert manifest.versions["codewright"]
    assert not (dataset.folder / ".work").exists()
    assert json.loads((dataset.folder / "manifest.json").read_text())["counts"]["in"] == 10


def test_headers_and_secrets_go_and_the_audit_says_where(run_stages: Run, real: Path) -> None:
    header = "# Copyright 2019 Somebody\n# Licensed under the Apache License, Version 2.0\n\n"
    # In the shape of an access key, and nobody's.
    secret = "AKIA" + "".join(random.Random(5).choices(string.ascii_uppercase + "234567", k=16))
    text = (real / "a" / "shlex.py").read_text()
    (real / "a" / "shlex.py").write_text(f"{header}ACCESS = '{secret}'\nMAIL = 'jane.roe@gmail.com'\n{text}")
    (real / "a" / "notice.py").write_text(header)
    dataset = build(run_stages, real, heldout=0)
    (row,) = [row for row in dataset.rows() if row["path"] == "a/shlex.py"]
    assert row["content"].startswith("ACCESS = '<KEY>'\nMAIL = '<EMAIL>'\n")
    audit = [edit for edit in dataset.rows("audit") if edit["id"] == row["id"]]
    assert [edit["kind"] for edit in audit][:3] == ["header", "key", "email"]
    assert (audit[1]["offset"], audit[1]["length"]) == (len(header) + len("ACCESS = '"), len(secret))
    assert not any(secret in str(edit) for edit in audit)
    assert lost(dataset, "dropped")["a/notice.py"] == "only_a_header"
    dataset = build(run_stages, real, real.parent / "plain", headers=False, redact=[], heldout=0)
    assert secret in next(row for row in dataset.rows() if row["path"] == "a/shlex.py")["content"]
    assert "transform" not in dataset.manifest.details["stages"]


def test_the_recipe_of_opencoder_runs_on_any_source(real: Path, tmp_path: Path) -> None:
    (real / "a" / "page.html").write_text(
        "<html><body>" + "<p>Some text of a page.</p>\n" * 40 + "</body></html>\n"
    )
    path = REPOSITORY / "recipes" / "opencoder.yaml"
    recipe = load_recipe(path, [f"refinecode.source=[{real}]"])
    manifest = run_recipe(recipe, tmp_path / "run", reporter=Reporter(quiet=True)).manifests["refinecode"]
    assert manifest.config["dedup"] == {"preset": "opencoder"}
    assert manifest.details["stages"]["dedup"]["knee"] == pytest.approx(0.979, abs=0.001)
    assert manifest.counts is not None
    assert (manifest.counts.rows_in, manifest.counts.kept) == (17, 15)
