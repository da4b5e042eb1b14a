"""Which training rows and model answers the page shows: chosen by hash, so that the choice is blind and repeatable."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from codewright.core.io import read_jsonl, read_parquet
from codewright.core.manifest import Dataset
from codewright.core.records import Answer, Sample
from codewright.core.rng import stable_hash

VERDICTS_NAME = "verdicts.jsonl"


@dataclass(frozen=True)
class ShownRows:
    """The rows shown, how many there are, and how many kinds (method, task, form) they come in."""

    rows: list[Sample]
    total: int
    kinds: int


def choose_rows(dataset: Dataset, count: int) -> ShownRows | None:
    """Choose the rows of smallest hash, but every kind at least once where `count` allows; None without rows.

    Only four columns of all rows are read for it, and the contents of the chosen ones.
    """
    table = dataset.table(["id", "method", "task", "form"])
    if table is None or not len(table) or not count:
        return None
    ranked = sorted(
        (stable_hash(row["id"]), row["id"], (row["method"], row["task"], row["form"]))
        for row in table.to_pylist()
    )
    first_of_kind: dict[tuple[str, str, str], str] = {}
    for _, id_, kind in ranked:
        first_of_kind.setdefault(kind, id_)
    ids = list(first_of_kind.values())[:count]
    chosen = set(ids)
    rest = (id_ for _, id_, _ in ranked if id_ not in chosen)
    chosen.update(id_ for id_, _ in zip(rest, range(count - len(chosen)), strict=False))
    found: dict[str, Sample] = {}
    for part in dataset.parts():
        if not chosen.isdisjoint(read_parquet(part, ["id"]).column("id").to_pylist()):
            rows = (row for row in read_parquet(part).to_pylist() if row["id"] in chosen)
            found.update((row["id"], Sample.from_dict(row)) for row in rows)
    shown = [found[id_] for _, id_, _ in ranked if id_ in found]
    return ShownRows(list(dict.fromkeys(shown)), len(table), len(first_of_kind))


@dataclass(frozen=True)
class ShownAnswer:
    """One answer with its verdict."""

    answer: Answer
    verdict: Mapping[str, Any]


@dataclass(frozen=True)
class ShownAnswers:
    """The answers shown, those that passed first, and how many of each there are."""

    answers: list[ShownAnswer]
    passed: int
    failed: int

    @property
    def passed_shown(self) -> int:
        """How many of the answers shown passed."""
        return sum(bool(shown.verdict["passed"]) for shown in self.answers)


def choose_answers(dataset: Dataset, count: int) -> ShownAnswers | None:
    """Choose answers of smallest hash, half of them passed and half not where there are both; None without any."""
    path = dataset.folder / VERDICTS_NAME
    if not path.is_file() or not count:
        return None
    verdicts = {_key(row): row for _, row in read_jsonl(path)}
    passed = [key for key, row in verdicts.items() if row["passed"]]
    failed = [key for key, row in verdicts.items() if not row["passed"]]
    if not verdicts:
        return None
    of_passed = min(len(passed), max(count - count // 2, count - len(failed)))
    chosen = _smallest(passed, of_passed) + _smallest(failed, count - of_passed)
    wanted = set(chosen)
    answers: dict[tuple[Any, ...], Answer] = {}
    for row in dataset.rows():
        if _key(row) in wanted:
            answers[_key(row)] = Answer.from_dict(row)
    shown = [ShownAnswer(answers[key], verdicts[key]) for key in chosen if key in answers]
    return ShownAnswers(shown, len(passed), len(failed))


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["benchmark"], row["task_id"], row["form"], row["sample_index"])


def _smallest(keys: Iterable[tuple[Any, ...]], count: int) -> list[tuple[Any, ...]]:
    return heapq.nsmallest(count, keys, key=lambda key: (stable_hash(*key), key))
