"""Replies that are known beforehand, from a file or a function: a teacher for tests, deterministic and at no cost.

File: JSON Lines of {"reply": text} with, where wanted, "match" (a text that the prompt contains) and "finish_reason".
The first row whose match is in the prompt answers, as often as it is asked; rows without one are used once each, in order,
by prompts that no match is for. A chat's prompt is its turns' contents, joined by blank lines. A JSON schema changes nothing.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codewright.core.errors import ConfigError, DataError
from codewright.core.io import read_jsonl
from codewright.core.records import Message
from codewright.core.text import one_line
from codewright.models.model import Reply, Sampling

Script = Callable[[str, Sampling], str | Reply]
"""script(prompt, sampling): the reply; a text stands for one that ended by itself."""

_FIELDS = {"match", "reply", "finish_reason"}


def open_backend(path: str) -> "ScriptedModel":
    """Open a file of replies. Raises ConfigError for a damaged one, naming the line."""
    replies: list[tuple[str | None, str | Reply]] = []
    try:
        for line, row in read_jsonl(path):
            unknown = sorted(set(row) - _FIELDS)
            wrong = [name for name in row if not isinstance(row[name], str)]
            if unknown or wrong or "reply" not in row:
                what = (
                    f"unknown field '{unknown[0]}'"
                    if unknown
                    else f"'{wrong[0] if wrong else 'reply'}' is not text"
                )
                raise ConfigError(
                    f"scripted replies {path}, line {line}: {what} (there are: {', '.join(sorted(_FIELDS))})"
                )
            replies.append((row.get("match"), _reply(row)))
    except DataError as error:
        raise ConfigError(f"scripted replies {error}") from None
    return ScriptedModel(_from_rows(path, replies), f"scripted:{Path(path).name}")


class ScriptedModel:
    """A model whose replies a function gives; tokens are counted as words."""

    def __init__(self, script: Script, name: str = "scripted") -> None:
        """Take the function, and what the model is called."""
        self._script = script
        self._name = name

    def describe(self) -> dict[str, Any]:
        """Return the name."""
        return {"model": self._name}

    async def generate(self, chats: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        """Answer chats from the script."""
        return await self.complete(["\n\n".join(turn.content for turn in chat) for chat in chats], sampling)

    async def complete(self, texts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """Answer texts from the script."""
        return [self._answer(text, sampling) for text in texts]

    def _answer(self, prompt: str, sampling: Sampling) -> Reply:
        said = self._script(prompt, sampling)
        if isinstance(said, Reply):
            return said
        return Reply(said, "stop", len(prompt.split()), len(said.split()))


def _reply(row: Mapping[str, str]) -> str | Reply:
    if "finish_reason" not in row:
        return row["reply"]
    return Reply(row["reply"], row["finish_reason"], 0, len(row["reply"].split()))


def _from_rows(path: str, rows: Sequence[tuple[str | None, str | Reply]]) -> Script:
    matched = [(match, reply) for match, reply in rows if match is not None]
    in_order = deque(reply for match, reply in rows if match is None)

    def script(prompt: str, _: Sampling) -> str | Reply:
        for match, reply in matched:
            if match in prompt:
                return reply
        if in_order:
            return in_order.popleft()
        raise ConfigError(f"scripted replies {path}: none left for the prompt '{one_line(prompt, 80)}'")

    return script
