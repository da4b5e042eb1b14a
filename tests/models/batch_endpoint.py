"""The Batch API for a test's server: files go up and come down, batches end as a test wants them to."""

import email
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.models.endpoint import Asked, Behaviour, Endpoint, Said, error, serving


@dataclass(frozen=True)
class Ending:
    """How a batch ends. looks: at how many it is still at work; answered: how many of its requests are, all without it.

    error: code and message of a batch that failed as a whole. cut: its files end so many bytes early.
    """

    status: str = "completed"
    looks: int = 1
    answered: int | None = None
    error: tuple[str, str] | None = None
    cut: int = 0


@dataclass
class Batches:
    """What was sent. made: batches in order; lines: of all their requests, in order of arrival."""

    endpoint: Endpoint
    ending: Callable[[int], Ending] = lambda _: Ending()
    held: threading.Event | None = None
    """Batches are at work until it is set."""
    lose_answers: int = 0
    """Of so many makings of a batch the answer is a 500, though it is made."""
    away: int = 0
    """Of so many looks at a batch the answer is a 503."""
    uploads: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    made: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def times_asked(self) -> Counter[str]:
        """Count how often each request was in a batch."""
        return Counter(json.dumps(line["body"], sort_keys=True) for line in self.lines)

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Said | None:
        """Answer what belongs to the Batch API."""
        place = urlsplit(path).path.removeprefix("/v1")
        self.keys.add(str(headers.get("authorization")))
        if place == "/files":
            return self._upload(headers, body)
        if place == "/batches":
            return (
                self._make(json.loads(body))
                if method == "POST"
                else self._list(parse_qs(urlsplit(path).query))
            )
        if place.startswith("/batches/"):
            return self._look(place.removeprefix("/batches/"))
        if place.startswith("/files/"):
            name = place.removeprefix("/files/").removesuffix("/content")
            return Said(self.files[name].decode()) if name in self.files else error(404, "no such file")
        return None

    def _upload(self, headers: Mapping[str, str], body: bytes) -> Said:
        form = email.message_from_bytes(
            b"content-type: " + headers["content-type"].encode() + b"\r\n\r\n" + body
        )
        parts = {
            str(part.get_param("name", header="content-disposition")): part for part in form.get_payload()
        }  # type: ignore[union-attr]
        assert parts["purpose"].get_payload() == "batch"
        self.uploads += 1
        name = f"file-{self.uploads}"
        self.files[name] = parts["file"].get_payload(decode=True)  # type: ignore[assignment]
        return Said(json.dumps({"id": name, "object": "file", "purpose": "batch"}))

    def _make(self, asked: dict[str, Any]) -> Said:
        assert asked["completion_window"] == "24h"
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert len({line["custom_id"] for line in lines}) == len(lines)
        assert {line["url"] for line in lines} == {asked["endpoint"]}
        self.lines += lines
        batch = {
            "id": f"batch_{len(self.made)}", "object": "batch", "endpoint": asked["endpoint"], "metadata": asked["metadata"],
            "input_file_id": asked["input_file_id"], "created_at": int(time.time()), "status": "validating", "seen": 0,
        }  # fmt: skip
        self.made.append(batch)
        if len(self.made) <= self.lose_answers:
            return error(500, "the answer got lost")
        return Said(json.dumps(batch))

    def _list(self, query: Mapping[str, list[str]]) -> Said:
        newest = self.made[::-1]
        names = [batch["id"] for batch in newest]
        start = names.index(query["after"][0]) + 1 if "after" in query else 0
        page = newest[start : start + 2]  # pages are small, so that more than one is read
        return Said(json.dumps({"object": "list", "data": page, "has_more": start + 2 < len(newest)}))

    def _look(self, name: str) -> Said:
        if self.away > 0:
            self.away -= 1
            return error(503, "back soon")
        found = [batch for batch in self.made if batch["id"] == name]
        if not found:
            return error(404, f"no batch {name}")
        [batch] = found
        ending = self.ending(self.made.index(batch))
        batch["seen"] += 1
        if batch["seen"] <= ending.looks or (self.held is not None and not self.held.is_set()):
            batch["status"] = "in_progress"
        elif batch["status"] != ending.status:
            self._end(batch, ending)
        return Said(json.dumps(batch))

    def _end(self, batch: dict[str, Any], ending: Ending) -> None:
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        done: list[str] = []
        failed: list[str] = []
        for number, line in enumerate(lines):
            asked = Asked(number, line["url"], {}, line["body"], time.monotonic(), len(lines))
            row: dict[str, Any] = {
                "id": f"r{number}",
                "custom_id": line["custom_id"],
                "response": None,
                "error": None,
            }
            if ending.error is not None:
                break
            if ending.answered is not None and number >= ending.answered:
                failed.append(
                    json.dumps({**row, "error": {"code": f"batch_{ending.status}", "message": "too late"}})
                )
                continue
            said = self.endpoint.behaviour(asked)
            row["response"] = {"status_code": said.status, "request_id": "q", "body": json.loads(said.body)}
            (done if said.status == 200 else failed).append(json.dumps(row))
        for field_name, rows in (("output_file_id", done[::-1]), ("error_file_id", failed)):  # in any order
            if rows:
                batch[field_name] = f"{field_name}-{batch['id']}"
                data = "".join(row + "\n" for row in rows).encode()
                self.files[batch[field_name]] = data[: len(data) - ending.cut]
        if ending.error is not None:
            code, message = ending.error
            batch["errors"] = {"object": "list", "data": [{"code": code, "message": message, "line": None}]}
        batch["request_counts"] = {"total": len(lines), "completed": len(done), "failed": len(failed)}
        batch["status"] = ending.status


@contextmanager
def serving_batches(behaviour: Behaviour, **settings: Any) -> Iterator[Batches]:
    """Run a server with a Batch API as long as the block; single requests are answered alike."""
    with serving(behaviour) as endpoint:
        batches = Batches(endpoint, **settings)
        endpoint.other = batches
        yield batches
