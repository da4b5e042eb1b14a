"""The verdict on one document: everything measured, the rules that fired, and those that crashed.

    book = RuleBook(overrides={"qsc_code_num_lines": {"low": 5}})
    verdict = book.judge(content, name="src/a.py", language="python", doc_id=...)

`fixed` guards every rule alone and draws gates from the document's id. `reference` gives the values and verdicts of
opc_data_filtering, gated rules counted as firing; it is for comparison and slow.
"""

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from codewright.core.errors import ConfigError
from codewright.core.rng import stable_hash
from codewright.core.text import did_you_mean, one_line
from codewright.corpus.quality.doc_types import CODE, DATA, TEXT, doc_type_of, plain_name
from codewright.corpus.quality.measures import (
    GATE,
    Rule,
    RuleSet,
    parses_last,
    rule_set_name,
    rule_sets,
    without_gates,
)
from codewright.corpus.quality.splitting import split_by_syntax, split_like_reference
from codewright.corpus.quality.text_view import TextView

Mode = Literal["fixed", "reference"]
MODES: tuple[Mode, ...] = ("fixed", "reference")

CORRECTIONS: Mapping[str, str] = {
    "comments": "comments by each language's own syntax, not by the first comment line on; trailing ones and Perl's too",
    "javascript": "JavaScript by a parser of today: optional chaining, class fields, JSX, a hashbang line",
    "names": "whole file names, so that Go's tests are known",
    "gates": "gated rules drawn from the document's id, not always firing (the reference draws at random)",
    "guards": "a rule that crashes loses itself only, not the rest of its group",
    "types": "excluded languages that the reference's list misspells",
    "sets": "rule sets of our own for languages that the reference judges as `others`",
}
"""What `fixed` does otherwise than the reference, by name; each can be asked for alone, to see what it changes."""

_NEEDED = {"comments": "pygments", "javascript": "esprima"}
"""What the reference does with a package that we do without."""

UNSUPPORTED = {"zh": "jieba and zhconv", "ja": "MeCab"}
"""Natural languages whose words the reference finds with large dictionaries that are no dependency here."""


class Fired(NamedTuple):
    """A rule that fired: the value and the bound it broke, as `> 0.2`."""

    value: float
    bound: str


@dataclass(frozen=True)
class Verdict:
    """What the rules said of one document. A document of no wanted type has no rule set and is not kept."""

    doc_type: str
    rule_set: str | None
    keep: bool
    fired: Mapping[str, Fired] = field(default_factory=dict)
    spared: Mapping[str, Fired] = field(default_factory=dict)
    """Gated rules whose bound was broken but whose draw let the document pass."""
    measurements: Mapping[str, float | None] = field(default_factory=dict)
    crashed: Mapping[str, str] = field(default_factory=dict)


