"""`gen_disc`: a generator makes rows of four tasks from raw code that differs widely, a discriminator checks them rule by rule.

Source: WaveCoder (arXiv 2312.14187), raw code collection and the generator-discriminator framework; microsoft/WaveCoder,
src/data/llm_gen_dis for settings. Raw code is chosen by rules and k-center-greedy; what the discriminator said of earlier rows
comes back as examples for both. A corpus of CodeSearchNet is read by `columns: {content: func_code_string}` or its own `code`.
Differs: prompts and rules are ours; cases grow in rounds, and the first round has none; examples are of the same task; the
discriminator is greedy and the same model; code to explain or translate is put into the row as it is, not as it was retold. The released
code draws a bad case's letters, takes the first documents instead of the picked ones, and dies of a verdict it cannot read.
"""

import functools
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from codewright.core.config import Names, strict
from codewright.core.extract.markup import read_markup
from codewright.core.markdown import fence
from codewright.core.records import Document, Message, Origin, Reject, Sample, content_id
from codewright.core.rng import stable_hash
from codewright.core.text import one_line
from codewright.models.model import Sampling
from codewright.synthesis.ask import Ask, json_object, sections, unusable
from codewright.synthesis.prompting import render
from codewright.synthesis.seeding import Chosen, Note, Pooled
from codewright.synthesis.verify import Run

SEEDS = "documents"
TEACHER = True
ROUND_SEEDS = 64

Task = Literal["write", "explain", "translate", "repair"]
SHARES: Mapping[Task, float] = {"write": 11_370, "explain": 3_165, "translate": 2_236, "repair": 3_144}
"""Rows of each task among the published 19,915 (generation, summarisation, translation, repair)."""

BLACKLIST = (
    "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot", "go to",
    "video", "audio", "music", "flowchart", "diagram",
)  # fmt: skip
"""Code that holds such a word is left out. Source: WaveCoder follows Code Alpaca; sahil280114/codealpaca,
generate_instruction.py."""

_INSTRUCTION, _INFORMATION, _BROKEN, _ANSWER = "Instruction", "Information", "Broken code", "Answer"
_HEADINGS: Mapping[Task, tuple[str, ...]] = {
    "write": (_INSTRUCTION, _INFORMATION, _ANSWER),
    "explain": (_INSTRUCTION, _ANSWER),
    "translate": (_INSTRUCTION, _ANSWER),
    "repair": (_INSTRUCTION, _BROKEN, _ANSWER),
}
_OVERALL = "overall"
_YES_OR_NO = r"(yes|no)\b(?!\W+(?:or\W+)?(?:yes|no)\b)"
"""Not where both stand, as the question has them."""
_CODE_RULES = {
    "names_language": "The instruction says which programming language is meant; where code is translated, both.",
    "answers": "The answer does what the instruction asks, all of it and nothing else, with the information or code given there.",
    "only_code": "The answer is code with its comments; nothing is explained outside of the code.",
    "readable": "Whoever reads the code can follow its logic and learn from it; it is not buried in something convoluted.",
    "imports": "The code imports or includes every library that it uses.",
}
_RULES: Mapping[Task, Mapping[str, str]] = {
    "write": _CODE_RULES,
    "explain": {
        "names_language": _CODE_RULES["names_language"],
        "answers": "The answer says what the code is for and what comes out of it, not line by line what stands there.",
        "true": "Everything that the answer says of the code holds.",
        "in_words": "The answer is prose; it quotes no more of the code than names.",
    },
    "translate": {
        **_CODE_RULES,
        "same_behaviour": "The translation does the same as the code that was given.",
    },
    "repair": {
        **_CODE_RULES,
        "broken": "The broken code has a fault that matters when it runs.",
        "repaired": "The answer removes that fault and changes nothing else that the code does.",
    },
}


