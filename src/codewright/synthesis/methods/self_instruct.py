"""`self_instruct`: from a few tasks of ours the teacher invents new ones with answers; what it invented inspires it further.

Sources: Self-Instruct (arXiv 2212.10560), section 2.2, and its code (yizhongw/self-instruct, bootstrap_instructions.py) for the
tasks shown (6 of people, 2 of the pool; of people where the pool lacks them), the bound of ROUGE-L and the bounds of length;
Code Alpaca (sahil280114/codealpaca, generate_instruction.py) for one request that gives tasks with their answers, and sampling.
Differs: rounds of 64 requests see the pool as it was before; of the pool only tasks are shown, to keep away from, since answers
would feed mistakes back; no list of forbidden words (`file`, `graph`, `map`), which are what code is about.
"""

import functools
import random
import tomllib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from codewright.core.config import strict
from codewright.core.extract.markup import Markup, read_markup
from codewright.core.languages.facts import language_named
from codewright.core.records import Message, Origin, Reject, Sample, content_id
from codewright.core.text import one_line
from codewright.models.model import Sampling
from codewright.synthesis.ask import Ask, heading_of, sections, unusable
from codewright.synthesis.prompting import render
from codewright.synthesis.rouge import Texts, words_of
from codewright.synthesis.seeding import Pooled
from codewright.synthesis.verify import Run

SEEDS = "numbers"
TEACHER = True
ROUND_SEEDS = 64

Count = Annotated[int, Field(gt=0)]

_LEAST_WORDS, _MOST_WORDS = 4, 150
"""Source: both projects drop instructions of three words and fewer, and of more than 150."""


@strict
@dataclass(frozen=True)
class Options:
    """Tasks shown are those of Self-Instruct, sampling is that of Code Alpaca."""

    human_tasks: Count = 6
    """Tasks of ours in a request, with their answers; Code Alpaca shows 3."""
    pool_tasks: Annotated[int, Field(ge=0)] = 2
    """Tasks of earlier rounds in a request, without answers; Code Alpaca shows none."""
    tasks_per_call: Count = 1
    """Tasks that one reply gives. Several are cheaper and unlike each other, but share the reply's attention and its
    `max_tokens`, and the last is often cut off; Code Alpaca asks for 20."""
    max_rouge: Annotated[float, Field(gt=0, le=1)] = 0.7
    """A task is refused whose ROUGE-L with another is this or more; code and data in fences are not compared."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Count = 3072
    sampling_seed: int = 0
    """Of request n it is this and n."""


@dataclass(frozen=True)
class Task:
    """A task with its answer. tests: what holds for the answer's code, empty unless that is Python."""

    kind: str
    language: str
    task: str
    answer: str
    tests: str = ""


@functools.cache
def seed_tasks() -> tuple[Task, ...]:
    """Load the tasks that everything starts from."""
    text = (
        resources.files("codewright.synthesis").joinpath("prompts", "self_instruct.toml").read_text("utf-8")
    )
    rows = tomllib.loads(text)["tasks"]
    return tuple(Task(**{name: value.strip() for name, value in row.items()}) for row in rows)


