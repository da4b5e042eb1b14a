"""The stage `corpus.dedup`: a corpus in, the same without copies and near copies out, and an index to go on from.

Passes, with a barrier between: sign (band keys, and exact Jaccard of what is near), bucket (candidate pairs), gather and compare
(exact Jaccard of the others), cluster (all at once, on edges only), filter and index. A dropped row names the file that stays and
how similar it is. Nothing is dropped from the training part because of the held-out part, but the other way round: a held-out
file that resembles a training file, or a better held-out one, would flatter every score on it.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from codewright.core.config import StageRef, strict
from codewright.core.errors import ConfigError
from codewright.corpus.near.curve import PRESETS, Banding
from codewright.engine.stage import StageContext, StageResult

Positive = Annotated[int, Field(gt=0)]


@strict
@dataclass(frozen=True)
class Config:
    """What counts as a copy."""

    corpus: StageRef
    """The dataset to clean."""
    index: tuple[StageRef, ...] = ()
    """Earlier outputs of this stage with the same settings: what resembles their rows is dropped, they stay as they are."""
    preset: Literal["default", "opencoder"] = "default"
    """`default`: 25 bands of 10, knee at Jaccard .725. `opencoder`: 16 bands of 128, knee at .979."""
    bands: Positive | None = None
    """Instead of the preset's."""
    rows: Positive | None = None
    """Values of the signature a band, instead of the preset's."""
    permutations: Positive | None = None
    """Length of the signature; None: the preset's, or more if the bands need more."""
    ngram: Positive = 5
    """Words a shingle. 5 as in OpenCoder (arXiv 2411.04905, section 2.1) and datatrove."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Least exact Jaccard similarity of a copy. 0.7 as in StarCoder (arXiv 2305.06161, section 3.5)."""
    level: Literal["file", "repo"] = "file"
    """`repo`: compare and drop whole repositories, each as one document (an ablation of OpenCoder's)."""
    cluster: Literal["greedy", "connected"] = "greedy"
    """`connected` also drops what resembles a kept file only through others; chains can join unlike files."""
    shard_bytes: Positive = 128_000_000
    """Source bytes a task signs, and about what their shingles take in memory meanwhile; pairs within a task are cheapest."""

    @property
    def banding(self) -> Banding:
        """The preset with what is set instead."""
        preset = PRESETS[self.preset]
        bands, rows = self.bands or preset.bands, self.rows or preset.rows
        return Banding(self.permutations or max(preset.permutations, bands * rows), bands, rows)

    def check(self) -> None:
        """Check that the bands fit. Raises ConfigError."""
        banding = self.banding
        if banding.bands * banding.rows > banding.permutations:
            raise ConfigError(
                f"permutations: {banding.bands} bands of {banding.rows} rows need {banding.bands * banding.rows}, "
                f"found {banding.permutations}"
            )


def run(config: Config, context: StageContext) -> StageResult:
    """Remove copies. Raises ConfigError for an index made with other settings, DataError for a damaged part."""
    from codewright.corpus.near.passes import remove_copies  # numba, which `plan` has no need of

    return remove_copies(config, context)
