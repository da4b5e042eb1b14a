"""Rows come in by the numbers of their seeds: whatever arrives first, is killed, fails, repeats itself or is too much."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.core.errors import BackendError, ConfigError
from codewright.core.journal import Journal
from codewright.core.records import Message, Origin, Reject, Sample
from codewright.synthesis.filling import CRASHED, UNANSWERED, Bucket, Filling, Made, Tally
from codewright.synthesis.seeding import Note, NumberedSeeds, Pool, Pooled, Seed


def sample(problem: str, solution: str, prompt: str | None = None) -> Sample:
    turns = (Message("user", problem), Message("assistant", solution))
    origin = Origin(seeds=("s",), prompt_hash=prompt)
    return Sample.make(turns, task="write", method="m", language="python", form="chat", origin=origin)


def of_number(number: int) -> Made:
    """One row, none, two, or a copy of an earlier one, by the seed's number."""
    if number % 5 == 1:
        return [Reject("unparsable", "no")]
    if number % 5 == 2:
        return [sample(f"p {number}", f"a {number}"), sample(f"q {number}", f"b {number}")]
    if number % 5 == 3:
        return [sample(f"p  {number - 3}\n", "another answer " + str(number))]
    return [sample(f"p {number}", f"a {number}", f"prompt {number}")]


def fill(
    path: Path, wanted: Sequence[tuple[str, int]], *, pauses: int = 0, most: int = 1000, stop_after: int | None = None,
    concurrency: int = 4,
) -> tuple[list[Bucket], Tally, list[int]]:  # fmt: skip
    """Fill buckets from `of_number`, with pauses drawn by the given seed; raises KeyboardInterrupt after so many turns."""
    drawn = random.Random(pauses)
    asked: list[int] = []

    async def work(seed: Seed) -> Made:
        asked.append(seed.number)
        for _ in range(drawn.randint(0, 6)):
            await asyncio.sleep(0)
        return of_number(seed.number)

    def note(tally: Tally, _: list[Sample]) -> None:
        if stop_after is not None and tally.seeds == stop_after:
            raise KeyboardInterrupt

    journal = Journal(path / "turns.jsonl", {"work": "test"})
    filling = Filling(journal, work, concurrency, note)
    buckets = [Bucket(name, count, NumberedSeeds(f"m{name}", most)) for name, count in wanted]
    try:
        asyncio.run(filling.fill(buckets))
    finally:
        journal.close()
    return buckets, filling.tally, asked


def test_in_is_kept_plus_dropped_and_copies_are_named(tmp_path: Path) -> None:
    [bucket], tally, _ = fill(tmp_path, [("", 50)])
    assert len(bucket.rows) == 50 == tally.accepted
    reasons = tally.rejected
    assert set(reasons) - {"over_quota"} == {"unparsable", "duplicate_problem"}
    made = [item for number in range(bucket.done) for item in of_number(number)]
    assert len(made) == 50 + reasons.total()
    problems = ["".join(row.messages[0].content.split()) for row in bucket.rows]
    assert len(set(problems)) == 50


@settings(max_examples=25, deadline=None)
@given(
    pauses=st.integers(0, 10_000),
    cuts=st.lists(st.integers(1, 60), max_size=3),
    concurrency=st.integers(1, 9),
)
def test_rows_do_not_depend_on_arrival_or_on_being_killed(
    tmp_path_factory: pytest.TempPathFactory, pauses: int, cuts: list[int], concurrency: int
) -> None:
    wanted = [("python", 20), ("go", 7)]
    plain, _, _ = fill(tmp_path_factory.mktemp("plain"), wanted)
    folder = tmp_path_factory.mktemp("cut")
    for number, cut in enumerate(sorted(cuts)):
        try:
            fill(folder, wanted, pauses=pauses + number, stop_after=cut, concurrency=concurrency)
        except KeyboardInterrupt:
            continue
    again, _, _ = fill(folder, wanted, pauses=pauses, concurrency=concurrency)
    assert [(bucket.name, bucket.rows, bucket.lost) for bucket in again] == [
        (bucket.name, bucket.rows, bucket.lost) for bucket in plain
    ]