async def make(
    seed: Pooled, ask: Ask, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:  # fmt: skip
    """Yield the tasks of one reply, and why others are none."""
    known, shown = draw_examples(seed.pool, rng, options)
    prompt = render(
        "self_instruct",
        examples=shown,
        known=[row.messages[0].content for row in known],
        count=options.tasks_per_call,
        labels=_labels(options.tasks_per_call)[0],
        least_words=_LEAST_WORDS,
        most_words=_MOST_WORDS,
    )
    reply = await ask(
        prompt, Sampling(options.max_tokens, options.temperature, options.top_p, options.sampling_seed)
    )
    why = unusable(reply)
    parts = split_tasks(reply.text, options.tasks_per_call)
    if why is not None and (reply.finish_reason != "length" or len(parts) < 2):
        yield why
        return
    if why is not None:
        parts = parts[:-1]  # those before the one that was cut off are whole
        yield why
    if not parts:
        yield Reject("unparsable", "no task under its heading")
    for number, (label, part) in enumerate(parts, 1):
        found = _read(part, label)
        if isinstance(found, Reject):
            yield found
            continue
        task, answer = found
        yield Sample.make(
            (Message("user", task), Message("assistant", answer)),
            task="answer",
            method="self_instruct",
            language=_language(answer, task),
            form="chat",
            origin=Origin(
                seeds=(f"self_instruct:{seed.number}", *(row.id for row in known)),
                place=f"task {number} of the reply",
                prompt_hash=content_id(prompt, str(ask.seed), str(number)),
            ),
        )


def draw_examples(
    pool: Sequence[object], rng: random.Random, options: Options
) -> tuple[list[Sample], list[Task]]:
    """Draw tasks of the pool, and of ours, as many more as the pool lacks."""
    rows = [row for row in rng.sample(pool, min(options.pool_tasks, len(pool))) if isinstance(row, Sample)]
    tasks = seed_tasks()
    wanted = options.human_tasks + options.pool_tasks - len(rows)
    return rows, rng.sample(tasks, min(wanted, len(tasks)))


def _labels(count: int) -> tuple[list[str], list[str]]:
    """Return what stands behind `Task` and `Answer` in headings: what is asked for, and all that is understood."""
    numbers = [f" {number}" for number in range(1, count + 1)]
    return (numbers, numbers) if count > 1 else ([""], ["", " 1"])


def split_tasks(text: str, count: int) -> list[tuple[str, str]]:
    """Cut a reply where tasks begin; returns label and text of each that has its heading, in order."""
    labels = "|".join(_labels(count)[1])
    found = [(match[1], match.start()) for match in heading_of(rf"Task({labels})").finditer(text)]
    bounds = [*(start for _, start in found), len(text)]
    return [
        (label, text[start:end]) for (label, _), (start, end) in zip(found, pairwise(bounds), strict=True)
    ]


def _read(part: str, label: str) -> tuple[str, str] | Reject:
    names = f"Task{label}", f"Answer{label}"
    read = sections(part, names)
    if read is None:
        return Reject(
            "unparsable", f"not one task and one answer under their headings{label and ', number'}{label}"
        )
    task, answer = (read[name] for name in names)
    count = len(words_of(instruction_of(task)))
    if not _LEAST_WORDS <= count <= _MOST_WORDS:
        return Reject(
            "instruction_length",
            f"{count} words in ASCII letters or digits, not {_LEAST_WORDS} to {_MOST_WORDS}",
        )
    return task, answer


def instruction_of(task: str) -> str:
    """Return a task without its fenced blocks: what is to be done, not what it is to be done with."""
    markup = read_markup(task)
    within = {
        number for block in markup.blocks for number in range(block.first - 1, block.last + block.closed)
    }
    return "\n".join(line for number, line in enumerate(markup.lines) if number not in within)


def _language(*texts: str) -> str:
    """Name the language of the first fenced block whose tag is one's name; empty where none is."""
    markups: list[Markup] = [read_markup(text) for text in texts]
    tags = (block.tag for markup in markups for block in markup.blocks)
    return next((name for tag in tags if (name := language_named(tag))), "")


class Novelty:
    """All tasks so far, ours first; see `synthesis.filling.Gate`."""

    def __init__(self, max_rouge: float) -> None:
        """max_rouge: from this ROUGE-L on a task is like another."""
        self._max_rouge = max_rouge
        self._texts = Texts()
        self._tasks: list[str] = []
        for one in seed_tasks():
            self._add(one.task)

    def refuse(self, row: Sample) -> Reject | None:
        """Say which task this one is too much like."""
        near = self._texts.nearest(instruction_of(row.messages[0].content), self._max_rouge)
        if near is None:
            return None
        return Reject(
            "not_novel", f"ROUGE-L {near.score:.3f} with: {one_line(self._tasks[near.number], 160)}"
        )

    def learn(self, row: Sample) -> None:
        """Take a task that was accepted."""
        self._add(row.messages[0].content)

    def _add(self, task: str) -> None:
        instruction = instruction_of(task)
        self._texts.add(instruction)
        self._tasks.append(one_line(instruction, 160))


def gate(options: Options) -> Novelty:
    """Return what refuses tasks that are not new."""
    return Novelty(options.max_rouge)
