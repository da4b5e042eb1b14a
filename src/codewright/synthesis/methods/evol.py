"""`evol`: the teacher makes the instructions of existing rows harder, round after round, and answers each that got harder.

Sources: WizardCoder (arXiv 2306.08568), section 3.1, for the five ways to make a task harder and the rounds; WizardLM
(arXiv 2304.12244), section 3, for what makes an evolution fail, and its code (nlpxucan/WizardLM, Evol_Instruct) for sampling. A
round starts from what the round before made, or where that failed from what it started from. Magicoder-S trains on such rows.
Differs: which way is taken is drawn, and tighter complexity less often, where the paper asks the teacher to refrain from it.
"""

import random
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Field

from codewright.core.config import strict
from codewright.core.records import Message, Origin, Reject, Sample, content_id
from codewright.models.model import Sampling
from codewright.synthesis.ask import Ask, sections, unusable
from codewright.synthesis.prompting import render
from codewright.synthesis.verify import Run

SEEDS = "rows"
TEACHER = True

Heuristic = Literal["constraint", "rarer", "reasoning", "misdirection", "complexity"]
"""One more condition; something rarer in place of something usual; more steps; wrong code given along; less time or memory."""

HARDER = "Harder version"

_SORRY_WORDS = 80
"""Source: WizardLM, section 3.2: an answer with `sorry` in fewer words is none."""

_COPIED_WORDS = 8
"""So many words in a row that stand in our prompt and not in the task come from the prompt; ours."""

_ABOUT_PROMPTS = re.compile(r"\b(?:given|original|rewritten|evolved|created) prompt\b|\bharder version\b|\beasier (?:task|version)\b|</?task>", re.I)  # fmt: skip
"""Phrases of one who rewrites, as WizardLM names them (given prompt, rewritten prompt ...), and of our own prompt."""

_FUNCTION_WORDS = (
    "a an and any are as at be been but by can could did do does for from had has have he her here him his how i if in into is it "
    "its just me more most my no not of on once only or other our out over own same she so some such than that the their them "
    "then there these they this those through to too under up very was we were what when where which while who whom why will "
    "with would you your"
)
_STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that say nothing by themselves; ours."""


@strict
@dataclass(frozen=True)
class Options:
    """Sampling is that of WizardLM's code."""

    rounds: Annotated[int, Field(gt=0)] = 1
    """Times that an instruction is made harder; published: 3. Every round that succeeds gives a row."""
    heuristics: Annotated[Mapping[Heuristic, Annotated[float, Field(gt=0)]], Field(min_length=1)] = field(
        default_factory=lambda: {
            "constraint": 1.0, "rarer": 1.0, "reasoning": 1.0, "misdirection": 1.0, "complexity": 0.5,
        }
    )  # fmt: skip
    """Ways to make a task harder, and how often each is drawn beside the others."""
    judge: bool = True
    """Whether the teacher is asked if the new task demands more; one more request a round."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """For instructions and answers; judgements are greedy."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_tokens: Annotated[int, Field(gt=0)] = 2048
    sampling_seed: int = 0
    """Of seed n it is this and n."""


@dataclass(frozen=True)
class Parent:
    """What a round starts from. system: what the row says before the instruction, if anything."""

    instruction: str
    language: str
    system: str | None


@dataclass(frozen=True)
class Evolved:
    """An instruction that got harder, with its answer."""

    instruction: str
    answer: str
    heuristic: Heuristic
    prompt: str


async def make(
    seed: Sample, ask: Ask, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject]:  # fmt: skip
    """Yield a row for each round that succeeds, and why the others do not."""
    users = [turn.content for turn in seed.messages if turn.role == "user"]
    if seed.form != "chat" or len(users) != 1:
        yield Reject("not_one_instruction", f"{len(users)} turns of the user, form {seed.form}")
        return
    system = next((turn.content for turn in seed.messages if turn.role == "system"), None)
    parent = Parent(users[0], seed.language, system)
    ways = sorted(options.heuristics.items())  # however the settings are written down
    names, weights = [name for name, _ in ways], [weight for _, weight in ways]
    for number in range(1, options.rounds + 1):
        [heuristic] = rng.choices(names, weights)
        found = await _evolve(parent, heuristic, ask, options)
        if isinstance(found, Reject):
            yield replace(found, detail=f"round {number}, {heuristic}: {found.detail}".rstrip(": "))
            continue
        parent = replace(parent, instruction=found.instruction)
        yield _row(found, number, seed, system, ask)


