"""Is one better than the other? Two evaluations on the same tasks, task by task: exact tests, intervals, and the answer in words.

Both the test and the interval have to speak for a difference before the words do: with few discordant tasks the bootstrap is
too sure, and the exact test keeps it in check.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from codewright.core.errors import ConfigError
from codewright.core.text import one_line
from codewright.evals.metrics import RESAMPLES, SEED, Floats, bootstrap_means, percentile_interval
from codewright.evals.results import Key, Results, Tally, load_results

ALPHA = 0.05
"""Matches the 95 % intervals."""

_NAMED = 3
"""Tasks named in an error."""

SHOWN_FLIPS = 20
"""Tasks printed in either direction; as JSON there are all."""

EXACT = "exact McNemar"
PERMUTED = "paired permutation"


@dataclass(frozen=True)
class Paired:
    """A mean paired difference (first minus second), its 95 % interval, and a two-sided p with the test it is of."""

    difference: float
    low: float
    high: float
    p: float
    test: str

    @property
    def is_distinguishable(self) -> bool:
        """Whether test and interval agree that there is a difference."""
        return self.p < ALPHA and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class McNemar:
    """Tasks that only one of the two passed. basis: which answer of a task counts."""

    only_a: int
    only_b: int
    p: float
    basis: str


@dataclass(frozen=True)
class Flip:
    """A task on which the two differ, with the share of answers that passed."""

    language: str
    task_id: str
    a: float
    b: float


@dataclass(frozen=True)
class ColumnComparison:
    """One kind of verdict (`passed`, `base`, `plus`) compared. a, b: pass@1; better_a, better_b: tasks, largest difference first."""

    column: str
    a: float
    b: float
    paired: Paired
    mcnemar: McNemar
    is_distinguishable: bool
    sentence: str
    better_a: Sequence[Flip]
    better_b: Sequence[Flip]


@dataclass(frozen=True)
class Comparison:
    """Two evaluations of one benchmark. tasks: compared; of: there are in the benchmark; warnings: what was not the same."""

    benchmark: str
    a: str
    b: str
    folder_a: str
    folder_b: str
    tasks: int
    of: int
    columns: Sequence[ColumnComparison]
    warnings: Sequence[str]

    @property
    def coverage(self) -> str:
        """Say n of N where not all tasks are compared; else nothing."""
        return f"{self.tasks:,} of {self.of:,} tasks" if self.tasks < self.of else ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)


def exact_mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p of the discordant pairs: twice the smaller binomial tail at 1/2, at most 1.

    Source: McNemar 1947; the exact form is the sign test on discordant pairs (Agresti, Categorical Data Analysis, 3rd ed., 11.1).
    """
    n, least = only_a + only_b, min(only_a, only_b)
    tail, ways = 0, 1
    for i in range(least + 1):
        tail += ways
        ways = ways * (n - i) // (i + 1)
    return min(1.0, float(2 * tail / 2**n))


def compare_values(a: Floats, b: Floats, seed: int = SEED) -> Paired:
    """Compare two rows of values of the same tasks, each from 0 to 1.

    Interval: paired bootstrap, RESAMPLES draws of whole tasks, percentiles. p: where every value is 0 or 1 exact McNemar, else a
    permutation test: were the two alike, each task's difference could as well have the other sign. For zeros and ones this is
    McNemar's test, so that one rule covers both. Source: Efron & Tibshirani 1993, chapters 13 and 15.
    """
    differences = a - b
    if not len(differences):
        return Paired(0.0, -1.0, 1.0, 1.0, EXACT)
    mean = float(differences.mean())
    low, high = percentile_interval(bootstrap_means(differences, seed))
    if set(np.unique(np.concatenate([a, b])).tolist()) <= {0.0, 1.0}:
        p, test = exact_mcnemar(int((differences > 0).sum()), int((differences < 0).sum())), EXACT
    else:
        p, test = _permutation_p(differences, seed), PERMUTED
    return Paired(round(mean, 6), round(low, 6), round(high, 6), float(f"{p:.6g}"), test)


