"""The stage corpus.dedup_rows: which rows go, why, and for which row that stays; whatever the shards and the moment of a kill."""

import contextlib
import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import write_parquet
from codewright.core.manifest import Counts, Dataset, Manifest, is_finished, part_name
from codewright.core.records import (
    SAMPLE_SCHEMA,
    Message,
    Origin,
    RowVerdict,
    Sample,
    Tests,
    content_id,
    to_table,
)
from codewright.corpus.row_passes import banding, shingled, texts_of
from tests.conftest import REPOSITORY
from tests.corpus.documents import edited, families, jaccard, make_text, shingle_set, write_corpus

Run = Callable[..., Any]
PROBLEM, SOLUTION = "near_duplicate:problem", "near_duplicate:solution"


pytestmark = pytest.mark.usefixtures("unsynced")


@pytest.fixture
def dedup(run_stages: Run, tmp_path: Path) -> Callable[..., Dataset]:
    """Run the stage over folders of rows."""

    def run(*folders: Path, name: str = "out", workers: int = 1, **options: Any) -> Dataset:
        stage = {"corpus.dedup_rows": {"id": "rows", "rows": [str(folder) for folder in folders], **options}}
        run_stages([stage], out=tmp_path / name, workers=workers)
        return Dataset(tmp_path / name / "rows")

    return run


def row(problem: str, solution: str, seeds: Sequence[str] = (), place: str | None = None) -> Sample:
    turns = (
        Message("system", "You are helpful."),
        Message("user", problem),
        Message("assistant", solution),
    )
    return Sample.make(
        turns, task="write", method="test", language="python", form="chat", origin=Origin(tuple(seeds), place)
    )


def write_rows(folder: Path, rows: Sequence[Sample], parts: int = 1) -> Path:
    """Write a finished dataset, its rows cut into so many parts."""
    cuts = [round(len(rows) * cut / parts) for cut in range(parts + 1)]
    for number, (low, high) in enumerate(pairwise(cuts)):
        if high > low:
            write_parquet(folder / part_name(number), to_table(rows[low:high], SAMPLE_SCHEMA))
    mark = content_id(*[one.id for one in rows])
    Manifest("synth", "rows", {}, mark, {}, Counts(len(rows), len(rows)), 0, None, 0.0, {}).write(folder)
    return folder


def kept_in(dataset: Dataset) -> list[str]:
    return [one["id"] for one in dataset.rows()]


def dropped_in(dataset: Dataset) -> dict[str, tuple[str, str]]:
    return {one["id"]: (one["reason"], one["detail"]) for one in dataset.rows("dropped")}


def text(rng: random.Random, words: int = 60) -> str:
    return make_text(rng, words)


def planted(seed: int, groups: int = 12) -> list[Sample]:
    """Rows with near copies of the problem, of the solution, of both, and rows that resemble none; shuffled."""
    rng = random.Random(seed)
    rows: list[Sample] = []
    for number in range(groups):
        problem, solution = text(rng), text(rng)
        rows.append(row(problem, solution, [f"seed {number}"]))
        rows.append(row(edited(problem, rng, 1), text(rng)))
        rows.append(row(text(rng), edited(solution, rng, 1)))
        rows.append(row(edited(problem, rng, 2), edited(solution, rng, 2)))
        rows.append(row(edited(problem, rng, 20), edited(solution, rng, 20), [f"seed {number}"]))
        rows.append(row(text(rng), text(rng)))
    rng.shuffle(rows)
    return rows


def likeness(left: Sample, right: Sample, name: str) -> float:
    """Measure two rows by what the passes are given, in plain Python."""
    both = [
        shingle_set(shingled(texts_of({"messages": [vars(turn) for turn in one.messages]})[name]))
        for one in (left, right)
    ]
    return jaccard(*both)


