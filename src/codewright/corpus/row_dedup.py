"""The stage `corpus.dedup_rows`: instruction rows in, the same without rows whose problem or solution is nearly another's.

A problem is what the user says, all turns and no system prompt; a solution is the last answer. Problems are compared with
problems, solutions with solutions, by the passes of `corpus.dedup`: candidate pairs, then their exact Jaccard similarity over
5-grams of words. One decision is then made over both, best row first: a row goes only for a row that stays and that it
resembles, so chains join nothing. An earlier dataset's rows come before a later one's, within one the smallest id is first.

Limits: of fewer than five words a problem goes for an equal one only, white space aside, and a solution is not looked at: `42`
answers many questions. Paraphrases are not found.
"""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from codewright.core.config import StageRef, strict
from codewright.core.errors import ConfigError
from codewright.engine.stage import StageContext, StageResult


@strict
@dataclass(frozen=True)
class Likeness:
    """What makes two texts near copies."""

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Least exact Jaccard similarity over word 5-grams. StarCoder2-Instruct cleans instructions, then responses, with 5-grams and
    .7: bigcode-project/starcoder2-self-align, sanitize.sh and src/star_align/minhash_dedup.py."""


@strict
@dataclass(frozen=True)
class Config:
    """Which rows, and what they may share."""

    rows: tuple[StageRef, ...]
    """Datasets of instruction rows, in the order of their right to stay."""
    problem: Likeness | None = field(default_factory=Likeness)
    """When two problems are one; null does not look at problems."""
    solution: Likeness | None = field(default_factory=Likeness)
    """When two solutions are one; null does not look at solutions, as for rows whose answers are alike by design."""
    shared_seed: bool = False
    """Whether to keep one row only of those made from the same seeds. Magicoder does so with its snippets, one of a document
    (arXiv 2312.02120, section 2.2); here all seeds count as a whole, so rows of one document go whatever part of it they show."""
    shard_bytes: Annotated[int, Field(gt=0)] = 128_000_000
    """Bytes of text a task signs; see `corpus.dedup`."""

    def check(self) -> None:
        """Check that there is something to read. Raises ConfigError."""
        if not self.rows:
            raise ConfigError("rows: name at least one dataset of instruction rows")

    @property
    def likenesses(self) -> dict[str, Likeness]:
        """The texts that are looked at, by name."""
        both = {"problem": self.problem, "solution": self.solution}
        return {name: likeness for name, likeness in both.items() if likeness}


def run(config: Config, context: StageContext) -> StageResult:
    """Remove near copies. Raises ConfigError for datasets of something else, DataError for a damaged part."""
    from codewright.corpus.row_passes import remove_rows  # numba, which `plan` has no need of

    return remove_rows(config, context)
