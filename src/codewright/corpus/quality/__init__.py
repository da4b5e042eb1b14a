"""The quality rules: measurements of a text, rule sets with bounds, verdicts. The measurements are in `corpus/rules`."""

from codewright.corpus.quality.measures import Bounds, RuleSet, measure, measurements, rule_sets
from codewright.corpus.quality.text_view import TextView
from codewright.corpus.quality.verdicts import Fired, RuleBook, Verdict, judge, warm_up

__all__ = [
    "Bounds", "Fired", "RuleBook", "RuleSet", "TextView", "Verdict", "judge", "measure", "measurements", "rule_sets", "warm_up",
]  # fmt: skip
