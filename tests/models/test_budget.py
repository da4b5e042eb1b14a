"""Caps and the ledger: reserved before, settled after, shared by processes, right after kills."""

import multiprocessing
import os
import pickle
import random
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.core.config import build
from codewright.core.errors import ConfigError
from codewright.core.records import Message
from codewright.models.budget import (
    Budget,
    BudgetSpent,
    Ledger,
    Prices,
    Usage,
    most_usage,
    usage_of,
)
from codewright.models.model import Reply, Sampling
from codewright.models.reply_cache import ReplyCache

FORK = multiprocessing.get_context("fork")
PRICES = Prices(tokens_in=2.0, tokens_out=8.0)


def reserve(ledger: Ledger, tokens_in: int, tokens_out: int, requests: int = 1) -> int:
    hold = ledger.reserve(Usage(requests, tokens_in, tokens_out))
    assert hold is not None
    return hold


def test_money_is_per_million_tokens() -> None:
    assert PRICES.money(1_000_000, 500_000) == 6.0
    assert Prices().money(10**9, 10**9) == 0.0


def test_what_is_settled_stays_over_resumes_at_the_price_of_its_time(tmp_path: Path) -> None:
    path = tmp_path / "run" / "ledger.sqlite"
    ledger = Ledger(path, prices=PRICES)
    hold = reserve(ledger, 1000, 1000)
    assert (ledger.in_flight(), ledger.spent()) == (Usage(1, 1000, 1000, 0.01), Usage())
    assert ledger.settle(hold, Usage(1, 500, 250)) == Usage(1, 500, 250, 0.003)
    ledger.fail(reserve(ledger, 10, 10))
    ledger.close()
    again = Ledger(path, prices=Prices(tokens_in=100.0))
    assert again.spent() == Usage(2, 500, 250, 0.003, failed=1)
    again.settle(reserve(again, 10, 10), Usage(1, 10, 10))
    assert again.spent() == Usage(3, 510, 260, pytest.approx(0.004), failed=1)
    assert (again.in_flight(), again.in_doubt()) == (Usage(), Usage())


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(requests=3), "the cap of 3 requests is reached: spent 30 tokens, 0.000150 of money in 3 requests; raise `requests`"),
        (Budget(tokens=35), "the cap of 35 tokens is reached: spent 30 tokens, 0.000150 of money in 3 requests, and the next request could take 10 tokens; raise `tokens`"),
        (Budget(money=0.00018), "the cap of 0.000180 money is reached: spent 30 tokens, 0.000150 of money in 3 requests, and the next request could take 0.000050 money; raise `money`"),
    ],
)  # fmt: skip
def test_a_cap_is_told_in_one_line_before_it_is_overrun(tmp_path: Path, budget: Budget, said: str) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite", budget, PRICES)
    for _ in range(3):
        ledger.settle(reserve(ledger, 5, 5), Usage(1, 5, 5))
    with pytest.raises(BudgetSpent) as caught:
        ledger.reserve(Usage(1, 5, 5))
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert "run the same command again" in message
    assert isinstance(
        pickle.loads(pickle.dumps(caught.value)), BudgetSpent
    )  # it crosses from worker processes
    assert isinstance(caught.value, ConfigError)
    assert caught.value.exit_code == 2
    assert ledger.spent().requests == 3


def test_a_raised_cap_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path, Budget(requests=1))
    ledger.settle(reserve(ledger, 5, 5), Usage(1, 5, 5))
    with pytest.raises(BudgetSpent):
        ledger.reserve(Usage(1, 5, 5))
    raised = Ledger(path, Budget(requests=2))
    raised.settle(reserve(raised, 5, 5), Usage(1, 5, 5))
    with pytest.raises(BudgetSpent, match=r"cap of 2 requests .* in 2 requests"):
        raised.reserve(Usage(1, 5, 5))


def test_a_cap_of_zero_allows_nothing_and_no_cap_all(tmp_path: Path) -> None:
    with pytest.raises(BudgetSpent, match="spent 0 tokens in 0 requests"):
        Ledger(tmp_path / "a.sqlite", Budget(requests=0)).reserve(Usage(1, 5, 5))
    assert Ledger(tmp_path / "b.sqlite").reserve(Usage(10**6, 10**12, 10**12)) is not None


def test_several_are_reserved_and_settled_as_one_after_the_other(tmp_path: Path) -> None:
    wanted = [Usage(1, 20, 20), Usage(1, 60, 60), Usage(1, 30, 20), Usage(1, 20, 5), Usage(1, 1, 1)]
    ledger = Ledger(tmp_path / "ledger.sqlite", Budget(tokens=100), PRICES)
    first, refused, second, *waiting = ledger.reserve_many(wanted)
    assert isinstance(refused, BudgetSpent)  # for good, so it holds up nobody
    assert not isinstance(first, BudgetSpent)
    assert not isinstance(second, BudgetSpent)
    assert waiting == []  # the fourth has to wait, and the fifth behind it
    assert ledger.in_flight() == Usage(2, 50, 40, PRICES.money(50, 40))
    booked = ledger.settle_many([(second, Usage(1, 3, 4)), (first, Usage(1, 5, 6))])
    assert booked == [Usage(1, 3, 4, PRICES.money(3, 4)), Usage(1, 5, 6, PRICES.money(5, 6))]
    assert (ledger.spent(), ledger.in_flight()) == (sum(booked, Usage()), Usage())
    assert len(ledger.reserve_many(wanted[3:])) == 2


