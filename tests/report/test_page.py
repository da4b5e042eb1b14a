"""The page is right, safe and repeatable, also when there is little or bad data."""

import json
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_json, write_json
from codewright.core.manifest import Dataset, Manifest
from codewright.report.page import REPORT_NAME
from codewright.report.samples import choose_answers, choose_rows
from codewright.report.stages import segments
from codewright.runner import RunResult
from tests.report.conftest import IDS, report


class Outline(HTMLParser):
    """Collects tags and headings, and checks that every element is closed in order."""

    VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.urls: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        assert len(values) == len(attrs), f"double attribute in <{tag}>"
        assert not [name for name in values if name.startswith("on")]
        self.ids.extend(filter(None, [values.get("id")]))
        self.urls.extend(filter(None, [values.get("href"), values.get("src")]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def text_of(html: str) -> str:
    """What a reader sees, spaces folded."""
    body = re.sub(r"<[^>]+>", " ", html[html.index("<body>") :])
    return " ".join(unescape(body).replace("\u00a0", " ").split())


def test_page_is_one_well_formed_file_without_script_or_outside_address(run_folder: Path) -> None:
    html = report(run_folder).read_text(encoding="utf-8")
    outline = Outline(html)
    assert not outline.tags & {"script", "img", "iframe", "object", "embed", "form"}
    assert all(url.startswith("#") or url == "data:," for url in outline.urls)
    assert len(outline.ids) == len(set(outline.ids))
    assert {url[1:] for url in outline.urls if url.startswith("#")} <= set(outline.ids)
    assert "@import" not in html
    assert "url(" not in html


def test_nasty_rows_are_shown_as_text(run_folder: Path) -> None:
    html = report(run_folder).read_text(encoding="utf-8")
    assert "<img src=" not in html
    assert "<i>tests_timeout" not in html
    assert "<b>javascript" not in html
    assert "&lt;script&gt;document.title=" in html
    assert "{{ 7 * 7 }}" in html
    assert "&amp;lt;&amp;amp;" in html, "entities in a row are text, too"
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufeff]", html)
    assert "more characters, not shown" in html
    assert max(map(len, html.split("\n"))) < 20_000


@pytest.mark.parametrize("stage", ["corpus", "docstring", "drills", "problems", "clean"])
def test_counts_on_the_page_are_the_manifests_and_add_up(run_folder: Path, stage: str) -> None:
    text = text_of(report(run_folder, (stage,)).read_text(encoding="utf-8"))
    counts = Manifest.read(run_folder / stage).counts
    assert counts is not None
    dropped = sum(counts.dropped.values())
    assert f"{counts.rows_in:,} in, {counts.kept:,} kept, {dropped:,} dropped, {counts.quarantined:,}" in text
    for reason, number in counts.dropped.items():
        assert f"{reason} {number:,}" in text
    assert sum(segment.value for segment in segments(counts)) == counts.rows_in


def test_scores_show_shares_intervals_and_bits(run_folder: Path) -> None:
    text = text_of(report(run_folder).read_text(encoding="utf-8"))
    scores = read_json(run_folder / "after" / "scores.json")
    for form in ("chat", "completion"):
        score = scores["pass_at_1"]["drills"][form]
        line = f"drills {form} after model {score['share']:.3f} {score['low']:.3f} to {score['high']:.3f} 40"
        assert line in text
    assert "Pass@1 on drills rises from 0.000 to 0.775 in chat form" in text
    assert "from 0.025 to 0.475 in completion form" in text
    assert "Bits per byte on held-out code rises from 2.312 to 2.431 (+5.1 %)." in text
    alone = text_of(report(run_folder, ("after",)).read_text(encoding="utf-8"))
    assert "Pass@1 on drills is 0.775 in chat form" in alone
    assert "Bits per byte on held-out code is 2.431." in alone
    twice = text_of(report(run_folder, ("after", "before")).read_text(encoding="utf-8"))
    assert "Pass@1 on drills falls from 0.775 to 0.000" in twice
    assert "(\u22124.9 %)" in twice
    assert "passed 31, error 3, failed 3, timeout 3" in text


def test_every_kind_of_section_is_there(run_folder: Path) -> None:
    html = report(run_folder, title="A <title>").read_text(encoding="utf-8")
    assert set(Outline(html).ids) >= {
        "pipeline",
        "scores",
        "training",
        "stages",
        "rows",
        "answers",
        "provenance",
    }
    assert "<h1>A &lt;title&gt;</h1>" in html
    text = text_of(html)
    assert "5 repositories held out, 10 files" in text
    assert "tokenizer train.tokenizer Bytes per token 3.61 Vocab size 2,048 Time 3.2 s" in text
    assert "First loss 5.872 Last loss 1.041" in text
    assert "sampled drills/0 1" in text
    assert html.count('class="row sample"') == 10
    assert html.count('class="row answer"') == 10


@pytest.mark.parametrize("stage", IDS)
def test_any_stage_alone_makes_a_page(run_folder: Path, stage: str) -> None:
    ids = set(Outline(report(run_folder, (stage,)).read_text(encoding="utf-8")).ids)
    assert {"pipeline", "provenance"} <= ids
    if stage == "corpus":
        assert not ids & {"scores", "training", "rows", "answers"}


def test_corpus_alone_sums_itself_up(run_folder: Path) -> None:
    text = text_of(report(run_folder, ("corpus",)).read_text(encoding="utf-8"))
    assert "corpus kept 12,887 of 26,135 files: 208.4 MiB in 3 languages." in text


def test_equal_folders_give_equal_bytes(run_folder: Path) -> None:
    first = report(run_folder).read_bytes()
    assert report(run_folder).read_bytes() == first
    manifest = read_json(run_folder / "model" / "manifest.json")
    write_json(run_folder / "model" / "manifest.json", manifest | {"seconds": 12.5})
    assert report(run_folder).read_bytes() != first


def test_rows_are_chosen_by_hash_with_every_kind(run_folder: Path) -> None:
    dataset = Dataset(run_folder / "clean")
    shown = choose_rows(dataset, 10)
    assert shown is not None
    kinds = {(row["method"], row["task"], row["form"]) for row in dataset.rows()}
    assert {(row.method, row.task, row.form) for row in shown.rows} == kinds
    assert (len(shown.rows), shown.total, shown.kinds) == (10, 60, len(kinds))
    few = choose_rows(dataset, 2)
    assert few is not None
    assert len(few.rows) == 2
    assert choose_rows(dataset, 0) is None


@pytest.mark.parametrize(("stage", "passed"), [("after", 5), ("before", 1)])
def test_answers_are_a_mix(run_folder: Path, stage: str, passed: int) -> None:
    shown = choose_answers(Dataset(run_folder / stage), 10)
    assert shown is not None
    assert (len(shown.answers), shown.passed_shown) == (10, passed)


def test_unsafe_isolation_is_said_at_the_top(run_folder: Path) -> None:
    assert "without isolation" not in report(run_folder).read_text(encoding="utf-8")
    manifest = read_json(run_folder / "drills" / "manifest.json")
    write_json(run_folder / "drills" / "manifest.json", manifest | {"isolation": "unsafe"})
    assert "without isolation" in report(run_folder).read_text(encoding="utf-8")


def test_lone_surrogates_in_manifests_do_not_stop_the_page(run_folder: Path) -> None:
    path = run_folder / "corpus" / "manifest.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    value["config"]["note"] = "\ud800"
    path.write_text(json.dumps(value), encoding="utf-8")
    assert "⟨U+D800⟩" in report(run_folder, ("corpus",)).read_text(encoding="utf-8")


def test_bad_input_is_one_clear_line(run_folder: Path) -> None:
    with pytest.raises(ConfigError, match="'stages' is empty"):
        report(run_folder, ())
    (run_folder / "clean" / "part-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        report(run_folder)
    (run_folder / "clean" / "manifest.json").unlink()
    with pytest.raises(ConfigError, match="no finished dataset"):
        report(run_folder)


def test_recipe_ends_with_a_report_of_what_its_stages_wrote(
    source: Path, tmp_path: Path, run_stages: Callable[..., RunResult]
) -> None:
    corpus = {"corpus.build": {"id": "corpus", "source": [str(source)], "rules": "none", "heldout": 0.2}}
    done = run_stages([corpus, {"report": {"stages": ["corpus"], "title": "Just a corpus"}}])
    assert done.manifests["report"].details["page"] == REPORT_NAME
    text = text_of((tmp_path / "run" / "report" / REPORT_NAME).read_text(encoding="utf-8"))
    counts = done.manifests["corpus"].counts
    assert counts is not None
    assert f"corpus kept {counts.kept} of {counts.rows_in} files" in text
    assert "1 repository held out" in text
