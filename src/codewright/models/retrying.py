"""Asking a server again for what may pass: with growing pauses, and an end that depends on what failed."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential

Done = TypeVar("Done")

MOST_ATTEMPTS = 10
"""With the pauses below about two minutes: a server may be restarted meanwhile."""
MOST_TIMEOUTS = 3
MOST_UNHEARD = 3
"""Attempts to reach a server that has never answered: most likely its address is wrong."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
PATIENCE_S = 300.0
"""The longest pause that a server may ask for; whoever is to wait longer wants to know."""

_BACKOFF = wait_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S)
_PASSING = frozenset({408, 409, 425, 429})


def may_pass(status: int) -> bool:
    """Tell whether an error status is one that asking again may help against."""
    return status in _PASSING or status >= 500


class Again(Exception):  # noqa: N818 - internal; its raiser's callers make a BackendError of it if it stays
    """A failure that may pass. attempts: after how many like it to give up; wait_s: pause at least so long.

    tried: how many attempts were made, when it has stayed.
    """

    def __init__(self, what: str, attempts: int = MOST_ATTEMPTS, wait_s: float = 0.0) -> None:
        super().__init__(what)
        self.attempts = attempts
        self.wait_s = wait_s
        self.tried = 1


async def patiently(
    attempt: Callable[[], Awaitable[Done]], on_again: Callable[[], None] = lambda: None
) -> Done:
    """Attempt until it works. Raises Again when it is enough, and whatever else an attempt raises.

    on_again: called before every attempt but the first.
    """
    try:
        return await attempt()  # few need a second one, and tenacity costs as much as sending
    except Again as error:
        first: Again | None = error
    failures: Counter[int] = Counter()

    async def attempt_again() -> Done:
        nonlocal first
        if first is not None:
            made, first = first, None
            raise made
        on_again()
        return await attempt()

    def is_enough(state: RetryCallState) -> bool:
        error = _failure(state)
        error.tried = state.attempt_number
        failures[error.attempts] += 1  # one that hung up before does not count against one that is slow now
        return failures[error.attempts] >= error.attempts or state.attempt_number >= MOST_ATTEMPTS

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Again), stop=is_enough, wait=_pause_s, sleep=asyncio.sleep, reraise=True
    )
    return await retrying(attempt_again)


def _pause_s(state: RetryCallState) -> float:
    """Return how long to pause: what the server asked for or the back-off, and up to a quarter more, so that not all come at once."""
    return max(_failure(state).wait_s, _BACKOFF(state)) * random.uniform(1.0, 1.25)


def _failure(state: RetryCallState) -> Again:
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, Again):
        raise TypeError("only Again is asked again")
    return error
