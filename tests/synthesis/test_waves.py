"""Waves: no seed is begun before all of the wave before had their turn, and whoever is killed begins the same ones again."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from codewright.core.errors import ConfigError
from codewright.core.journal import Journal
from codewright.core.records import Message, Origin, Reject, Sample
from codewright.synthesis.filling import Bucket, Made, Tally
from codewright.synthesis.seeding import NumberedSeeds, Seed
from codewright.synthesis.waves import Waves


def of_number(number: int) -> Made:
    """One row in two of three, the first seeds none: what has its turn first says little about the others."""
    if number < 5 or number % 3 == 0:
        return [Reject("unparsable", "no")]
    turns = (Message("user", f"p {number}"), Message("assistant", f"a {number}"))
    return [
        Sample.make(
            turns, task="write", method="m", language="python", form="chat", origin=Origin(seeds=("s",))
        )
    ]


def fill(
    path: Path, *wanted: int, concurrency: int = 1000, stop_after: int = -1, made: Callable[[int], Made] = of_number,
    rows_per_seed: int = 1,
) -> tuple[list[list[tuple[str, int]]], list[Bucket]]:  # fmt: skip
    """Fill buckets; returns the seeds that were at work together, by bucket and number, wave after wave, and the buckets."""
    waves: list[list[tuple[str, int]]] = []
    at_work: set[tuple[str, int]] = set()
    rng = random.Random(1)

    async def work(seed: Seed) -> Made:
        one = (seed.key.partition(":")[0], seed.number)
        if not at_work:
            waves.append([])
        at_work.add(one)
        waves[-1].append(one)
        for _ in range(rng.randint(1, 3)):
            await asyncio.sleep(0.001)
        at_work.discard(one)
        return made(seed.number + 10_000 * int(one[0]))

    def note(tally: Tally, _: list[Sample]) -> None:
        if tally.seeds == stop_after:
            raise KeyboardInterrupt

    journal = Journal(path / "turns.jsonl", {"work": "test"})
    buckets = [Bucket(str(at), count, NumberedSeeds(str(at), 10_000)) for at, count in enumerate(wanted)]
    try:
        filling = Waves(journal, work, concurrency, note, rows_per_seed=rows_per_seed)
        asyncio.run(filling.fill(buckets))
    finally:
        journal.close()
    return waves, buckets


def ids(buckets: list[Bucket]) -> list[str]:
    return [row.id for bucket in buckets for row in bucket.rows]


def test_a_wave_has_the_seeds_that_the_missing_rows_need_at_the_rate_so_far(tmp_path: Path) -> None:
    waves, [bucket] = fill(tmp_path, 300)
    assert len(bucket.rows) == 300
    assert len(waves[0]) == 300
    assert [number for wave in waves for _, number in wave] == list(range(sum(map(len, waves))))
    assert 140 < len(waves[1]) < 170
    assert sum(map(len, waves)) - bucket.done < 10  # hardly one too many
    assert len(waves) <= 4


def test_seeds_that_give_several_rows_are_fewer(tmp_path: Path) -> None:
    def three(number: int) -> Made:
        return [row for at in range(3) if number % 4 for row in of_number(7 + 3 * (3 * number + at))]

    waves, [bucket] = fill(tmp_path, 90, made=three, rows_per_seed=3)
    assert len(bucket.rows) == 90
    assert len(waves[0]) == 30
    assert 9 <= len(waves[1]) <= 12


def test_the_first_waves_of_all_quotas_begin_at_once(tmp_path: Path) -> None:
    waves, buckets = fill(tmp_path, 30, 20, 10)
    assert Counter(name for name, _ in waves[0]) == {"0": 30, "1": 20, "2": 10}
    assert [len(bucket.rows) for bucket in buckets] == [30, 20, 10]
    begun = [one for wave in waves for one in wave]
    assert len(begun) == len(set(begun))
    later = [[name for name, _ in wave] for wave in waves[1:]]
    assert all(len(set(names)) == 1 for names in later)


def test_no_wave_is_larger_than_what_the_teacher_takes(tmp_path: Path) -> None:
    waves, _ = fill(tmp_path, 300, concurrency=10)
    assert max(map(len, waves)) == 40  # four for each request, as without waves


@pytest.mark.parametrize("killed_after", [1, 4, 8, 59, 60, 61, 75, 89, 100, 110, 130])
def test_whoever_is_killed_begins_the_same_waves_again(tmp_path: Path, killed_after: int) -> None:
    waves, whole = fill(tmp_path / "whole", 60, 30)
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "killed", 60, 30, stop_after=killed_after)
    again, resumed = fill(tmp_path / "killed", 60, 30)
    assert ids(resumed) == ids(whole)
    assert {one for wave in again for one in wave} <= {one for wave in waves for one in wave}


def test_a_failure_ends_all_that_was_begun(tmp_path: Path) -> None:
    def refuse(number: int) -> Made:
        raise ConfigError("no batches here")

    with pytest.raises(ConfigError, match="no batches here"):
        fill(tmp_path, 30, 20, made=refuse)
