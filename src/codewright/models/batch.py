"""A served model that asks in batches: at half the price, for whoever can wait up to a day.

Requests are collected until nothing new was asked for a short while, or a batch is full, sent as one file, and answered when the
server's batch has ended. What it failed to answer goes into the next one, three times at most. Batches are written down (batch_book.py), so
that a run killed at any moment finds them under way again, or finished, and pays for nothing twice.
Source: the guide of the Batch API (platform.openai.com/docs/guides/batch).
Limits: files stay on the server until it or the user removes them; a step that needs a reply before it asks again is a batch more.
"""

import asyncio
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codewright.core.errors import BackendError, ConfigError
from codewright.core.records import Message
from codewright.core.text import one_line
from codewright.models.batch_book import BatchBook
from codewright.models.batch_requests import (
    ENDPOINTS,
    MOST_BYTES,
    MOST_REQUESTS,
    QUEUE_FULL,
    BatchState,
    Gone,
    Line,
    Refused,
    Wanted,
    growing_pauses,
    read_lines,
    unanswered,
)
from codewright.models.model import Reply, Sampling, open_model
from codewright.models.openai_format import cut_at_stop

if TYPE_CHECKING:
    from codewright.models.backends.openai import OpenAiModel
    from codewright.models.batch_server import BatchServer

MOST_TRIES = 3
"""Batches that one request may be in: each may take a day."""

QUIET_S, LONGEST_QUIET_S, QUIET_SHARE = 0.5, 60.0, 0.1
"""How long nothing new is asked before a batch goes: at first, at most, and as a share of what the last batch took. Seeds that run
their replies in the sandbox ask for the next step one after the other, and a minute more does not matter to who waited an hour."""

FULL_S = 3600.0
"""How long the server's queue may be full although nothing of ours is in it; then each refusal counts as a try."""

CONFIRM_S = 30.0
"""How long a batch, sent by a process that was killed before it knew, may take to appear in the server's list."""

_Batch = dict[str, tuple[Wanted, bytes]]
"""What a request is known by -> who waits for it, and its line."""


@dataclass
class _Desk:
    """What belongs to one event loop. pending: not sent; under_way: the requests of each batch that is watched, by its tag."""

    pending: list[Wanted] = field(default_factory=list)
    under_way: dict[str, dict[str, Wanted]] = field(default_factory=dict)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    sending: "asyncio.Task[None] | None" = None
    asked_at: float = 0.0


