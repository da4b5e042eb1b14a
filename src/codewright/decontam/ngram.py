"""The n-gram detector: a row that shares n words in a row with a problem is contaminated.

Source: OpenCoder, arXiv 2411.04905, section 4 (any 10-gram overlap with a test problem).
Words are runs of letters and digits, lower-cased, so re-wrapped or re-indented text still matches. Problems shorter than
n words are matched whole. Limits: misses paraphrase and translation.
"""

import re
from collections.abc import Iterable

from codewright.core.records import Problem
from codewright.decontam.problem_text import texts_of

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Split into lower-cased runs of letters and digits."""
    return _WORD.findall(text.lower())


class NgramIndex:
    """All n-grams of a set of problems."""

    def __init__(self, problems: Iterable[Problem], *, words: int = 10) -> None:
        """Index every run of `words` words of every problem text."""
        self._grams: dict[tuple[str, ...], str] = {}
        self._lengths: set[int] = set()
        for problem in problems:
            name = f"{problem.benchmark} {problem.task_id}"
            for text in texts_of(problem):
                found = words_of(text)
                length = min(words, len(found))
                if length:
                    self._lengths.add(length)
                for start in range(len(found) - length + 1):
                    self._grams.setdefault(tuple(found[start : start + length]), name)
        self._grams.pop((), None)

    def find(self, text: str) -> str | None:
        """Return the first problem that shares an n-gram with `text`, in the text's order."""
        found = words_of(text)
        for length in sorted(self._lengths, reverse=True):
            for start in range(len(found) - length + 1):
                hit = self._grams.get(tuple(found[start : start + length]))
                if hit is not None:
                    return hit
        return None