def test_every_row_that_goes_resembles_the_one_that_stays_and_no_two_that_stay_do(
    dedup: Run, tmp_path: Path
) -> None:
    rows = planted(1)
    dataset = dedup(write_rows(tmp_path / "in", rows))
    by_id = {one.id: one for one in rows}
    kept, dropped = kept_in(dataset), dropped_in(dataset)
    assert sorted([*kept, *dropped]) == sorted(by_id)
    for id_, (reason, keeper) in dropped.items():
        assert keeper in kept
        assert keeper < id_
        assert likeness(by_id[id_], by_id[keeper], reason.split(":")[1]) >= 0.7
    for left, right in combinations(kept, 2):
        assert likeness(by_id[left], by_id[right], "problem") < 0.7
        assert likeness(by_id[left], by_id[right], "solution") < 0.7
    reasons = Counter(reason for reason, _ in dropped.values())
    assert reasons.keys() == {PROBLEM, SOLUTION}
    assert dataset.manifest.counts == Counts(len(rows), len(kept), dict(reasons))
    assert dataset.manifest.details["kept_by_source"] == [len(kept)]


def test_rows_keep_their_bytes_and_a_dropped_one_is_told_in_full(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(3)
    problem = text(rng)
    rows = [
        Sample.make(
            (Message("user", problem + tail), Message("assistant", text(rng))),
            task="write", method="oss", language="python", form="chat", origin=Origin(("s",), "l", "t", "p", 0.5),
            tests=Tests("x = 1", "assert x"), verdict=RowVerdict("passed", "namespace", False),
        )
        for tail in ("", " and")
    ]  # fmt: skip
    dataset = dedup(write_rows(tmp_path / "in", rows))
    first, second = sorted(rows, key=lambda one: one.id)
    assert [Sample.from_dict(one) for one in dataset.rows()] == [first]
    (lost,) = dataset.rows("dropped")
    assert (lost["reason"], lost["detail"]) == (PROBLEM, first.id)
    assert Sample.from_dict(json.loads(lost["row"])) == second


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({}, [PROBLEM, SOLUTION]),
        ({"solution": None}, [PROBLEM]),
        ({"problem": None}, [SOLUTION]),
        ({"problem": None, "solution": None}, []),
        ({"problem": {"threshold": 1.0}, "solution": {"threshold": 0.3}}, [SOLUTION, SOLUTION]),
    ],
)
def test_either_text_can_be_left_out_or_looked_at_more_closely(
    dedup: Run, tmp_path: Path, options: dict[str, Any], gone: list[str]
) -> None:
    rng = random.Random(4)
    problem, near, less_near = text(rng), text(rng), text(rng)
    rows = [
        row(problem, text(rng)),
        row(edited(problem, rng, 1), text(rng)),
        row(text(rng), near),
        row(text(rng), edited(near, rng, 1)),
        row(text(rng), less_near),
        row(text(rng), edited(less_near, rng, 4)),
    ]
    dropped = dropped_in(dedup(write_rows(tmp_path / "in", rows), **options))
    assert sorted(reason for reason, _ in dropped.values()) == gone