def _permutation_p(differences: Floats, seed: int) -> float:
    """Flip signs at random; per distinct size, how many stay positive is binomial. The draw that was seen counts as one."""
    sizes, counts = np.unique(np.round(np.abs(differences), 12), return_counts=True)
    positive = np.random.default_rng(seed).binomial(counts, 0.5, size=(RESAMPLES, len(sizes)))
    sums = (2 * positive - counts) @ sizes
    as_extreme = np.abs(sums) >= abs(float(differences.sum())) - 1e-9
    return float((1 + as_extreme.sum()) / (1 + RESAMPLES))


def compare_folders(
    a: str | Path, b: str | Path, *, common_only: bool = False, seed: int = SEED
) -> list[Comparison]:
    """Compare two evaluations' folders, one comparison a benchmark.

    common_only: compare what both have, where they differ in tasks or benchmarks. Raises ConfigError for folders that hold no
    finished evaluation, and without `common_only` for other benchmarks or tasks, naming them.
    """
    results_a = {one.benchmark: one for one in load_results(a)}
    results_b = {one.benchmark: one for one in load_results(b)}
    common = [name for name in results_a if name in results_b]
    if not common or (set(results_a) != set(results_b) and not common_only):
        raise ConfigError(
            f"not the same benchmarks: {a} holds {', '.join(results_a)}; {b} holds {', '.join(results_b)}"
            + (". --common compares those that both have" if common else "")
        )
    return [compare(results_a[name], results_b[name], common_only=common_only, seed=seed) for name in common]


def compare(a: Results, b: Results, *, common_only: bool = False, seed: int = SEED) -> Comparison:
    """Compare two evaluations of one benchmark. Raises ConfigError for different tasks unless `common_only`."""
    in_b = b.tallies("passed")
    in_a = a.tallies("passed")
    keys = [key for key in in_a if key in in_b]
    if (len(keys) < len(in_a) or len(keys) < len(in_b)) and not (common_only and keys):
        raise ConfigError(_describe_difference(a, b, in_a, in_b))
    names = _names(a, b)
    columns = [name for name in a.columns if name in b.columns] or ["passed"]
    return Comparison(
        benchmark=a.benchmark,
        a=names[0],
        b=names[1],
        folder_a=str(a.folder),
        folder_b=str(b.folder),
        tasks=len(keys),
        of=max(a.scores["tasks"]["of"], b.scores["tasks"]["of"], len({*in_a, *in_b})),
        columns=[_compare_column((a, b), column, keys, names, seed) for column in columns],
        warnings=find_differences(a, b, names),
    )


def _describe_difference(a: Results, b: Results, in_a: Mapping[Key, Tally], in_b: Mapping[Key, Tally]) -> str:
    parts = [
        f"{have.folder} has {len(missing)} that {lack.folder} has not ({_list_tasks(missing)})"
        for have, lack, missing in (
            (a, b, [key for key in in_a if key not in in_b]),
            (b, a, [key for key in in_b if key not in in_a]),
        )
        if missing
    ]
    common = sum(key in in_b for key in in_a)
    advice = f"; --common compares the {common} tasks that both have" if common else ""
    return f"{a.benchmark}: not the same tasks: {'; '.join(parts)}{advice}"


def _list_tasks(keys: Sequence[Key]) -> str:
    several = len({language for language, _ in keys}) > 1
    names = [f"{language} {task}" if several else task for language, task in keys[:_NAMED]]
    return ", ".join(names) + (" ..." if len(keys) > _NAMED else "")


def _names(a: Results, b: Results) -> tuple[str, str]:
    """Name the two apart: by model, by both model and folder where that is the same."""
    if a.model != b.model:
        return a.model, b.model
    return f"{a.model} ({a.folder})", f"{b.model} ({b.folder})"


