"""A model whose replies are paid once: from the cache where it can, within a budget where it must ask.

It is a `Model` itself. A served model is asked one request at a time, many at once, and each reply is kept as it comes; a local
one gets what is missing in one call, kept together. Equal requests under way are sent once. What was sent is waited for and
kept even when its caller has gone, as long as the loop runs: end it with `drain`, or use the model as an async context.
Limits: one event loop at a time; two processes that ask the same at the same moment both pay, and both get the first's reply.
"""

import asyncio
import contextlib
import gc
import weakref
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from codewright.core.records import Message
from codewright.core.rng import stable_hash
from codewright.models.budget import BudgetSpent, Ledger, Usage, most_usage, usage_of
from codewright.models.model import Model, Reply, Sampling, ServedModel
from codewright.models.reply_cache import Prompt, ReplyCache, Request, identify
from codewright.models.till import Claim, Till

DRAIN_S = 10.0
"""After a failure: how long those under way, which may be paid for, get to come back; as `evals.generation` has it."""

COLLECT_EVERY = 20_000
"""So many new objects between two looks for cyclic garbage. Python's 700 are less than the requests in flight hold: looking
at them again and again took a quarter of the CPU time of asking (benchmarks/teacher.py)."""


@dataclass
class Counts:
    """What became of the requests. At rest asked = hits + joined + sent + unsent.

    joined: equal to one that was under way. unsent: the budget or a failure came first. failed: sent, and no reply came.
    tokens_in, tokens_out, money: paid by this model, hits cost nothing.
    refusals, length_stops: among all replies handed out, the cached ones too, so that a resumed run counts the same.
    """

    asked: int = 0
    hits: int = 0
    joined: int = 0
    sent: int = 0
    unsent: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: float = 0.0
    refusals: int = 0
    length_stops: int = 0


@dataclass(eq=False)
class _Flight:
    """Requests that go out together.

    calls: what has to be asked for them; claim: on the budget; waiters: callers that want them; replies: by key, when it has landed.
    """

    requests: list[Request]
    calls: list[Request]
    claim: Claim
    waiters: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    @property
    def sent(self) -> bool:
        """Whether it is, or is about to be."""
        return self.claim.hold is not None


@dataclass(frozen=True)
class _Gates:
    """Of one event loop. places: to be in flight; till: to reserve, keep and settle."""

    places: contextlib.AbstractAsyncContextManager[None]
    till: Till


