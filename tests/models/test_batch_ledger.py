"""What runs in batches left open is forgiven by the next one, and nothing else is."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from codewright.models.batch_ledger import BatchLedger
from codewright.models.budget import Budget, BudgetSpent, Ledger, Usage

FORK = multiprocessing.get_context("fork")


def in_a_killed_process(work: Callable[[], object]) -> None:
    """Do something in a process that ends without a word."""

    def die() -> None:
        work()
        os._exit(0)

    process = FORK.Process(target=die)
    process.start()
    process.join()


def test_only_what_batches_left_open_is_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "spent.sqlite"
    in_a_killed_process(lambda: Ledger(path).reserve(Usage(3, 10, 10)))
    in_a_killed_process(lambda: BatchLedger(path).reserve(Usage(50, 100, 100)))
    assert Ledger(path).in_doubt().requests == 53  # a run without batches goes on counting
    assert BatchLedger(path).in_doubt().requests == 3


def test_what_was_settled_stays_spent(tmp_path: Path) -> None:
    path = tmp_path / "spent.sqlite"

    def work() -> None:
        ledger = BatchLedger(path)
        first, second = ledger.reserve(Usage(1, 9, 9)), ledger.reserve(Usage(1, 9, 9))
        assert first is not None
        assert second is not None
        ledger.settle(first, Usage(1, 2, 3))
        ledger.give_up(second)
        assert (ledger.in_doubt().requests, ledger.in_flight().requests) == (1, 0)

    in_a_killed_process(work)
    ledger = BatchLedger(path)
    assert (ledger.spent().requests, ledger.in_doubt().requests) == (1, 0)
    assert ledger.spent().tokens == 5


def test_what_a_living_process_has_in_flight_is_not_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "spent.sqlite"
    first = BatchLedger(path, Budget(requests=5))
    assert first.reserve(Usage(4)) is not None
    in_a_killed_process(lambda: BatchLedger(path))
    again = BatchLedger(path, Budget(requests=5))
    assert again.in_flight().requests == 4
    assert again.reserve(Usage(2)) is None
    with pytest.raises(BudgetSpent):
        again.reserve(Usage(6))
