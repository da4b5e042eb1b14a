"""The card of a corpus: its figures are those of the folder, whatever files hold is text, and a browser shows it whole."""

import json
import re
import shutil
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tests.report.test_browser as pages
from codewright.core.errors import ConfigError
from codewright.core.manifest import Dataset
from codewright.core.progress import Reporter
from codewright.corpus.card import Built, write_card
from codewright.corpus.card.examples import largest_clusters, shown_detail, shown_place
from codewright.corpus.card.steps import steps_of
from codewright.recipe import parse_recipe
from codewright.runner import run_recipe
from tests.report.conftest import NASTY

browser = pages.browser
CLI = Callable[..., "subprocess.CompletedProcess[str]"]

STDLIB = Path(sysconfig.get_paths()["stdlib"])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A corpus with copies of both kinds, a header, secrets, names and contents that break careless pages."""
    root = tmp_path_factory.mktemp("card")
    alpha, beta, gamma = folders = [root / "source" / name for name in ("alpha", "beta", "gamma")]
    for folder in folders:
        folder.mkdir(parents=True)
    body = {name: (STDLIB / f"{name}.py").read_text() for name in ("textwrap", "shlex", "queue", "heapq")}
    header = "# Copyright 2020 Some One\n# SPDX-License-Identifier: MIT\n\n"
    (alpha / "headed.py").write_text(header + body["textwrap"])
    (alpha / "mail.py").write_text('MAIL = "jane@acme-corp.io"\n' + body["shlex"])
    (gamma / "heap.py").write_text(body["heapq"])
    (gamma / "garbled.py").write_bytes("name = 'été'\n".encode() * 9 + b"# \xe9\xff\x81\x8d\n")
    for number in range(4):
        (beta / f"copy{number}.py").write_text(body["queue"])
        (beta / f"near{number}.py").write_text(f"# similar {number}\n" + body["queue"])
    nasty = NASTY.replace("\0", "")[:900]
    (beta / "`a|b`<script>.py").write_text(f"x = {nasty!r}\n# ``` ~~~ | </pre><script>\n```\n````\n")
    stage = {"id": "corpus", "source": [str(root / "source")], "heldout": 0.2}
    tree = {"name": "test", "seed": 5, "workers": 1, "stages": [{"corpus.build": stage}]}
    run_recipe(parse_recipe(tree, "test"), root / "run", reporter=Reporter(quiet=True))
    return Dataset(root / "run" / "corpus")


@pytest.fixture
def copied(corpus: Dataset, tmp_path: Path) -> Dataset:
    """The same to write into."""
    return Dataset(shutil.copytree(corpus.folder, tmp_path / "corpus"))


def test_figures_are_those_of_the_folder(corpus: Dataset) -> None:
    counts, details = corpus.manifest.counts, corpus.manifest.details
    assert counts is not None
    steps = steps_of(details["stages"])
    assert [step.name for step in steps] == ["ingest", "dedup", "transform", "filter", "sample"]
    kept = [row for split in ("", "heldout") for row in corpus.rows(split)]
    assert steps[-1].total.documents == len(kept)
    assert steps[-1].total.bytes == sum(len(row["content"].encode()) for row in kept)
    assert sum(step.lost for step in steps) == counts.rows_in - counts.kept
    before = counts.rows_in
    for step in steps:
        before -= step.lost
        assert step.total.documents == before
    page = (corpus.folder / "card.html").read_text()
    card = (corpus.folder / "card.md").read_text()
    said = f"{counts.rows_in} found = {counts.kept} kept + {sum(counts.dropped.values())} dropped + 1 quarantined"
    assert said in page
    for reason, number in counts.dropped.items():
        assert re.search(rf"\| {re.escape(reason.replace('_', chr(92) + '_'))} \| {number} \|", card), reason
    kinds = Counter(row["kind"] for row in corpus.rows("audit"))
    assert kinds["header"] >= 1 <= kinds["email"]
    for kind in kinds:
        assert f"| {kind} |" in card
    assert "jane@acme" not in page + card


def test_the_largest_clusters_are_counted(corpus: Dataset) -> None:
    first, *_ = largest_clusters(corpus.folder / "dropped", 3)
    reasons = Counter(row["reason"] for row in corpus.rows("dropped"))
    assert first.size >= 7
    assert first.near + first.exact <= reasons["near_duplicate"] + reasons["duplicate"]
    assert len(first.copies) == 3
    assert largest_clusters(corpus.folder / "dropped", 0) == []


def test_nothing_in_a_name_or_file_is_markup(corpus: Dataset) -> None:
    page = (corpus.folder / "card.html").read_text()
    assert "`a|b`&lt;script&gt;.py" in page
    assert "&lt;/pre&gt;&lt;script&gt;" in page
    assert "<script" not in page
    assert "http://127.0.0.1:9" not in re.sub(r">[^<]*<", "><", page)
    card = (corpus.folder / "card.md").read_text()
    outside = re.sub(r"(?ms)^(`{3,})[^\n]*\n.*?^\1$", "", card)
    assert "<script" not in re.sub(r"\\<", "", outside)
    for table in re.findall(r"(?m)(?:^\|.*\n)+", outside):
        head, ruler, *rows = table.splitlines()
        assert re.fullmatch(r"(\|-+:?)+\|", ruler)
        assert rows
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in (ruler, *rows)} == {head.count("|")}


def test_the_same_corpus_gives_the_same_card(copied: Dataset) -> None:
    before = [(copied.folder / name).read_bytes() for name in ("card.md", "card.html")]
    write_card(Built.read(copied.folder))
    assert [(copied.folder / name).read_bytes() for name in ("card.md", "card.html")] == before


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (390, "dark")])
def test_card_in_chromium(browser: Any, corpus: Dataset, width: int, scheme: str) -> None:
    found = pages.visit(browser, corpus.folder / "card.html", width, scheme)
    title = "corpus: corpus card"
    assert found == {"complaints": [], "requests": [], "overflow": 0, "title": title, "low_contrast": []}


def test_the_verb_writes_it_again_and_refuses_what_is_no_corpus(
    cli: CLI, copied: Dataset, tmp_path: Path
) -> None:
    card = copied.folder / "card.md"
    before = card.read_bytes()
    card.unlink()
    assert cli("card", str(copied.folder)).returncode == 0
    assert card.read_bytes() == before
    missing = cli("card", str(tmp_path / "none"))
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr
    manifest = json.loads((copied.folder / "manifest.json").read_text())
    (copied.folder / "manifest.json").write_text(json.dumps({**manifest, "stage": "synth"}))
    with pytest.raises(ConfigError, match="made by synth; a card is of what `corpus build` made"):
        Built.read(copied.folder)


def test_places_are_shown_without_the_folders_a_source_lies_in() -> None:
    assert shown_place("/data/x/y.tar.gz:a/b.py") == "y.tar.gz:a/b.py"
    assert shown_place("repo/one:a/b.py") == "one:a/b.py"
    assert shown_place("stdlib:a/b.py") == "stdlib:a/b.py"
    assert shown_detail("Jaccard 0.913 with /d/x.whl:a.py") == "Jaccard 0.913 with x.whl:a.py"
    assert shown_detail("connected with /d/x:a.py, not compared") == "connected with x:a.py, not compared"
    assert shown_detail("num_words 2 < 30") == "num_words 2 < 30"
