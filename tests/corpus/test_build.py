"""The corpus stage on a small tree: what is kept, what leaves and why, and that nothing else decides."""

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset, Manifest
from codewright.corpus import filtering, listing

Run = Callable[..., Any]


def build(run_stages: Run, source: Path, out: Path | None = None, **options: Any) -> Dataset:
    top = {key: options.pop(key) for key in ("workers", "seed") if key in options}
    stage = {"corpus.build": {"id": "corpus", "source": [str(source)], "heldout": 0.2, **options}}
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
        "kept": 6,
        "dropped": {"duplicate": 1, "rule:has_syntax_error": 1, "unknown_language": 1},
        "quarantined": 1,
    }
    dropped = lost(dataset, "dropped")
    assert dropped["gamma/notes.xyz"] == "unknown_language"
    assert dropped["delta/broken.py"] == "rule:has_syntax_error"
    assert dropped["beta/copy.py"] == "duplicate"  # alpha comes first in the order of repositories
    assert lost(dataset, "quarantine") == {"gamma/garbled.py": "undecodable"}


def test_provenance_and_held_out_repositories(run_stages: Run, source: Path) -> None:
    dataset = build(run_stages, source)
    train = {(row["repo"], row["path"]) for row in dataset.rows()}
    heldout = {(row["repo"], row["path"]) for row in dataset.rows("heldout")}
    assert heldout
    assert not {repo for repo, _ in train} & {repo for repo, _ in heldout}
    assert ("source/alpha", "alpha/maths.py") in train | heldout
    assert len(train | heldout) == 6
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
    small = build(run_stages, source, source.parent / "small", max_bytes=2000, rules=[])
    assert small.manifest.counts.dropped["over_budget"] > 0
    assert sum(len(row["content"]) for row in small.rows()) <= 2000


def test_symbolic_links_are_not_followed(run_stages: Run, source: Path) -> None:
    (source / "alpha" / "link.py").symlink_to("/etc/hostname")
    (source / "alpha" / "loop").symlink_to(source)
    dataset = build(run_stages, source)
    assert dataset.manifest.counts.rows_in == 12
    assert dataset.manifest.counts.dropped["symlink"] == 2


def test_heldout_is_a_share_of_what_is_kept(run_stages: Run, tmp_path: Path) -> None:
    root = tmp_path / "source"
    for package in "abcde":
        (root / package).mkdir(parents=True)
        for number in range(3):
            (root / package / f"m{number}.py").write_text(f"def {package}{number}():\n    return {number}\n")
    (root / "a" / "data.py").write_text("x = '" + "a" * 20_000 + "'\n")  # large, and refused by a rule
    details = build(run_stages, root, heldout=0.03).manifest.details
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


def test_bounds_can_be_overridden(run_stages: Run, source: Path) -> None:
    dataset = build(run_stages, source, override={"max_chars_line": {"high": 30}})
    fired = [row for row in dataset.rows("dropped") if row["reason"] == "rule:max_chars_line"]
    assert fired
    assert all("max_chars_line=" in row["detail"] for row in fired)
    with pytest.raises(
        ConfigError, match=r"no loaded rule named 'max_char_line' \(did you mean 'max_chars_line'\?\)"
    ):
        build(run_stages, source, source.parent / "b", override={"max_char_line": {"high": 30}})
    with pytest.raises(ConfigError, match="unknown bound 'hihg'"):
        build(run_stages, source, source.parent / "c", override={"max_chars_line": {"hihg": 20}})


def test_a_crashing_rule_quarantines_one_document_and_many_stop_the_run(
    run_stages: Run, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash_on(words: tuple[str, ...]) -> Callable[..., Any]:
        def measure(doc: Any) -> float:
            if any(word in doc.path for word in words):
                raise ValueError("cannot measure this")
            return 0.0

        return lambda files, overrides: {
            "text": [filtering.Rule("num_odd", "text", measure, None, 1, "test")]
        }

    monkeypatch.setattr("codewright.corpus.filter.load_rules", crash_on(("maths",)))
    dataset = build(run_stages, source, workers=1)
    assert lost(dataset, "quarantine")["alpha/maths.py"] == "rule_crashed:num_odd"
    assert dataset.manifest.counts.quarantined == 2
    monkeypatch.setattr("codewright.corpus.filter.load_rules", crash_on(("plain",)))
    with pytest.raises(ConfigError, match="num_odd: this rule crashed on 4 of 7 documents"):
        build(run_stages, source, source.parent / "b", workers=1)


@pytest.mark.parametrize("make", ["empty", "unknown", "rules"])
def test_an_empty_corpus_is_one_clear_error(run_stages: Run, tmp_path: Path, make: str) -> None:
    root = tmp_path / "source"
    root.mkdir()
    if make == "unknown":
        (root / "a.xyz").write_text("text")
    if make == "rules":
        (root / "a.py").write_text("def broken(:")
    message = (
        "corpus is empty: all 1 files .*has_syntax_error"
        if make == "rules"
        else "no document kept of . files"
    )
    with pytest.raises(ConfigError, match=message):
        build(run_stages, root)


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
    assert list(stages) == ["dedup", "filter", "ingest", "sample"]
    assert stages["ingest"]["counts"]["in"] == dataset.manifest.counts.rows_in == 10
    assert stages["sample"]["counts"]["kept"] == dataset.manifest.counts.kept == 6
    for before, after in pairwise(("ingest", "dedup", "filter", "sample")):
        assert stages[before]["counts"]["kept"] == stages[after]["counts"]["in"]
    kept = {row["id"] for row in dataset.rows()}
    again = Dataset(dataset.folder / "stages" / "dedup")  # an index to go on from
    assert again.manifest.config["preset"] == "opencoder"
    assert kept < {row["id"] for row in again.rows()}
    assert lost(dataset, "dropped")["things/delta/broken.py"] == "rule:has_syntax_error"


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