def test_what_is_finished_is_not_asked_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, [("", 30)], stop_after=12)
    _, _, asked = fill(tmp_path, [("", 30)])
    assert min(asked) == 12


def test_near_the_end_few_seeds_are_begun_in_vain(tmp_path: Path) -> None:
    [bucket], _, asked = fill(tmp_path, [("", 40)], concurrency=256)
    assert max(asked) < 3 * bucket.done


def test_the_seeds_run_out(tmp_path: Path) -> None:
    [bucket], tally, _ = fill(tmp_path, [("", 500)], most=20)
    assert (bucket.done, tally.seeds) == (20, 20)
    assert 0 < len(bucket.rows) < 500


def run_with(path: Path, answers: dict[int, BaseException | None], wanted: int = 60) -> Bucket:
    """Fill a bucket; seeds that have an error raise it."""

    async def work(seed: Seed) -> Made:
        if error := answers.get(seed.number):
            raise error
        return [sample(f"p {seed.number}", f"a {seed.number}")]

    journal = Journal(path / "turns.jsonl", {"work": "test"})
    bucket = Bucket("", wanted, NumberedSeeds("m", 1000))
    try:
        asyncio.run(Filling(journal, work, 4, lambda *_: None).fill([bucket]))
    finally:
        journal.close()
    return bucket


def test_a_seed_that_the_teacher_fails_is_counted_and_a_dead_teacher_costs_no_seed(tmp_path: Path) -> None:
    some = {number: BackendError("no answer") for number in (3, 4, 30)}
    bucket = run_with(tmp_path / "some", dict(some))
    assert [one.reason for one in bucket.lost] == [UNANSWERED] * 3
    assert len(bucket.rows) == 60
    dead = {number: BackendError("connection refused") for number in range(10, 200)}
    with pytest.raises(
        BackendError, match="failed to answer 16 seeds in a row, the last with: connection refused"
    ):
        run_with(tmp_path / "dead", dict(dead))
    bucket = run_with(tmp_path / "dead", {})
    assert not bucket.lost
    assert len(bucket.rows) == bucket.done == 60


def test_a_method_that_crashes_stops_the_run_and_costs_no_seed(tmp_path: Path) -> None:
    async def work(seed: Seed) -> Made:
        return (
            [Reject(CRASHED, "KeyError: 'x'")]
            if seed.number >= 5
            else [sample(f"p {seed.number}", f"a {seed.number}")]
        )

    journal = Journal(tmp_path / "turns.jsonl", {"work": "test"})
    bucket = Bucket("", 60, NumberedSeeds("m", 1000))
    with pytest.raises(
        ConfigError, match="the method crashed on 4 of 9 seeds, the last with: KeyError: 'x'; mend it"
    ):
        asyncio.run(Filling(journal, work, 4, lambda *_: None).fill([bucket]))
    journal.close()
    assert len(run_with(tmp_path, {}).rows) == 60


def test_what_is_not_the_teacher_s_fault_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wrong"):
        run_with(tmp_path, {20: ConfigError("wrong")})
    assert len(run_with(tmp_path, {}).rows) == 60


def test_rounds_see_what_rounds_before_made_and_nothing_newer_whatever_arrives_first(tmp_path: Path) -> None:
    def run(path: Path, pauses: int, stop_after: int | None) -> tuple[list[str], dict[int, list[str]]]:
        drawn, seen = random.Random(pauses), {}

        async def work(seed: Seed) -> Made:
            assert isinstance(seed.value, Pooled)
            known = [one.id if isinstance(one, Sample) else str(one.data["n"]) for one in seed.value.pool]
            seen[seed.number] = known
            for _ in range(drawn.randint(0, 9)):
                await asyncio.sleep(0)
            return [
                Note({"n": seed.number}),
                sample(f"p {seed.number} {len(known)}", f"a {seed.number} {known[-1:]}"),
            ]

        def note(tally: Tally, _: list[Sample]) -> None:
            if tally.seeds == stop_after:
                raise KeyboardInterrupt

        journal = Journal(path / "turns.jsonl", {"work": "test"})
        bucket = Bucket("", 30, Pool(NumberedSeeds("m", 100), 8))
        try:
            asyncio.run(Filling(journal, work, 16, note).fill([bucket]))
        finally:
            journal.close()
        return [row.id for row in bucket.rows], seen

    rows, seen = run(tmp_path / "a", 1, None)
    assert [len(seen[number]) for number in (0, 7, 8, 15, 16, 29)] == [0, 0, 16, 16, 32, 48]
    assert seen[8][-1] == "7"
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b", 2, 13)
    again, seen_again = run(tmp_path / "b", 3, None)
    assert again == rows
    assert all(seen_again[number] == seen[number] for number in seen_again)


