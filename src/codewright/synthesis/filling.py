"""How a teacher's rows come in: many seeds at once, taken in the order of their numbers until there are enough.

What a seed gives is written down when its turn comes, never before, so equal replies make equal rows however they arrive; a seed
beyond the last that is needed is thrown away. Who resumes reads what was written and goes on behind it.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from codewright.core.errors import BackendError
from codewright.core.journal import Journal
from codewright.core.records import Lost, Reject, Sample, content_id
from codewright.synthesis.seeding import Note, Pool, Seed

CRASHED, UNANSWERED = "method_crashed", "teacher_failed"

_AHEAD = 4
"""Seeds worked on at once, for each request the teacher takes at once: one that is slow holds up nobody until then."""

_LEAST_RATE = 0.1
"""Near the end no more seeds are begun than would be needed at the rate so far, and at no worse one than this."""

_MOST_FAILED_IN_A_ROW = 16
"""After so many seeds in a row that the teacher failed to answer it is taken for dead."""


class Seeds(Protocol):
    """Where a bucket's seeds come from."""

    most: int

    def seed(self, number: int) -> Seed:
        """Return a seed."""
        ...


Made = list[Sample | Reject | Note]
Work = Callable[[Seed], Awaitable[Made]]


@dataclass
class Tally:
    """What has come in so far, for the live table and the end."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    seeds: int = 0


@dataclass
class Bucket:
    """One quota: a language's, or all there is. rows: what is accepted, in order; lost: rejects and failures."""

    name: str
    wanted: int
    seeds: Seeds
    rows: list[Sample] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    done: int = 0
    """Seeds that had their turn."""

    @property
    def ready(self) -> int:
        """The number before which seeds can be begun."""
        return self.seeds.ready(self.done) if isinstance(self.seeds, Pool) else self.seeds.most

    @property
    def is_full(self) -> bool:
        """Whether no further seed is needed, or there is none."""
        return len(self.rows) >= self.wanted or self.done >= self.seeds.most


class Filling:
    """Fills buckets; one for a run."""

    def __init__(
        self, journal: Journal, work: Work, concurrency: int, note: Callable[[Tally, list[Sample]], None]
    ) -> None:
        """journal: where turns are written down. note: called after each turn with the rows that it gave."""
        self._journal = journal
        self._work = work
        self._window = _AHEAD * concurrency
        self._note = note
        self._failed_in_a_row = 0
        self._held: list[Mapping[str, Any]] = []
        self._seen: set[str] = set()
        self.tally = Tally()

    async def fill(self, buckets: Iterable[Bucket]) -> None:
        """Fill all buckets, those of what was written down before first.

        Raises BackendError when the teacher seems dead, and whatever else a method's work raises that is not its own fault.
        """
        by_name = {bucket.name: bucket for bucket in buckets}
        for turn in self._journal.rows:
            self._take(by_name[turn["bucket"]], turn)
        # One after the other: rows of a bucket are compared with those of the buckets before it.
        for bucket in by_name.values():
            await self._fill(bucket)

    async def _fill(self, bucket: Bucket) -> None:
        running: dict[int, asyncio.Task[Made]] = {}
        begun = bucket.done
        try:
            while not bucket.is_full:
                while begun < min(bucket.ready, bucket.done + self._room(bucket)):
                    running[begun] = asyncio.create_task(self._one(bucket.seeds.seed(begun)))
                    begun += 1
                made = await running.pop(bucket.done)
                turn = self._turn(bucket, made)
                self._write(turn)
                self._take(bucket, turn)
            self._journal.append(self._held)
            self._held = []
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)

    def _write(self, turn: Mapping[str, Any]) -> None:
        """Write a turn down; one that the teacher failed only when a later one shows that it lives, so that a dead one costs none."""
        self._held.append(turn)
        if not any(one["reason"] == UNANSWERED for one in turn["lost"]):
            self._journal.append(self._held)
            self._held = []

    def _room(self, bucket: Bucket) -> int:
        """How many seeds may be under way: fewer when few rows are missing."""
        rate = max(_LEAST_RATE, (len(bucket.rows) + 1) / (bucket.done + 1))
        missing = bucket.wanted - len(bucket.rows)
        return max(1, min(self._window, math.ceil(missing / min(rate, 1.0))))

    async def _one(self, seed: Seed) -> Made:
        try:
            return await self._work(seed)
        except BackendError as error:
            return [Reject(UNANSWERED, str(error))]

    def _turn(self, bucket: Bucket, made: Made) -> dict[str, Any]:
        """Decide what of a seed's rows stays, as it is written down."""
        rows: list[dict[str, Any]] = []
        lost: list[dict[str, Any]] = []
        notes: list[Mapping[str, Any]] = []
        key = bucket.seeds.seed(bucket.done).key
        for item in made:
            if isinstance(item, Note):
                notes.append(item.data)
            elif isinstance(item, Reject):
                lost.append(asdict(Lost("", item.reason, item.detail, key)))
            elif shared := self._shared(item):
                lost.append(asdict(Lost(item.id, f"duplicate_{shared}", "", key)))
            elif len(bucket.rows) + len(rows) >= bucket.wanted:
                lost.append(asdict(Lost(item.id, "over_quota", "", key)))
            else:
                self._seen.update(_keys(item).values())
                rows.append(asdict(item))
        turn = {"bucket": bucket.name, "seed": bucket.done, "rows": rows, "lost": lost}
        return {**turn, "notes": notes} if notes else turn

    def _shared(self, sample: Sample) -> str | None:
        return next((name for name, key in _keys(sample).items() if key in self._seen), None)

    def _take(self, bucket: Bucket, turn: Mapping[str, Any]) -> None:
        samples = [Sample.from_dict(row) for row in turn["rows"]]
        lost = [Lost(**row) for row in turn["lost"]]
        for sample in samples:
            self._seen.update(_keys(sample).values())
        bucket.rows.extend(samples)
        bucket.lost.extend(lost)
        if isinstance(bucket.seeds, Pool):
            bucket.seeds.learn([*samples, *(Note(data) for data in turn.get("notes", []))])
        bucket.done += 1
        self.tally.seeds += 1
        self.tally.accepted += len(samples)
        self.tally.rejected.update(one.reason for one in lost)
        failed = [one for one in lost if one.reason == UNANSWERED]
        self._failed_in_a_row = self._failed_in_a_row + 1 if failed else 0
        self._note(self.tally, samples)
        if self._failed_in_a_row >= _MOST_FAILED_IN_A_ROW:
            raise BackendError(
                f"the teacher failed to answer {self._failed_in_a_row} seeds in a row, the last with: {failed[-1].detail}"
            )


def _keys(sample: Sample) -> dict[str, str]:
    """What no two rows may share: the request they come from, the problem, the solution, white space aside.

    Source: ise-uiuc/magicoder, src/magicoder/clean_data.py: equal seeds, problems or solutions, compared without white space.
    """
    texts = {"problem": sample.messages[0].content, "solution": sample.messages[-1].content}
    keys = {name: content_id(name, "".join(text.split())) for name, text in texts.items()}
    return {**keys, **({"seed": sample.origin.prompt_hash} if sample.origin.prompt_hash else {})}
