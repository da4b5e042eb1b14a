"""What a run may spend on a model: hard caps, and a ledger that many processes and all resumes of a run share.

Before a request is sent, the most it can cost is reserved; its reply settles what it did cost. So requests in flight never add
up to more than a cap allows, and after a SIGKILL the ledger is right but for those in flight, which count as their most for good.
Limits: the most is the most of the prompt's bytes and of `max_tokens`: a server that ignores `max_tokens` costs more than was
reserved, and is counted so. What a backend pays for attempts that it repeats by itself is not known here.
"""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field

from codewright.core.config import strict
from codewright.core.errors import ConfigError
from codewright.models.model import Reply, Sampling
from codewright.models.reply_cache import Prompt
from codewright.models.sqlite_file import SqliteFile

_MILLION = 1e6

TURN_TOKENS = 8
"""What a chat template puts around a turn, at most: ChatML (`<|im_start|>role\\n ... <|im_end|>\\n`) takes 5."""
TEMPLATE_TOKENS = 512
"""What it may add by itself: a system turn where there is none. Ours: long ones, such as Mistral Small 3's, take about 400."""

_APPLICATION = 0x43576C67
"""`CWlg` in SQLite's application_id."""

_SCHEMA = (
    "CREATE TABLE spent (requests INTEGER, failed INTEGER, tokens_in INTEGER, tokens_out INTEGER, money REAL)",
    "INSERT INTO spent VALUES (0, 0, 0, 0, 0.0)",
    "CREATE TABLE reserved (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, requests INTEGER NOT NULL,"
    " tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, money REAL NOT NULL)",
)

_RESERVED_OF = (
    "SELECT owner, SUM(requests), SUM(tokens_in), SUM(tokens_out), SUM(money) FROM reserved GROUP BY owner"
)
_NOBODY = ""
"""Owner of what was in flight when it was given up."""
_ENDED = "ended"


class BudgetSpent(ConfigError):  # noqa: N818 - it says what happened; nothing is broken
    """The next request could overrun a cap, so it was not sent.

    A ConfigError because its remedy is the user's: raise the cap and run again; nobody should retry it, as a BackendError
    is, and no row is bad, as by a DataError. An exception rather than a value because it must end all methods alike, in
    whatever line of theirs they ask; a driver that wants to end cleanly catches this class and keeps what is finished.
    """


