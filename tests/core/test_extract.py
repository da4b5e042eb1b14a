"""Code out of answers."""

import pytest

from codewright.core.extract import from_chat, from_completion

CODE = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    "response",
    [CODE, f"```python\n{CODE}```", f"Here you are:\n```\n{CODE}```\nGood luck.", f"```py\n{CODE}"],
    ids=["bare", "fenced", "prose", "unclosed"],
)
def test_chat_answers(response: str) -> None:
    assert from_chat(response).solution.strip() == CODE.strip()


@pytest.mark.parametrize(
    ("response", "kept"),
    [
        ("    return x\n", "    return x\n"),
        ("    return x\n\nprint(f(1))\n", "    return x\n"),
        (
            "    y = g(\n        x,\n    )\n    return y\ndef g(x):\n    pass\n",
            "    y = g(\n        x,\n    )\n    return y\n",
        ),
        ("    y = [\n        x,\n]\n    return y\n", "    y = [\n        x,\n]\n    return y\n"),
        ("", ""),
    ],
)
def test_completions_end_with_their_function(response: str, kept: str) -> None:
    assert from_completion("def f(x):\n", response).solution == "def f(x):\n" + (kept or "")
