"""The till: what comes in one turn of the loop is served in one go, in order, and nobody's trouble is another's."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from codewright.core.errors import BackendError
from codewright.models.budget import Budget, BudgetSpent, Ledger, Usage
from codewright.models.model import Reply, Sampling
from codewright.models.reply_cache import ReplyCache, Request
from codewright.models.till import Claim, Till


class Files:
    """A cache and a ledger that write down how many came at once."""

    def __init__(self, folder: Path, budget: Budget | None = None) -> None:
        self.kept: list[int] = []
        self.settled: list[int] = []
        self.reserved: list[int] = []
        self.booked: list[Usage] = []
        files = self

        class Cache(ReplyCache):
            def put_many(self, pairs: Sequence[tuple[Request, Reply]]) -> list[Reply]:
                files.kept.append(len(pairs))
                return super().put_many(pairs)

        class Account(Ledger):
            def settle_many(self, used: Sequence[tuple[int, Usage]]) -> list[Usage]:
                files.settled.append(len(used))
                return super().settle_many(used)

            def reserve_many(self, wanted: Sequence[Usage]) -> list[int | BudgetSpent]:
                files.reserved.append(len(wanted))
                return super().reserve_many(wanted)

        self.cache = Cache(folder / "replies.sqlite")
        self.ledger = Account(folder / "spent.sqlite", budget)
        self.till = Till(self.cache, self.ledger, self.booked.append)

    def replies(self) -> int:
        return sum(total.replies for total in self.cache.summary())


def request(number: int) -> Request:
    return Request({"model": "openai:test"}, f"prompt {number}", Sampling())


def reply(number: int) -> Reply:
    return Reply(f"reply {number}", "stop", 2, 3)


async def claimed(till: Till, tokens: int = 100) -> Claim:
    claim = Claim(Usage(1, tokens, 0))
    await till.reserve(claim)
    return claim


def test_what_comes_together_is_served_together(tmp_path: Path) -> None:
    files = Files(tmp_path)

    async def one(number: int) -> list[Reply]:
        claim = await claimed(files.till)
        assert files.ledger.in_flight().requests == 40
        return await files.till.keep(claim, [(request(number), reply(number))], Usage(1, 2, 3))

    async def all_of_them() -> list[list[Reply]]:
        return await asyncio.gather(*(one(number) for number in range(40)))

    assert asyncio.run(all_of_them()) == [[reply(number)] for number in range(40)]
    assert (files.reserved, files.kept, files.settled) == ([40], [40], [40])
    assert files.ledger.spent() == sum(files.booked, Usage()) == Usage(40, 80, 120)
    assert (files.replies(), files.ledger.in_flight()) == (40, Usage())


def test_what_another_has_kept_first_is_handed_out(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.cache.put(request(1), reply(7))

    async def story() -> list[Reply]:
        pairs = [(request(1), reply(1)), (request(2), reply(2))]
        return await files.till.keep(await claimed(files.till), pairs, Usage(2, 4, 6))

    assert asyncio.run(story()) == [reply(7), reply(2)]


def test_room_goes_to_those_who_asked_first_and_none_to_those_who_never_fit(tmp_path: Path) -> None:
    files = Files(tmp_path, Budget(tokens=250))
    served: list[int] = []

    async def one(tokens: int) -> None:
        claim = await claimed(files.till, tokens)
        served.append(tokens)
        await asyncio.sleep(0.01)
        await files.till.keep(claim, [], Usage(1, 10, 0))

    async def story() -> list[BaseException | None]:
        return await asyncio.gather(*map(one, (150, 300, 120, 30, 101)), return_exceptions=True)

    failures = asyncio.run(story())
    assert [type(failure) for failure in failures] == [type(None), BudgetSpent, *[type(None)] * 3]
    assert served == [150, 120, 30, 101]  # 30 would have fitted beside 150, but it came later than 120
    assert files.ledger.spent() == Usage(4, 40)


@pytest.mark.parametrize("turns", range(6))
def test_a_claim_that_is_called_off_holds_nothing(tmp_path: Path, turns: int) -> None:
    files = Files(tmp_path)

    async def story() -> None:
        claim = Claim(Usage(1, 100, 0))
        task = asyncio.create_task(files.till.reserve(claim))
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.cancel():
            await asyncio.wait([task])
        assert files.ledger.in_flight().requests == (0 if task.cancelled() else 1)
        assert (claim.hold is None) == task.cancelled()
        await claimed(files.till)  # nobody behind it waits in vain

    asyncio.run(story())


def test_a_reply_is_kept_and_settled_though_its_caller_is_gone(tmp_path: Path) -> None:
    files = Files(tmp_path)

    async def story() -> None:
        claim = await claimed(files.till)
        keeping = asyncio.create_task(files.till.keep(claim, [(request(1), reply(1))], Usage(1, 2, 3)))
        await asyncio.sleep(0)
        keeping.cancel()

    asyncio.run(story())
    assert files.replies() == 1
    assert (files.ledger.spent(), files.ledger.in_flight()) == (Usage(1, 2, 3), Usage())


def test_one_that_cannot_be_kept_takes_no_other_along(tmp_path: Path) -> None:
    files = Files(tmp_path)
    broken = Reply(None, "stop", 1, 1)  # type: ignore[arg-type]

    async def one(number: int) -> list[Reply]:
        claim = await claimed(files.till)
        pair = (request(number), broken if number == 3 else reply(number))
        return await files.till.keep(claim, [pair], Usage(1, 2, 3))

    async def story() -> list[list[Reply] | BaseException]:
        return await asyncio.gather(*map(one, range(6)), return_exceptions=True)

    answers = asyncio.run(story())
    assert isinstance(answers[3], AttributeError)
    assert [answers[number] for number in (0, 1, 2, 4, 5)] == [[reply(number)] for number in (0, 1, 2, 4, 5)]
    assert files.replies() == 5
    assert files.ledger.spent().requests == 6  # all of them were paid


def test_a_file_that_others_hold_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(tmp_path)
    calls: list[int] = []

    def busy(pairs: Sequence[tuple[Request, Reply]]) -> list[Reply]:
        calls.append(len(pairs))
        raise BackendError("others have held it for too long")

    monkeypatch.setattr(files.cache, "put_many", busy)

    async def one(number: int) -> list[Reply]:
        claim = await claimed(files.till)
        return await files.till.keep(claim, [(request(number), reply(number))], Usage(1, 2, 3))

    async def story() -> list[list[Reply] | BaseException]:
        return await asyncio.gather(*map(one, range(6)), return_exceptions=True)

    assert all(isinstance(answer, BackendError) for answer in asyncio.run(story()))
    assert calls == [6]


def test_nothing_is_kept_without_a_claim(tmp_path: Path) -> None:
    files = Files(tmp_path)
    with pytest.raises(ValueError, match="nothing was reserved"):
        asyncio.run(files.till.keep(Claim(Usage(1)), [], Usage(1)))
