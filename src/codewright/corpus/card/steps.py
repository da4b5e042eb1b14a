"""What a corpus held after every step, in all and by language, from the details of its stages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OTHERS = "others"

_ORDER = ("ingest", "budget", "dedup", "tokens", "transform", "filter", "sample")
"""That of `corpus.build`: a manifest is written with its keys sorted."""


@dataclass(frozen=True)
class Amount:
    """How much there is. tokens: None where nobody counted; estimated: from the bytes, by the language's later ratio."""

    documents: int = 0
    bytes: int = 0
    tokens: int | None = None
    estimated: bool = False

    def __add__(self, other: "Amount") -> "Amount":
        """Add up; tokens only where both were counted."""
        both = None if self.tokens is None or other.tokens is None else self.tokens + other.tokens
        estimated = self.estimated or other.estimated
        return Amount(self.documents + other.documents, self.bytes + other.bytes, both, estimated)


@dataclass(frozen=True)
class Step:
    """One stage of the way and what was there when it had ended."""

    name: str
    total: Amount
    languages: Mapping[str, Amount]
    dropped: Mapping[str, int]
    quarantined: int
    seconds: float

    @property
    def lost(self) -> int:
        """Documents that did not get past this stage."""
        return sum(self.dropped.values()) + self.quarantined


def steps_of(stages: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """Read a manifest's `details.stages`."""
    stages = {name: stages[name] for name in _ORDER if name in stages}
    rates = _tokens_per_byte(stages)
    found = []
    for name, details in stages.items():
        languages = _languages(details, rates)
        zero = Amount(tokens=0 if rates is not None else None)
        counts = details["counts"]
        total = sum(languages.values(), zero)
        found.append(
            Step(name, total, languages, counts["dropped"], counts["quarantined"], details["seconds"])
        )
    return found


def _tokens_per_byte(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, float] | None:
    """Return each language's rate where tokens were counted first, None where they never were."""
    first = next((details for details in stages.values() if "tokens_by_language" in details), None)
    if first is None:
        return None
    sizes = first["bytes_by_language"]
    rates = {
        name: tokens / sizes[name] for name, tokens in first["tokens_by_language"].items() if sizes[name]
    }
    return {"": first["tokens_kept"] / max(first["bytes_kept"], 1), **rates}


def _languages(details: Mapping[str, Any], rates: Mapping[str, float] | None) -> dict[str, Amount]:
    counted = details.get("tokens_by_language")
    found = {}
    for name, size in details["bytes_by_language"].items():
        documents = details["documents_by_language"][name]
        if counted is not None:
            tokens = counted[name]
        else:
            tokens = None if rates is None else round(size * rates.get(name, rates[""]))
        found[name or "unknown"] = Amount(documents, size, tokens, counted is None and rates is not None)
    return found


def language_rows(steps: Sequence[Step], most: int) -> list[tuple[str, list[Amount | None]]]:
    """Return each language with what there was of it after every step, the largest at the end first.

    Beyond `most` languages the others share a row. None: the step had none of it.
    """
    names: dict[str, None] = {}
    for step in reversed(steps):
        largest = sorted(step.languages, key=lambda name: (-step.languages[name].bytes, name))
        names |= dict.fromkeys(largest)
    shown = list(names)[:most]
    rows = [(name, [step.languages.get(name) for step in steps]) for name in shown]
    rest = list(names)[most:]
    if rest:
        sums: list[Amount | None] = []
        for step in steps:
            parts = [step.languages[name] for name in rest if name in step.languages]
            sums.append(sum(parts[1:], parts[0]) if parts else None)
        rows.append((f"{len(rest)} {OTHERS}", sums))
    return rows