@strict
@dataclass(frozen=True)
class Options:
    """Defaults are the published ones unless a field says otherwise."""

    tasks: Annotated[Mapping[Task, Annotated[float, Field(gt=0)]], Field(min_length=1)] = field(
        default_factory=lambda: dict(SHARES)
    )
    """Task -> its share, in any unit; those left out are not asked for."""
    choose: Literal["coreset", "seeded"] = "coreset"
    """k-center-greedy over embeddings of the code, or an order drawn by the run's seed."""
    embedder: str = "hashed"
    """What k-center-greedy measures by, see models/embed.py; published: all-roberta-large-v1 of sentence_transformers."""
    least_chars: Annotated[int, Field(ge=0)] = 50
    most_chars: Annotated[int, Field(gt=0)] = 800
    """Shorter and longer code makes no row. Source: WaveCoder, manually defined filtering rules."""
    blacklist: tuple[str, ...] = BLACKLIST
    targets: Names = ("go", "java", "javascript", "php", "python", "ruby")
    """Languages that code is translated into, drawn evenly: CodeSearchNet's."""
    shots: Annotated[int, Field(ge=0)] = 1
    """Good cases, and as many bad ones, that generator and discriminator see."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Of the generator."""
    max_tokens: Annotated[int, Field(gt=0)] = 800
    """Of a row, and of a verdict."""
    structured: bool = False
    """Have verdicts written as JSON, reasons first; servers that have structured outputs keep to its schema."""
    sampling_seed: int = 0
    """Of row n it is this and n."""


@dataclass(frozen=True)
class Drawn:
    """What a seed is to become: a task, for translations the language, and examples of both kinds."""

    task: Task
    language: str
    target: str
    code: str
    good: Sequence[Mapping[str, Any]]
    bad: Sequence[Mapping[str, Any]]

    def prompt(self, name: str, **more: str | bool) -> str:
        """Fill in a prompt with all of it."""
        code = fence(self.code.rstrip(), self.language)
        return render(
            name, task=self.task, language=self.language, target=self.target, code=code, good=self.good,
            bad=self.bad, rules=_RULES[self.task], **more,
        )  # fmt: skip


def choose(documents: Iterable[Document], k: int, options: Options, seed: int) -> Chosen:
    """Choose raw code: what the rules leave, by k-center-greedy or by the seed; does not depend on the documents' order.

    All code that the rules leave is held in memory at once, with its embedding. Raises what the embedder does.
    """
    left_out: Counter[str] = Counter()
    fit: list[tuple[int, str, int, str]] = []
    for place, document in enumerate(documents):
        if why := unfit(document.content, options):
            left_out[why] += 1
        else:
            order = stable_hash(seed, "seeds", document.id)
            fit.append((order, document.id, place, document.content))
    fit.sort()
    picks: Iterable[int] = range(min(k, len(fit)))
    if options.choose == "coreset" and fit:
        from codewright.models.embed import open_embedder
        from codewright.synthesis.coreset import k_center_greedy  # its kernels take a second to load

        points = open_embedder(options.embedder).embed([content for _, _, _, content in fit])
        picks = k_center_greedy(points, k, seed=seed).tolist()
    return Chosen([fit[pick][2] for pick in picks], left_out)


def unfit(code: str, options: Options) -> str | None:
    """Say why code cannot be a seed."""
    if len(code) < options.least_chars:
        return "too_short"
    if len(code) > options.most_chars:
        return "too_long"
    return "blacklisted_word" if options.blacklist and _words(options.blacklist).search(code) else None


@functools.cache
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.I)


async def make(
    seed: Pooled, ask: Ask, run: Run, rng: random.Random, options: Options
) -> AsyncIterator[Sample | Reject | Note]:  # fmt: skip
    """Yield one row or why there is none, and, where the discriminator judged, the case for later rounds."""
    document = cast("Document", seed.value)
    drawn = draw(seed, document, rng, options)
    if drawn is None:
        yield Reject("no_target", f"no other language than {document.language} to translate into")
        return
    prompt = drawn.prompt("gen_disc")
    reply = await ask(prompt, Sampling(options.max_tokens, options.temperature, seed=options.sampling_seed))
    row = unusable(reply) or read_row(reply.text, drawn)
    if isinstance(row, Reject):
        yield row
        return
    request, answer = row
    shown = f"## Request\n{request}\n\n## Answer\n{answer}"
    rules = _RULES[drawn.task]
    checked = await ask(
        drawn.prompt("gen_disc_check", row=shown, structured=options.structured), Sampling(options.max_tokens),
        schema=verdict_schema(rules) if options.structured else None,
    )  # fmt: skip
    why = unusable(checked)
    judge = judged_json if options.structured else judged
    verdict = judge(checked.text, rules) if why is None else None
    if verdict is None:
        yield Reject("unparsable_verdict", (why.detail or why.reason) if why else checked.text[:200])
        return
    broken, said = verdict
    code = fence(drawn.code.rstrip(), drawn.language)
    form = {"json": json.dumps(json_object(checked.text), ensure_ascii=False)} if options.structured else {}
    yield Note({"task": drawn.task, "good": not broken, "code": code, "row": shown, "verdict": said, **form})
    if broken:
        yield Reject(f"discriminator:{broken[0]}", said[:300])
        return
    yield Sample.make(
        (Message("user", request), Message("assistant", answer)),
        task=drawn.task,
        method="gen_disc",
        language=drawn.target or drawn.language,
        form="chat",
        origin=Origin(seeds=(document.id,), prompt_hash=content_id(prompt)),
    )


