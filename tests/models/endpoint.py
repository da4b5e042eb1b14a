"""A small OpenAI-compatible server in a thread, which answers as a test wants it to and writes down what it was asked."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it came: its number from 0, path, headers in lower case, JSON body, when, and how many were under way."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float
    in_flight: int

    @property
    def prompt(self) -> str:
        """The text asked for, of a chat its last turn."""
        return str(self.body["messages"][-1]["content"] if "messages" in self.body else self.body["prompt"])


@dataclass(frozen=True)
class Said:
    """What to answer. cut: break off this many bytes before the promised end; after_s: wait first."""

    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    after_s: float = 0.0


Behaviour = Callable[[Asked], Said]
Other = Callable[[str, str, Mapping[str, str], bytes], Said | None]
"""other(method, path, headers, body): the answer of what is no request for a reply; None where it is one."""


def reply(asked: Asked, text: str | None, reason: str | None = "stop", **message: Any) -> Said:
    """A reply as OpenAI's API sends it; tokens are words."""
    choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
    if "messages" in asked.body:
        choice["message"] = {"role": "assistant", "content": text, **message}
    else:
        choice["text"] = text
    used = {"prompt_tokens": len(asked.prompt.split()), "completion_tokens": len((text or "").split())}
    return Said(json.dumps({"id": "r", "object": "x", "model": "m", "choices": [choice], "usage": used}))


def error(status: int, message: str, code: str | None = None, **headers: str) -> Said:
    """An error as OpenAI's API sends it; underscores in header names stand for hyphens."""
    body = json.dumps({"error": {"message": message, "code": code, "type": None}})
    return Said(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def all_at_once(count: int, behaviour: Behaviour) -> Behaviour:
    """Answer the first requests only when so many are under way; where they never are, not at all."""
    together = threading.Barrier(count)

    def behave(asked: Asked) -> Said:
        if asked.number < count:
            together.wait(timeout=30)
        return behaviour(asked)

    return behave


class Endpoint:
    """A running server; `asked` holds every request for a reply, in order of arrival."""

    def __init__(self, behaviour: Behaviour, models: tuple[str, ...] = ("tiny",)) -> None:
        self.behaviour = behaviour
        self.models = models
        self.other: Other = lambda *_: None
        self.asked: list[Asked] = []
        self.most_in_flight = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are two writes: 40 ms a request without it

            def do_GET(self) -> None:
                if (said := endpoint.other("GET", self.path, self.headers, b"")) is not None:
                    endpoint.send(self, said)
                    return
                listing = {
                    "object": "list",
                    "data": [{"id": name, "object": "model"} for name in endpoint.models],
                }
                found = self.path.endswith("/models") and endpoint.models
                endpoint.send(self, Said(json.dumps(listing)) if found else Said("not found", 404))

            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                data = self.rfile.read(int(headers["content-length"]))
                if (other := endpoint.other("POST", self.path, headers, data)) is not None:
                    endpoint.send(self, other)
                    return
                body = json.loads(data)
                with endpoint.under_way(self.path, headers, body) as asked:
                    said = endpoint.behaviour(asked)
                    time.sleep(said.after_s)
                    endpoint.send(self, said)

            def log_message(self, *args: Any) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    @contextlib.contextmanager
    def under_way(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Iterator[Asked]:
        with self._lock:
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            asked = Asked(len(self.asked), path, headers, body, time.monotonic(), self._in_flight)
            self.asked.append(asked)
        try:
            yield asked
        finally:
            with self._lock:
                self._in_flight -= 1

    def send(self, handler: BaseHTTPRequestHandler, said: Said) -> None:
        data = said.body.encode()
        with contextlib.suppress(ConnectionError):  # whoever asked may be gone
            handler.send_response(said.status)
            for name, value in {"content-type": "application/json", **said.headers}.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data[: len(data) - said.cut])
            handler.wfile.flush()
            handler.close_connection = handler.close_connection or bool(said.cut)


@contextlib.contextmanager
def serving(behaviour: Behaviour, models: tuple[str, ...] = ("tiny",)) -> Iterator[Endpoint]:
    """Run a server as long as the block."""
    endpoint = Endpoint(behaviour, models)
    thread = threading.Thread(
        target=endpoint.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.server.shutdown()
        endpoint.server.server_close()
