"""Scores of all `eval.run` stages side by side, and the sentence that sums a run up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codewright.core.html import compact, number, signed_percent
from codewright.core.io import read_json
from codewright.core.text import human_bytes
from codewright.report.stages import Curve, Stage

_FORM_ORDER = ("chat", "completion")


@dataclass(frozen=True)
class Score:
    """A share with its 95 % interval, of one run of one model."""

    run: str
    model: str
    n: int
    hits: int
    share: float
    low: float
    high: float
    statuses: Mapping[str, int]
    forgeable: int

    @property
    def interval(self) -> str:
        """The interval in words."""
        return f"{self.low:.3f} to {self.high:.3f}"


@dataclass(frozen=True)
class Group:
    """The runs of one benchmark in one form, in the order of the recipe."""

    benchmark: str
    form: str
    scores: Sequence[Score]


@dataclass(frozen=True)
class Language:
    """What a run measured besides benchmarks: bits per byte on held-out files, valid functions by form."""

    run: str
    model: str
    bits: Mapping[str, Any] | None
    change: float | None
    """Of bits per byte, relative to the first run that has them; None for that one."""
    valid: Mapping[str, Score]


@dataclass(frozen=True)
class Scores:
    """All scores of a page."""

    pass_at_1: Sequence[Group]
    language: Sequence[Language]

    @property
    def forms(self) -> list[str]:
        """The forms in which valid functions were counted."""
        return sorted({form for row in self.language for form in row.valid}, key=_form_rank)

    @property
    def has_bits(self) -> bool:
        """Whether any run measured bits per byte."""
        return any(row.bits for row in self.language)


def gather_scores(evals: Sequence[Stage]) -> Scores | None:
    """Collect the scores of evaluation stages; None without any."""
    groups: dict[tuple[str, str], list[Score]] = {}
    language: list[Language] = []
    first_bits: float | None = None
    for stage in evals:
        run, model = stage.manifest.id, str(stage.manifest.config.get("model", ""))
        scores = stage.manifest.details.get("scores") or read_json(stage.dataset.folder / "scores.json")
        for benchmark, forms in scores.get("pass_at_1", {}).items():
            for form, value in forms.items():
                groups.setdefault((benchmark, form), []).append(_score(run, model, value))
        valid = {form: _score(run, model, value) for form, value in scores.get("valid_functions", {}).items()}
        bits = scores.get("bits_per_byte")
        change = bits["value"] / first_bits - 1 if bits and first_bits else None
        first_bits = first_bits or (bits["value"] if bits else None)
        language.append(Language(run, model, bits, change, valid))
    if not groups and not language:
        return None
    order = sorted(groups, key=lambda key: (key[0], _form_rank(key[1])))
    return Scores([Group(*key, groups[key]) for key in order], language)


def _form_rank(form: str) -> tuple[int, str]:
    return (_FORM_ORDER.index(form) if form in _FORM_ORDER else len(_FORM_ORDER), form)


def _score(run: str, model: str, value: Mapping[str, Any]) -> Score:
    return Score(
        run, model, value["n"], value["hits"], value["share"], value["low"], value["high"],
        dict(value.get("statuses", {})), value.get("forgeable_passes", 0),
    )  # fmt: skip


def result_sentences(scores: Scores | None, curves: Sequence[Curve], stages: Sequence[Stage]) -> list[str]:
    """Say the result in a sentence or two: scores where there are any, else the last loss, else what was kept."""
    if scores is not None and scores.pass_at_1:
        return _score_sentences(scores)
    if curves:
        last = curves[-1]
        return [
            f"{last.stage.manifest.id} trained on {compact(last.tokens)} tokens; "
            f"its loss went from {last.loss[0][1]:.3f} to {last.loss[-1][1]:.3f} nats per token."
        ]
    return [sentence for stage in stages if (sentence := _kept_sentence(stage))][-2:]


def _score_sentences(scores: Scores) -> list[str]:
    sentences: list[str] = []
    for benchmark in dict.fromkeys(group.benchmark for group in scores.pass_at_1):
        said: list[str] = []
        last_verb = ""
        for group in (group for group in scores.pass_at_1 if group.benchmark == benchmark):
            values = [score.share for score in group.scores]
            verb, rest = _movement(values[0], values[-1], len(values) > 1)
            score = group.scores[-1]
            interval = f"95\u00a0% interval {score.interval}, n\u00a0=\u00a0{score.n}"
            said.append(f"{'' if verb == last_verb else verb}{rest} in {group.form} form ({interval})")
            last_verb = verb
        sentences.append(f"Pass@1 on {benchmark} {' and '.join(said)}.")
    bits = [row.bits["value"] for row in scores.language if row.bits]
    if bits:
        change = f" ({signed_percent(bits[-1] / bits[0] - 1)})" if len(bits) > 1 else ""
        sentences.append(
            f"Bits per byte on held-out code {''.join(_movement(bits[0], bits[-1], len(bits) > 1))}{change}."
        )
    return sentences


def _movement(first: float, last: float, is_pair: bool) -> tuple[str, str]:
    """Say in verb and rest how a number went, as far as three decimals show it."""
    before, after = f"{first:.3f}", f"{last:.3f}"
    if not is_pair:
        return "is ", after
    if before == after:
        return "stays at ", after
    return "rises " if last > first else "falls ", f"from {before} to {after}"


def _kept_sentence(stage: Stage) -> str:
    manifest = stage.manifest
    if manifest.counts is None:
        return ""
    said = f"{manifest.id} kept {number(manifest.counts.kept)} of {number(manifest.counts.rows_in)}"
    if manifest.stage == "corpus.build":
        size = human_bytes(manifest.details.get("bytes_kept", 0))
        count = len(manifest.details.get("bytes_by_language", {}))
        return f"{said} files: {size} in {count} language{'s' if count != 1 else ''}."
    return f"{said} rows."