class PaidModel:
    """A model behind a cache and a budget; served to its callers as the model itself is, `concurrency` and all."""

    concurrency: int
    """Only there if the model is a served one."""

    def __init__(self, model: Model, cache: ReplyCache, ledger: Ledger, spec: str | None = None) -> None:
        """Wrap a model. spec: what it is, if it does not describe itself; ValueError without either."""
        self.counts = Counts()
        self._model = model
        self._identity = identify(model, spec)
        self._cache = cache
        self._ledger = ledger
        self._served = isinstance(model, ServedModel)
        if isinstance(model, ServedModel):
            self.concurrency = model.concurrency
        self._flights: dict[str, _Flight] = {}
        self._thresholds: list[tuple[int, int, int]] = []
        self._gates: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Gates] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def asked_again(self) -> int:
        """How many requests the model sent once more, since a server failed or was away; 0 for one that has none."""
        return int(getattr(self._model, "asked_again", 0))

    @property
    def trouble(self) -> str:
        """Why the model's server failed last; "" once it has answered again."""
        return str(getattr(self._model, "trouble", ""))

    def describe(self) -> dict[str, Any]:
        """Return what the model says of itself, else its spec."""
        described = getattr(self._model, "describe", None)
        return dict(described()) if described is not None else dict(self._identity)

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer chats. Raises BudgetSpent before a request that could overrun a cap, else what the model raises.

        Either way what was sent is kept first: all of it for a spent budget, what comes within DRAIN_S after a failure.
        """
        return await self._answer([tuple(chat) for chat in chats], sampling)

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """Continue plain texts. Raises as `generate`."""
        return await self._answer(list(texts), sampling)

    async def __aenter__(self) -> Self:
        """Return itself; until the end of the block Python looks for cyclic garbage less often, in the whole process."""
        self._thresholds.append(gc.get_threshold())
        every, *older = self._thresholds[-1]
        if every:  # 0: switched off
            gc.set_threshold(max(every, COLLECT_EVERY), *older)
        return self

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        """Drain: to the end unless a failure ends the block, since a server that is well answers."""
        try:
            await self.drain(None if error is None or _is_spent_budget(error) else DRAIN_S)
        finally:
            gc.set_threshold(*self._thresholds.pop())

    async def drain(self, timeout_s: float | None = DRAIN_S) -> None:
        """Let what is in flight come back and be kept, so long; start nothing more. To be awaited before the loop ends."""
        for flight in set(self._flights.values()):
            if not flight.sent and flight.task is not None:
                flight.task.cancel()
        tasks = {flight.task for flight in self._flights.values() if flight.task is not None}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Reply]:
        repetitions: Counter[Prompt] = Counter()
        requests = []
        for prompt in prompts:
            requests.append(Request(self._identity, prompt, sampling, repetitions[prompt]))
            repetitions[prompt] += 1
        self.counts.asked += len(requests)
        replies, flights = self._begin(requests)
        waiting = set(flights)
        for flight in waiting:
            flight.waiters += 1
        try:
            await self._land(flights, waiting)
        finally:
            self._leave(set(waiting), waiting)
        for flight in flights:
            replies |= flight.replies
        answers = [replies[request.key] for request in requests]
        self.counts.refusals += sum(reply.finish_reason == "refusal" for reply in answers)
        self.counts.length_stops += sum(reply.finish_reason == "length" for reply in answers)
        return answers

    def _begin(self, requests: Sequence[Request]) -> tuple[dict[str, Reply], list[_Flight]]:
        """Return the replies that are kept, and for the others what is under way, now started if it was not."""
        kept = self._cache.get_many(request.key for request in requests)
        self.counts.hits += len(kept)
        joined: list[_Flight] = []
        missing: list[Request] = []
        for request in requests:
            flight = self._flights.get(request.key)
            if request.key in kept:
                continue
            if flight is not None and flight.task is not None and not flight.task.done():
                joined.append(flight)
            else:
                missing.append(request)
        self.counts.joined += len(joined)
        groups = [[request] for request in missing] if self._served else [missing] if missing else []
        return kept, list(dict.fromkeys([*joined, *(self._start(group) for group in groups)]))

    def _start(self, requests: list[Request]) -> _Flight:
        calls = self._calls(requests)
        most = sum((most_usage(call.prompt, call.sampling) for call in calls), Usage())
        flight = _Flight(requests, calls, Claim(most))
        flight.task = asyncio.create_task(self._fly(flight))
        for request in requests:
            self._flights[request.key] = flight

        def landed(task: asyncio.Task[None]) -> None:
            self._forget(flight)
            if not flight.sent:
                self.counts.unsent += len(flight.requests)
            if not task.cancelled():
                task.exception()  # whoever still waits has it; nobody else is to be told

        flight.task.add_done_callback(landed)
        return flight

    def _forget(self, flight: _Flight) -> None:
        for request in flight.requests:
            if self._flights.get(request.key) is flight:
                del self._flights[request.key]

    async def _land(self, flights: Sequence[_Flight], waiting: set[_Flight]) -> None:
        """Wait until all have landed; after the first failure only for those that are sent."""
        tasks = [flight.task for flight in flights if flight.task is not None]
        if not tasks:
            return
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failures = (task.exception() for task in tasks if task.done() and not task.cancelled())
        failure = next((error for error in failures if error is not None), None)
        if failure is None:
            for task in tasks:
                task.result()  # cancelled ones, at the end of the loop, say so
            return
        self._leave({flight for flight in waiting if not flight.sent}, waiting)
        in_flight = [flight.task for flight in waiting if flight.task is not None and not flight.task.done()]
        if in_flight:
            await asyncio.wait(in_flight, timeout=None if isinstance(failure, BudgetSpent) else DRAIN_S)
        raise failure

    def _leave(self, leaving: set[_Flight], waiting: set[_Flight]) -> None:
        """Wait for these no more. What is not sent and wanted by nobody is called off."""
        waiting -= leaving
        for flight in leaving:
            flight.waiters -= 1
            if not flight.waiters and not flight.sent and flight.task is not None and not flight.task.done():
                self._forget(flight)
                flight.task.cancel()

    async def _fly(self, flight: _Flight) -> None:
        """Wait for a place and for room in the budget, send, keep, settle."""
        calls, claim, gates = flight.calls, flight.claim, self._gates_here()
        async with gates.places:
            try:
                await gates.till.reserve(claim)
                self.counts.sent += len(flight.requests)
                replies = await self._send(calls)
                pairs = list(zip(calls, replies, strict=True))
            except BaseException as error:
                if claim.hold is not None:
                    self._lose(flight, claim.hold, error)
                raise
            used = sum((usage_of(call.prompt, call.sampling, reply) for call, reply in pairs), Usage())
            wanted = {request.key for request in flight.requests}
            new = [(call, reply) for call, reply in pairs if call.key in wanted]
            kept = await gates.till.keep(claim, new, used)
            flight.replies = {call.key: reply for (call, _), reply in zip(new, kept, strict=True)}

    def _lose(self, flight: _Flight, hold: int, error: BaseException) -> None:
        """Take note that no reply came."""
        self.counts.failed += len(flight.requests)
        if isinstance(error, Exception):
            self._ledger.fail(hold, len(flight.calls))
        else:  # cancelled in flight: perhaps charged
            self._ledger.give_up(hold)

    def _book(self, used: Usage) -> None:
        self.counts.tokens_in += used.tokens_in
        self.counts.tokens_out += used.tokens_out
        self.counts.money += used.money

    def _calls(self, requests: Sequence[Request]) -> list[Request]:
        """List what has to be asked for these.

        A model draws the repetitions of a prompt apart by their place in one call. So a local model is asked again for
        earlier ones that are kept already, in place of which there is no way to draw the later ones as they would have been.
        """
        if self._served:
            return list(requests)
        calls: list[Request] = []
        so_far: Counter[Prompt] = Counter()
        for request in requests:
            while so_far[request.prompt] <= request.repetition:
                number = so_far[request.prompt]
                calls.append(request if number == request.repetition else replace(request, repetition=number))
                so_far[request.prompt] += 1
        return calls

    async def _send(self, calls: Sequence[Request]) -> list[Reply]:
        sampling = calls[0].sampling
        if self._served and calls[0].repetition:  # alone in its call, it would be drawn as the first one was
            sampling = replace(sampling, seed=stable_hash(sampling.seed, "repetition", calls[0].repetition))
        texts = [call.prompt for call in calls if isinstance(call.prompt, str)]
        if texts:
            return await self._model.complete(texts, sampling)
        return await self._model.generate(
            [c.prompt for c in calls if not isinstance(c.prompt, str)], sampling
        )

    def _gates_here(self) -> _Gates:
        loop = asyncio.get_running_loop()
        if loop not in self._gates:
            # A local model's callers, and its own lock, decide how many there are.
            places = asyncio.Semaphore(self.concurrency) if self._served else contextlib.nullcontext()
            self._gates[loop] = _Gates(places, Till(self._cache, self._ledger, self._book))
        return self._gates[loop]


def _is_spent_budget(error: BaseException) -> bool:
    """Tell whether nothing else went wrong, of a task group's errors too."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(BudgetSpent)[1] is None
    return isinstance(error, BudgetSpent)
