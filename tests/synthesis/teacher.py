"""A teacher for tests: its replies are known from the request alone, some good, some bad, some malformed, of varied length."""

import random

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
