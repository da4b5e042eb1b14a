"""What a method gets as `ask`: the teacher, bound to one seed, and what to make of replies that are none."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codewright.core.extract.markup import read_markup
from codewright.core.records import Message, Reject
from codewright.core.text import one_line
from codewright.models.budget import Usage, usage_of
from codewright.models.model import Model, Reply, Sampling

_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.S | re.I)
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[ \t]*$|\Z)", re.M | re.S)


@dataclass
class Ask:
    """Asks the teacher, for one seed. calls: requests so far, so that each has a sampling seed of its own; used: what they took."""

    model: Model
    seed: int
    calls: int = 0
    used: Usage = field(default_factory=Usage)

    async def __call__(
        self, chat: str | Sequence[Message], sampling: Sampling, *, system: str | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> Reply:  # fmt: skip
        """Send one chat and return its reply, without what the model thought aloud; a text is one turn of the user.

        sampling: its seed is moved by this seed's number. schema: the JSON schema that servers which know it make the reply keep to,
        its properties in this order; the others are sent the chat alone, so the prompt says it too and `json_object` reads the reply.
        Raises BackendError when the teacher cannot answer.
        """
        turns = [Message("user", chat)] if isinstance(chat, str) else list(chat)
        if system is not None:
            turns = [Message("system", system), *turns]
        # Greedy replies know no seed, and equal requests are paid once.
        number = sampling.seed + self.seed + self.calls * 1_000_003 if sampling.temperature else 0
        form = sampling.json_schema if schema is None else json.dumps(schema, separators=(",", ":"))
        drawn = replace(sampling, seed=number, json_schema=form)
        self.calls += 1
        [reply] = await self.model.generate([turns], drawn)
        self.used += usage_of(tuple(turns), drawn, reply)
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


def json_object(text: str) -> dict[str, Any] | Reject:
    """Read the JSON object that a reply is, or holds in a fenced block or among words; a Reject unless there is just one."""
    fenced = [block.code for block in read_markup(text).blocks]
    among = text[text.find("{") : text.rfind("}") + 1]
    for candidates in ([text], fenced, [among]):
        found = [one for one in map(_object, candidates) if one is not None]
        if found:
            return found[0] if all(one == found[0] for one in found) else _malformed(text, "several objects")
    return _malformed(text, "no JSON object")


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # brackets may nest deeper than the reader goes
        return None
    return value if isinstance(value, dict) else None


def _malformed(text: str, what: str) -> Reject:
    return Reject("malformed_json", f"{what}: {one_line(text, 200)}")


def heading_of(name: str) -> re.Pattern[str]:
    """Return what finds a name, itself a pattern, as a heading on a line of its own, in any of the ways models write them."""
    return re.compile(
        rf"^[ \t]*(?:\#{{1,6}}[ \t]*|\*\*|\[)?{name}\]?(?:\*\*)?[ \t]*:?(?:\*\*)?[ \t]*$", re.M | re.I
    )


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
            for heading in heading_of(re.escape(name)).finditer(text)
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