def _compare_column(
    both: tuple[Results, Results], column: str, keys: Sequence[Key], names: tuple[str, str], seed: int
) -> ColumnComparison:
    all_a, all_b = (one.tallies(column) for one in both)
    tallies = [(all_a[key], all_b[key]) for key in keys]
    values_a = np.array([left.rate for left, _ in tallies], dtype=np.float64)
    values_b = np.array([right.rate for _, right in tallies], dtype=np.float64)
    paired = compare_values(values_a, values_b, seed)
    only_a = sum(left.first and not right.first for left, right in tallies)
    only_b = sum(right.first and not left.first for left, right in tallies)
    single = all(left.samples == right.samples == 1 for left, right in tallies)
    basis = "the one answer of each task" if single else "the first answer of each task"
    flips = [
        Flip(*key, left.rate, right.rate)
        for key, (left, right) in zip(keys, tallies, strict=True)
        if left.rate != right.rate
    ]
    flips.sort(key=lambda flip: -abs(flip.a - flip.b))
    return ColumnComparison(
        column=column,
        a=round(float(values_a.mean()), 6) if len(keys) else 0.0,
        b=round(float(values_b.mean()), 6) if len(keys) else 0.0,
        paired=paired,
        mcnemar=McNemar(only_a, only_b, float(f"{exact_mcnemar(only_a, only_b):.6g}"), basis),
        is_distinguishable=paired.is_distinguishable,
        sentence=in_words(paired, names, len(keys), len(flips)),
        better_a=[flip for flip in flips if flip.a > flip.b],
        better_b=[flip for flip in flips if flip.b > flip.a],
    )


def in_words(paired: Paired, names: tuple[str, str], tasks: int, flips: int) -> str:
    """Say the outcome in one sentence."""
    if not flips:
        return f"not distinguishable: {names[0]} and {names[1]} pass the same on all {tasks:,} tasks"
    is_b = paired.difference < 0
    better, worse = (names[1], names[0]) if is_b else names
    low, high = (-paired.high, -paired.low) if is_b else (paired.low, paired.high)
    numbers = f"(95 % interval {_points(low)} to {_points(high)}, {format_p(paired.p)})"
    gap = _points(abs(paired.difference))
    if paired.is_distinguishable:
        return f"{better} is better than {worse} by {gap} points {numbers}"
    if paired.difference == 0:
        return f"not distinguishable: {names[0]} and {names[1]} pass as many tasks {numbers}"
    return f"not distinguishable: {better} is {gap} points ahead of {worse} {numbers}"


def _points(share: float) -> str:
    text = f"{100 * share:.1f}"
    return "0.0" if text == "-0.0" else text


def format_p(p: float) -> str:
    """Format a p value with as many digits as keep it on its side of ALPHA."""
    if p < 0.001:
        return "p < 0.001"
    text = next(text for digits in range(2, 8) if ((float(text := f"{p:.{digits}g}") < ALPHA) == (p < ALPHA)))
    return f"p = {text}"


_SAMPLING = ("temperature", "top_p", "max_tokens")


def find_differences(a: Results, b: Results, names: tuple[str, str]) -> list[str]:
    """Name what was not the same and may account for a difference between scores."""
    found = []
    for what, left, right in (
        ("data (sha256)", *(one.scores.get("data", {}).get("sha256") for one in (a, b))),
        ("release", *(one.scores.get("data", {}).get("release") for one in (a, b))),
        ("prompt style", *(_style(one, same_model=a.model == b.model) for one in (a, b))),
        ("limits", *(_limits(one) for one in (a, b))),
        ("isolation", *(one.scores.get("isolation") for one in (a, b))),
        ("answers a task", *(one.scores["samples"].get("most") for one in (a, b))),
        *(
            (name, *(one.scores.get("answers", {}).get(name) for one in (a, b)))
            for name in _SAMPLING
            if all(name in one.scores.get("answers", {}) for one in (a, b))
        ),
    ):
        if left != right:
            found.append(f"{what} differs: {_say(left)} for {names[0]}, {_say(right)} for {names[1]}")
    for one, name in zip((a, b), names, strict=True):
        if one.coverage:
            found.append(f"{name} is partial: {one.coverage}")
        if one.scores.get("forced"):
            found.append(f"the score of {name} is forced: {one.scores['forced']}")
        if one.scores["forgeable_passes"]:
            found.append(f"{one.scores['forgeable_passes']} passes of {name} could have been forged")
    return found


