"""The stage corpus.dedup: what goes and for whom, whatever the shards, the workers, and the moment of a kill."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from codewright.core.errors import ConfigError
from codewright.core.manifest import WORK_FOLDER, Dataset, is_finished
from codewright.core.records import Document
from codewright.corpus.dedup import Config
from codewright.corpus.near.buckets import CHAIN, HUBS
from codewright.corpus.near.find import find
from tests.conftest import REPOSITORY
from tests.corpus.documents import (
    edited,
    families,
    jaccard,
    make_document,
    make_text,
    shingle_set,
    write_corpus,
)

Run = Callable[..., Any]
DETAIL = re.compile(r"Jaccard (\d\.\d{3}) with (.+)")


pytestmark = pytest.mark.usefixtures("unsynced")


@pytest.fixture
def dedup(run_stages: Run, tmp_path: Path) -> Callable[..., Dataset]:
    """Run the stage over a folder."""

    def run(corpus: Path, name: str = "out", workers: int = 1, **options: Any) -> Dataset:
        stage = {"corpus.dedup": {"id": "dedup", "corpus": str(corpus), **options}}
        run_stages([stage], out=tmp_path / name, workers=workers)
        return Dataset(tmp_path / name / "dedup")

    return run


def shown(row: Any) -> str:
    return f"{row['repo']}:{row['path']}" if isinstance(row, dict) else f"{row.repo}:{row.path}"


def kept_in(dataset: Dataset, split: str = "") -> list[str]:
    return [shown(row) for row in dataset.rows(split)]


def dropped_in(dataset: Dataset) -> dict[str, tuple[str, str]]:
    return {row["path"]: (row["reason"], row["detail"]) for row in dataset.rows("dropped")}


def test_every_dropped_file_is_similar_to_the_kept_one_it_names(dedup: Run, tmp_path: Path) -> None:
    documents = families(1, 60)
    dataset = dedup(write_corpus(tmp_path / "corpus", documents), threshold=0.7)
    texts = {shown(one): one.content for one in documents}
    kept, dropped = kept_in(dataset), dropped_in(dataset)
    assert sorted([*kept, *dropped]) == sorted(texts)
    assert len(dropped) > 60
    better = {shown(one): (-one.stars, one.id) for one in documents}
    for path, (reason, detail) in dropped.items():
        assert reason == "near_duplicate"
        value, keeper = DETAIL.fullmatch(detail).groups()  # type: ignore[union-attr]
        true = jaccard(shingle_set(texts[path]), shingle_set(texts[keeper]))
        assert true >= 0.7
        assert float(value) == pytest.approx(true, abs=6e-4)
        assert keeper in kept
        assert better[keeper] < better[path]
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.to_json() == {
        "in": len(documents), "kept": len(kept), "dropped": {"near_duplicate": len(dropped)}, "quarantined": 0,
    }  # fmt: skip
    assert dataset.manifest.details["documents_train"] == len(kept)
    assert dataset.manifest.details["knee"] == 0.7248
    # What is left: at J >= .85 LSH lets all but one pair in 140 meet, and missing neighbours are looked for again.
    sets = [shingle_set(texts[path]) for path in kept]
    left = sum(jaccard(a, b) >= 0.85 for number, a in enumerate(sets) for b in sets[:number])
    assert left == 0


@pytest.mark.parametrize("level", ["file", "repo"])
def test_output_depends_on_neither_parts_nor_shards_nor_workers(
    dedup: Run, tmp_path: Path, level: str
) -> None:
    documents, held = families(2, 40), families(3, 6)
    if level == "repo":  # every repository twice, the second time with small changes
        rng = random.Random(5)
        twins = [
            replace(make_document(edited(one.content, rng, 1), one.path, f"{one.repo}x", stars=one.stars))
            for one in documents
        ]
        documents = sorted([*documents, *twins], key=lambda one: one.id)
    found = []
    for parts, shard_bytes, workers in ((1, 10**9, 1), (7, 20_000, 2), (64, 1, 1)):
        name = f"{parts}-{shard_bytes}"
        corpus = write_corpus(tmp_path / f"in-{name}", documents, parts, held)
        dataset = dedup(corpus, name, workers, shard_bytes=shard_bytes, level=level)
        dropped = sorted((row["path"], row["reason"], row["detail"]) for row in dataset.rows("dropped"))
        found.append((list(dataset.rows()), list(dataset.rows("heldout")), dropped, dataset.manifest.counts))
    assert all(one == found[0] for one in found)
    assert found[0][2]


def test_most_stars_then_newest_commit_then_smallest_id_is_kept(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(4)
    facts: list[list[dict[str, int]]] = [
        [{"stars": 1}, {"stars": 5}, {"stars": 3}],
        [{"stars": 2, "committed_at": 50}, {"stars": 2, "committed_at": 90}, {"stars": 2}],
        [{}, {}, {}],
    ]
    documents, expected = [], []
    for family, group in enumerate(facts):
        text = make_text(rng, 300)
        variants = [
            make_document(f"{text} end{number}", f"{family}-{number}", **fact)
            for number, fact in enumerate(group)
        ]
        best = min(variants, key=lambda one: (-one.stars, -(one.committed_at or 0), one.id))
        documents += variants
        expected.append(shown(best))
    dataset = dedup(write_corpus(tmp_path / "corpus", documents))
    assert kept_in(dataset) == expected


def test_held_out_files_give_way_to_training_files(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(6)
    train, alone, twice = (make_text(rng, 200) for _ in range(3))
    documents = [make_document(train, "train.py")]
    held = [
        make_document(f"{train} x", "like-train.py", "r/held", stars=99),
        make_document(alone, "alone.py", "r/held"),
        make_document(f"{twice} x", "a.py", "r/held", stars=1),
        make_document(f"{twice} y", "b.py", "r/held"),
    ]
    dataset = dedup(write_corpus(tmp_path / "corpus", documents, heldout=held))
    assert kept_in(dataset) == ["r/one:train.py"]
    assert kept_in(dataset, "heldout") == ["r/held:alone.py", "r/held:a.py"]
    dropped = dropped_in(dataset)
    assert dropped["r/held:like-train.py"][1].endswith("with r/one:train.py")
    assert dropped["r/held:b.py"][1].endswith("with r/held:a.py")
    assert dataset.manifest.details["documents_heldout"] == 2


def test_equal_files_are_duplicates_and_files_without_words_resemble_nothing(
    dedup: Run, tmp_path: Path
) -> None:
    documents = [
        make_document("++[->+<]", "a.bf"), make_document("++[->++<]", "b.bf"), make_document("++[->+<]", "c.bf"),
        make_document("x = 1", "short.py"), make_document("x + 1", "same-words.py"), make_document("x = 2", "other.py"),
    ]  # fmt: skip
    dataset = dedup(write_corpus(tmp_path / "corpus", documents))
    reasons = {path: reason for path, (reason, _) in dropped_in(dataset).items()}
    assert reasons.pop("r/one:c.bf") == "duplicate"
    assert dropped_in(dataset)["r/one:c.bf"][1] == "same bytes as r/one:a.bf"
    assert list(reasons.values()) == ["near_duplicate"]
    assert set(reasons) < {"r/one:short.py", "r/one:same-words.py"}


@pytest.mark.parametrize("content", ["++[->+<]", "x = 1", "def add(a, b): return a + b"])
@pytest.mark.parametrize("cluster", ["greedy", "connected"])
def test_of_many_equal_files_only_the_preferred_one_stays(
    dedup: Run, tmp_path: Path, content: str, cluster: str
) -> None:
    stars = (1, 0, 4, 2, 3, 4)
    documents = [make_document(content, f"{at}.py", f"r/{at}", stars=one) for at, one in enumerate(stars)]
    dataset = dedup(write_corpus(tmp_path / "corpus", documents), cluster=cluster)
    assert kept_in(dataset) == ["r/2:2.py"]
    assert set(dropped_in(dataset).values()) == {("duplicate", "same bytes as r/2:2.py")}


def test_a_huge_bucket_costs_no_square(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(8)
    header = make_text(rng, 120)
    documents = [make_document(f"{header} unique{number}", f"{number}.py") for number in range(3000)]
    others = families(9, 10)
    dataset = dedup(write_corpus(tmp_path / "corpus", [*documents, *others]))
    kept = [path for path in kept_in(dataset) if path.startswith("r/one:")]
    best = min(documents, key=lambda one: one.id)
    assert kept == [shown(best)]
    assert dataset.manifest.details["pairs_candidate"] < 25 * 3100 * (HUBS + CHAIN)


def test_connected_drops_what_greedy_keeps(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(10)
    words = make_text(rng, 400).split()
    chain = []  # each shares 88 % of its shingles with the next, the ends hardly any
    for step in range(8):
        words = [*words[24:], *make_text(rng, 24).split()] if step else words
        chain.append(make_document(" ".join(words), f"{step}.py", stars=8 - step))
    corpus = write_corpus(tmp_path / "corpus", chain)
    greedy, connected = dedup(corpus, "a"), dedup(corpus, "b", cluster="connected")
    assert kept_in(connected) == ["r/one:0.py"]
    assert len(kept_in(greedy)) > 2
    assert dropped_in(connected)["r/one:7.py"][1] == "connected with r/one:0.py, not compared"


def test_whole_repositories(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(11)
    texts = [make_text(rng, 150) for _ in range(6)]
    original = [
        make_document(text, f"{number}.py", "r/original", stars=9) for number, text in enumerate(texts)
    ]
    fork = [
        make_document(edited(text, rng, 1), f"{number}.py", "r/fork") for number, text in enumerate(texts)
    ]
    # Shares one file with the others: no copy as a whole.
    apart = [
        make_document(edited(texts[0], rng, 1), "0.py", "r/apart"),
        make_document(make_text(rng, 900), "1.py", "r/apart"),
    ]
    documents = [*original, *fork, *apart]
    rng.shuffle(documents)
    dataset = dedup(write_corpus(tmp_path / "corpus", documents), level="repo")
    assert Counter(path.split(":")[0] for path in kept_in(dataset)) == {"r/original": 6, "r/apart": 2}
    (detail,) = {detail for _, detail in dropped_in(dataset).values()}
    value, keeper = DETAIL.fullmatch(detail).groups()  # type: ignore[union-attr]
    sets = [set().union(*(shingle_set(one.content) for one in repo)) for repo in (original, fork)]
    assert float(value) == pytest.approx(jaccard(*sets), abs=6e-4)
    assert keeper == "r/original"


def months(seed: int) -> tuple[list[Document], list[Document]]:
    """Two months: the first is preferred; files of the second are new, or copies of the first's, or of each other."""
    rng = random.Random(seed)
    texts = [make_text(rng, rng.randrange(150, 300)) for _ in range(40)]
    first, second = [], []
    for number, text in enumerate(texts):
        early, late = f"r/early{number % 5}", f"r/late{number % 5}"
        here, other = (first, early) if number < 25 else (second, late)
        here += [
            make_document(edited(text, rng, 1), f"{number}-{copy}.py", other, stars=number % 3)
            for copy in range(2)
        ]
        if number < 25 and number % 3:
            second.append(make_document(edited(text, rng, 1), f"{number}-new.py", late))
    return [replace(one, stars=one.stars + 10) for one in first], second


