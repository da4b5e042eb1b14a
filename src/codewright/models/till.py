"""Where paid replies are reserved, kept and settled: whatever comes in one turn of the event loop is served in one go.

A transaction costs more than what is done in it, and a served model's replies come many at once. Whoever comes waits until it is
served, and so keeps its place in flight: a reply that nobody has yet is still one of those under way.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from codewright.core.errors import BackendError
from codewright.models.budget import BudgetSpent, Ledger, Usage
from codewright.models.model import Reply
from codewright.models.reply_cache import ReplyCache, Request

POLL_S = 0.05
"""How often to look whether requests in flight, perhaps another process's, have left room in the budget."""


@dataclass(eq=False)
class Claim:
    """Room in the budget for requests that go out together. most: what they can take; hold: its number, once there is room."""

    most: Usage
    hold: int | None = None


@dataclass(eq=False)
class _Delivery:
    """Replies that came. kept: what the cache holds in their place; error: why it holds nothing."""

    hold: int
    pairs: Sequence[tuple[Request, Reply]]
    used: Usage
    served: "asyncio.Future[list[Reply]]"
    kept: list[Reply] = field(default_factory=list)
    error: Exception | None = None


class Till:
    """A cache and a ledger at which many stand in line; for one event loop."""

    def __init__(self, cache: ReplyCache, ledger: Ledger, on_booked: Callable[[Usage], None]) -> None:
        """on_booked: told of all that is settled here, with its price."""
        self._cache = cache
        self._ledger = ledger
        self._on_booked = on_booked
        self._claims: deque[tuple[Claim, asyncio.Future[None]]] = deque()
        self._deliveries: list[_Delivery] = []
        self._soon = False

    async def reserve(self, claim: Claim) -> None:
        """Wait for room in the budget, in the order of asking. Raises BudgetSpent where there will be none."""
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._claims.append((claim, served))
        self._serve_soon()
        try:
            await served
        except asyncio.CancelledError:
            if claim.hold is not None:  # called off in the very turn of the loop that gave it room
                self._ledger.settle(claim.hold, Usage())
                claim.hold = None
            raise

    async def keep(self, claim: Claim, pairs: Sequence[tuple[Request, Reply]], used: Usage) -> list[Reply]:
        """Keep replies and settle what they took, also when their caller is gone; returns what the cache holds, as it does.

        Raises what the cache and the ledger raise.
        """
        if claim.hold is None:
            raise ValueError("nothing was reserved for this")
        served: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        self._deliveries.append(_Delivery(claim.hold, pairs, used, served))
        self._serve_soon()
        return await served

    def _serve_soon(self) -> None:
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        self._soon = False
        if self._deliveries:
            deliveries, self._deliveries = self._deliveries, []
            self._keep_all(deliveries)
            self._settle_all(deliveries)
            for one in deliveries:
                if one.served.done():  # cancelled
                    continue
                if one.error is None:
                    one.served.set_result(one.kept)
                else:
                    one.served.set_exception(one.error)
        if self._claims and not self._reserve_all():
            asyncio.get_running_loop().call_later(POLL_S, self._serve_soon)

    def _keep_all(self, deliveries: Sequence[_Delivery]) -> None:
        """Keep first and settle then: a kill in between leaves the replies, and too high a count."""
        try:
            kept = iter(self._cache.put_many([pair for one in deliveries for pair in one.pairs]))
            for one in deliveries:
                one.kept = [next(kept) for _ in one.pairs]
        except Exception as error:
            if len(deliveries) == 1 or isinstance(
                error, BackendError
            ):  # a file that is held by others is so for all
                for one in deliveries:
                    one.error = error
            else:  # one that cannot be kept takes no other along
                for one in deliveries:
                    self._keep_all([one])

    def _settle_all(self, deliveries: Sequence[_Delivery]) -> None:
        try:
            booked = self._ledger.settle_many([(one.hold, one.used) for one in deliveries])
        except Exception as error:
            for one in deliveries:
                one.error = error
        else:
            self._on_booked(sum(booked, Usage()))

    def _reserve_all(self) -> bool:
        """Give room to as many as there is for; returns whether that was all."""
        self._claims = deque(pair for pair in self._claims if not pair[1].done())
        try:
            held = self._ledger.reserve_many([claim.most for claim, _ in self._claims])
        except Exception as error:
            while self._claims:
                self._claims.popleft()[1].set_exception(error)
            return True
        for hold in held:
            claim, served = self._claims.popleft()
            if isinstance(hold, BudgetSpent):
                served.set_exception(hold)
            else:
                claim.hold = hold
                served.set_result(None)
        return not self._claims
