"""`drills`: short generated exercises with asserts; no teacher, no corpus.

Every exercise gives two rows, one through the chat template and one as a docstring to complete, so that the skill is
not bound to one format. Exercises of the held-out part (the benchmark `drills`) are never drawn.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from codewright.core.config import strict
from codewright.core.drills import draw
from codewright.core.records import Form, Message, Origin, Reject, Sample, Tests
from codewright.synthesis.verify import Run, verify

SEEDS = "numbers"
ROWS_PER_SEED = 2


@strict
@dataclass(frozen=True)
class Options:
    """`drills` has no settings of its own."""


async def make(
    seed: int, ask: Any, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:
    """Draw one exercise, execute its solution against its asserts, and give it in both forms."""
    drill = draw(rng, heldout=False)
    tests = Tests(drill.solution, drill.tests(rng), drill.function)
    verdict, tests, detail = await verify(run, tests)
    if verdict.status != "passed":
        yield Reject(f"tests_{verdict.status}", f"{drill.solution} {detail}")
        return
    origin = Origin(
        seeds=(f"drills:{seed}",),
        place=" ".join(filter(None, (drill.operation, drill.constant, drill.second))),
    )
    pairs: tuple[tuple[Form, tuple[Message, ...]], ...] = (
        ("chat", (Message("user", drill.instruction), Message("assistant", drill.solution))),
        ("completion", (Message("user", drill.prompt), Message("assistant", drill.body))),
    )
    for form, messages in pairs:
        yield Sample.make(
            messages, task="write", method="drills", language="python", form=form, origin=origin,
            tests=tests, verdict=verdict,
        )  # fmt: skip