@strict
@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, in the user's unit of money; replies from the cache cost nothing."""

    tokens_in: Annotated[float, Field(ge=0)] = 0.0
    tokens_out: Annotated[float, Field(ge=0)] = 0.0

    def money(self, tokens_in: int, tokens_out: int) -> float:
        """Return what so many tokens cost."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / _MILLION


@strict
@dataclass(frozen=True)
class Budget:
    """Hard caps over a run and its resumes; None is none, 0 allows only what is cached."""

    requests: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    """In and out together."""
    money: Annotated[float, Field(ge=0)] | None = None


@dataclass(frozen=True)
class Usage:
    """Requests and what they took. failed: how many of them brought no reply."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: float = 0.0
    failed: int = 0

    @property
    def tokens(self) -> int:
        """In and out together."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Self) -> "Usage":
        """Add up."""
        return Usage(
            self.requests + other.requests,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.money + other.money,
            self.failed + other.failed,
        )


def most_usage(prompt: Prompt, sampling: Sampling) -> Usage:
    """Return the most that one request can take.

    Vocabularies of bytes, or with bytes to fall back on, never make more tokens than there are bytes.
    """
    if isinstance(prompt, str):
        return Usage(1, _bytes(prompt) + 1, sampling.max_tokens)  # one more: a start token
    turns = sum(_bytes(turn.content) + _bytes(turn.role) + TURN_TOKENS for turn in prompt)
    return Usage(1, turns + TEMPLATE_TOKENS, sampling.max_tokens)


def usage_of(prompt: Prompt, sampling: Sampling, reply: Reply) -> Usage:
    """Return what one reply took: as the server says, or, where it says nothing, the most it can have been."""
    tokens_in, tokens_out = reply.prompt_tokens, reply.completion_tokens
    if reply.text:
        tokens_in = tokens_in or most_usage(prompt, sampling).tokens_in
        tokens_out = tokens_out or min(sampling.max_tokens, _bytes(reply.text))
    return Usage(1, tokens_in, tokens_out)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


class Ledger:
    """A run's account, one file; its methods raise ConfigError for a damaged one."""

    def __init__(self, path: Path, budget: Budget | None = None, prices: Prices | None = None) -> None:
        """Open an account, made where there is none; what was spent keeps the prices of its time.

        Raises ConfigError for a file that is none, and for a cap on money without prices, which would never be reached.
        """
        self.budget = budget or Budget()
        self.prices = prices or Prices()
        if self.budget.money is not None and self.prices == Prices():
            raise ConfigError(
                "budget: a cap on money needs prices; say what a million tokens cost (tokens_in, tokens_out)"
            )
        self._file = SqliteFile(path, "ledger", _APPLICATION, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def reserve(self, most: Usage) -> int | None:
        """Set aside the most that requests can take; returns a number for `settle`, `fail` or `give_up`.

        None: it may fit when those in flight are settled, ask again. Raises BudgetSpent when it will not fit even then.
        """
        for hold in self.reserve_many([most]):
            if isinstance(hold, BudgetSpent):
                raise hold
            return hold
        return None

    def reserve_many(self, wanted: Sequence[Usage]) -> list[int | BudgetSpent]:
        """Reserve for several in their order, each as `reserve` would, in one transaction; stops at the first that has to wait."""
        held: list[int | BudgetSpent] = []
        owner = process_name(os.getpid())
        with self._file.transaction() as connection:
            spent = _spent(connection)
            doubtful, in_flight = _reserved(connection)
            for most in map(self._priced, wanted):
                if cap := self._cap_broken_by(spent + doubtful + most):
                    held.append(BudgetSpent(self._explain(cap, spent + doubtful, doubtful, most)))
                    continue
                if self._cap_broken_by(spent + doubtful + in_flight + most):
                    break
                cursor = connection.execute(
                    "INSERT INTO reserved (owner, requests, tokens_in, tokens_out, money) VALUES (?,?,?,?,?)",
                    (owner, most.requests, most.tokens_in, most.tokens_out, most.money),
                )
                held.append(cursor.lastrowid or 0)
                in_flight += most
        return held

    def settle(self, hold: int, used: Usage) -> Usage:
        """Book what was used in place of what was reserved; returns it with its price."""
        [booked] = self.settle_many([(hold, used)])
        return booked

    def settle_many(self, used: Sequence[tuple[int, Usage]]) -> list[Usage]:
        """Settle several, each as `settle` would, in one transaction."""
        booked = [self._priced(one) for _, one in used]
        with self._file.transaction() as connection:
            connection.executemany("DELETE FROM reserved WHERE id = ?", [(hold,) for hold, _ in used])
            connection.executemany(
                "UPDATE spent SET requests = requests + ?, failed = failed + ?, tokens_in = tokens_in + ?,"
                " tokens_out = tokens_out + ?, money = money + ?",
                [(one.requests, one.failed, one.tokens_in, one.tokens_out, one.money) for one in booked],
            )
        return booked

    def fail(self, hold: int, requests: int = 1) -> None:
        """Book requests that the server did not answer: they count as sent, and cost nothing."""
        self.settle(hold, Usage(requests, failed=requests))

    def give_up(self, hold: int) -> None:
        """Note that nobody waits for these replies any more; they may be charged, so they go on counting as their most."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE reserved SET owner = ? WHERE id = ?", (_NOBODY, hold))

    def spent(self) -> Usage:
        """Return what all runs on this account were charged for."""
        with self._file.reading() as connection:
            return _spent(connection)

    def in_doubt(self) -> Usage:
        """Return the most that was in flight when its process was killed or gave up."""
        with self._file.reading() as connection:
            return _reserved(connection)[0]

    def in_flight(self) -> Usage:
        """Return the most that is in flight now, in any process."""
        with self._file.reading() as connection:
            return _reserved(connection)[1]

    def _priced(self, usage: Usage) -> Usage:
        money = self.prices.money(usage.tokens_in, usage.tokens_out)
        return Usage(usage.requests, usage.tokens_in, usage.tokens_out, money, usage.failed)

    def _cap_broken_by(self, usage: Usage) -> str | None:
        budget = self.budget
        if budget.requests is not None and usage.requests > budget.requests:
            return "requests"
        if budget.tokens is not None and usage.tokens > budget.tokens:
            return "tokens"
        if budget.money is not None and usage.money > budget.money:
            return "money"
        return None

    def _explain(self, cap: str, spent: Usage, doubtful: Usage, most: Usage) -> str:
        show: Callable[[Any], str] = _money if cap == "money" else "{:,}".format
        doubt = (
            f", {doubtful.requests:,} of them cut off and counted as their most" if doubtful.requests else ""
        )
        batch = "request" if most.requests == 1 else f"{most.requests:,} requests"
        need = (
            "" if cap == "requests" else f", and the next {batch} could take {show(getattr(most, cap))} {cap}"
        )
        return (
            f"budget: the cap of {show(getattr(self.budget, cap))} {cap} is reached: spent {_amounts(spent)}{doubt}{need}; "
            f"raise `{cap}` in the budget and run the same command again, what is paid for is kept"
        )


def _amounts(usage: Usage) -> str:
    money = f", {_money(usage.money)} of money" if usage.money else ""
    return f"{usage.tokens:,} tokens{money} in {usage.requests:,} requests"


def _money(amount: float) -> str:
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.6f}"


def _spent(connection: Any) -> Usage:
    query = "SELECT requests, tokens_in, tokens_out, money, failed FROM spent"
    return Usage(*connection.execute(query).fetchone())


def _reserved(connection: Any) -> tuple[Usage, Usage]:
    """Add up what is reserved: by those who are gone, by those who live."""
    gone, alive = Usage(), Usage()
    for owner, *sums in connection.execute(_RESERVED_OF).fetchall():
        if is_alive(owner):
            alive += Usage(*sums)
        else:
            gone += Usage(*sums)
    return gone, alive


def _name_of(pid: int) -> str:
    """Name a process by its number and its start, since numbers are used again."""
    return f"{pid} {_start_of(pid)}"


@functools.cache
def process_name(pid: int) -> str:
    """Name a process that will not end before us: ours."""
    return _name_of(pid)


def is_alive(owner: str) -> bool:
    """Tell whether a process of this name is still there."""
    if owner == _NOBODY or owner.endswith(_ENDED):
        return False
    return owner == process_name(os.getpid()) or owner == _name_of(int(owner.split(maxsplit=1)[0]))


def _start_of(pid: int) -> str:
    """Return when a process began, in the kernel's ticks (proc_pid_stat(5), field 22); _ENDED for one that is no more."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _ENDED  # also where there is no /proc: then nobody waits for others' requests, which is safe
    state, *others = text.rpartition(")")[2].split()  # the name before it may hold anything
    return _ENDED if state in {"Z", "X"} else others[18]
