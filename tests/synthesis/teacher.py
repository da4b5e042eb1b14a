"""A teacher for tests: its replies are known from the request alone, some good, some bad, some malformed, of varied length."""

import random
import re

from codewright.core.rng import stable_hash
from codewright.models.model import Reply, Sampling


def oss_reply(prompt: str, sampling: Sampling) -> Reply:
    """Answer the way models do: mostly as asked, with headings in one form or another; at times not."""
    rng = random.Random(stable_hash("teacher", prompt, sampling.seed))
    name = f"task_{rng.randrange(10**9)}"
    filler = " ".join(rng.choice(["alpha", "beta", "gamma"]) for _ in range(rng.randint(5, 200)))
    problem = f"Write `{name}(x)`. {filler}"
    solution = f"It is short.\n\n```python\ndef {name}(x):\n    return x + {rng.randrange(99)}\n```"
    forms = {
        "good": f"## Problem\n{problem}\n\n## Solution\n{solution}",
        "bold": f"Sure!\n\n**Problem**\n\n{problem}\n\n**Solution:**\n\n{solution}",
        "thinking": f"<think>## Problem\nhm</think>\n# Problem\n{problem}\n# Solution\n{solution}",
        "brackets": f"[Problem]\n{problem}\n\n[Solution]\n{solution}",
        "same": "## Problem\nAlways this.\n\n## Solution\n```python\nx = 1\n```",
        "no headings": f"{problem}\n{solution}",
        "no code": f"## Problem\n{problem}\n\n## Solution\nJust do it.",
        "only one": f"## Problem\n{problem}",
        "empty": "",
    }
    kind = rng.choices([*forms, "refusal", "length"], [8, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1])[0]
    if kind == "refusal":
        return Reply("I cannot help with that.", "refusal", 100, 5)
    if kind == "length":
        return Reply(forms["good"][:40], "length", 100, sampling.max_tokens)
    text = forms[kind]
    return Reply(text, "stop", len(prompt.split()), len(text.split()))


_VOCABULARY = (
    "array balance cache date edge file graph hash index join key list merge node order page queue range sort table unit value "
    "window year zone buffer count digit event field group header input line match number parse query route score token"
)


def _words(rng: random.Random, least: int, most: int) -> str:
    return " ".join(rng.choice(_VOCABULARY.split()) for _ in range(rng.randint(least, most)))


def self_instruct_reply(prompt: str, sampling: Sampling) -> Reply:
    """Invent tasks: mostly new ones, at times one that is told already, or one that everybody thinks of."""
    rng = random.Random(stable_hash("teacher", prompt, sampling.seed))
    examples, form = prompt.split("Write exactly in this form")
    told = re.findall(r"## Task\n(.*?)\n\n## Answer", examples, re.S)
    parts, kinds = [], []
    for label in re.findall(r"^## Task(.*)$", form, re.M):
        task = f"Write {_words(rng, 8, 60)}."
        answer = f"So.\n\n```python\nvalue = {rng.randrange(10**9)}\n```\n{_words(rng, 0, 200)}"
        forms = {
            "good": f"## Task{label}\n{task}\n\n## Answer{label}\n{answer}\n",
            "bold": f"**Task{label}:**\n{task}\n\n**Answer{label}**\n{answer}\n",
            "with code": f"## Task{label}\n{task}\n\n```go\nx := {rng.randrange(10**9)}\n```\n## Answer{label}\n{answer}\n",
            "told already": f"## Task{label}\n{rng.choice(told)} Please.\n## Answer{label}\n{answer}\n",
            "usual": f"## Task{label}\nWrite a function number {rng.randrange(10**9)} that adds up a list.\n## Answer{label}\n{answer}\n",
            "too short": f"## Task{label}\nSort this.\n## Answer{label}\n{answer}\n",
            "no answer": f"## Task{label}\n{task}\n",
            "no headings": f"{task}\n{answer}\n",
        }
        kinds.append(rng.choices(list(forms), [8, 3, 3, 2, 3, 1, 1, 1])[0])
        parts.append(forms[kinds[-1]])
    text = "\n".join(parts)
    ending = rng.choices(["stop", "refusal", "length", "empty"], [16, 1, 1, 1])[0]
    if ending == "empty":
        return Reply("", "stop", 100, 1)
    if ending == "length":
        return Reply(text[: -len(parts[-1]) // 2], "length", 100, sampling.max_tokens)
    return Reply("I would rather not." if ending == "refusal" else text, ending, 100, len(text.split()))


def evol_reply(prompt: str, sampling: Sampling) -> Reply:
    """Make a task harder, judge one, or answer one: whatever is asked for, mostly well."""
    rng = random.Random(stable_hash("teacher", prompt, sampling.seed))
    if prompt.startswith("Make this programming task"):
        text, weights = _harder(prompt, rng), [10, 3, 1, 1, 1, 1, 1, 1]
    elif prompt.startswith("Compare two programming tasks"):
        text, weights = (
            ["DIFFERENT", "Different.", "Not equal", "EQUAL", "They are both fine"],
            [8, 2, 2, 1, 1],
        )
    else:
        code = f"```python\nvalue = {rng.randrange(10**9)}\n```"
        text = [
            f"Thus:\n\n{code}\n{_words(rng, 0, 300)}",
            code,
            "Sorry, this is beyond me.",
            "...",
            "As it is.",
        ]
        weights = [10, 3, 1, 1, 1]
    ending = rng.choices(["stop", "refusal", "length"], [20, 1, 1])[0]
    said = rng.choices(text, weights)[0]
    return Reply(said if ending == "stop" else said[:30], ending, 100, len(said.split()))


def _harder(prompt: str, rng: random.Random) -> list[str]:
    task = prompt.split("<task>\n", 1)[1].split("\n</task>", 1)[0]
    more = f"{task} Besides, {_words(rng, 5, 40)}."
    return [
        f"## Harder version\n{more}",
        f"Of course!\n\n**Harder version:**\n{more}",
        f"## Harder version\n{task.upper()}!",
        f"## Harder version\n{more} This differs from the given prompt.",
        f"## Harder version\n{more} It must make sense to somebody who has never seen the easier one.",
        "## Harder version\nAnd the of.",
        more,
        "",
    ]