@pytest.mark.parametrize("level", ["file", "repo"])
def test_incremental_equals_from_scratch(dedup: Run, tmp_path: Path, level: str) -> None:
    first, second = months(20)
    if level == "repo":  # some repositories of the first month come again
        again = [one for one in first if one.repo in {"r/early1", "r/early3"}]
        second += [make_document(f"{one.content} more", one.path, f"{one.repo}-again") for one in again]
    old = dedup(write_corpus(tmp_path / "first", first), "old", level=level)
    new = dedup(write_corpus(tmp_path / "second", second), "new", level=level, index=[str(old.folder)])
    whole = dedup(write_corpus(tmp_path / "both", [*first, *second]), "whole", level=level)
    mine = {shown(one) for one in second}
    from_scratch = {path: why for path, why in dropped_in(whole).items() if path in mine}
    assert dropped_in(new) == from_scratch
    assert kept_in(old) + kept_in(new) == kept_in(whole)
    assert (
        any(detail.split(" with ")[1] in kept_in(old) for _, detail in from_scratch.values())
        or level == "repo"
    )
    # A third month sees both.
    third = [make_document(f"{one.content} again", one.path, "r/third") for one in [*first, *second]]
    indexes = [str(old.folder), str(new.folder)]
    last = (
        dedup(write_corpus(tmp_path / "third", third), "third-out", level="file", index=indexes)
        if level == "file"
        else None
    )
    assert last is None or kept_in(last) == []


