"""The stage `synth`: quotas, copies, crashes, and output that shards cannot sway."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codewright.core.errors import ConfigError
from codewright.core.io import read_parquet
from codewright.core.manifest import Dataset
from codewright.core.records import Message, Origin, Sample
from codewright.synthesis import driver
from codewright.synthesis.methods import drills as drills_method

Run = Callable[..., Any]


def drills(run_stages: Run, out: Path, rows: int = 60, **options: Any) -> Dataset:
    run_stages([{"synth": {"id": "drills", "method": "drills", "rows": rows, **options}}], out=out)
    return Dataset(out / "drills")


def test_drills_come_verified_and_in_both_forms(run_stages: Run, tmp_path: Path) -> None:
    dataset = drills(run_stages, tmp_path / "a")
    rows = [Sample.from_dict(row) for row in dataset.rows()]
    counts = dataset.manifest.counts
    assert counts is not None
    assert counts.rows_in == 60
    assert len(rows) == counts.kept > 50
    assert {row.form for row in rows} == {"chat", "completion"}
    assert all(row.verdict is not None and row.verdict.status == "passed" for row in rows)
    assert dataset.manifest.isolation == "namespace"
    assert dataset.manifest.details["verdicts"] == {"passed": counts.kept}
    completion = next(row for row in rows if row.form == "completion")
    assert completion.messages[0].content.startswith("def ")
    assert completion.tests is not None
    assert completion.tests.code.count("assert ") == 8


def test_shards_and_reruns_do_not_change_the_rows(run_stages: Run, tmp_path: Path) -> None:
    whole = list(drills(run_stages, tmp_path / "a").rows())
    split = list(drills(run_stages, tmp_path / "b", seeds_per_shard=7).rows())
    assert split == whole


def test_documents_as_seeds_and_the_quota(run_stages: Run, source: Path, tmp_path: Path) -> None:
    corpus = {"corpus.build": {"id": "corpus", "source": [str(source)], "rules": "none", "heldout": 0}}
    run_stages(
        [corpus, {"synth": {"id": "all", "method": "docstring", "corpus": "corpus"}}], out=tmp_path / "a"
    )
    everything = Dataset(tmp_path / "a" / "all")
    assert everything.manifest.counts.to_json() == {
        "in": 6,
        "kept": 5,
        "dropped": {"tests_failed": 1},
        "quarantined": 0,
    }
    few = {"synth": {"id": "few", "method": "docstring", "corpus": str(tmp_path / "a" / "corpus"), "rows": 2}}
    run_stages([few], out=tmp_path / "b")
    chosen = Dataset(tmp_path / "b" / "few")
    assert chosen.manifest.counts.to_json()["dropped"] == {"over_quota": 3, "tests_failed": 1}
    assert {row["id"] for row in chosen.rows()} < {row["id"] for row in everything.rows()}


def test_no_usable_function_is_one_clear_error(run_stages: Run, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.py").write_text("def f(x):\n    return x\n")
    corpus = {"corpus.build": {"id": "corpus", "source": [str(tmp_path / "source")], "rules": "none"}}
    with pytest.raises(
        ConfigError, match="method docstring made no row from its seeds .*no candidate at all"
    ):
        run_stages([corpus, {"synth": {"id": "rows", "method": "docstring", "corpus": "corpus"}}])


def test_a_run_without_rows_leaves_its_reasons(run_stages: Run, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    wrong = 'def double(x):\n    """Double a number.\n\n    >>> double(2)\n    5\n    """\n    return 2 * x\n'
    (tmp_path / "source" / "a.py").write_text(wrong)
    corpus = {"corpus.build": {"id": "corpus", "source": [str(tmp_path / "source")], "rules": "none"}}
    with pytest.raises(ConfigError, match=r"\(1 thin_docstring\); why, seed by seed: .*dropped"):
        run_stages(
            [corpus, {"synth": {"id": "rows", "method": "docstring", "corpus": "corpus"}}],
            out=tmp_path / "run",
        )
    [part] = (tmp_path / "run" / "rows" / "dropped").glob("*.parquet")
    assert read_parquet(part).column("reason").to_pylist() == ["thin_docstring"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "docstring"}, "needs `corpus:`"),
        ({"method": "drills"}, "needs `rows:`"),
        ({"method": "drill", "rows": 3}, r"did you mean 'drills'\?"),
        ({"method": "drills", "rows": 3, "options": {"max": 1}}, "options: unknown key 'max'"),
    ],
)
def test_wrong_settings(run_stages: Run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run_stages([{"synth": {"id": "x", **options}}])


def test_a_crashing_seed_is_quarantined_and_copies_leave(
    run_stages: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def make(seed: int, *_: Any) -> AsyncIterator[Sample]:
        if seed == 3:
            raise ZeroDivisionError("seed three")
        turns = (Message("user", str(seed % 4)), Message("assistant", "x"))
        yield Sample.make(
            turns, task="t", method="m", language="python", form="chat", origin=Origin((f"m:{seed}",))
        )

    fake = SimpleNamespace(SEEDS="numbers", ROWS_PER_SEED=1, Options=drills_method.Options, make=make)
    monkeypatch.setattr(driver, "load_plugin", lambda package, key: fake)
    run_stages([{"synth": {"id": "x", "method": "fake", "rows": 10}}], workers=1)
    dataset = Dataset(tmp_path / "run" / "x")
    assert dataset.manifest.counts.to_json() == {
        "in": 10,
        "kept": 4,
        "dropped": {"duplicate": 5},
        "quarantined": 1,
    }
    (lost,) = dataset.rows("quarantine")
    assert lost["detail"] == "ZeroDivisionError: seed three"
    assert [row["origin"]["seeds"] for row in dataset.rows()] == [["m:0"], ["m:1"], ["m:2"], ["m:7"]]


def test_every_dataset_has_its_rows_as_messages_and_a_card(
    run_stages: Callable[..., Any], tmp_path: Path
) -> None:
    run_stages([{"synth": {"id": "rows", "method": "drills", "rows": 12}}])
    folder = tmp_path / "run" / "rows"
    rows = list(Dataset(folder).rows())
    lines = [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]
    assert [(line["id"], line["messages"]) for line in lines] == [
        (row["id"], row["messages"]) for row in rows
    ]
    card = (folder / "README.md").read_text()
    assert card.startswith("---\n")
    assert "drills" in card
