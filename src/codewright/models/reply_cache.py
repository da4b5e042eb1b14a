"""Replies that were paid for, kept by the hash of their whole request: asked again, they cost nothing.

One SQLite file in WAL mode (sqlite.org/wal.html): several processes and threads of one machine share it, and a transaction is
there whole or not at all, whenever a writer is killed. A machine that loses power may lose the last replies, never the file.
Every reply carries a checksum and every request is its own key, so that damage is found and never handed out.
Limits: not for network file systems, which WAL mode does not work on; requests and replies are kept as they are, uncompressed.
"""

import contextlib
import errno
import hashlib
import json
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from codewright.core.cache import cache_root
from codewright.core.errors import BackendError, ConfigError
from codewright.core.records import Message
from codewright.models.model import DescribedModel, Model, Reply, Sampling

Prompt = str | tuple[Message, ...]
"""A text to continue, or a chat."""

_APPLICATION = 0x43577263
"""`CWrc` in SQLite's application_id: tells our file from everybody else's."""

_SCHEMA = (
    "CREATE TABLE replies (key BLOB PRIMARY KEY, model TEXT NOT NULL, made REAL NOT NULL, text BLOB NOT NULL,"
    " finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, request BLOB NOT NULL)",
    "CREATE INDEX replies_by_model ON replies (model, made, key)",
)

_REPLY_OF = (
    "SELECT key, text, finish_reason, prompt_tokens, completion_tokens, checksum FROM replies WHERE key = ?"
)
_INSERT = "INSERT INTO replies VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (key) DO NOTHING"
_ROWS_OF = (
    "SELECT key, text, finish_reason, prompt_tokens, completion_tokens, checksum, model, made, request FROM replies"
    " WHERE :model IS NULL OR model = :model ORDER BY model, made, key"
)
_TOTALS_OF = (
    "SELECT model, COUNT(*), SUM(prompt_tokens), SUM(completion_tokens), SUM(LENGTH(text)), SUM(LENGTH(request)),"
    " MIN(made), MAX(made) FROM replies"
    " WHERE (:model IS NULL OR model = :model) AND (:before IS NULL OR made < :before) GROUP BY model ORDER BY model"
)
_DELETE = (
    "DELETE FROM replies WHERE (:model IS NULL OR model = :model) AND (:before IS NULL OR made < :before)"
)
_DAY_S = 86400.0


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


def default_cache_path() -> Path:
    """Return where replies are kept unless a run names another place."""
    return cache_root() / "replies.sqlite"


def identify(model: Model, spec: str | None = None) -> dict[str, Any]:
    """Return what a model is, plain JSON: what it says of itself, else its spec. Raises ValueError when there is neither.

    Of a chat template only the hash counts: rendered, some hold today's date.
    """
    if isinstance(model, DescribedModel):
        about = dict(model.describe())
        template = about.get("chat_template")
        if isinstance(template, Mapping) and "sha256" in template:
            about["chat_template"] = template["sha256"]
        return about
    if not spec:
        raise ValueError(f"{type(model).__name__} does not describe itself: give its spec")
    return {"model": spec}


@dataclass(frozen=True)
class Request:
    """All that decides a reply.

    model: what `identify` returns. repetition: 0 for the first of equal requests, 1 for the second, and so on.
    schema: what a structured output must look like, if it must.
    """

    model: Mapping[str, Any]
    prompt: Prompt
    sampling: Sampling
    repetition: int = 0
    schema: Mapping[str, Any] | None = None

    @cached_property
    def payload(self) -> bytes:
        """The request as canonical JSON: equal requests have equal bytes."""
        chat = None if isinstance(self.prompt, str) else [asdict(turn) for turn in self.prompt]
        asked = {"text": self.prompt} if chat is None else {"messages": chat}
        settings = {"sampling": _plain(self.sampling), "repetition": self.repetition, "schema": self.schema}
        value = {"model": self.model, **asked, **settings}
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")

    @cached_property
    def key(self) -> str:
        """SHA-256 of the payload, in hex."""
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def model_name(self) -> str:
        """What the model is called in tables."""
        return str(self.model.get("model", "unknown")).encode("utf-8", "backslashreplace").decode()


def _plain(sampling: Sampling) -> dict[str, Any]:
    """Return the settings as JSON; 0 and 0.0 are one temperature."""
    values = asdict(sampling)
    for item in fields(sampling):
        if isinstance(item.default, float):
            values[item.name] = float(values[item.name])
    return values


