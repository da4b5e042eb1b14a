"""Pace: places are bounded, halved by a complaint, won back by replies; waits are read from headers."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from codewright.models.pacing import Pace, allowance_wait_s, retry_after_s


async def run_through(pace: Pace, count: int) -> int:
    """Let many through at once; return the most that were inside together."""
    inside = most = 0

    async def one() -> None:
        nonlocal inside, most
        async with pace.turn():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(count)))
    return most


def test_no_more_than_so_many_are_under_way() -> None:
    assert asyncio.run(run_through(Pace(3), 20)) == 3


def test_a_complaint_halves_once_a_round_and_replies_win_places_back() -> None:
    async def story() -> None:
        pace = Pace(8)
        async with pace.turn() as first, pace.turn() as second:
            pace.complained(first)
            pace.complained(second)  # was under way at the same cut
        assert pace.limit == 4
        assert await run_through(pace, 20) == 4
        async with pace.turn() as later:
            pace.complained(later)
        assert pace.limit == 2
        for _ in range(2):
            pace.went_well()
        assert 2.8 < pace.limit < 3
        for _ in range(100):
            pace.went_well()
        assert pace.limit == 8
        for _ in range(20):
            async with pace.turn() as cuts:
                pace.complained(cuts)
        assert pace.limit == 1
        assert await run_through(pace, 5) == 1

    asyncio.run(story())


def test_a_place_is_given_back_by_whoever_is_cancelled() -> None:
    async def story() -> None:
        pace = Pace(1)

        async def hold() -> None:
            async with pace.turn():
                await asyncio.sleep(3600)

        holding = [asyncio.create_task(hold()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)
        assert await run_through(pace, 3) == 1

    asyncio.run(story())


def test_a_pause_holds_back_what_has_not_started() -> None:
    async def story() -> None:
        pace = Pace(2)
        pace.pause(3600)
        task = asyncio.create_task(run_through(pace, 1))
        done, _ = await asyncio.wait([task], timeout=0.05)
        assert not done
        task.cancel()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, 0.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90 < (retry_after_s({"retry-after": date}) or 0) <= 100
    assert retry_after_s({"retry-after": "Mon, 01 Jan 2024 00:00:00 GMT"}) == 0


def bucket(kind: str, limit: object, remaining: object, reset: str) -> dict[str, str]:
    values = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{name}-{kind}": str(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        (bucket("requests", 60, 5, "55s"), 0.0),
        (bucket("requests", 60, 0, "1m0s"), 1.0),
        (bucket("requests", 10, 0, "500ms"), 0.05),
        (bucket("tokens", 1000, 400, "6s"), 1.0),  # 500 are needed, 100 a second come back
        (bucket("tokens", 100, 0, "1h"), 3600.0),  # never more than the bucket holds
        (bucket("requests", 60, 0, "1s") | bucket("tokens", 1000, 0, "10"), 5.0),
        (bucket("requests", "many", 0, "1s"), 0.0),
        (bucket("requests", 60, 0, "2026-01-01T00:00:00Z"), 0.0),
        (bucket("requests", 0, 0, "1s"), 0.0),
    ],
)
def test_what_headers_still_allow(headers: dict[str, str], seconds: float) -> None:
    assert allowance_wait_s(headers, tokens=500) == pytest.approx(seconds)
