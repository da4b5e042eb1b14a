"""What the measurements look at: one document, its counts, words, repeats, code and comments, each made when first asked for.

Everything here is the same in both modes; what differs is in `splitting.py` (comments) and `javascript.py` (syntax).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from codewright.corpus.quality import kernels
from codewright.corpus.quality.characters import (
    ASCII_FOLD,
    Kinds,
    Points,
    fold_for,
    kinds_for,
    normalised,
    points_of,
    text_of,
)
from codewright.corpus.quality.literals import c_functions, literals

if TYPE_CHECKING:
    from codewright.corpus.quality.javascript import ScriptFacts
    from codewright.corpus.quality.python_tree import PythonFacts

HEAD_CHARS = 200
"""How far generated files' notices are looked for (quality rules, section 4)."""


class Counts(NamedTuple):
    """Characters by kind, and lines."""

    chars: int
    spaces: int
    digits: int
    letters: int
    replacements: int
    curly: int
    lines: int
    longest: int


class Repeats(NamedTuple):
    """Words and how they repeat; top: characters x count of the commonest 2-, 3-, 4-gram; covered: by repeated 5- to 10-grams."""

    words: int
    chars: int
    distinct: int
    entropy: float
    top: tuple[float, ...]
    covered: tuple[float, ...]


class Literals(NamedTuple):
    """String literals of the code part: lines of more than 20 tokens, characters, characters in long words."""

    long_lines: int
    chars: int
    long_words: int


@dataclass
class TextView:
    """One document. `content` has LF line ends; corrections: by name, see `verdicts.CORRECTIONS`; `split` gives its code part and comment part (and of those the line comments)."""

    content: str
    name: str
    language: str
    lang: str
    size_bytes: int
    corrections: frozenset[str]
    split: "Callable[[TextView], Parts]" = field(repr=False)
    _captured: "dict[str, dict[str, int] | None]" = field(default_factory=dict, init=False, repr=False)

    @property
    def stem(self) -> str:
        """The base name up to its last dot; one that begins with its only dot is all stem."""
        base = self.name.rsplit("/", 1)[-1]
        at = base.rfind(".")
        return base[:at] if at > 0 else base

    @property
    def extension(self) -> str:
        """What follows the last dot of the base name, case kept."""
        base = self.name.rsplit("/", 1)[-1]
        at = base.rfind(".")
        return base[at + 1 :] if at > 0 else ""

    @cached_property
    def points(self) -> Points:
        """The content's code points."""
        return points_of(self.content)

    @cached_property
    def kinds(self) -> Kinds:
        """The table of kinds that fits the content."""
        return kinds_for(self.content)

    @cached_property
    def counts(self) -> Counts:
        """Characters by kind, lines and the longest."""
        return Counts(*map(int, kernels.count(self.points, self.kinds)))

    @cached_property
    def visible(self) -> int:
        """Characters that are not white space."""
        return self.counts.chars - self.counts.spaces

    @cached_property
    def raw_lines(self) -> list[str]:
        """Lines as they stand, each with its LF; only LF ends one."""
        return lines_of(self.content)

    @cached_property
    def repeats(self) -> Repeats:
        """Normalised words and their n-grams."""
        points, kinds = self.points, self.kinds
        fold = ASCII_FOLD if self.content.isascii() else fold_for(points)
        if fold is None:
            text = normalised(self.points)
            points, kinds, fold = points_of(text), kinds_for(text), np.empty(0, np.uint32)
        hashes, lengths = np.empty(len(points), np.uint64), np.empty(len(points), np.int64)
        words = kernels.words(points, kinds, fold, hashes, lengths)
        found = kernels.ngrams(hashes[:words], lengths[:words]).tolist()
        return Repeats(
            words, int(found[2]), int(found[0]), found[1], tuple(found[3:6]), tuple(found[6:12])
        )  # fmt: skip

    @cached_property
    def parts(self) -> "Parts":
        """The code part and the comment part."""
        return self.split(self)

    @cached_property
    def code(self) -> "Code":
        """The code part, measured."""
        return Code(self.parts.code, self.content.isascii())

    @cached_property
    def python(self) -> "PythonFacts | None":
        """What Python's own parser says; None where it refuses."""
        from codewright.corpus.quality.python_tree import python_facts

        return python_facts(self.content)

    @cached_property
    def script(self) -> "ScriptFacts | None":
        """What a JavaScript parser says; None where it refuses."""
        from codewright.corpus.quality import javascript

        return javascript.facts(self.content, modern="javascript" in self.corrections)

    def captured(self, grammar: str, query: str) -> dict[str, int] | None:
        """Return how often each capture of a tree-sitter query occurs; None where the text does not parse. Asked once."""
        if query not in self._captured:
            from codewright.corpus.quality.syntax_trees import counted

            self._captured[query] = counted(grammar, self.content, query)
        return self._captured[query]


