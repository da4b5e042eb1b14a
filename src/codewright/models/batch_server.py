"""The calls of the Batch API: a file of requests goes up, a batch is made of it, files of replies come down.

Source: the guide and reference of the Batch API (platform.openai.com/docs/guides/batch); names and limits as in openai-python,
src/openai/resources/batches.py. What may pass is asked again with growing pauses and an end, as models/backends/openai.py does;
the making of a batch is not, since nobody knows whether the first time was enough: it is looked for first.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING, Any, TypeVar

import aiohttp
from openai import APIStatusError, AsyncOpenAI, OpenAIError

from codewright.core.errors import BackendError, ConfigError
from codewright.core.text import human_seconds, one_line
from codewright.models.backends.openai import KEY_VARIABLE
from codewright.models.batch_requests import BatchState, Gone, Refused, growing_pauses
from codewright.models.openai_format import (
    Unreadable,
    error_code,
    error_text,
    failure_causes,
    failure_text,
    read_object,
)
from codewright.models.pacing import retry_after_s
from codewright.models.retrying import MOST_ATTEMPTS, MOST_UNHEARD, PATIENCE_S, Again, may_pass, patiently

if TYPE_CHECKING:
    from codewright.models.backends.openai import OpenAiModel

Done = TypeVar("Done")

TAG = "codewright"
"""Name of the metadata that holds our tag."""

OUTAGE_S = 3600.0
"""How long a server may be away while its batch is waited for: a night's work must not end with a router's."""

_PAGE = 100
_EARLIER_S = 3600.0
"""Clocks differ: the server's list is read back to so long before the batch was sent."""

_NO_BATCHES = "no Batch API here (/files and /batches); ask without batches (no --batch)"
_NO_KEY = f"does {KEY_VARIABLE} hold a key that may use the Batch API?"
_NOT_HERE = {401: _NO_KEY, 403: _NO_KEY, 404: _NO_BATCHES, 405: _NO_BATCHES, 501: _NO_BATCHES}