_OF_THE_MODEL = frozenset({"model", "weights", "chat_template"})
"""Parts of the prompt style that belong to a model: between two models they differ, and nobody need be told."""


def _style(one: Results, same_model: bool) -> dict[str, Any]:
    left_out = {"base_url"} | (frozenset() if same_model else _OF_THE_MODEL)
    style = one.scores.get("prompt_style") or {}
    return {key: value for key, value in style.items() if key not in left_out}


def _limits(one: Results) -> Any:
    """Leave out how slow the machine is: limits follow it so that the verdicts need not."""
    limits = one.scores.get("limits")
    return (
        {key: value for key, value in limits.items() if key != "slowness"}
        if isinstance(limits, dict)
        else limits
    )


def _say(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_say(one)}" for key, one in sorted(value.items())) or "none"
    return "unknown" if value in (None, "") else str(value)[:80]


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print a table, the outcome in words, what was not the same, and the tasks that flipped."""
    tasks = comparison.coverage or f"{comparison.tasks:,} tasks"
    title = f"{comparison.benchmark}: {tasks}, pass@1 in percent"
    table = Table(title=_safe(title), title_justify="left")
    table.add_column("")
    for one in comparison.columns:
        table.add_column(one.column, justify="right")
    tests = list(dict.fromkeys(one.paired.test for one in comparison.columns))
    rows: list[tuple[str, Callable[[ColumnComparison], str]]] = [
        (comparison.a, lambda one: _points(one.a)),
        (comparison.b, lambda one: _points(one.b)),
        ("first - second", lambda one: _points(one.paired.difference)),
        ("95 % interval", lambda one: f"{_points(one.paired.low)} to {_points(one.paired.high)}"),
        (f"p, {' or '.join(tests)}", lambda one: re.sub("^p (= )?", "", format_p(one.paired.p))),
        ("tasks better in the first", lambda one: f"{len(one.better_a):,}"),
        ("tasks better in the second", lambda one: f"{len(one.better_b):,}"),
    ]
    for name, value in rows:
        table.add_row(_safe(name), *(value(one) for one in comparison.columns))
    console.print(table)
    for one in comparison.columns:
        label = "" if len(comparison.columns) == 1 else f"{one.column}: "
        console.print(_safe(f"{label}{one.sentence}"), soft_wrap=True)
        if one.paired.test != EXACT:
            found = one.mcnemar
            console.print(
                f"  exact McNemar on {found.basis}: {format_p(found.p)} ({found.only_a} against {found.only_b})",
                soft_wrap=True,
            )
    for warning in comparison.warnings:
        console.print(_safe(f"note: {warning}"), soft_wrap=True)
    for one in comparison.columns[-1:]:
        label = "" if len(comparison.columns) == 1 else f"{one.column}, "
        _print_flips(f"{label}better in {comparison.a}", one.better_a, console)
        _print_flips(f"{label}better in {comparison.b}", one.better_b, console)


def _print_flips(title: str, flips: Sequence[Flip], console: Console) -> None:
    if not flips:
        return
    several = len({flip.language for flip in flips}) > 1
    single = all(flip.a in (0, 1) and flip.b in (0, 1) for flip in flips)
    names = [
        (f"{flip.language} " if several else "")
        + flip.task_id
        + ("" if single else f" ({flip.a:.2g} against {flip.b:.2g})")
        for flip in flips[:SHOWN_FLIPS]
    ]
    more = f" and {len(flips) - SHOWN_FLIPS} more (--json lists all)" if len(flips) > SHOWN_FLIPS else ""
    console.print(_safe(f"{title}: {', '.join(names)}{more}"), soft_wrap=True)


def _safe(text: str) -> Text:
    """Make text of files safe for a terminal: no markup, no control characters."""
    return Text("".join(char if char.isprintable() else "\ufffd" for char in one_line(text, 4000)))
