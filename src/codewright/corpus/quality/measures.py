"""How a measurement is declared, and the tables made of all of them: which rule set has which with what bounds.

    @measure(high=0.2, source="...")
    def qsc_codelua_frac_lines_func_ratio(view): ...

A file of `corpus/rules` is a rule set, `code/NAME`: its measurements are its own, and `BOUNDS` in it changes those of
`code.py`, which all sets of code share. `text.py` holds those of prose. A measurement without bounds is only reported.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

from codewright.core.errors import ConfigError
from codewright.core.plugins import list_plugins, load_plugin
from codewright.core.text import did_you_mean
from codewright.corpus.quality.text_view import TextView

RULES_PACKAGE = "codewright.corpus.rules"

Measure = Callable[[TextView], float | None]

OPC = "OpenCoder-llm/opc_data_filtering"
"""Where most bounds come from: pipeline/code_filter_config.py and pipeline/text_filter_config.py of that repository."""

REFERENCE_SETS = (
    "text/en", "text/zh", "code/others", "code/data", "code/shell", "code/sql", "code/python", "code/cpp", "code/c",
    "code/csharp", "code/go", "code/html", "code/java", "code/javascript",
)  # fmt: skip
"""The 14 rule sets of that repository; any other is ours and serves the fixed mode only."""

GATE = 0.2
"""A gated rule spares a document whose draw is not above this (the same files)."""

_TEXT, _CODE = "text", "code"


class Bounds(NamedTuple):
    """What fires: a value below `low`, above `high` or equal to `equal`; None where there is no such bound."""

    low: float | None = None
    high: float | None = None
    equal: float | None = None

    def hold(self, value: float) -> bool:
        """Tell whether a value breaks none."""
        low, high, equal = self
        return (low is None or value >= low) and (high is None or value <= high) and value != equal

    def broken_by(self, value: float) -> str:
        """Return the bound that a value breaks, as `> 0.2`; empty if it breaks none."""
        if self.low is not None and value < self.low:
            return f"< {self.low:g}"
        if self.high is not None and value > self.high:
            return f"> {self.high:g}"
        return f"= {self.equal:g}" if value == self.equal else ""

    def __bool__(self) -> bool:
        """Tell whether there is any bound."""
        return any(bound is not None for bound in self)

    def __str__(self) -> str:
        """Write them as what fires, e.g. `< 50 or > 5000`."""
        signs = zip("<>=", self, strict=True)
        return " or ".join(f"{sign} {bound:g}" for sign, bound in signs if bound is not None) or "-"


@dataclass(frozen=True)
class Measurement:
    """One measurement as declared. file: of `corpus/rules`; per_set: where a rule set's bounds differ from `bounds`."""

    name: str
    file: str
    function: Measure
    bounds: Bounds
    per_set: Mapping[str, Bounds]
    gated: bool
    source: str
    parses: bool


@dataclass(frozen=True)
class Rule:
    """A measurement within a rule set, with the bounds that hold there."""

    name: str
    function: Measure
    bounds: Bounds
    gated: bool
    source: str
    group: str
    """`general` or `specific`: the reference gives up a group at its first crash."""
    parses: bool
    """Whether it needs a syntax tree, which takes longer than all the others together."""


@dataclass(frozen=True)
class RuleSet:
    """The rules that a document is judged by, in the order they are measured in."""

    name: str
    rules: tuple[Rule, ...] = field(repr=False)


def measure(
    *, low: float | None = None, high: float | None = None, equal: float | None = None, source: str,
    per_set: Mapping[str, Bounds] | None = None, gated: bool = False, parses: bool = False,
) -> Callable[[Measure], Measure]:  # fmt: skip
    """Mark a function of a text as a measurement; its name is the measurement's.

    source: where the bounds come from, or "ours" and why. gated: fires with a chance of 0.8 only, drawn from the document's id.
    parses: needs a syntax tree, so it comes last.
    """

    def mark(function: Measure) -> Measure:
        function.measured = (Bounds(low, high, equal), dict(per_set or {}), gated, source, parses)  # type: ignore[attr-defined]
        return function

    return mark


