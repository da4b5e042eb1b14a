"""Answers made elsewhere: read, matched with the problems, and what cannot be used is put aside with its reason.

Rows name a task and hold one of: `program` (a whole file with its tests), `response` (a raw answer), `completion` (what follows
the prompt), `solution` (code that stands alone). Several rows of a task are its samples, in the file's order unless they
carry `sample_index`. Rows of a benchmark in several languages also name their `language`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_jsonl
from codewright.core.records import Answer, AnswerForm, Problem
from codewright.evals.benchmark import Benchmark

FIELDS = ("program", "response", "completion", "solution")
"""What a row may hold, the first that is there counts: the rawer, the less has been done to it."""

_MOST_NAMED = 5

Key = tuple[str, str]
"""Language and task_id."""


@dataclass(frozen=True)
class Unusable:
    """A row put aside: its line in the file, why, and the row."""

    line: int
    reason: str
    row: Mapping[str, Any]


@dataclass(frozen=True)
class AnswerSet:
    """Answers beside their problems, in the problems' order. rows_in = len(pairs) + len(unusable).

    problems: those of the languages that the file speaks of. samples: per task. missing: one entry per answer.
    """

    pairs: list[tuple[Problem, Answer]]
    problems: list[Problem]
    rows_in: int
    unusable: list[Unusable]
    samples: int
    missing: list[Key]
    field: str


@dataclass(frozen=True)
class _Row:
    line: int
    key: Key
    index: int | None
    row: Mapping[str, Any]


def read_answers(
    path: Path,
    benchmark: Benchmark,
    problems: Sequence[Problem],
    *,
    field: str | None = None,
    only_passed: bool = False,
) -> AnswerSet:
    """Read an answers file and match it with the problems.

    field: which of FIELDS to use; the first that a row holds unless said. Of a benchmark in several languages only those
    that the file speaks of are kept. only_passed: skip rows that are not published as `passed: true`. Raises ConfigError for a damaged file, and for one without a usable row.
    """
    by_key = {(problem.language, problem.task_id): problem for problem in problems}
    rows: list[_Row] = []
    unusable: list[Unusable] = []
    try:
        for line, row in read_jsonl(path):
            if only_passed and row.get("passed") is not True:
                continue
            found = _check_row(row, by_key, field)
            if isinstance(found, str):
                unusable.append(Unusable(line, found, row))
            else:
                rows.append(_Row(line, found, row.get("sample_index"), row))
    except DataError as error:
        raise ConfigError(f"answers file {error}") from None
    if not rows:
        why = f": {unusable[0].reason} (line {unusable[0].line})" if unusable else ""
        raise ConfigError(f"answers file {path}: holds no usable answer of {benchmark.item}{why}")
    rows_in = len(rows) + len(unusable)
    rows, samples = _number_samples(rows, unusable)
    languages = {row.key[0] for row in rows}
    kept = [problem for problem in problems if problem.language in languages]
    place = {key: number for number, key in enumerate(by_key)}
    rows.sort(key=lambda row: (place[row.key], row.index))
    return AnswerSet(
        [(by_key[row.key], _answer(benchmark, by_key[row.key], row, field)) for row in rows],
        kept,
        rows_in,
        sorted(unusable, key=lambda one: one.line),
        samples,
        list(_missing(kept, rows, samples)),
        field or _name_field(rows),
    )


def _check_row(row: Mapping[str, Any], by_key: Mapping[Key, Problem], field: str | None) -> Key | str:
    """Return which problem a row answers, or why it answers none."""
    if "task_id" not in row:
        return f"no task_id (found: {', '.join(sorted(row)) or 'nothing'})"
    name = _field_of(row, field)
    if name is None:
        return f"none of {', '.join((field,) if field else FIELDS)} (found: {', '.join(sorted(row))})"
    if not isinstance(row[name], str):
        return f"{name} is not text but {type(row[name]).__name__}"
    index = row.get("sample_index")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
        return f"sample_index is {index!r}, not a whole number from 0"
    return _find_key(row, by_key)


def _find_key(row: Mapping[str, Any], by_key: Mapping[Key, Problem]) -> Key | str:
    task_id = str(row["task_id"])
    languages = [language for language, known in by_key if known == task_id]
    said = row.get("language")
    if said is not None:
        wanted = LANGUAGE_NAMES.get(str(said), str(said))
        if (wanted, task_id) in by_key:
            return wanted, task_id
        if len(languages) != 1:
            return f"unknown task: {task_id!r} in language {said!r}"
    if len(languages) > 1:
        return f"task {task_id!r} exists in {len(languages)} languages: the row has to name its language"
    return (languages[0], task_id) if languages else f"unknown task_id {task_id!r}"


LANGUAGE_NAMES = {
    "cs": "csharp",
    "jl": "julia",
    "js": "javascript",
    "pl": "perl",
    "py": "python",
    "rb": "ruby",
    "rkt": "racket",
    "rs": "rust",
    "sh": "bash",
    "ts": "typescript",
}
"""What published files call languages (MultiPL-E's file endings) -> our names."""


def _field_of(row: Mapping[str, Any], field: str | None) -> str | None:
    return next((name for name in ((field,) if field else FIELDS) if row.get(name) is not None), None)


def _name_field(rows: Sequence[_Row]) -> str:
    return " and ".join(sorted({str(_field_of(row.row, None)) for row in rows}))


def _number_samples(rows: list[_Row], unusable: list[Unusable]) -> tuple[list[_Row], int]:
    """Give every row its sample_index; rows beyond what most tasks have, and second ones of an index, are put aside."""
    by_key: dict[Key, dict[int, _Row]] = defaultdict(dict)
    for row in rows:
        samples = by_key[row.key]
        index = len(samples) if row.index is None else row.index
        if index in samples:
            unusable.append(
                Unusable(row.line, f"duplicate: sample {index} of {row.key[1]} stands there twice", row.row)
            )
        else:
            samples[index] = replace(row, index=index)
    counts = Counter(len(samples) for samples in by_key.values())
    usual = min(counts, key=lambda count: (-counts[count], count))
    kept = []
    for key, samples in by_key.items():
        ordered = [samples[index] for index in sorted(samples)]
        kept += ordered[:usual]
        reason = (
            f"duplicate: {key[1]} has {len(ordered)} answers where most tasks have {usual}; the first count"
        )
        unusable += [Unusable(row.line, reason, row.row) for row in ordered[usual:]]
    return kept, usual


def _missing(problems: Sequence[Problem], rows: Sequence[_Row], samples: int) -> Iterator[Key]:
    there = Counter(row.key for row in rows)
    for problem in problems:
        key = (problem.language, problem.task_id)
        yield from [key] * (samples - there[key])


def _answer(benchmark: Benchmark, problem: Problem, row: _Row, field: str | None) -> Answer:
    name = _field_of(row.row, field)
    text = str(row.row[str(name)])
    answer = benchmark.answer(problem, text, "program" if name == "program" else "solution")
    answer = replace(answer, sample_index=int(row.index or 0))
    if name == "completion":
        return replace(answer, form="completion", solution=benchmark.text(problem) + text, response=text)
    if name == "response":
        form: AnswerForm = "completion" if row.row.get("form") == "completion" else "chat"
        found = benchmark.extract(problem, text, form)
        how = f"failed: {found.how}" if found.failed else found.how
        return replace(answer, form=form, solution=found.solution, response=text, how=how)
    return answer


def describe_missing(missing: Sequence[Key]) -> str:
    """Name the first tasks without an answer."""
    names = [task for _, task in dict.fromkeys(missing)]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
