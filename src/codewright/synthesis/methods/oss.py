"""`oss`: a few consecutive lines of open-source code inspire the teacher to one problem and its solution.

Source: Magicoder (arXiv 2312.02120), section 2, and ise-uiuc/magicoder, src/magicoder/generate_data.py for the settings.
Rows that share a snippet, a problem or a solution are removed by the driver.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from codewright.core.config import strict
from codewright.core.records import Document, Message, Origin, Reject, Sample, content_id
from codewright.models.model import Sampling
from codewright.synthesis.ask import Ask, sections, unusable
from codewright.synthesis.prompting import render
from codewright.synthesis.verify import Run

SEEDS = "documents"
TEACHER = True
PROBLEM, SOLUTION = "Problem", "Solution"


@strict
@dataclass(frozen=True)
class Options:
    """Defaults are the published ones."""

    most_lines: Annotated[int, Field(gt=0)] = 15
    """A snippet has 1 to this many consecutive lines, drawn evenly."""
    temperature: Annotated[float, Field(ge=0)] = 0.0
    max_tokens: Annotated[int, Field(gt=0)] = 2500
    sampling_seed: int = 976
    """Of row n it is this and n."""


async def make(
    seed: Document, ask: Ask, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:  # fmt: skip
    """Yield one row, or why there is none."""
    snippet, lines = draw_snippet(seed.content, options.most_lines, rng)
    if not snippet.strip():
        yield Reject("blank_snippet", lines)
        return
    prompt = render("oss", language=seed.language, snippet=snippet)
    sampling = Sampling(options.max_tokens, options.temperature, seed=options.sampling_seed)
    reply = await ask(prompt, sampling)
    if (why := unusable(reply)) is not None:
        yield why
        return
    parts = sections(reply.text, (PROBLEM, SOLUTION))
    if parts is None:
        yield Reject("unparsable", "not one problem and one solution under their headings")
        return
    if "```" not in parts[SOLUTION]:
        yield Reject("no_code", "the solution holds no fenced block")
        return
    yield Sample.make(
        (Message("user", parts[PROBLEM]), Message("assistant", parts[SOLUTION])),
        task="write",
        method="oss",
        language=seed.language,
        form="chat",
        origin=Origin(seeds=(seed.id,), place=lines, prompt_hash=content_id(prompt)),
    )


def draw_snippet(content: str, most: int, rng: random.Random) -> tuple[str, str]:
    """Draw 1 to `most` consecutive lines; returns them and where they stand, as `lines 3-9`."""
    lines = content.splitlines()
    count = min(rng.randint(1, most), len(lines))
    start = rng.randint(0, len(lines) - count)
    return "\n".join(lines[start : start + count]), f"lines {start + 1}-{start + count}"
