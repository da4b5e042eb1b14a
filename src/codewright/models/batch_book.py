"""Which requests are in which batch of which server: how a killed run finds again what it has paid for.

One SQLite file beside the reply cache, shared by all runs that share the cache. A batch is written down before it is sent, with a
tag of ours that goes along as its metadata, and the server's name for it after: whoever finds a tag without such a name looks for
it in the server's list. A request is forgotten when its reply is kept for good, or when the batch brought none.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from codewright.models.budget import is_alive, process_name  # a process by its number and its start
from codewright.models.sqlite_file import SqliteFile

KEPT_S = 30 * 86400.0
"""How long batches are remembered. Source: the longest that the API keeps a batch's files, `output_expires_after` in openai-python,
src/openai/types/batch_create_params.py."""

_APPLICATION = 0x43576262
"""`CWbb` in SQLite's application_id."""

_SCHEMA = (
    "CREATE TABLE batches (tag TEXT PRIMARY KEY, owner TEXT NOT NULL, made REAL NOT NULL, file TEXT, sent REAL, name TEXT)",
    "CREATE TABLE requests (digest BLOB PRIMARY KEY, tag TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX requests_by_tag ON requests (tag)",
)


@dataclass(frozen=True)
class Entry:
    """A batch as it was written down.

    abandoned: nobody is sending it any more. sent: when its file was there and it was about to be made, in Unix seconds.
    name: the server's, when it has told.
    """

    abandoned: bool
    made: float
    sent: float | None
    name: str | None


def book_beside(cache: Path) -> Path:
    """Return where the batches of a reply cache's runs are written down."""
    return cache.with_name(f"{cache.stem}.batches{cache.suffix}")


class BatchBook:
    """An open book; methods raise ConfigError for a damaged file, BackendError for one that others hold too long."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Open a book, made where there is none, and forget what is too old. clock: Unix seconds."""
        self._clock = clock
        self._file = SqliteFile(path, "batch book", _APPLICATION, _SCHEMA)
        with self._file.transaction() as connection:
            old = (clock() - KEPT_S,)
            connection.execute(
                "DELETE FROM requests WHERE tag IN (SELECT tag FROM batches WHERE made < ?)", old
            )
            connection.execute("DELETE FROM batches WHERE made < ?", old)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def claim(self, tag: str, digests: Sequence[str]) -> dict[str, str]:
        """Write down a new batch of those requests that are in none yet; returns digest -> tag of the others."""
        known: dict[str, str] = {}
        with self._file.transaction() as connection:
            for digest in digests:
                query = connection.execute("SELECT tag FROM requests WHERE digest = ?", (_blob(digest),))
                if (row := query.fetchone()) is not None:
                    known[digest] = row[0]
            new = [(_blob(digest), tag) for digest in digests if digest not in known]
            if new:
                connection.execute(
                    "INSERT INTO batches (tag, owner, made) VALUES (?,?,?)",
                    (tag, process_name(os.getpid()), self._clock()),
                )
                connection.executemany("INSERT INTO requests VALUES (?,?)", new)
        return known

    def sending(self, tag: str, file: str) -> None:
        """Note that the file of a batch is on the server, and the batch about to be made."""
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE batches SET file = ?, sent = ? WHERE tag = ?", (file, self._clock(), tag)
            )

    def confirm(self, tag: str, name: str) -> None:
        """Note the server's name for a batch."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE batches SET name = ? WHERE tag = ?", (name, tag))

    def find(self, tag: str) -> Entry | None:
        """Return a batch; None if it was dropped."""
        with self._file.reading() as connection:
            query = connection.execute("SELECT owner, made, sent, name FROM batches WHERE tag = ?", (tag,))
            row = query.fetchone()
        if row is None:
            return None
        owner, made, sent, name = row
        return Entry(owner == process_name(os.getpid()) or not is_alive(owner), made, sent, name)

    def release(self, tag: str, digests: Iterable[str]) -> None:
        """Forget requests of a batch, and the batch with the last of them."""
        with self._file.transaction() as connection:
            connection.executemany(
                "DELETE FROM requests WHERE digest = ? AND tag = ?", ((_blob(one), tag) for one in digests)
            )
            connection.execute(
                "DELETE FROM batches WHERE tag = ? AND NOT EXISTS (SELECT 1 FROM requests WHERE tag = batches.tag)",
                (tag,),
            )

    def drop(self, tag: str) -> None:
        """Forget a batch that never was, or is no more."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM requests WHERE tag = ?", (tag,))
            connection.execute("DELETE FROM batches WHERE tag = ?", (tag,))


def _blob(digest: str) -> bytes:
    return bytes.fromhex(digest)
