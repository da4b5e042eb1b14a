"""The ledger of a run that asks in batches: what a killed run had under way is found again, so it is not in doubt.

A request that is in a batch when its process is killed is asked for again by the next run, which finds it in the batch, and then
counts once, at what it took. The plain ledger would go on counting it at its most as well, for good.
Limits: what the next run does not ask for again, such as requests of other options, may be charged and is not counted; nor are
replies that were kept in the very moment before they would have been settled.
"""

import os
from pathlib import Path

from codewright.models.budget import Budget, Ledger, Prices, is_alive, process_name

_GIVEN_UP = "ended"
"""Behind a process's name: no longer waiting, which budget.py reads as no longer alive."""


class BatchLedger(Ledger):
    """A ledger that forgives what earlier runs in batches left open."""

    def __init__(self, path: Path, budget: Budget | None = None, prices: Prices | None = None) -> None:
        """Open an account as `Ledger` does; what processes before this one reserved for batches counts no more."""
        super().__init__(path, budget, prices)
        with self._file.transaction() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS batch_owners (owner TEXT PRIMARY KEY)")
            for (owner,) in connection.execute("SELECT owner FROM batch_owners").fetchall():
                if not is_alive(owner):
                    connection.execute("DELETE FROM reserved WHERE owner = ?", (owner,))
                    connection.execute("DELETE FROM batch_owners WHERE owner = ?", (owner,))
            for owner in (process_name(os.getpid()), self._given_up()):
                connection.execute("INSERT OR IGNORE INTO batch_owners VALUES (?)", (owner,))

    def give_up(self, hold: int) -> None:
        """Note that nobody waits for these replies any more: they count as their most until the next run asks again."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE reserved SET owner = ? WHERE id = ?", (self._given_up(), hold))

    @staticmethod
    def _given_up() -> str:
        return f"{process_name(os.getpid())} {_GIVEN_UP}"