def test_an_earlier_dataset_stays_whatever_the_ids(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(5)
    problems, solutions = [text(rng) for _ in range(8)], [text(rng) for _ in range(8)]
    first = [row(problem, solution) for problem, solution in zip(problems, solutions, strict=True)]
    second = [row(edited(problem, rng, 1), text(rng)) for problem in problems] + [row(text(rng), text(rng))]
    folders = write_rows(tmp_path / "first", first), write_rows(tmp_path / "second", [*second, first[0]])
    dataset = dedup(*folders)
    assert kept_in(dataset) == [*[one.id for one in first], second[-1].id]
    dropped = dropped_in(dataset)
    assert [dropped[one.id] for one in second[:-1]] == [(PROBLEM, one.id) for one in first]
    assert dropped[first[0].id] == ("duplicate", first[0].id)
    assert dataset.manifest.details["kept_by_source"] == [8, 1]
    other = dedup(*folders[::-1], name="other")
    best = min(second[0].id, first[0].id)  # the two are in one dataset there
    assert other.manifest.details["kept_by_source"] == [9, 0]
    assert {detail for _, detail in dropped_in(other).values()} == {best, *(one.id for one in second[1:-1])}


def test_likeness_does_not_travel_along_a_chain(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(6)
    words = text(rng, 90).split()
    # Of 56 shingles neighbours share 41 (41 / 71), the ends 26 (26 / 86).
    chain = [row(" ".join(words[start : start + 60]), text(rng)) for start in (0, 15, 30)]
    shares = [likeness(chain[a], chain[b], "problem") for a, b in ((0, 1), (1, 2), (0, 2))]
    assert shares[0] > 0.5 < shares[1]
    assert shares[2] < 0.5
    # In datasets of their own, so that the order of preference is the test's.
    for number, one in enumerate(chain):
        write_rows(tmp_path / str(number), [one])
    ends_first = dedup(tmp_path / "0", tmp_path / "1", tmp_path / "2", name="a", problem={"threshold": 0.5})
    assert kept_in(ends_first) == [chain[0].id, chain[2].id]
    middle_first = dedup(tmp_path / "1", tmp_path / "0", tmp_path / "2", name="b", problem={"threshold": 0.5})
    assert kept_in(middle_first) == [chain[1].id]


def test_a_row_dropped_for_its_problem_takes_nobody_along_by_its_solution(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(7)
    problem, solution = text(rng), text(rng)
    chain = [
        row(problem, text(rng)),
        row(edited(problem, rng, 1), solution),
        row(text(rng), edited(solution, rng, 1)),
    ]
    for number, one in enumerate(chain):
        write_rows(tmp_path / str(number), [one])
    dataset = dedup(*(tmp_path / str(number) for number in range(3)))
    assert dropped_in(dataset) == {chain[1].id: (PROBLEM, chain[0].id)}


def test_short_problems_go_only_for_equal_ones_and_short_solutions_not_at_all(
    dedup: Run, tmp_path: Path
) -> None:
    rng = random.Random(8)
    rows = [
        row("Sort it now.", "sorted( x )"),
        row("Sort it then.", "sorted(x)"),
        row("Sort  it\nnow.", "min(x)"),
        row("", ""),
        row(" ", "\n"),
        row(text(rng), "+"),
        row(text(rng), "-"),
        row(text(rng), "+ "),
        Sample.make(
            (Message("assistant", "Hello."),),
            task="a",
            method="b",
            language="c",
            form="chat",
            origin=Origin(),
        ),
    ]
    folders = [write_rows(tmp_path / str(number), [one]) for number, one in enumerate(rows)]
    dataset = dedup(*folders)
    assert dropped_in(dataset) == {rows[2].id: (PROBLEM, rows[0].id)}
    assert dataset.manifest.details["too_short"] == {"problem": 3, "solution": 7}


def test_operators_tell_short_answers_apart(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(9)
    body = "def combine(first, second):\n    return first {} second\n"
    rows = [row(text(rng), body.format(sign)) for sign in ("+", "-", "<", "<=", "//")]
    assert dropped_in(dedup(write_rows(tmp_path / "in", rows))) == {}


def test_scripts_of_all_kinds_are_compared(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(10)
    pairs = [
        ("写一个函数,返回列表中所有偶数的平方和,并且忽略其中的负数。", "写一个函数,返回列表中所有偶数的平方和,并且忽略其中的负数!"),
        ("Сортировать список чисел по убыванию, не меняя исходный список.", "Сортировать список чисел по убыванию не меняя исходный список"),
        ("Trie une liste de caf\u00e9s par leur prix, du moins cher au plus cher.", "Trie une liste de cafe\u0301s par leur prix — du moins cher au plus cher."),
        ("เขียนฟังก์ชันที่คืนค่าผลรวมของรายการตัวเลข", "เขียนฟังก์ชันที่คืนค่าผลรวมของรายการตัวเลข ๆ"),
        ("Count the 😀 and the 🎉 in a line of text, please.", "Count the 😀 and the 🎉 in a line of text please!"),
    ]  # fmt: skip
    first, second = ([row(pair[at], text(rng)) for pair in pairs] for at in (0, 1))
    different = [
        row("写一个程序,读取文件并打印每一行的长度和内容。", text(rng)),
        row("Прочитать файл и напечатать длину каждой строки в нём.", text(rng)),
    ]
    dataset = dedup(write_rows(tmp_path / "a", first), write_rows(tmp_path / "b", [*second, *different]))
    assert dropped_in(dataset) == {two.id: (PROBLEM, one.id) for one, two in zip(first, second, strict=True)}


def test_rows_of_one_seed_are_thinned_to_one_where_asked(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(11)
    seeds = [["a"], ["a"], ["b"], ["a", "b"], ["b", "a"], [], []]
    rows = [row(text(rng), text(rng), one, f"line {number}") for number, one in enumerate(seeds)]
    folder = write_rows(tmp_path / "in", rows)
    assert dropped_in(dedup(folder, name="plain")) == {}
    dropped = dropped_in(dedup(folder, shared_seed=True))
    expected = {}
    for pair in ((rows[0], rows[1]), (rows[3], rows[4])):
        stays, goes = sorted(pair, key=lambda one: one.id)
        expected[goes.id] = ("shared_seed", stays.id)
    assert dropped == expected


def test_of_equal_rows_one_stays_and_which_does_not_depend_on_their_order(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(12)
    problem, solution = text(rng), text(rng)
    rows = [row(problem, solution, [f"seed {number}"]) for number in range(4)]
    assert len({one.id for one in rows}) == 1
    found = []
    for number, order in enumerate((rows, rows[::-1], [rows[2], *rows])):
        dataset = dedup(write_rows(tmp_path / f"in{number}", order, 2), name=f"out{number}")
        assert dataset.manifest.counts == Counts(len(order), 1, {"duplicate": len(order) - 1})
        found.append(list(dataset.rows()))
    assert found[0] == found[1] == found[2]


def test_output_depends_on_neither_parts_nor_shards(dedup: Run, tmp_path: Path) -> None:
    rows = planted(13, 16)
    found = []
    for parts, shard_bytes in ((1, 10**9), (7, 20_000), (64, 40_000)):
        folder = write_rows(tmp_path / f"in{parts}", rows, parts)
        dataset = dedup(folder, name=f"out{parts}", shard_bytes=shard_bytes, shared_seed=True)
        dropped = sorted(json.dumps(one, sort_keys=True) for one in dataset.rows("dropped"))
        found.append((list(dataset.rows()), dropped, dataset.manifest.counts, dataset.manifest.details))
    assert all(one == found[0] for one in found)
    assert found[0][2].dropped.keys() == {PROBLEM, SOLUTION, "shared_seed"}


def test_hundreds_of_rows_of_one_template_leave_one(dedup: Run, tmp_path: Path) -> None:
    # More than all pairs of a bucket are compared: the others are found over common neighbours.
    rng = random.Random(14)
    template = text(rng, 80)
    rows = [row(f"{template} {number}", text(rng, 8)) for number in range(200)]
    dataset = dedup(write_rows(tmp_path / "in", rows, 3))
    assert kept_in(dataset) == [min(one.id for one in rows)]
    assert dataset.manifest.details["rounds"] > 1


def test_what_cannot_be_used_goes_to_quarantine(dedup: Run, tmp_path: Path) -> None:
    rng = random.Random(15)
    table = to_table([row(text(rng), text(rng)) for _ in range(4)], SAMPLE_SCHEMA).to_pylist()
    table[1]["messages"] = None
    table[2]["messages"] = []
    table[3]["id"] = None
    folder = write_rows(tmp_path / "in", [])
    write_parquet(folder / part_name(0), pa.Table.from_pylist(table, schema=SAMPLE_SCHEMA))
    dataset = dedup(folder)
    assert dataset.manifest.counts == Counts(4, 1, {}, 3)
    lost = [(one["id"], one["reason"], one["detail"]) for one in dataset.rows("quarantine")]
    expected = [(table[at]["id"], "unusable", "no messages") for at in (1, 2)]
    assert lost == [*expected, ("", "unusable", "no id")]
    only = write_rows(tmp_path / "only", [])
    write_parquet(only / part_name(0), pa.Table.from_pylist(table[1:3], schema=SAMPLE_SCHEMA))
    with pytest.raises(ConfigError, match="no row is left of 2"):
        dedup(only, name="none")


def test_wrong_input(dedup: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a corpus.build stage; needed: synth or decontam.run"):
        dedup(write_corpus(tmp_path / "corpus", families(16, 2)))
    other = write_corpus(tmp_path / "other", families(16, 2))
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps(manifest | {"stage": "elsewhere"}))
    with pytest.raises(ConfigError, match="made by elsewhere, holds no instruction rows \\(no column"):
        dedup(other)
    with pytest.raises(ConfigError, match="name at least one dataset"):
        dedup()
    with pytest.raises(ConfigError, match="hold no rows"):
        dedup(write_rows(tmp_path / "empty", []), name="b")
    for threshold in (0, 1.01, "much"):
        with pytest.raises(ConfigError, match=r"problem\.threshold"):
            dedup(write_rows(tmp_path / "empty", []), name="c", problem={"threshold": threshold})
    damaged = write_rows(tmp_path / "damaged", planted(17, 1))
    part = damaged / part_name(0)
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        dedup(damaged, name="d")


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_bands_let_nearly_every_pair_at_the_threshold_meet(threshold: float) -> None:
    found = banding(threshold)
    assert found.bands * found.rows <= found.permutations
    assert found.chance(threshold) >= (0.99 if threshold > 0.02 else 0.9)
    longer = found.rows + 1
    assert longer > 256 or (1 - (1 - threshold**longer) ** (256 // longer)) < 0.99


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


class StoppedError(Exception):
    """Stands for the end of a process, at a place of the test's choosing."""


def test_stopped_at_any_write_it_ends_the_same(
    dedup: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_rows(tmp_path / "in", planted(18, 6), 3)
    options = {"shard_bytes": 2_000, "shared_seed": True}
    whole = dedup(folder, name="whole", **options)
    left = [0]
    true_replace = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if left[0] == 0:
            raise StoppedError
        left[0] -= 1
        return true_replace(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    stops = 0
    while not is_finished(tmp_path / "stopped" / "rows"):
        # Up to ten writes are made anew each time (the run's own, the lists that passes are given); some shards get done, too.
        left[0] = 14 + stops % 7
        with contextlib.suppress(StoppedError):
            dedup(folder, name="stopped", **options)
        stops += 1
        assert stops < 60
    dataset = Dataset(tmp_path / "stopped" / "rows")
    assert stops > 5
    assert files_of(dataset.folder) == files_of(whole.folder)
    assert dataset.manifest.counts == whole.manifest.counts
    assert dataset.manifest.details == whole.manifest.details


KILLED = """
import os, signal, sys
from pathlib import Path
from codewright.core.progress import Reporter
from codewright.recipe import load_recipe
from codewright.runner import run_recipe

left, true_replace = [int(sys.argv[3])], Path.replace

def replace(self, target):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return true_replace(self, target)

Path.replace = replace
run_recipe(load_recipe(Path(sys.argv[1])), Path(sys.argv[2]), reporter=Reporter(quiet=True))
"""


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_with_several_workers(dedup: Run, tmp_path: Path) -> None:
    folder = write_rows(tmp_path / "in", planted(19, 8), 3)
    options = {"shard_bytes": 4_000, "shared_seed": True}
    whole = dedup(folder, name="whole", workers=2, **options)
    recipe = tmp_path / "recipe.yaml"
    stage = {"corpus.dedup_rows": {"id": "rows", "rows": [str(folder)], **options}}
    recipe.write_text(yaml.safe_dump({"name": "test", "seed": 5, "workers": 1, "stages": [stage]}))
    out = tmp_path / "killed"
    codes: list[int] = []
    while not is_finished(out / "rows"):
        assert len(codes) < 20
        command = [sys.executable, "-c", KILLED, str(recipe), str(out), "40"]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        codes.append(done.returncode)
    assert codes.count(-signal.SIGKILL) >= 3
    assert files_of(out / "rows") == files_of(whole.folder)
    assert Dataset(out / "rows").manifest.counts == whole.manifest.counts
