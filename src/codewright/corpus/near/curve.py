"""Bands and rows: which pairs LSH lets meet, as a function of their Jaccard similarity."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Banding:
    """How a signature of `permutations` values is cut into `bands` keys of `rows` values each."""

    permutations: int
    bands: int
    rows: int

    def chance(self, jaccard: float) -> float:
        """Return the probability that a pair of this similarity shares a band."""
        return float(1 - (1 - jaccard**self.rows) ** self.bands)

    @property
    def knee(self) -> float:
        """The similarity about which the curve is steepest: (1 / bands) ^ (1 / rows)."""
        return float((1 / self.bands) ** (1 / self.rows))

    def curve(self) -> list[tuple[float, float]]:
        """Return (similarity, chance) from .5 to 1, closer together where duplicates are decided."""
        points = [0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1.0]
        return [(point, round(self.chance(point), 4)) for point in points]


PRESETS = {"default": Banding(256, 25, 10), "opencoder": Banding(2048, 16, 128)}
"""`default`: knee at .725, close to FineWeb's 14 x 8 (.72; datatrove's defaults) with a steeper flank, 250 of 256
permutations used. `opencoder`: arXiv 2411.04905, section 2.1; its knee is at .979, so it removes little more than equal files."""
