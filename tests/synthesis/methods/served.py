"""A teacher behind a server, as the methods' tests see it: replies of a script, one by one, in whatever order they are done."""

import asyncio
import random
from collections.abc import Sequence

from codewright.core.errors import ConfigError
from codewright.core.records import Message
from codewright.models.backends.scripted import Script, ScriptedModel
from codewright.models.model import Reply, Sampling


class Served(ScriptedModel):
    """Answers each request after some turns of the loop, drawn by `pauses`; after so many requests the run is stopped."""

    concurrency = 8

    def __init__(self, script: Script, pauses: int = 0, stop_after: int | None = None) -> None:
        super().__init__(script, "served")
        self._rng = random.Random(pauses)
        self._stop_after = stop_after
        self.asked: list[tuple[str, Sampling]] = []

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        self.asked += [("\n\n".join(turn.content for turn in chat), sampling) for chat in chats]
        if self._stop_after is not None and len(self.asked) > self._stop_after:
            raise ConfigError("stopped here")
        for _ in range(self._rng.randint(0, 9)):
            await asyncio.sleep(0)
        return await super().generate(chats, sampling)