class RuleBook:
    """All rule sets with their bounds, ready to judge.

    corrections: some of CORRECTIONS; all of them in mode `fixed` and none in `reference` if not given.
    Raises ConfigError for an unknown mode or correction, a wrong override or a package that reference mode lacks.
    """

    def __init__(
        self, mode: str = "fixed", overrides: Mapping[str, Mapping[str, float | None]] | None = None, seed: int = 0,
        corrections: Iterable[str] | None = None,
    ) -> None:  # fmt: skip
        if mode not in MODES:
            raise ConfigError(f"mode: no '{mode}'{did_you_mean(mode, MODES)}; there are: {', '.join(MODES)}")
        self.mode: Mode = "reference" if mode == "reference" else "fixed"
        self.corrections = frozenset(
            corrections if corrections is not None else CORRECTIONS if mode == "fixed" else ()
        )
        for unknown in self.corrections - set(CORRECTIONS):
            raise ConfigError(f"corrections: no '{unknown}'{did_you_mean(unknown, CORRECTIONS)}; there are: {', '.join(CORRECTIONS)}")  # fmt: skip
        for without, package in _NEEDED.items():
            if without not in self.corrections and importlib.util.find_spec(package) is None:
                raise ConfigError(
                    f"mode reference needs the package '{package}': pip install 'codewright[reference]'"
                )
        self.seed = seed
        made = rule_sets(overrides)
        if "gates" not in self.corrections:
            made = {name: without_gates(one) for name, one in made.items()}
        if "guards" in self.corrections:  # where no group is given up, the order is ours to choose
            made = {name: parses_last(one) for name, one in made.items()}
        self.sets: dict[str, RuleSet] = made

    def judge(
        self, content: str, *, name: str, language: str | None, doc_id: str = "", lang: str = "en",
        size_bytes: int | None = None, doc_type: str | None = None, complete: bool = True,
    ) -> Verdict:  # fmt: skip
        """Measure a document and say whether it is kept.

        name: file name or path, for its extension. lang: the natural language, `en` or anything else but zh and ja.
        size_bytes: on disk; the UTF-8 length if not given. doc_type: text, code, data or another, else by the language.
        complete: if not, what needs a parse is left out of a document that is dropped anyway: the same `keep` in less time.
        Raises ConfigError for lang zh and ja.
        """
        if lang in UNSUPPORTED:
            raise ConfigError(f"lang {lang}: words would need {UNSUPPORTED[lang]}, which is not supported; leave such documents out or pass 'other'")  # fmt: skip
        language = plain_name(language) if language else None
        doc_type = doc_type or doc_type_of(language, reference="types" not in self.corrections)
        if doc_type not in {TEXT, CODE, DATA}:
            return Verdict(doc_type, None, keep=False)
        if size_bytes is None:
            size_bytes = len(content.encode("utf-8", "surrogatepass"))
        if "\r" in content:  # as a text file is read
            content = content.replace("\r\n", "\n").replace("\r", "\n")
        split = split_by_syntax if "comments" in self.corrections else split_like_reference
        view = TextView(content, name, language or "", lang, size_bytes, self.corrections, split)
        rules = self.sets[
            rule_set_name(doc_type, language or "", lang, reference="sets" not in self.corrections)
        ]
        return self._decide(view, rules, doc_type, doc_id, complete)

    def _decide(
        self, view: TextView, rules: RuleSet, doc_type: str, doc_id: str, complete: bool
    ) -> Verdict:  # fmt: skip
        values: dict[str, float | None] = {}
        crashed: dict[str, str] = {}
        given_up: set[str] = set()
        fired: dict[str, Fired] = {}
        spared: dict[str, Fired] = {}
        for rule in rules.rules:
            if rule.parses and fired and not complete:
                break
            if rule.group in given_up:
                continue
            try:
                measured = rule.function(view)
                value = None if measured is None else float(measured)
            except Exception as error:  # whatever a rule does, only that rule is lost
                crashed[rule.name] = one_line(f"{type(error).__name__}: {error}")
                value = None
                if "guards" not in self.corrections:
                    given_up.add(rule.group)
            values[rule.name] = value
            if value is not None and not rule.bounds.hold(value):
                chosen = spared if rule.gated and not self._drawn(rule, doc_id) else fired
                chosen[rule.name] = Fired(value, rule.bounds.broken_by(value))
        return Verdict(doc_type, rules.name, not fired, fired, spared, values, crashed)

    def _drawn(self, rule: Rule, doc_id: str) -> bool:
        """Draw whether a gated rule fires: the same for a document in any run with this seed."""
        return stable_hash("gate", self.seed, rule.name, doc_id) / 2**64 > GATE


def judge(
    content: str, *, name: str, language: str | None, mode: str = "fixed",
    overrides: Mapping[str, Mapping[str, float | None]] | None = None, doc_id: str = "", lang: str = "en",
) -> Verdict:  # fmt: skip
    """Judge one document with a rule book of its own; `RuleBook` serves for many."""
    return RuleBook(mode, overrides).judge(content, name=name, language=language, doc_id=doc_id, lang=lang)


def warm_up() -> None:
    """Compile every kernel that judging uses, or load it from the cache; workers then find them there."""
    book = RuleBook()
    for language in ("c", "html", "text"):
        book.judge("<p>int a = 'b'; /* é */</p>\n", name="a", language=language)
    for language in ("python", "javascript"):
        book.judge("a = 1\n", name="a", language=language)
