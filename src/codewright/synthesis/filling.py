"""How a teacher's rows come in: many seeds at once, taken in the order of their numbers until there are enough.

What a seed gives is written down when its turn comes, never before, so equal replies make equal rows however they arrive; a seed
beyond the last that is needed is thrown away. Who resumes reads what was written and goes on behind it.
"""

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from codewright.core.errors import BackendError, ConfigError
from codewright.core.journal import Journal
from codewright.core.records import Lost, Reject, Sample, content_id
from codewright.synthesis.outcomes import CRASHED, UNANSWERED
from codewright.synthesis.seeding import Note, Pool, Seed

_AHEAD = 4
"""Seeds worked on at once, for each request the teacher takes at once: one that is slow holds up nobody until then."""

LEAST_RATE = 0.1
"""Near the end no more seeds are begun than would be needed at the rate so far, and at no worse one than this."""

CRASH_LIMIT, _CRASHES_FORGIVEN = 0.001, 3
"""Share of seeds that a method may crash on before the run stops (docs/extending.md), and how many at the beginning."""

_MOST_FAILED_IN_A_ROW = 16
"""After so many seeds in a row that the teacher failed to answer it is taken for dead."""


class Seeds(Protocol):
    """Where a bucket's seeds come from."""

    most: int

    def seed(self, number: int) -> Seed:
        """Return a seed."""
        ...


class Gate(Protocol):
    """What a method may put before its rows: whether one is wanted beside all that were accepted before it.

    It is asked in the order of turns, one row at a time, so it may keep what it learned; who resumes has it learn all again.
    """

    def refuse(self, row: Sample) -> Reject | None:
        """Say why a row is not wanted, if it is not."""
        ...

    def learn(self, row: Sample) -> None:
        """Take note of a row that was accepted."""
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
        self, journal: Journal, work: Work, concurrency: int, note: Callable[[Tally, list[Sample]], None],
        gate: Gate | None = None,
    ) -> None:  # fmt: skip
        """journal: where turns are written down. note: called after each turn with the rows that it gave. gate: asked last."""
        self._journal = journal
        self._work = work
        self._window = _AHEAD * concurrency
        self._note = note
        self._gate = gate
        self._failed_in_a_row = 0
        self._held: list[tuple[Mapping[str, Any], int]] = []
        """Turns that are not written down yet, each with the moment its seed failed, 0 if it did not."""
        self._moment = 0
        """Counts what begins and what fails."""
        self._alive = 1
        """The moment the youngest of the seeds that succeeded was begun."""
        self._seen: set[str] = set()
        self.tally = Tally()

    async def fill(self, buckets: Iterable[Bucket]) -> None:
        """Fill all buckets, those of what was written down before first.

        Raises BackendError when the teacher seems dead, and whatever else a method's work raises that is not its own fault.
        """
        by_name = {bucket.name: bucket for bucket in buckets}
        for turn in self._journal.rows:
            for row in turn["rows"]:
                self._remember(Sample.from_dict(row))
            self._take(by_name[turn["bucket"]], turn)
        # One after the other: rows of a bucket are compared with those of the buckets before it.
        for bucket in by_name.values():
            await self._fill(bucket)

    async def _fill(self, bucket: Bucket) -> None:
        running: dict[int, asyncio.Task[tuple[Made, int]]] = {}
        begun = bucket.done
        try:
            while not bucket.is_full:
                while begun < min(bucket.ready, bucket.done + self._room(bucket)):
                    running[begun] = asyncio.create_task(self._one(bucket.seeds.seed(begun)))
                    begun += 1
                made, moment = await running.pop(bucket.done)
                turn = self._turn(bucket, made)
                self._write(turn, moment)
                self._take(bucket, turn)
            self._journal.append(turn for turn, _ in self._held)
            self._held = []
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)

    def _write(self, turn: Mapping[str, Any], moment: int) -> None:
        """Write a turn down; one that failed, and all behind it, only when a seed begun after the failure did not.

        So a dead teacher, or a broken method, costs no seed: replies that were under way when it died prove nothing.
        """
        failed = any(one["reason"] in {CRASHED, UNANSWERED} for one in turn["lost"])
        self._alive = self._alive if failed else max(self._alive, moment)
        self._held.append((turn, moment if failed else 0))
        ready = [turn for turn, _ in itertools.takewhile(lambda one: one[1] < self._alive, self._held)]
        del self._held[: len(ready)]
        self._journal.append(ready)

    def _room(self, bucket: Bucket) -> int:
        """How many seeds may be under way: fewer when few rows are missing."""
        rate = max(LEAST_RATE, (len(bucket.rows) + 1) / (bucket.done + 1))
        missing = bucket.wanted - len(bucket.rows)
        return max(1, min(self._window, math.ceil(missing / min(rate, 1.0))))

    async def _one(self, seed: Seed) -> tuple[Made, int]:
        """Return what a seed gave, and the moment it was begun, or failed."""
        self._moment += 1
        begun = self._moment
        try:
            return await self._work(seed), begun
        except BackendError as error:
            self._moment += 1
            return [Reject(UNANSWERED, str(error))], self._moment

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
            elif self._gate is not None and (why := self._gate.refuse(item)) is not None:
                lost.append(asdict(Lost(item.id, why.reason, why.detail, key)))
            else:
                self._remember(item)
                rows.append(asdict(item))
        turn = {"bucket": bucket.name, "seed": bucket.done, "rows": rows, "lost": lost}
        return {**turn, "notes": notes} if notes else turn

    def _remember(self, sample: Sample) -> None:
        self._seen.update(_keys(sample).values())
        if self._gate is not None:
            self._gate.learn(sample)

    def _shared(self, sample: Sample) -> str | None:
        return next((name for name, key in _keys(sample).items() if key in self._seen), None)

    def _take(self, bucket: Bucket, turn: Mapping[str, Any]) -> None:
        samples = [Sample.from_dict(row) for row in turn["rows"]]
        lost = [Lost(**row) for row in turn["lost"]]
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
        crashed = self.tally.rejected[CRASHED]
        if crashed > max(_CRASHES_FORGIVEN, CRASH_LIMIT * self.tally.seeds):
            raise ConfigError(
                f"the method crashed on {crashed} of {self.tally.seeds} seeds, the last with: {lost[-1].detail}; "
                "mend it, and run again: finished rows are kept"
            )
        if self._failed_in_a_row >= _MOST_FAILED_IN_A_ROW:
            raise BackendError(
                f"the teacher failed to answer {self._failed_in_a_row} seeds in a row, the last with: {failed[-1].detail}"
            )


def _keys(sample: Sample) -> dict[str, str]:
    """What no two rows may share: the request they come from, the problem, the solution, white space aside.

    Source: ise-uiuc/magicoder, src/magicoder/clean_data.py: equal seeds, problems or solutions, compared without white space.
    """
    problem = "\n".join(turn.content for turn in sample.messages if turn.role == "user")
    texts = {"problem": problem, "solution": sample.messages[-1].content}
    keys = {name: content_id(name, "".join(text.split())) for name, text in texts.items()}
    return {**keys, **({"seed": sample.origin.prompt_hash} if sample.origin.prompt_hash else {})}
