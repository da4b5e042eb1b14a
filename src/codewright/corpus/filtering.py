"""Quality rules: a rule is a measurement with bounds. Files under `rules/` hold them; the file is the language.

    @rule(high=1000, source="StarCoder, arXiv 2305.06161, section 3.1")
    def max_chars_line(doc): ...

A document is dropped when any bound is broken, and every rule that fired is recorded with its value. A rule that
crashes sends that one document to quarantine; the other rules and documents are not affected.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from codewright.core.errors import ConfigError
from codewright.core.plugins import list_plugins, load_plugin
from codewright.core.records import Document
from codewright.core.text import did_you_mean

RULES_PACKAGE = "codewright.corpus.rules"
UNIVERSAL = "text"
"""The rule file that applies to every language."""

Measure = Callable[[Document], float | None]


@dataclass(frozen=True)
class Rule:
    """A measurement with the bounds a kept document stays within (both inclusive); None as value: not applicable."""

    name: str
    file: str
    measure: Measure
    low: float | None
    high: float | None
    source: str

    def fires(self, value: float | None) -> bool:
        """Tell whether a value breaks a bound."""
        if value is None:
            return False
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)


@dataclass(frozen=True)
class Verdict:
    """What the rules said of one document: each rule that fired with its value, or the rule that crashed and how."""

    fired: Mapping[str, float]
    crashed: str | None = None
    error: str = ""


def rule(*, low: float | None = None, high: float | None = None, source: str) -> Callable[[Measure], Measure]:
    """Mark a measurement as a rule. source: paper section or repository file of the bound, or "ours" and why."""

    def mark(measure: Measure) -> Measure:
        measure.bounds = (low, high, source)  # type: ignore[attr-defined]
        return measure

    return mark


def load_rules(files: Iterable[str], overrides: Mapping[str, Mapping[str, float]]) -> dict[str, list[Rule]]:
    """Load rule files by name and apply bounds overridden in the recipe.

    overrides: rule name -> {"low": x, "high": y}. Raises ConfigError for an unknown file, rule or bound.
    """
    rules = {file: _rules_of(file, load_plugin(RULES_PACKAGE, file)) for file in files}
    known = {item.name for group in rules.values() for item in group}
    for name, bounds in overrides.items():
        if name not in known:
            raise ConfigError(f"override: no loaded rule named '{name}'{did_you_mean(name, known)}")
        for key in bounds:
            if key not in {"low", "high"}:
                raise ConfigError(f"override of {name}: unknown bound '{key}'; known: low, high")
    return {
        file: [replace(item, **overrides.get(item.name, {})) for item in group]  # type: ignore[arg-type]
        for file, group in rules.items()
    }


def available_rules() -> dict[str, list[Rule]]:
    """Load every rule file there is."""
    return {file: _rules_of(file, load_plugin(RULES_PACKAGE, file)) for file in list_plugins(RULES_PACKAGE)}


def _rules_of(file: str, module: ModuleType) -> list[Rule]:
    found: list[Rule] = []
    for name, member in vars(
        module
    ).items():  # in the file's order: the first rule that fires names the reason
        bounds: Any = getattr(member, "bounds", None)
        if bounds is not None:
            found.append(Rule(name, file, member, *bounds))
    return found


def judge(doc: Document, rules: Mapping[str, list[Rule]]) -> Verdict:
    """Apply the universal rules and those of the document's language."""
    fired: dict[str, float] = {}
    for file in (UNIVERSAL, doc.language):
        for item in rules.get(file, []):
            try:
                value = item.measure(doc)
            except Exception as error:
                return Verdict({}, item.name, f"{type(error).__name__}: {error}")
            if value is not None and item.fires(value):
                fired[item.name] = round(float(value), 6)
    return Verdict(fired)
