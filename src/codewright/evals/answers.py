"""Answers made elsewhere: read, matched with the problems, and what cannot be used is put aside with its reason.

Rows name a task and hold one of: `program` (a whole file with its tests), `response` (a raw answer), `completion` (what follows
the prompt), `solution` (code that stands alone). Several rows of a task are its samples, in the file's order unless they
carry `sample_index`. Rows of a benchmark in several languages also name their `language`; one that is said is always held
against the problem's. Rows of problems that were not asked for are left out and counted.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.languages.facts import language_named
from codewright.core.records import Answer, AnswerForm, Problem
from codewright.evals.answer_file import Unusable, read_answer_file
from codewright.evals.benchmark import Benchmark

FIELDS = ("program", "response", "completion", "solution")
"""What a row may hold, the first that is there counts: the rawer, the less has been done to it."""

_PLACES = ("task_id", "language", "sample_index")
"""Fields that say which problem a row answers, never how."""

_MOST_NAMED = 5

BEYOND_LIMIT = "beyond --limit"
"""What rows of problems after the first --limit are counted as."""

Key = tuple[str, str]
"""Language and task_id."""


@dataclass(frozen=True)
class AnswerSet:
    """Answers beside their problems, in the problems' order. rows_in = len(pairs) + len(unusable) + the sum of left_out.

    problems: those of the languages that were asked for or, where none was, that the file speaks of. samples: per task. missing:
    one entry per answer. left_out: rows of problems nobody asked for, by language or BEYOND_LIMIT.
    """

    pairs: list[tuple[Problem, Answer]]
    problems: list[Problem]
    rows_in: int
    unusable: list[Unusable]
    samples: int
    missing: list[Key]
    field: str
    left_out: Mapping[str, int]


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
    asked: Collection[str] = (),
    known: Collection[Key] = (),
    field: str | None = None,
    only_passed: bool = False,
) -> AnswerSet:
    """Read an answers file and match it with the problems.

    asked: the languages that were asked for; empty: those that the file speaks of. known: all problems of the benchmark's data,
    where `problems` are not all. field: which of FIELDS to use; the first that a row holds unless said. only_passed: skip rows that
    are not published as `passed: true`. Raises ConfigError for a damaged file, and for one without a usable row.
    """
    if field in _PLACES:
        raise ConfigError(
            f"field '{field}' says which problem a row answers and holds no answer; the usual are {', '.join(FIELDS)}"
        )
    by_key = {(problem.language, problem.task_id): problem for problem in problems}
    finder = _Finder(by_key, asked, {*known, *by_key})
    rows: list[_Row] = []
    unusable: list[Unusable] = []
    left_out: Counter[str] = Counter()
    for one in read_answer_file(path):
        if isinstance(one, Unusable):
            unusable.append(one)
            continue
        line, row = one
        if only_passed and row.get("passed") is not True:
            continue
        found = _check_row(row, finder, field)
        if isinstance(found, _NotAskedFor):
            left_out[found.what] += 1
        elif isinstance(found, str):
            unusable.append(Unusable(line, found, row))
        else:
            rows.append(_Row(line, found, row.get("sample_index"), row))
    if not rows:
        raise ConfigError(
            f"answers file {path}: holds no usable answer of {benchmark.item}{_why_none(unusable, left_out)}"
        )
    rows_in = len(rows) + len(unusable) + left_out.total()
    rows, samples = _number_samples(rows, unusable)
    languages = set(asked) or {row.key[0] for row in rows}
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
        dict(left_out.most_common()),
    )


def _why_none(unusable: Sequence[Unusable], left_out: Mapping[str, int]) -> str:
    if unusable:
        return f": line {unusable[0].line}: {unusable[0].reason}"
    return f": all its rows were left out ({describe_left_out(left_out)})" if left_out else ""


def describe_left_out(left_out: Mapping[str, int]) -> str:
    """Say which rows nobody asked for."""
    return ", ".join(f"{what}: {count}" for what, count in left_out.items())


def _check_row(row: Mapping[str, Any], finder: "_Finder", field: str | None) -> "Key | _NotAskedFor | str":
    """Return which problem a row answers, or why it answers none."""
    if "task_id" not in row:
        return f"no task_id (found: {', '.join(sorted(row)) or 'nothing'})"
    key = finder.find(str(row["task_id"]), row.get("language"))
    if isinstance(key, _NotAskedFor):
        return key
    fields = (field,) if field else FIELDS
    name = _field_of(row, field)
    if name is None:
        null = next((f"{name} is null" for name in fields if name in row), None)
        return null or f"none of {', '.join(fields)} (found: {', '.join(sorted(row))})"
    if not isinstance(row[name], str):
        return f"{name} is not text but {type(row[name]).__name__}"
    index = row.get("sample_index")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
        return f"sample_index is {index!r}, not a whole number from 0"
    return key


@dataclass(frozen=True)
class _NotAskedFor:
    """A row of a problem that is there, or would be, had it been asked for. what: its language, or BEYOND_LIMIT."""

    what: str


class _Finder:
    """Which problem a row answers: by its task_id and language, never by the one where the other says something else."""

    def __init__(self, chosen: Collection[Key], asked: Collection[str], known: Collection[Key]) -> None:
        self._chosen, self._asked = chosen, asked
        self._languages = {language for language, _ in chosen}
        self._having: dict[str, list[str]] = defaultdict(list)
        for language, task_id in sorted(known):
            self._having[task_id].append(language)

    def find(self, task_id: str, said: Any) -> "Key | _NotAskedFor | str":
        having = self._having.get(task_id, [])
        if said is not None:
            languages = [language_called(str(said))]
        else:
            # One language alone need not be named. What is chosen of several may have an id alone that others have as well.
            alone = len(self._languages) == 1 and self._languages <= set(having)
            languages = list(self._languages) if alone else having
        if len(languages) > 1:
            return f"task {task_id!r} exists in {len(languages)} languages: the row has to name its language"
        for language in languages:
            if (language, task_id) in self._chosen:
                return language, task_id
            if self._asked and language not in self._asked:
                return _NotAskedFor(language)
            if language in having:
                return _NotAskedFor(BEYOND_LIMIT)
        if having:
            return f"unknown task: {task_id!r} in language {said!r} (it is there in {', '.join(having)})"
        return f"unknown task_id {task_id!r}"


LANGUAGE_NAMES = {
    "cs": "csharp",
    "go_test.go": "go",
    "jl": "julia",
    "js": "javascript",
    "pl": "perl",
    "py": "python",
    "rb": "ruby",
    "rkt": "racket",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "ts": "typescript",
}
"""What published files call languages (MultiPL-E's file endings) -> our names."""


def language_called(name: str) -> str:
    """Return our name of a language: Linguist knows the names that LANGUAGE_NAMES does not; an unknown one stays."""
    folded = name.strip().lower()
    found = LANGUAGE_NAMES.get(folded) or language_named(folded) or folded
    return LANGUAGE_NAMES.get(found, found)


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
    reason = row.row.get("finish_reason")
    answer = replace(
        answer,
        sample_index=int(row.index or 0),
        finish_reason=reason if isinstance(reason, str) else "",
    )
    if name == "completion":
        return replace(answer, form="completion", solution=benchmark.text(problem) + text, response=text)
    if name == "response":
        form: AnswerForm = "completion" if row.row.get("form") == "completion" else "chat"
        found = benchmark.extract(problem, text, form)
        how = f"failed: {found.how}" if found.failed else found.how
        return replace(answer, form=form, solution=found.solution, response=text, how=how)
    return answer


def describe_missing(missing: Sequence[Key], samples: int = 1) -> str:
    """Name the first tasks without an answer, or with fewer than `samples`."""
    lacking = Counter(missing)
    names = [
        task if count == samples else f"{task} has {samples - count} of {samples} samples"
        for (_, task), count in lacking.items()
    ]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