def test_an_index_of_other_settings_is_refused(dedup: Run, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", families(30, 5))
    old = dedup(corpus, "old")
    with pytest.raises(ConfigError, match="made with banding .* use the same, or make it again"):
        dedup(corpus, "new", index=[str(old.folder)], bands=5)
    with pytest.raises(ConfigError, match="needed: corpus.dedup"):
        dedup(corpus, "newer", index=[str(corpus)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": 30, "permutations": 256}, "30 bands of 10 rows need 300"),
        ({"threshold": 0.0}, "threshold"),
        ({"preset": "best"}, "preset"),
        ({"rows": 0}, "rows"),
    ],
)
def test_settings_that_cannot_be(dedup: Run, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        dedup(write_corpus(tmp_path / "corpus", families(31, 3)), **options)


def test_presets_and_what_is_set_instead() -> None:
    assert Config("x").banding.permutations == 256
    assert Config("x", preset="opencoder", rows=8).banding.knee == pytest.approx((1 / 16) ** (1 / 8))
    assert Config("x", bands=64, rows=8).banding.permutations == 512


def test_an_empty_corpus_is_one_clear_error(dedup: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no documents"):
        dedup(write_corpus(tmp_path / "corpus", []))


def test_find_names_the_original(dedup: Run, tmp_path: Path) -> None:
    documents = families(40, 20, 1)
    dataset = dedup(write_corpus(tmp_path / "corpus", documents, heldout=families(41, 3, 1)))
    file = tmp_path / "file.py"
    for one in documents[3:6]:
        file.write_text(f"{one.content} more")
        best = find(file, dataset.folder)[0]
        assert best.shown == shown(one)
        assert best.is_copy
        assert best.jaccard == jaccard(shingle_set(one.content), shingle_set(file.read_text()))
        file.write_text(one.content)
        assert find(file, dataset.folder)[0].jaccard == 1
    held = next(dataset.rows("heldout"))
    file.write_text(held["content"])
    assert find(file, dataset.folder)[0].shown == shown(held)
    file.write_text("nothing like it here at all, nothing")
    assert find(file, dataset.folder) == []


def test_the_verb(cli: Run, tmp_path: Path) -> None:
    documents = families(50, 10)
    corpus, out = write_corpus(tmp_path / "corpus", documents), tmp_path / "out"
    done = cli("corpus", "dedup", corpus, "--out", out, "--bands", 20, "--rows", 8)
    assert done.returncode == 0, done.stderr
    assert "20 bands of 8: the knee is at Jaccard 0.688" in done.stderr
    assert f"{len(documents)} in" in done.stdout
    again = cli("corpus", "dedup", corpus, "--out", out, "--bands", 20, "--rows", 8)
    assert again.stdout == done.stdout
    file = tmp_path / "file.py"
    file.write_text(next(Dataset(out).rows())["content"])
    found = cli("corpus", "dedup", "--find", file, "--index", out)
    assert found.returncode == 0
    assert "1.000" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--out", "o"], "no finished dataset here"),
        ([], "name a corpus and --out DIR"),
        (["--find", "x.py"], "name at least one --index"),
        (["--find", "x.py", "--index", "nowhere"], "no such file"),
    ],
)
def test_the_verb_on_wrong_input(cli: Run, arguments: list[str], message: str) -> None:
    done = cli("corpus", "dedup", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


PASSES = ["sign_shard", "bucket_shard", "gather_shard", "compare_shard", "filter_shard", "index_shard"]


def start(recipe: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "codewright", "run", str(recipe), "--out", str(out), "--quiet"]
    with out.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)


def kill_in(task: str, recipe: Path, out: Path, delay: float) -> bool:
    """Kill the run some moments after a pass began; tell whether it was in that pass, with work left in it."""
    process = start(recipe, out)
    done = out / "dedup" / WORK_FOLDER / "done"
    while not (done / task).is_dir() and process.poll() is None:
        time.sleep(0.0005)
    time.sleep(delay)
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGKILL)
    process.wait()
    psutil.wait_procs(family, timeout=10)
    later = PASSES[PASSES.index(task) + 1 :]
    return not is_finished(out / "dedup") and not any((done / name).is_dir() for name in later)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.mark.slow
def test_killed_in_every_pass_it_ends_the_same(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", families(60, 150), parts=40, heldout=families(61, 20))
    stage = {"id": "dedup", "corpus": str(corpus), "shard_bytes": 10_000}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"name": "killed", "workers": 2, "stages": [{"corpus.dedup": stage}]}))
    assert start(recipe, tmp_path / "whole").wait() == 0
    rng = random.Random(2026)
    out = tmp_path / "killed"
    for task in PASSES:
        hits = [kill_in(task, recipe, out, rng.random() * 0.05 / 2**attempt) for attempt in range(3)]
        assert any(hits) or (out / "dedup" / WORK_FOLDER / "done" / task).is_dir(), f"never killed in {task}"
        assert not is_finished(out / "dedup"), f"finished before it was killed in {task}"
    assert start(recipe, out).wait() == 0, out.with_suffix(".log").read_text()
    assert files_of(out / "dedup") == files_of(tmp_path / "whole" / "dedup")
    manifests = [Dataset(folder / "dedup").manifest for folder in (out, tmp_path / "whole")]
    assert manifests[0].counts == manifests[1].counts
    assert manifests[0].details == manifests[1].details
    assert not [line for line in os.popen("ps -eo args") if str(out) in line and "codewright" in line]
