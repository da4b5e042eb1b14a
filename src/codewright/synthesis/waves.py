"""How a teacher's rows come in when it answers in batches: in waves, each as many seeds as the rows that are missing need.

One at a time, seeds are begun as others end. In batches that would split every batch, and pay for seeds that are not needed: what has
ended first, such as the seeds whose first reply was of no use, says nothing about how many of all give a row. So a wave begins when all
seeds before it have had their turn; the first waves of all quotas begin at once, the later ones quota by quota. Where a wave begins
follows from the turns before it, so a killed run begins the same ones again.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from codewright.core.journal import Journal
from codewright.core.records import Sample
from codewright.synthesis.filling import LEAST_RATE, Bucket, Filling, Gate, Made, Tally, Work
from codewright.synthesis.seeding import Seed


class Waves(Filling):
    """Fills buckets wave by wave."""

    def __init__(
        self, journal: Journal, work: Work, concurrency: int, note: Callable[[Tally, list[Sample]], None],
        gate: Gate | None = None, *, rows_per_seed: int = 1,
    ) -> None:  # fmt: skip
        """Take what `Filling` does. rows_per_seed: how many one seed gives at most, for the first wave, which knows no rate."""
        super().__init__(journal, work, concurrency, note, gate)
        self._rows_per_seed = rows_per_seed
        self._ends: dict[str, int] = {}
        """Bucket -> the seed before which its wave ends."""
        self._buckets: list[Bucket] = []
        self._filling = ""
        self._ahead: dict[tuple[str, int], asyncio.Task[tuple[Made, int]]] = {}
        """Seeds that were begun before the turn of their bucket."""

    async def fill(self, buckets: Iterable[Bucket]) -> None:
        """Fill all buckets. Raises as `Filling.fill`."""
        self._buckets = list(buckets)
        try:
            await super().fill(self._buckets)
        finally:
            for task in self._ahead.values():
                task.cancel()
            await asyncio.gather(*self._ahead.values(), return_exceptions=True)

    async def _fill(self, bucket: Bucket) -> None:
        self._filling = bucket.name
        if bucket is self._buckets[0]:
            for later in self._buckets[1:]:
                if not later.is_full:
                    for number in range(later.done, min(later.ready, later.done + self._room(later))):
                        work = super()._one(later.seeds.seed(number))
                        self._ahead[later.name, number] = asyncio.create_task(work)
        await super()._fill(bucket)

    async def _one(self, seed: Seed) -> tuple[Made, int]:
        begun = self._ahead.pop((self._filling, seed.number), None)
        return await (super()._one(seed) if begun is None else begun)

    def _room(self, bucket: Bucket) -> int:
        if bucket.done >= self._ends.get(bucket.name, 0):
            rate = len(bucket.rows) / bucket.done if bucket.done else self._rows_per_seed
            seeds = math.ceil((bucket.wanted - len(bucket.rows)) / max(rate, LEAST_RATE))
            self._ends[bucket.name] = bucket.done + max(1, min(self._window, seeds))
        return self._ends[bucket.name] - bucket.done

    def _take(self, bucket: Bucket, turn: Mapping[str, Any]) -> None:
        self._room(bucket)  # of a turn that was written down before, too
        super()._take(bucket, turn)


def most_rows_per_seed(method: ModuleType, options: Any) -> int:
    """Return how many rows one seed of a method gives at most: one, or one for each of its `rounds`."""
    return int(getattr(method, "ROWS_PER_SEED", 1)) * int(getattr(options, "rounds", 1))
