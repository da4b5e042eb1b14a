"""How fast one server may be asked: at most so many requests at once, fewer after it complained, none while it asks to wait.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681): a 429 halves the requests in flight, each round of
replies without one allows one more.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class Pace:
    """A gate that requests to one server go through; for one event loop."""

    def __init__(self, most: int) -> None:
        """most: requests in flight at once, when all is well."""
        self.limit = float(most)
        self._most = most
        self._in_flight = 0
        self._cuts = 0
        self._not_before = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[int]:
        """Wait for a place, hold it, give it back. Yields a number that `complained` wants to have back."""
        await self._enter()
        try:
            while (wait := self._not_before - asyncio.get_running_loop().time()) > 0:
                await asyncio.sleep(wait)
            yield self._cuts
        finally:
            self._leave()

    def complained(self, cuts: int) -> None:
        """Take note of a 429. Those of requests that were under way at the last cut say nothing new."""
        if cuts == self._cuts:
            self._cuts += 1
            self.limit = max(1.0, self.limit / 2)

    def went_well(self) -> None:
        """Take note of a reply."""
        self.limit = min(float(self._most), self.limit + 1 / self.limit)
        self._wake()

    def pause(self, seconds: float) -> None:
        """Start nothing new for so long."""
        self._not_before = max(self._not_before, asyncio.get_running_loop().time() + seconds)

    async def _enter(self) -> None:
        if not self._waiting and self._in_flight < int(self.limit):
            self._in_flight += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # given a place and cancelled in the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        self._in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._in_flight < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self._in_flight += 1
                place.set_result(None)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the server asks to wait (RFC 9110 section 10.2.3, or OpenAI's milliseconds), if it does."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        with contextlib.suppress(ValueError):
            return max(0.0, float(value) * factor)
        if value and name == "retry-after":
            with contextlib.suppress(ValueError):
                date = parsedate_to_datetime(value)
                aware = date if date.tzinfo else date.replace(tzinfo=UTC)
                return max(0.0, (aware - datetime.now(UTC)).total_seconds())
    return None


def allowance_wait_s(headers: Mapping[str, str], tokens: int) -> float:
    """Return how long to wait so that one more request of so many tokens fits into what the server's headers still allow.

    Reads OpenAI's x-ratelimit-{limit,remaining,reset}-{requests,tokens}: buckets that fill evenly and are full after `reset`
    (platform.openai.com/docs/guides/rate-limits). Headers that are missing or odd ask for nothing.
    """
    return max(_bucket_wait_s(headers, "requests", 1), _bucket_wait_s(headers, "tokens", tokens))


def _bucket_wait_s(headers: Mapping[str, str], kind: str, need: int) -> float:
    try:
        limit = float(headers[f"x-ratelimit-limit-{kind}"])
        remaining = float(headers[f"x-ratelimit-remaining-{kind}"])
    except (KeyError, ValueError):
        return 0.0
    reset_s = _duration_s(headers.get(f"x-ratelimit-reset-{kind}", ""))
    missing = min(float(need), limit) - remaining
    if reset_s is None or missing <= 0 or limit <= remaining:
        return 0.0
    return reset_s * missing / (limit - remaining)


def _duration_s(text: str) -> float | None:
    """Read `6m0s`, `20ms` or plain seconds."""
    with contextlib.suppress(ValueError):
        return float(text)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