@dataclass(frozen=True)
class ModelTotal:
    """What is kept of one model; first and last: when its oldest and newest reply were made, in Unix seconds."""

    model: str
    replies: int
    prompt_tokens: int
    completion_tokens: int
    reply_bytes: int
    request_bytes: int
    first: float
    last: float


@dataclass(frozen=True)
class Pruned:
    """What went, by model, and by how much the file shrank. compacted: False where others were using it."""

    gone: list[ModelTotal]
    freed_bytes: int
    compacted: bool


class ReplyCache:
    """A file of replies. Every method raises ConfigError for a damaged file, BackendError for one that others hold too long."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Open a file, made where there is none. clock: Unix seconds. Raises ConfigError for one that is damaged or not ours."""
        self.path = path
        self._clock = clock
        self._file = SqliteFile(path, "reply cache", _APPLICATION, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def get_many(self, keys: Iterable[str]) -> dict[str, Reply]:
        """Return the replies that are kept, by key."""
        found: dict[str, Reply] = {}
        with self._file.reading() as connection:
            for key in keys:
                query = connection.execute(_REPLY_OF, (bytes.fromhex(key),))
                if (row := query.fetchone()) is not None:
                    found[key] = self._reply(row)
        return found

    def put(self, request: Request, reply: Reply) -> Reply:
        """Keep one reply; see `put_many`."""
        [kept] = self.put_many([(request, reply)])
        return kept

    def put_many(self, pairs: Sequence[tuple[Request, Reply]]) -> list[Reply]:
        """Keep replies, all or none of them. Returns what is kept: where another was first, its reply, as on a rerun."""
        made = self._clock()
        rows = [
            (
                bytes.fromhex(request.key), request.model_name, made, _encode(reply.text), reply.finish_reason,
                reply.prompt_tokens, reply.completion_tokens, _checksum(reply), request.payload,
            )
            for request, reply in pairs
        ]  # fmt: skip
        kept = []
        with self._file.transaction() as connection:
            for row in rows:
                connection.execute(_INSERT, row)
                query = connection.execute(_REPLY_OF, row[:1])
                kept.append(self._reply(query.fetchone()))
        return kept

    def summary(self) -> list[ModelTotal]:
        """Say what is kept, model by model."""
        with self._file.reading() as connection:
            rows = connection.execute(_TOTALS_OF, {"model": None, "before": None}).fetchall()
        return [ModelTotal(*row) for row in rows]

    def size_bytes(self) -> int:
        """Return how much room the file takes, with what is not merged into it yet."""
        return self._file.size_bytes()

    def export(self, model: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield rows of key, model, made (UTC), request and reply, oldest first within a model; others may write meanwhile."""
        for row in self._file.stream(_ROWS_OF, {"model": model}):
            *_, name, made, request = row
            if hashlib.sha256(request).digest() != row[0]:
                raise self._file.damaged("a request is not what it was")
            yield {
                "key": row[0].hex(),
                "model": name,
                "made": datetime.fromtimestamp(made, UTC).isoformat(timespec="seconds"),
                "request": json.loads(request.decode("utf-8", "surrogatepass")),
                "reply": asdict(self._reply(row[:6])),
            }

    def prune(self, model: str | None = None, older_than_days: float | None = None) -> Pruned:
        """Remove the replies of a model, older than so many days, or both; all of them without either. Then shrink the file."""
        limit = None if older_than_days is None else self._clock() - older_than_days * _DAY_S
        chosen = {"model": model, "before": limit}
        before = self.size_bytes()
        with self._file.transaction() as connection:
            gone = [ModelTotal(*row) for row in connection.execute(_TOTALS_OF, chosen)]
            connection.execute(_DELETE, chosen)
        compacted = False
        # Where others use it, or the disk is full, the next prune shrinks it.
        with contextlib.suppress(BackendError, OSError):
            self._file.compact()
            compacted = True
        return Pruned(gone, max(0, before - self.size_bytes()), compacted)

    def _reply(self, row: Sequence[Any]) -> Reply:
        _, text, reason, prompt_tokens, completion_tokens, checksum = row
        try:
            reply = Reply(text.decode("utf-8", "surrogatepass"), reason, prompt_tokens, completion_tokens)
            whole = _checksum(reply) == checksum
        except (AttributeError, TypeError, UnicodeDecodeError):
            whole = False
        if not whole:
            raise self._file.damaged("a reply does not fit its checksum")
        return reply


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _checksum(reply: Reply) -> int:
    counts = f"{reply.finish_reason} {reply.prompt_tokens} {reply.completion_tokens} "
    return zlib.crc32(_encode(counts + reply.text))


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
