"""Requests that come one by one, answered together: what a model in this process, which works in batches, needs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from codewright.core.records import Message
from codewright.models.model import Model, Reply, Sampling


@dataclass
class _Waiting:
    chats: list[Sequence[Message]]
    sampling: Sampling
    reply: "asyncio.Future[list[Reply]]"


class Together:
    """A model whose `generate` waits until nothing else comes, then asks for all that came with the same sampling at once."""

    def __init__(self, model: Model) -> None:
        """model: one that answers many chats faster together than apart."""
        self._model = model
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer chats together with those of others who ask now."""
        request = _Waiting(list(chats), sampling, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._answer_all())
        return await request.reply

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """Continue texts, on their own."""
        return await self._model.complete(texts, sampling)

    async def _answer_all(self) -> None:
        while self._waiting:
            for _ in range(3):  # whoever is about to ask gets there first
                await asyncio.sleep(0)
            sampling = self._waiting[0].sampling
            now = [one for one in self._waiting if one.sampling == sampling and not one.reply.done()]
            self._waiting = [one for one in self._waiting if one.sampling != sampling]
            try:
                replies = await self._model.generate([chat for one in now for chat in one.chats], sampling)
            except Exception as error:
                for one in now:
                    if not one.reply.done():
                        one.reply.set_exception(error)
                continue
            at = 0
            for one in now:
                if not one.reply.done():
                    one.reply.set_result(replies[at : at + len(one.chats)])
                at += len(one.chats)
