"""What a method gets as `ask`: the teacher, bound to one seed, and what to make of replies that are none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from codewright.core.records import Message, Reject
from codewright.models.model import Model, Reply, Sampling

_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.S | re.I)
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[ \t]*$|\Z)", re.M | re.S)
_HEADING = r"^[ \t]*(?:\#{{1,6}}[ \t]*|\*\*|\[)?{}\]?(?:\*\*)?[ \t]*:?(?:\*\*)?[ \t]*$"


@dataclass
class Ask:
    """Asks the teacher. `calls` counts the requests of one seed, so that each has a sampling seed of its own."""

    model: Model
    seed: int
    calls: int = 0

    async def __call__(
        self, chat: str | Sequence[Message], sampling: Sampling, *, system: str | None = None
    ) -> Reply:
        """Send one chat and return its reply, without what the model thought aloud; a text is one turn of the user.

        sampling: its seed is moved by this seed's number. Raises BackendError when the teacher cannot answer.
        """
        turns = [Message("user", chat)] if isinstance(chat, str) else list(chat)
        if system is not None:
            turns = [Message("system", system), *turns]
        # Greedy replies know no seed, and equal requests are paid once.
        number = sampling.seed + self.seed + self.calls * 1_000_003 if sampling.temperature else 0
        drawn = replace(sampling, seed=number)
        self.calls += 1
        [reply] = await self.model.generate([turns], drawn)
        return replace(reply, text=_THINKING.sub("", reply.text).strip())


def unusable(reply: Reply) -> Reject | None:
    """Say why a reply cannot be used as a whole: refused, cut off at its limit, or empty."""
    if reply.finish_reason == "refusal":
        return Reject("refused", reply.text[:200])
    if reply.finish_reason != "stop":
        return Reject(
            "cut_off", f"the reply ended by {reply.finish_reason} after {reply.completion_tokens} tokens"
        )
    return None if reply.text else Reject("empty_reply")


def sections(text: str, names: Sequence[str]) -> dict[str, str] | None:
    """Split a reply at lines that hold one of the names as a heading, in any of the ways models write headings.

    Returns the text below each, by name; None unless every one is there once, in this order, with something below it. What
    stands in fenced code is no heading, such as a comment `# Tests`.
    """
    code = [found.span() for found in _FENCED.finditer(text)]
    starts: list[tuple[int, int]] = []
    for name in names:
        found = [
            heading
            for heading in re.finditer(_HEADING.format(re.escape(name)), text, re.M | re.I)
            if not any(start <= heading.start() < end for start, end in code)
        ]
        if len(found) != 1:
            return None
        starts.append(found[0].span())
    if starts != sorted(starts):
        return None
    ends = [start for start, _ in starts[1:]] + [len(text)]
    parts = {name: text[start:end].strip() for name, (_, start), end in zip(names, starts, ends, strict=True)}
    return parts if all(parts.values()) else None
