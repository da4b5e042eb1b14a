"""A scripted teacher that answers at its own pace, in any order, and may die."""

import asyncio
import random
from collections.abc import Sequence

from codewright.core.errors import BackendError
from codewright.core.records import Message
from codewright.models.backends.scripted import Script, ScriptedModel
from codewright.models.model import Reply, Sampling


class SlowTeacher(ScriptedModel):
    """Answers one by one, each after some turns of the loop drawn by `pace`; remembers what it was asked; after so many fails."""

    concurrency = 8

    def __init__(
        self,
        script: Script,
        pace: int = 0,
        fail_after: int | None = None,
        error: type[Exception] = BackendError,
    ) -> None:
        super().__init__(script, "slow")
        self._rng = random.Random(pace)
        self._fail_after = fail_after
        self._error = error
        self.asked: list[tuple[str, Sampling]] = []

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        self.asked += [("\n\n".join(turn.content for turn in chat), sampling) for chat in chats]
        if self._fail_after is not None and len(self.asked) > self._fail_after:
            raise self._error("the server is gone")
        for _ in range(self._rng.randint(0, 9)):
            await asyncio.sleep(0)
        return await super().generate(chats, sampling)
