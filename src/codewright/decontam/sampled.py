"""The 3x50 detector: random substrings of each problem, looked for in every row.

Source: GPT-4 technical report, arXiv 2303.08774, appendix C: texts are stripped of spaces and symbols; from each
evaluation example three substrings of 50 characters are drawn (the whole text if shorter); a row that holds one of them
is contaminated. Only question and context are used, not the answer. Used by Phind-CodeLlama.
Limits: misses rewording and re-ordering; short problems match rows that merely contain them.
"""

import re
from collections.abc import Iterable

from codewright.core.records import Problem
from codewright.core.rng import rng_for
from codewright.decontam.problem_text import texts_of

_DROPPED = re.compile(r"[\W_]+")


def squeeze(text: str) -> str:
    """Keep letters and digits only, in their case."""
    return _DROPPED.sub("", text)


class SampledIndex:
    """The sampled substrings of a set of problems."""

    def __init__(
        self, problems: Iterable[Problem], *, chars: int = 50, samples: int = 3, seed: int = 0
    ) -> None:
        """Draw `samples` substrings of `chars` characters per problem text, seeded per problem."""
        self._needles: dict[str, str] = {}
        for problem in problems:
            name = f"{problem.benchmark} {problem.task_id}"
            rng = rng_for(seed, "sampled", name)
            for text in texts_of(problem):
                squeezed = squeeze(text)
                if not squeezed:
                    continue
                for _ in range(samples):
                    start = rng.randrange(max(1, len(squeezed) - chars + 1))
                    self._needles.setdefault(squeezed[start : start + chars], name)

    def find(self, text: str) -> str | None:
        """Return the first problem that `text` holds a sampled substring of."""
        squeezed = squeeze(text)
        return next((name for needle, name in self._needles.items() if needle in squeezed), None)
