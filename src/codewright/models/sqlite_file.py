"""A SQLite file of ours that several processes share: write-ahead log, whole transactions, errors that say what to do.

A transaction is there whole or not at all, whenever a writer is killed (sqlite.org/wal.html).
"""

import contextlib
import errno
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codewright.core.errors import BackendError, ConfigError

BUSY_S = 60.0
"""How long to wait for others' transactions, which take milliseconds; whoever waits longer wants to know."""
_COMPACT_BUSY_S = 5.0
"""Compacting can wait for another time."""
_RETRY_S = 0.01

_VERSION = 1
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_UNUSABLE = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR}
)
_IN_USE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_inherited: list[sqlite3.Connection] = []
"""Connections of a parent process: a child must neither use nor close them (sqlite.org/howtocorrupt.html, section 2.6)."""


class SqliteFile:
    """An open file; transactions of one process take turns, those of several wait for each other."""

    def __init__(self, path: Path, what: str, application_id: int, schema: Sequence[str]) -> None:
        """Open a file, or make it with this schema. what: its kind, for messages. Raises ConfigError when it is not of that kind."""
        self._path = path
        self._what = what
        self._application_id = application_id
        self._schema = schema
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = os.getpid()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise ConfigError(f"{what} {path}: its folder is a file; name another place") from None
        with self.reading():
            pass

    def close(self) -> None:
        """Close the file; it opens again when it is used."""
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for single statements."""
        self._leave_parent()
        with self._lock, self._translated():
            if self._connection is None:
                self._connection = self._open()
            yield self._connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection inside a write transaction, committed at the end, undone on an error."""
        with self.reading() as connection, _committed(connection):
            yield connection

    def stream(self, query: str, values: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query as they were when it began, over a connection of its own: it may take long."""
        with self._translated(), contextlib.closing(self._connect()) as connection:
            yield from connection.execute(query, values)

    def compact(self) -> None:
        """Give room back to the system. Raises BackendError when others are using the file."""
        with self.reading() as connection:
            connection.execute(f"PRAGMA busy_timeout = {int(_COMPACT_BUSY_S * 1000)}")
            try:
                connection.execute("VACUUM")
                busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
            if busy:  # a reader stays where it began
                raise self._in_use()

    def size_bytes(self) -> int:
        """Return the size of the file and of its write-ahead log."""
        total = 0
        for path in (self._path, self._path.with_name(f"{self._path.name}-wal")):
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def damaged(self, how: str) -> ConfigError:
        """Make the error of a file that cannot be trusted."""
        return ConfigError(
            f"{self._what} {self._path}: damaged, or not a {self._what} ({how}); move it away, or name another file"
        )

    def _in_use(self) -> BackendError:
        return BackendError(
            f"{self._what} {self._path}: others have held it for too long; "
            "what is finished is kept: run the same command again"
        )

    def _leave_parent(self) -> None:
        if self._owner != os.getpid():
            if self._connection is not None:
                _inherited.append(self._connection)
            self._connection, self._lock, self._owner = None, threading.Lock(), os.getpid()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        try:
            self._make_or_check(connection)
            _turn_to_wal(connection)
            # NORMAL: a kill loses nothing, a power cut at most the last transactions (sqlite.org/pragma.html#pragma_synchronous).
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_or_check(self, connection: sqlite3.Connection) -> None:
        if self._is_ours(connection):
            return
        with _committed(connection):  # of several that come first, one makes it
            if not self._is_ours(connection):
                for statement in self._schema:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {self._application_id}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Tell whether the file is made; False for an empty one. Raises ConfigError for somebody else's."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if application == 0 and version == 0 and tables == 0:
            return False
        if application != self._application_id:
            raise self.damaged("an SQLite file of another program")
        if version != _VERSION:
            raise ConfigError(
                f"{self._what} {self._path}: of format {version}, this codewright knows {_VERSION}; name another file"
            )
        return True

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of the bits says more than we need
            if code == sqlite3.SQLITE_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path)) from None
            if code in _IN_USE:
                raise self._in_use() from None
            if code in _DAMAGED:
                raise self.damaged(str(error)) from None
            if code in _UNUSABLE:
                raise ConfigError(
                    f"{self._what} {self._path}: cannot be used ({error}); name a file in a folder you may write to"
                ) from None
            raise


@contextlib.contextmanager
def _committed(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _turn_to_wal(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; while another process does the same, SQLite says busy at once instead of waiting."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _IN_USE or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return
