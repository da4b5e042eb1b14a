"""When asking again ends: by the kind of failure, and at the latest after so many attempts."""

import asyncio
from collections.abc import Sequence

import pytest
from tenacity import wait_none

from codewright.models import retrying
from codewright.models.retrying import MOST_ATTEMPTS, Again, patiently


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_BACKOFF", wait_none())


class Server:
    """Fails as its script says, each with the number of attempts that such a failure allows, then answers."""

    def __init__(self, allowed: Sequence[int]) -> None:
        self.left = list(allowed)
        self.asked = self.again = 0

    async def answer(self) -> str:
        self.asked += 1
        if self.left:
            raise Again(f"failure {self.asked}", self.left.pop(0))
        return "here"

    def ask(self) -> str:
        return asyncio.run(patiently(self.answer, self.note))

    def note(self) -> None:
        self.again += 1


@pytest.mark.parametrize(
    "allowed", [[], [10], [10, 10, 10, 10, 3], [3, 3, 10, 10], [10, 2, 10, 3, 10, 3, 10]]
)
def test_what_passes_is_answered(allowed: list[int]) -> None:
    server = Server(allowed)
    assert server.ask() == "here"
    assert (server.asked, server.again) == (len(allowed) + 1, len(allowed))


@pytest.mark.parametrize(
    ("allowed", "attempts"),
    [
        ([1], 1),
        ([3] * 9, 3),
        ([10] * 99, 10),
        ([10, 3, 10, 3, 10, 3], 6),
        ([3, 3, 10, 10, 1], 5),
        ([4, 5] * 9, 7),
    ],
)
def test_what_stays_ends_and_says_how_often_it_was_tried(allowed: list[int], attempts: int) -> None:
    server = Server(allowed)
    with pytest.raises(Again) as caught:
        server.ask()
    assert server.asked == caught.value.tried == attempts <= MOST_ATTEMPTS
    assert str(caught.value) == f"failure {attempts}"


def test_what_is_no_failure_of_this_kind_goes_through() -> None:
    async def wrong() -> str:
        raise ValueError("not that")

    with pytest.raises(ValueError, match="not that"):
        asyncio.run(patiently(wrong))