def test_what_may_fit_later_waits_and_what_never_will_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite", Budget(tokens=100))
    hold = reserve(ledger, 30, 30)
    assert ledger.reserve(Usage(1, 30, 30)) is None
    with pytest.raises(BudgetSpent):
        ledger.reserve(Usage(1, 60, 60))
    ledger.settle(hold, Usage(1, 30, 5))
    other = reserve(ledger, 30, 30)
    ledger.give_up(other)
    assert ledger.in_doubt() == Usage(1, 30, 30)
    with pytest.raises(BudgetSpent, match="1 of them cut off and counted as their most"):
        ledger.reserve(Usage(1, 5, 5))


def test_money_needs_prices_and_settings_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a cap on money needs prices"):
        Ledger(tmp_path / "ledger.sqlite", Budget(money=5.0))
    assert build(Budget, {"money": 5, "tokens": 100}, "budget") == Budget(money=5.0, tokens=100)
    for wrong in ({"requests": -1}, {"money": float("nan")}, {"token": 5}):
        with pytest.raises(ConfigError, match="budget: "):
            build(Budget, wrong, "budget")
    with pytest.raises(ConfigError, match="prices: 'tokens_in'"):
        build(Prices, {"tokens_in": -0.5}, "prices")


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    ReplyCache(tmp_path / "replies.sqlite").close()
    with pytest.raises(ConfigError, match=r"ledger .*replies.sqlite: .* of another program"):
        Ledger(tmp_path / "replies.sqlite")
    (tmp_path / "text").write_text("spent: 5\n" * 100)
    with pytest.raises(ConfigError, match="not a ledger"):
        Ledger(tmp_path / "text")


texts = st.text(max_size=200)


@settings(deadline=None, max_examples=60)
@given(texts, st.lists(st.builds(Message, st.sampled_from(["system", "user"]), texts), max_size=4))
def test_no_tokenizer_of_bytes_makes_more_than_the_most(text: str, chat: list[Message]) -> None:
    sampling = Sampling(max_tokens=7)
    assert most_usage(text, sampling).tokens_in > len(text.encode())
    chatml = "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in chat)
    as_bytes = len(chatml.replace("<|im_start|>", "S").replace("<|im_end|>", "E").encode())
    assert most_usage(tuple(chat), sampling).tokens_in >= as_bytes
    assert most_usage(tuple(chat), sampling).tokens_out == 7


@pytest.mark.parametrize(
    ("reply", "used"),
    [
        (Reply("hello", "stop", 3, 2), Usage(1, 3, 2)),
        (Reply("hello", "stop", 0, 0), Usage(1, 5, 5)),  # the server does not say: never less than it was
        (Reply("hello, you two", "stop", 0, 0), Usage(1, 5, 8)),
        (Reply("", "refusal", 0, 0), Usage(1, 0, 0)),
        (Reply("", "length", 9, 8), Usage(1, 9, 8)),  # all of it thinking
    ],
)
def test_what_a_reply_took(reply: Reply, used: Usage) -> None:
    assert usage_of("what", Sampling(max_tokens=8), reply) == used


def spend(path: Path, told: int, budget: Budget, seed: int) -> None:
    """Reserve and settle until the budget is spent, telling each settled amount."""
    ledger, rng = Ledger(path, budget), random.Random(seed)
    holds: list[int] = []
    while True:
        try:
            hold = ledger.reserve(Usage(1, 10, 10))
        except BudgetSpent:
            break
        if hold is not None:
            holds.append(hold)
        if (hold is None or len(holds) > 8) and holds:
            used = rng.randrange(10)
            ledger.settle(holds.pop(), Usage(1, 10, used))
            os.write(told, bytes([10 + used]))
    for hold in holds:
        ledger.settle(hold, Usage(1, 10, 10))
        os.write(told, bytes([20]))


def test_processes_share_one_cap(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    reader, writer = os.pipe()
    children = [
        FORK.Process(target=spend, args=(path, writer, Budget(tokens=2000), seed)) for seed in range(3)
    ]
    for child in children:
        child.start()
    os.close(writer)
    amounts = b""
    while data := os.read(reader, 4096):
        amounts += data
    os.close(reader)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 3
    ledger = Ledger(path)
    assert sum(amounts) == ledger.spent().tokens
    assert len(amounts) == ledger.spent().requests
    assert 2000 - 20 < sum(amounts) <= 2000
    assert (ledger.in_flight(), ledger.in_doubt()) == (Usage(), Usage())


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_kill_leaves_the_account_right_but_for_what_was_in_flight(tmp_path: Path, after: int) -> None:
    path = tmp_path / "ledger.sqlite"
    reader, writer = os.pipe()
    child = FORK.Process(target=spend, args=(path, writer, Budget(), 1))
    child.start()
    os.close(writer)
    told = b""
    while len(told) < after and (data := os.read(reader, 1)):
        told += data
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, not buried
    while data := os.read(reader, 4096):
        told += data
    os.close(reader)
    ledger = Ledger(path, Budget(tokens=10**6))
    spent, doubt = ledger.spent(), ledger.in_doubt()
    assert ledger.in_flight() == Usage()
    assert len(told) <= spent.requests <= len(told) + 1
    assert sum(told) <= spent.tokens <= sum(told) + 20
    assert doubt.requests <= 9
    assert doubt.tokens == 20 * doubt.requests
    tight = Ledger(path, Budget(requests=spent.requests + doubt.requests))
    with pytest.raises(BudgetSpent):
        tight.reserve(Usage(1, 1, 1))
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert ledger.in_doubt() == doubt


def test_a_number_used_again_by_another_process_is_not_the_same_owner(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    reserve(ledger, 1, 1)
    with ledger._file.transaction() as connection:
        connection.execute("UPDATE reserved SET owner = ?", (f"{os.getpid()} 5",))
    assert (ledger.in_flight(), ledger.in_doubt().requests) == (Usage(), 1)