@dataclass
class Parts:
    """A text cut in two: its code and its comments; line_comments: of these, without doc strings and blocks."""

    code: Points
    comments: str
    line_comments: str


class Code:
    """The code part: its lines that are not blank, and what is in them."""

    def __init__(self, points: Points, is_ascii: bool) -> None:
        self.points = points
        self._ascii = is_ascii
        self.kinds = kinds_for("" if is_ascii else "é")
        room = np.empty_like(points)
        length, self.lines, self.repeats = kernels.squeeze(points, self.kinds, room)
        self._squeezed: NDArray[np.uint32] = room[:length]

    @cached_property
    def squeezed(self) -> str:
        """Without blank lines."""
        return text_of(self._squeezed, ascii_only=self._ascii)

    @cached_property
    def folded(self) -> str:
        """Without blank lines, in lower case."""
        return self.squeezed.lower()

    @cached_property
    def literals(self) -> Literals:
        """Its string literals."""
        return Literals(*map(int, literals(self.points, self.kinds)))

    @cached_property
    def hex_words(self) -> int:
        """Characters in hexadecimal numbers."""
        return int(kernels.hex_words(self.points, self.kinds))

    @cached_property
    def c_functions(self) -> int:
        """What looks like heads of functions in C."""
        return int(c_functions(self.points, self.kinds))

    def share_of_lines(self, *needles: str, any_case: bool = False) -> float | None:
        """Return which share of the lines holds one of some texts; None without lines."""
        return share(lines_with(self.folded if any_case else self.squeezed, needles), self.lines)

    def up_to(self, mark: str) -> str:
        """Return the text up to the last such mark: patterns that need one beyond cannot match, and would search in vain."""
        return self.squeezed[: self.squeezed.rfind(mark) + 1]


def lines_of(text: str) -> list[str]:
    """Split after each LF and nowhere else."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


def lines_with(text: str, needles: Iterable[str]) -> int:
    """Count the lines that hold at least one of some texts."""
    starts: set[int] = set()
    for needle in needles:
        at = text.find(needle)
        while at >= 0:
            starts.add(text.rfind("\n", 0, at))
            end = text.find("\n", at)
            at = text.find(needle, end) if end >= 0 else -1
    return len(starts)


def count_lines(pattern: re.Pattern[str], text: str, keyword: str) -> int:
    """Count the matches of a pattern that begins at line starts and needs a keyword in that line.

    As many as `findall` finds, but only lines with the keyword are looked at. text: without blank lines.
    """
    total = 0
    at = text.find(keyword)
    while at >= 0:
        found = pattern.match(text, text.rfind("\n", 0, at) + 1)
        total += found is not None
        end = text.find("\n", at if found is None else max(found.end() - 1, at))
        at = text.find(keyword, end) if end >= 0 else -1
    return total


def share(part: float, whole: float) -> float | None:
    """Divide, rounded to 8 decimals as the reference does; None where there is nothing to divide by."""
    return round(part / whole, 8) if whole else None


def top_share(view: TextView, words: int) -> float:
    """Return the share of words' characters in the commonest n-gram (2 to 4 words); may exceed 1 where copies overlap."""
    return share(view.repeats.top[words - 2], view.repeats.chars) or 0


def covered_share(view: TextView, words: int) -> float:
    """Return the share of words' characters within repeated n-grams (5 to 10 words)."""
    return share(view.repeats.covered[words - 5], view.repeats.chars) or 0