async def _evolve(parent: Parent, heuristic: Heuristic, ask: Ask, options: Options) -> Evolved | Reject:
    """Make an instruction harder once and answer it, or say why that failed."""
    drawn = Sampling(options.max_tokens, options.temperature, options.top_p, options.sampling_seed)
    prompt = render("evol", instruction=parent.instruction, heuristic=heuristic, language=parent.language)
    reply = await ask(prompt, drawn)
    if (why := unusable(reply)) is not None:
        return why
    parts = sections(reply.text, (HARDER,))
    if parts is None:
        return Reject("unparsable", "not one task under its heading")
    harder = parts[HARDER]
    empty = render("evol", instruction="", heuristic=heuristic, language="")
    if (why := failed_instruction(parent.instruction, harder, empty)) is not None:
        return why
    if options.judge and (why := await _judged(parent.instruction, harder, ask, options)) is not None:
        return why
    reply = await ask(harder, drawn, system=parent.system)
    if (why := unusable(reply) or failed_answer(parent.instruction, reply.text)) is not None:
        return replace(why, detail=f"its answer: {why.detail}")
    return Evolved(harder, reply.text, heuristic, prompt)


def failed_instruction(before: str, after: str, prompt: str) -> Reject | None:
    """Say why an evolution failed, if its text shows it. prompt: what the teacher was asked, without the task."""
    known, told = _words(before), _words(after)
    if known == told:
        return Reject("unchanged")
    if not set(told) - _STOP_WORDS:
        return Reject("no_content", after[:200])
    phrases = {match[0].lower() for match in _ABOUT_PROMPTS.finditer(after)}
    phrases = {phrase for phrase in phrases if phrase not in before.lower()}
    if phrases:
        return Reject("copies_prompt", min(phrases))
    copied = (_runs(told) & _runs(_words(prompt))) - _runs(known)
    return Reject("copies_prompt", " ".join(min(copied))) if copied else None


def failed_answer(before: str, answer: str) -> Reject | None:
    """Say why an answer shows that the evolution of `before` failed: an excuse, or nothing."""
    words = _words(answer)
    if not set(words) - _STOP_WORDS:
        return Reject("no_content", answer[:200])
    if "sorry" in words and "sorry" not in _words(before) and len(words) < _SORRY_WORDS:
        return Reject("sorry", answer[:200])
    return None


async def _judged(before: str, after: str, ask: Ask, options: Options) -> Reject | None:
    reply = await ask(render("evol_judge", before=before, after=after), Sampling(options.max_tokens))
    if (why := unusable(reply)) is not None:
        return replace(why, detail=f"its judgement: {why.detail}")
    said = reply.text.upper()
    # `not equal` is what some say for different.
    differ = bool(re.search(r"\bDIFFERENT\b|\bNOT\W+EQUAL\b", said))
    equal = bool(re.search(r"\bEQUAL\b", re.sub(r"\bNOT\W+EQUAL\b", "", said)))
    if differ == equal:
        return Reject("unclear_judgement", reply.text[:200])
    return Reject("no_gain") if equal else None


def _row(found: Evolved, number: int, seed: Sample, system: str | None, ask: Ask) -> Sample:
    turns = [Message("system", system)] if system is not None else []
    turns += [Message("user", found.instruction), Message("assistant", found.answer)]
    return Sample.make(
        turns,
        task=seed.task,
        method="evol",
        language=seed.language,
        form="chat",
        origin=Origin(
            seeds=(seed.id,),
            place=f"round {number}, {found.heuristic}",
            prompt_hash=content_id(found.prompt, str(ask.seed)),
        ),
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + _COPIED_WORDS]) for at in range(len(words) - _COPIED_WORDS + 1)}