@cache
def measurements() -> tuple[Measurement, ...]:
    """Return every measurement: of prose, of code, then those of each language."""
    files = [_TEXT, _CODE, *(file for file in list_plugins(RULES_PACKAGE) if file not in {_TEXT, _CODE})]
    found: list[Measurement] = []
    for file in files:
        for name, member in vars(load_plugin(RULES_PACKAGE, file)).items():
            declared: Any = getattr(member, "measured", None)
            if declared is not None and name == member.__name__:
                found.append(Measurement(name, file, member, *declared))
    return tuple(found)


@cache
def _set_of_language() -> dict[str, str]:
    """Return language -> rule set; a file serves its own name and those it lists in LANGUAGES."""
    served: dict[str, str] = {}
    for file in list_plugins(RULES_PACKAGE):
        if file not in {_TEXT, _CODE}:
            module = load_plugin(RULES_PACKAGE, file)
            served.update(dict.fromkeys((file, *getattr(module, "LANGUAGES", ())), f"code/{file}"))
    return served


def rule_set_name(doc_type: str, language: str, lang: str, *, reference: bool = False) -> str:
    """Name the rule set of a document of type text, code or data."""
    if doc_type == "text":
        return "text/zh" if lang == "zh" else "text/en"
    named = _set_of_language().get(language)
    if named and (named in REFERENCE_SETS or not reference) and named != "code/data":
        return named
    return "code/data" if doc_type == "data" else "code/others"


def rule_sets(overrides: Mapping[str, Mapping[str, float | None]] | None = None) -> dict[str, RuleSet]:
    """Make every rule set. overrides: measurement -> {low, high, equal}, in all sets; None takes a bound away.

    Raises ConfigError for an unknown measurement or bound, or a bound that is no number.
    """
    changes = _checked(overrides or {})
    names = ["text/en", "text/zh", "code/others", *sorted(set(_set_of_language().values()))]
    return {name: _make(name, changes) for name in names}


def _make(name: str, changes: Mapping[str, Mapping[str, float | None]]) -> RuleSet:
    kind, file = name.split("/")
    is_text = kind == _TEXT
    of_set: Mapping[str, Bounds] = {}
    if not is_text and file != "others":
        of_set = getattr(load_plugin(RULES_PACKAGE, file), "BOUNDS", {})
    rules = []
    for item in measurements():
        if item.file not in ({_TEXT} if is_text else {_CODE, file}):
            continue
        bounds = of_set.get(item.name, item.per_set.get(name, item.bounds))
        bounds = bounds._replace(**changes.get(item.name, {}))
        group = "general" if item.file in {_TEXT, _CODE} else "specific"
        rules.append(Rule(item.name, item.function, bounds, item.gated, item.source, group, item.parses))
    return RuleSet(name, tuple(rules))


def _checked(overrides: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    known = {item.name for item in measurements()}
    checked: dict[str, dict[str, float | None]] = {}
    for name, bounds in overrides.items():
        if name not in known:
            raise ConfigError(f"override: no measurement named '{name}'{did_you_mean(name, known)}")
        if not isinstance(bounds, Mapping):
            raise ConfigError(f"override of {name}: expected bounds such as {{high: 0.4}}, got {bounds!r}")
        for key, value in bounds.items():
            if key not in Bounds._fields:
                near = did_you_mean(str(key), Bounds._fields)
                raise ConfigError(f"override of {name}: unknown bound '{key}'{near}; known: low, high, equal")
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ConfigError(f"override of {name}: {key} must be a number or null, got {value!r}")
        checked[name] = dict(bounds)
    return checked


def without_gates(rule_set: RuleSet) -> RuleSet:
    """Return a rule set whose gated rules always fire."""
    return replace(rule_set, rules=tuple(replace(rule, gated=False) for rule in rule_set.rules))


def parses_last(rule_set: RuleSet) -> RuleSet:
    """Return a rule set with what needs a syntax tree at its end."""
    return replace(rule_set, rules=tuple(sorted(rule_set.rules, key=lambda rule: rule.parses)))