class BatchModel:
    """The model of a server, asked through its Batch API; replies are the same, so they share the cache of single requests."""

    def __init__(
        self, model: "OpenAiModel", server: "BatchServer", book: BatchBook, say: Callable[[str], None] = lambda _: None
    ) -> None:  # fmt: skip
        """Take the model, its server's Batch API, the book, and what to call with a line on each batch."""
        self.concurrency = MOST_REQUESTS
        self._model = model
        self._server = server
        self._book = book
        self._say = say
        self._most_requests = MOST_REQUESTS
        self._most_bytes = MOST_BYTES
        self._one_by_one = False
        self._full_since: float | None = None
        self._quiet_s = QUIET_S
        self._pauses = growing_pauses()
        self._desks: dict[asyncio.AbstractEventLoop, _Desk] = {}
        self._landed: dict[str, set[str]] = {}

    def describe(self) -> dict[str, Any]:
        """Return what the model says of itself."""
        return self._model.describe()

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer chats. Raises as the model does, ConfigError where there is no Batch API, BackendError after MOST_TRIES."""
        messages = [[{"role": turn.role, "content": turn.content} for turn in chat] for chat in chats]
        return await self._ask_all("messages", messages, sampling)

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """Continue plain texts. Raises as `generate`."""
        return await self._ask_all("prompt", list(texts), sampling)

    @property
    def under_way(self) -> int:
        """How many batches are waited for."""
        return sum(len(desk.under_way) for desk in self._desks.values())

    def keep(self) -> None:
        """Say that all replies so far are kept for good: their batches are forgotten."""
        for tag, digests in self._landed.items():
            self._book.release(tag, digests)
        self._landed.clear()

    async def _ask_all(self, field_name: str, prompts: Sequence[Any], sampling: Sampling) -> list[Reply]:
        loop = asyncio.get_running_loop()
        desk = self._desk()
        repeats: Counter[str] = Counter()
        replies = []
        for prompt in prompts:
            wanted = Wanted(field_name, prompt, sampling, repeats[str(prompt)])
            repeats[str(prompt)] += 1
            wanted.replies.append(loop.create_future())
            replies.append(wanted.replies[0])
            desk.pending.append(wanted)
        self._wake(desk)
        return [cut_at_stop(reply, sampling.stop) for reply in await asyncio.gather(*replies)]

    def _desk(self) -> _Desk:
        loop = asyncio.get_running_loop()
        if loop not in self._desks:
            self._desks = {old: desk for old, desk in self._desks.items() if not old.is_closed()}
            self._desks[loop] = _Desk()
        return self._desks[loop]

    def _wake(self, desk: _Desk) -> None:
        desk.asked_at = asyncio.get_running_loop().time()
        if desk.sending is None or desk.sending.done():
            desk.sending = asyncio.create_task(self._send_all(desk))

    # ------------------------------------------------------------------------------------------------------------ sending

    async def _send_all(self, desk: _Desk) -> None:
        """Send what is pending, batch by batch, until nothing is."""
        while desk.pending:
            await self._settle(desk)
            while self._one_by_one and desk.tasks:
                await asyncio.wait(desk.tasks, return_when=asyncio.FIRST_COMPLETED)
            batch = self._take(desk)
            try:
                if batch:
                    await self._send(desk, batch)
            except Exception as error:
                for one, _ in batch.values():
                    one.fail(error)

    async def _settle(self, desk: _Desk) -> None:
        """Wait until a batch is full, or nothing new has come for a while."""
        loop = asyncio.get_running_loop()
        while len(desk.pending) < self._most_requests:
            left = desk.asked_at + self._quiet_s - loop.time()
            if left <= 0:
                return
            await asyncio.sleep(left)
            for _ in range(3):  # whoever was about to ask while the loop was held up gets there first
                await asyncio.sleep(0)

    def _take(self, desk: _Desk) -> _Batch:
        """Take as many of the pending as one batch holds; equal ones are one request, for all who asked."""
        pending, desk.pending = [one for one in desk.pending if one.is_wanted], []
        batch: _Batch = {}
        size = 0
        for one in pending:
            try:
                digest, line = one.line(self._model)
            except ValueError as error:  # a schema that is no JSON
                one.fail(error)
                continue
            if digest in batch:
                batch[digest][0].replies += one.replies
            elif (
                one.place != pending[0].place
                or len(batch) >= self._most_requests
                or (batch and size + len(line) > self._most_bytes)
            ):
                desk.pending.append(one)
            else:
                batch[digest] = one, line
                size += len(line)
        return batch

    async def _send(self, desk: _Desk, batch: _Batch) -> None:
        """Join those requests that are in a batch already, and send the others; they are left in `batch`."""
        tag = uuid.uuid4().hex
        known = self._book.claim(tag, list(batch))
        for other in sorted(set(known.values())):
            joining = [digest for digest in known if known[digest] == other]
            self._join(desk, other, {digest: batch.pop(digest)[0] for digest in joining})
        if not batch:
            return
        wanted = {digest: one for digest, (one, _) in batch.items()}
        try:
            with tempfile.TemporaryFile() as file:
                file.writelines(line for _, line in batch.values())
                uploaded = await self._server.upload(file)
            self._book.sending(tag, uploaded)
            endpoint = ENDPOINTS[next(iter(wanted.values())).place]
            name = await self._server.create(endpoint, uploaded, tag, time.time())
        except Refused as error:
            self._book.drop(tag)
            if error.code != QUEUE_FULL:
                raise ConfigError(f"{self._model.who}: {error}; it takes no such batch") from None
            await self._stand_back(desk, wanted, str(error))
            return
        except ConfigError:
            self._book.drop(tag)
            raise
        self._book.confirm(tag, name)
        self._say(f"{name}: {len(wanted):,} requests sent")
        self._join(desk, tag, wanted)

    # ----------------------------------------------------------------------------------------------------------- watching

    def _join(self, desk: _Desk, tag: str, wanted: Mapping[str, Wanted]) -> None:
        """Wait for requests of a batch that is written down."""
        if tag in desk.under_way:
            for digest, one in wanted.items():
                if digest in desk.under_way[tag]:
                    desk.under_way[tag][digest].replies += one.replies
                else:
                    desk.under_way[tag][digest] = one
            return
        desk.under_way[tag] = dict(wanted)
        task = asyncio.create_task(self._watch(desk, tag))
        desk.tasks.add(task)
        task.add_done_callback(desk.tasks.discard)

    async def _watch(self, desk: _Desk, tag: str) -> None:
        """Wait for a batch, hand out what came, see to the rest."""
        began = time.monotonic()
        wanted = desk.under_way[tag]
        try:
            name = await self._confirmed(tag)
            if name is None:
                self._ask_again(desk, desk.under_way.pop(tag).values(), "", tried=False)
                return
            state = await self._server.ended(name, self._say)
            taken_s = time.monotonic() - began
            self._quiet_s = min(LONGEST_QUIET_S, max(QUIET_S, QUIET_SHARE * taken_s))
            del desk.under_way[tag]  # whoever comes now watches it himself
            await self._land(desk, tag, state, wanted)
        except Gone as error:
            desk.under_way.pop(tag, None)
            self._book.drop(tag)
            self._ask_again(desk, wanted.values(), str(error))
        except Exception as error:
            desk.under_way.pop(tag, None)
            for one in wanted.values():
                one.fail(error)

    async def _confirmed(self, tag: str) -> str | None:
        """Return the server's name for a batch that is written down; None if there is none, then it is dropped."""
        pauses = growing_pauses()
        while (entry := self._book.find(tag)) is not None and entry.name is None:
            if entry.abandoned:
                name = None if entry.sent is None else await self._server.find(tag, entry.sent)
                if name is not None:
                    self._book.confirm(tag, name)
                elif entry.sent is None or time.time() > entry.sent + CONFIRM_S:
                    self._book.drop(tag)
                    return None
            await asyncio.sleep(next(pauses))
        return None if entry is None else entry.name

    # ------------------------------------------------------------------------------------------------------------ landing

    async def _land(self, desk: _Desk, tag: str, state: BatchState, wanted: dict[str, Wanted]) -> None:
        """Hand out what came, which is paid, then see to the rest."""
        if state.code == QUEUE_FULL:
            self._book.drop(tag)
            await self._stand_back(desk, wanted, self._model.redact(state.message))
            return
        self._went_well()
        left = dict(wanted)
        failures: dict[str, Line] = {}
        for file in state.files:
            try:
                async with self._server.fetched(file) as copy:
                    for line in read_lines(copy):
                        if (one := left.get(line.digest)) is None:
                            continue
                        if (reply := line.reply(chat=one.place == "messages")) is None:
                            failures[line.digest] = line
                            continue
                        one.answer(reply)
                        del left[line.digest]
            except Gone:  # its requests count as unanswered
                continue
        self._landed.setdefault(tag, set()).update(wanted.keys() - left.keys())
        self._book.release(tag, left)
        why = f"batch {state.status}" + (f": {state.message}" if state.message else "")
        lines = {digest: failures.get(digest, unanswered(digest, why)) for digest in left}
        await self._see_to(desk, state.name, [(left[digest], lines[digest]) for digest in left])

    async def _see_to(self, desk: _Desk, name: str, failed: Sequence[tuple[Wanted, Line]]) -> None:
        """Ask again what may pass, ask singly what is too long, fail the rest."""
        too_long: list[Wanted] = []
        for one, line in failed:
            said = self._model.redact(f"{name}: {line.said}")
            failure = line.failure
            if failure == "too_long":
                too_long.append(one)
            elif failure == "passing" or (failure == "refused" and self._learns(one, line)):
                self._ask_again(desk, [one], said)
            elif failure == "unpaid":
                one.fail(
                    BackendError(f"{self._model.who}: {said}; run the same command again when it is paid")
                )
            else:
                one.fail(
                    ConfigError(
                        f"{self._model.who}: {said}; it does not take this request, change the settings it names"
                    )
                )
        # The backend finds out whether prompt or reply is too long; it takes requests that are refused.
        await asyncio.gather(*(one.ask_singly(self._model) for one in too_long))

    def _learns(self, one: Wanted, line: Line) -> bool:
        """Tell whether a refusal says how to ask the next time, as the backend does for single requests."""
        if "max_completion_tokens" in line.body:
            self._model.limit_name = "max_completion_tokens"
            return "max_tokens" in one.sent
        return "response_format" in one.sent and self._model.forms.is_declined(
            one.body, line.status, line.body
        )

    def _ask_again(self, desk: _Desk, wanted: Iterable[Wanted], said: str, *, tried: bool = True) -> None:
        """Put requests into the next batch, or give them up. tried: whether they were in one."""
        for one in wanted:
            one.tries += tried
            if one.tries < MOST_TRIES:
                desk.pending.append(one)
                continue
            one.fail(
                BackendError(
                    f"{self._model.who}: a request failed in {MOST_TRIES} batches, the last time by {one_line(said)}; "
                    "what is finished is kept: run the same command again to go on"
                )
            )
        if desk.pending:
            self._wake(desk)

    async def _stand_back(self, desk: _Desk, wanted: dict[str, Wanted], said: str) -> None:
        """See to a batch that was too much for the server's queue: one at a time from now on, and smaller where it was alone."""
        self._one_by_one = True
        self._full_since = self._full_since or time.monotonic()
        too_long = time.monotonic() - self._full_since > FULL_S
        self._say(f"the server's queue is full ({one_line(said, 120)}): one batch at a time from now on")
        if alone := not desk.under_way:
            self._most_requests = max(1, len(wanted) // 2)
            await asyncio.sleep(next(self._pauses))
        self._ask_again(desk, wanted.values(), said, tried=alone and too_long)

    def _went_well(self) -> None:
        """Take note of a batch that the queue had room for: the next one may be larger again."""
        self._full_since = None
        self._pauses = growing_pauses()
        self._most_requests = min(MOST_REQUESTS, self._most_requests + self._most_requests // 4 + 1)


@contextmanager
def open_batched(
    spec: str, base_url: str | None, book: Path, say: Callable[[str], None] = lambda _: None
) -> Iterator[BatchModel]:
    """Open a served model's Batch API as long as the block; at its good end the batches' replies count as kept.

    book: the file that batches are written down in. Raises ConfigError for a model that is not behind an OpenAI-compatible server.
    """
    if not spec.startswith("openai:"):
        raise ConfigError(f"batch: model {spec} is not behind a server with a Batch API; only openai:NAME is")
    model: Any = open_model(spec, base_url)
    from codewright.models.batch_server import BatchServer  # the SDK, which the backend has found

    opened = BatchBook(book)
    try:
        batched = BatchModel(model, BatchServer(model), opened, say)
        try:
            yield batched
        except BaseException:
            if number := batched.under_way:
                going = "1 batch goes" if number == 1 else f"{number} batches go"
                say(f"{going} on at the server: run the same command again to have the replies")
            raise
        batched.keep()
    finally:
        opened.close()