def test_a_teacher_that_dies_costs_no_seed_although_others_that_were_under_way_are_answered(
    tmp_path: Path,
) -> None:
    """Seeds of three requests each: when the teacher dies some of every age are under way."""

    def run(path: Path, pace: int, dies_after: int | None) -> list[tuple[str, ...]]:
        drawn, asked = random.Random(pace), 0

        async def work(seed: Seed) -> Made:
            nonlocal asked
            for _ in range(3):
                asked += 1
                if dies_after is not None and asked > dies_after:
                    raise BackendError("no answer")
                for _ in range(drawn.randint(0, 12)):
                    await asyncio.sleep(0)
            return of_number(seed.number)

        journal = Journal(path / "turns.jsonl", {"work": "test"})
        bucket = Bucket("", 60, NumberedSeeds("m", 1000))
        try:
            asyncio.run(Filling(journal, work, 4, lambda *_: None).fill([bucket]))
        finally:
            journal.close()
        return [(row.id,) for row in bucket.rows] + [(one.reason, one.path) for one in bucket.lost]

    plain = run(tmp_path / "plain", 0, None)
    for pace in range(12):
        for dies_after in (40, 55, 90):
            with pytest.raises(BackendError, match="in a row"):
                run(tmp_path / str(pace), pace, dies_after)
        assert run(tmp_path / str(pace), pace + 100, None) == plain


class OneOfAKind:
    """Refuses rows whose solution ends in a figure that one before ended in."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def refuse(self, row: Sample) -> Reject | None:
        known = self.known.get(row.messages[-1].content[-1])
        return Reject("not_novel", known) if known else None

    def learn(self, row: Sample) -> None:
        assert self.refuse(row) is None
        self.known[row.messages[-1].content[-1]] = row.messages[-1].content


def test_a_gate_is_asked_in_the_order_of_seeds_and_knows_what_was_accepted_before_a_stop(
    tmp_path: Path,
) -> None:
    def run(path: Path, pauses: int, stop_after: int | None) -> tuple[list[str], list[tuple[str, str, str]]]:
        drawn = random.Random(pauses)

        async def work(seed: Seed) -> Made:
            for _ in range(drawn.randint(0, 9)):
                await asyncio.sleep(0)
            return of_number(seed.number * 7)

        def note(tally: Tally, _: list[Sample]) -> None:
            if tally.seeds == stop_after:
                raise KeyboardInterrupt

        journal = Journal(path / "turns.jsonl", {"work": "test"})
        bucket = Bucket("", 8, NumberedSeeds("m", 60))
        try:
            asyncio.run(Filling(journal, work, 4, note, OneOfAKind()).fill([bucket]))
        finally:
            journal.close()
        lost = [(one.id, one.reason, one.detail) for one in bucket.lost]
        return [row.messages[-1].content for row in bucket.rows], lost

    rows, lost = run(tmp_path / "plain", 0, None)
    assert len({row[-1] for row in rows}) == len(rows) == 8
    refused = [(id_, detail) for id_, reason, detail in lost if reason == "not_novel"]
    assert all(id_ and detail in rows for id_, detail in refused)
    assert {"not_novel", "unparsable"} <= {reason for _, reason, _ in lost}
    for stop in (2, 5):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", stop, stop)
    assert run(tmp_path / "cut", 9, None) == (rows, lost)