def draw(seed: Pooled, document: Document, rng: random.Random, options: Options) -> Drawn | None:
    """Draw the task, the language to translate into, and cases of earlier rounds; None where there is no such language."""
    names = sorted(options.tasks)
    [task] = rng.choices(names, [options.tasks[name] for name in names])
    others = [name for name in options.targets if name != document.language]
    if task == "translate" and not others:
        return None
    target = rng.choice(others) if task == "translate" else ""
    cases = [one.data for one in seed.pool if isinstance(one, Note) and one.data["task"] == task]
    good, bad = (
        rng.sample(some, min(options.shots, len(some)))
        for some in ([case for case in cases if case["good"]], [case for case in cases if not case["good"]])
    )
    return Drawn(task, document.language, target, document.content, good, bad)


def read_row(text: str, drawn: Drawn) -> tuple[str, str] | Reject:
    """Read request and answer from the generator's reply; a Reject where parts are missing or the code is not there."""
    names = _HEADINGS[drawn.task]
    parts = sections(text, names)
    if parts is None:
        return Reject("unparsable", f"not {', '.join(names)} under their headings")
    request, answer = parts[_INSTRUCTION], parts[_ANSWER]
    blocks = read_markup(answer).blocks
    if drawn.task != "explain" and (len(blocks) != 1 or not blocks[0].code.strip()):
        return Reject("no_code", "the answer holds not one fenced block")
    if drawn.task == "write":
        if parts[_INFORMATION].strip(" .").lower() != "none":
            request += f"\n\n{parts[_INFORMATION]}"
        return request, answer
    given = drawn.code
    if drawn.task == "repair":
        broken = read_markup(parts[_BROKEN]).blocks
        if len(broken) != 1 or not broken[0].code.strip():
            return Reject("no_broken_code", "not one fenced block of broken code")
        given = broken[0].code
        if given.split() == blocks[0].code.split():
            return Reject("not_broken", "the broken code is the repaired one")
    return f"{request}\n\n{fence(given.rstrip(), drawn.language)}", answer


def judged(text: str, rules: Iterable[str]) -> tuple[list[str], str] | None:
    """Read a verdict; returns the rules that are broken, and its lines. None where a rule has not one clear answer.

    A no as a whole with a yes for every rule breaks the rule `overall`; a no for a rule counts whatever the whole says.
    """
    lines, broken = [], []
    for rule in (*rules, _OVERALL):
        found = re.findall(rf"^\W*(?:\d+\W+)?{rule}\W+{_YES_OR_NO}(.*)$", text, re.M | re.I)
        if len(found) != 1:
            return None
        [(answer, reason)] = found
        lines.append(f"{rule}: {answer.lower()}{reason.rstrip()}")
        if answer.lower() == "no":
            broken.append(rule)
    return broken, "\n".join(lines)


def verdict_schema(rules: Iterable[str]) -> dict[str, Any]:
    """Return the JSON schema of a verdict, as strict structured outputs take it: all fields required, none besides."""
    one = _strictly({"reason": {"type": "string"}, "answer": {"type": "string", "enum": ["yes", "no"]}})
    return _strictly(dict.fromkeys((*rules, _OVERALL), one))


def _strictly(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def judged_json(text: str, rules: Iterable[str]) -> tuple[list[str], str] | None:
    """Read a verdict written as JSON; returns what `judged` does."""
    found = json_object(text)
    if isinstance(found, Reject):
        return None
    lines, broken = [], []
    for rule in (*rules, _OVERALL):
        said = found.get(rule)
        if not isinstance(said, dict):
            return None
        answer = said.get("answer")
        if not isinstance(answer, str) or answer.lower() not in {"yes", "no"}:
            return None
        lines.append(f"{rule}: {answer.lower()}, {one_line(said.get('reason') or 'no reason given')}")
        if answer.lower() == "no":
            broken.append(rule)
    return broken, "\n".join(lines)