class BatchServer:
    """One server's Batch API, with the address, key and connections of a model behind it."""

    def __init__(self, model: "OpenAiModel") -> None:
        """Take the model whose server it is."""
        self._model = model
        self._heard = False

    async def upload(self, file: IO[bytes]) -> str:
        """Send a file of requests, return its id. Raises ConfigError where there is no Batch API, BackendError as all here do."""

        async def send(client: AsyncOpenAI) -> str:
            file.seek(0)
            answer = await client.files.with_raw_response.create(
                file=("requests.jsonl", file, "application/jsonl"), purpose="batch", extra_headers=self._model.headers()
            )  # fmt: skip
            return _word(read_object(answer.text), "id")

        return await self._patiently(send)

    async def create(self, endpoint: str, file: str, tag: str, since: float) -> str:
        """Make a batch of an uploaded file, return its name; found by its tag where the answer got lost.

        endpoint: the path of its requests. since: before it was sent first, in Unix seconds. Raises Refused when it is not made.
        """
        tried = False

        async def send(client: AsyncOpenAI) -> str:
            nonlocal tried
            if tried and (found := await self._look_for(client, tag, since)) is not None:
                return found
            tried = True
            answer = await client.batches.with_raw_response.create(
                completion_window="24h", endpoint=endpoint, input_file_id=file, metadata={TAG: tag},  # type: ignore[arg-type]
                extra_headers=self._model.headers(),
            )  # fmt: skip
            return _word(read_object(answer.text), "id")

        return await self._patiently(send, creating=True)

    async def find(self, tag: str, since: float) -> str | None:
        """Return the name of the batch with this tag, if the server has made it."""
        return await self._patiently(lambda client: self._look_for(client, tag, since))

    async def look(self, name: str) -> BatchState:
        """Return how far a batch is. Raises Gone for one that the server does not know."""

        async def send(client: AsyncOpenAI) -> BatchState:
            raw = client.batches.with_raw_response
            return _state(
                read_object((await raw.retrieve(name, extra_headers=self._model.headers())).text), name
            )

        return await self._patiently(send, may_be_gone=True)

    async def ended(self, name: str, say: Callable[[str], None]) -> BatchState:
        """Look at a batch until it has ended. Raises Gone as `look`, BackendError when the server has been away for OUTAGE_S."""
        began = heard = time.monotonic()
        status = ""
        for pause in growing_pauses():
            try:
                state = await self.look(name)
            except BackendError as error:
                if time.monotonic() - heard > OUTAGE_S:
                    raise
                say(f"{name}: {one_line(error, 160)}; looking again for an hour")
            else:
                heard = time.monotonic()
                if state.has_ended:
                    break
                if state.status != status:
                    status = state.status
                    say(f"{name}: {status}")
            await asyncio.sleep(pause)
        failed = f", {state.failed:,} failed" if state.failed else ""
        taken = human_seconds(time.monotonic() - began)
        say(f"{name}: {state.status}, {state.done:,} of {state.total:,} answered{failed}, in {taken}")
        return state

    @asynccontextmanager
    async def fetched(self, file: str) -> AsyncIterator[IO[bytes]]:
        """Hold a file of replies on disk as long as the block. Raises Gone for one that the server does not know."""
        with tempfile.TemporaryFile() as copy:

            async def send(client: AsyncOpenAI) -> None:
                copy.seek(0)
                copy.truncate()
                streamed = client.files.with_streaming_response
                async with streamed.content(file, extra_headers=self._model.headers()) as answer:
                    async for chunk in answer.iter_bytes():
                        copy.write(chunk)

            await self._patiently(send, may_be_gone=True)
            copy.seek(0)
            yield copy

    async def _look_for(self, client: AsyncOpenAI, tag: str, since: float) -> str | None:
        """Go through the server's list, the newest first, back to the time before which it cannot be."""
        after: dict[str, str] = {}
        while True:
            raw = client.batches.with_raw_response
            answer = await raw.list(limit=_PAGE, **after, extra_headers=self._model.headers())  # type: ignore[arg-type]
            page = read_object(answer.text)
            rows = [row for row in page.get("data") or [] if isinstance(row, dict)]
            for row in rows:
                if (row.get("metadata") or {}).get(TAG) == tag:
                    return _word(row, "id")
            oldest = rows[-1].get("created_at") if rows else None
            if not page.get("has_more") or not isinstance(oldest, int) or oldest < since - _EARLIER_S:
                return None
            after = {"after": _word(rows[-1], "id")}

    async def _patiently(
        self,
        send: Callable[[AsyncOpenAI], Awaitable[Done]],
        *,
        creating: bool = False,
        may_be_gone: bool = False,
    ) -> Done:
        async def attempt() -> Done:
            refused: APIStatusError | None = None
            try:
                done = await send(await self._model.client())
            except APIStatusError as error:
                refused = error  # judged outside, so that no message drags the request along as its context
            except Unreadable as error:
                raise Again(self._model.redact(f"answered {error}")) from None
            except (OpenAIError, aiohttp.ClientError, OSError) as error:
                raise self._unreached(error) from None
            self._heard = True
            if refused is not None:
                raise self._judged(refused.status_code, refused, creating, may_be_gone)
            return done

        try:
            return await patiently(attempt)
        except Again as error:
            raise BackendError(
                f"{self._model.who}: {error}; batches under way go on, what is finished is kept: run the same command again"
            ) from None

    def _unreached(self, error: BaseException) -> Again:
        causes = failure_causes(error)
        never_there = not self._heard and any(isinstance(one, aiohttp.ClientConnectorError) for one in causes)
        what = self._model.redact(f"cannot be reached, or hung up: {failure_text(causes[-1])}")
        return Again(what, attempts=MOST_UNHEARD if never_there else MOST_ATTEMPTS)

    def _judged(self, status: int, error: APIStatusError, creating: bool, may_be_gone: bool) -> Exception:
        """Decide what an error status means."""
        body = error.response.text if error.response.is_stream_consumed else ""
        said = self._model.redact(f"answered {status}: {error_text(body)}")
        if status == 429 and error_code(body) == "insufficient_quota":
            return BackendError(
                f"{self._model.who}: {said}; what is finished is kept: run the same command again when it is paid"
            )
        if may_pass(status) and status not in _NOT_HERE:
            wait_s = retry_after_s(error.response.headers) or 0.0
            return Again(said, 1 if wait_s > PATIENCE_S else MOST_ATTEMPTS, wait_s)
        if may_be_gone and status == 404:
            return Gone(said)
        if creating and status not in _NOT_HERE:
            return Refused(error_code(body), said)
        return ConfigError(f"{self._model.who}: {said}; {_NOT_HERE.get(status, 'it takes no such batch')}")


def _state(data: dict[str, Any], name: str) -> BatchState:
    errors = data.get("errors")
    found = errors.get("data") if isinstance(errors, dict) else None
    first = next((one for one in found or [] if isinstance(one, dict)), {})
    counts = data.get("request_counts")
    counted = counts if isinstance(counts, dict) else {}
    files = (data.get("output_file_id"), data.get("error_file_id"))
    return BatchState(
        name,
        _word(data, "status"),
        tuple(file for file in files if isinstance(file, str) and file),
        str(first.get("code") or ""),
        str(first.get("message") or ""),
        *(int(counted.get(key) or 0) for key in ("completed", "failed", "total")),
    )


def _word(data: dict[str, Any], key: str) -> str:
    if not isinstance(word := data.get(key), str) or not word:
        raise Unreadable(f"without '{key}': {error_text(json.dumps(data))}")
    return word
