"""Replies that were paid for, kept by the hash of their whole request: asked again, they cost nothing.

One SQLite file in WAL mode (sqlite.org/wal.html): several processes and threads of one machine share it, and a transaction is
there whole or not at all, whenever a writer is killed. A machine that loses power may lose the last replies, never the file.
Every reply carries a checksum and every request is its own key, so that damage is found and never handed out.
Limits: not for network file systems, which WAL mode does not work on; requests and replies are kept as they are, uncompressed.
"""

import contextlib
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from codewright.core.cache import cache_root
from codewright.core.errors import BackendError
from codewright.core.records import Message
from codewright.models.model import DescribedModel, Model, Reply, Sampling
from codewright.models.sqlite_file import SqliteFile

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
    """Return the settings as JSON; 0 and 0.0 are one temperature, and without a schema there is no word of one."""
    values = asdict(sampling)
    if sampling.json_schema is None:
        del values["json_schema"]
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
            for row, (_, reply) in zip(rows, pairs, strict=True):
                if connection.execute(_INSERT, row).rowcount:
                    kept.append(reply)
                else:
                    kept.append(self._reply(connection.execute(_REPLY_OF, row[:1]).fetchone()))
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
