"""Fences and thoughts."""

import pytest

from codewright.core.extract import from_chat
from codewright.core.extract.markup import read_markup

CODE = "def f(x):\n    return x\n"


def blocks(answer: str) -> list[tuple[str, str]]:
    return [(block.tag, block.code) for block in read_markup(answer).blocks]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("```python\nx\n```", [("python", "x")]),
        ("~~~ python\nx\n```\ny\n~~~", [("python", "x\n```\ny")]),
        ("````\n```\nx\n```\n````", [("", "```\nx\n```")]),
        ("``` {.python .numberLines}\nx\n```", [("python", "x")]),
        ('```C++ title="a b" {1,3}\nx\n```', [("c++", "x")]),
        ("```python:main.py\nx\n```", [("python", "x")]),
        ("1. a\n   ```py\n   if x:\n       y\n   ```\n", [("py", "if x:\n    y")]),
        ("- ```py\n  x\n  ```", [("py", "x")]),
        ("> ```py\n> x\n>\n> y\n> ```", [("py", "x\n\ny")]),
        ("```py\nx", [("py", "x")]),
        ("```py\nx\ntext\n```py\ny\n```", [("py", "x\ntext"), ("py", "y")]),
        ("The code: ```py\nx\n```", [("py", "x")]),
        ("```py\nx```\nDone.", [("py", "x")]),
        ("```py\nx\n```<|im_end|>", [("py", "x")]),
        ("```py x = 1```", [("py", "x = 1")]),
        ("Use ```x``` and ```y```.", []),
        ("```markdown\n# A\n```py\nx\n```\nb\n```\nc\n```py\ny\n```", [("py", "x"), ("py", "y")]),
        ("````md\n```py\nx\n```\n````\n```py\ny\n```", [("py", "x"), ("py", "y")]),
        ('```py\ndef f():\n    """\n    ```\n    a\n    ```\n    """\n```', [("py", 'def f():\n    """\n    ```\n    a\n    ```\n    """')]),
        ("```ts\n/**\n * ```\n * f(1)\n * ```\n */\n```", [("ts", "/**\n * ```\n * f(1)\n * ```\n */")]),
        ("```\r\nx\r\n```", [("", "x")]),
    ],
)  # fmt: skip
def test_fences(answer: str, found: list[tuple[str, str]]) -> None:
    assert blocks(answer) == found


@pytest.mark.parametrize(
    "thought",
    [
        "<think>\nPerhaps\n```python\ndef f(x):\n    return 0\n```\nno.\n</think>\n",
        "<think>short</think>",
        "<thinking>\nHm.\n</thinking>\n",
        "<reasoning>It's `f`</reasoning>\n",
        "<REASONING>\na\n</REASONING>\n\n",
        "[THINK]a\n```\n[/THINK]",
        "<think>a</think>\n<think>b</think>\n",
        "So\n```python\ndef f(x):\n    return 0\n```\nno, wrong.\n</think>\n",
        "So\n```python\ndef f(x):\n    return 0\n</think>\n",
    ],
)
@pytest.mark.parametrize("answer", [f"```python\n{CODE}```", CODE])
def test_thoughts_are_no_answer(thought: str, answer: str) -> None:
    assert from_chat(thought + answer, entry_point="f").solution == CODE


def test_a_thought_without_an_end_leaves_no_answer() -> None:
    found = from_chat(f"<think>\nI could write\n```python\n{CODE}```\n", entry_point="f")
    assert (found.solution, found.how, found.failed) == ("", "thought never ends", True)


@pytest.mark.parametrize(
    "code",
    [
        'def f(text):\n    return text.split("</think>")[-1]\n',
        'def f(text):\n    return "<think>" in text or "`" in text\n',
        'TAGS = ["<think>", "</think>"]\n\n\ndef f(text):\n    return TAGS\n',
    ],
)
@pytest.mark.parametrize("style", ["{}", "```python\n{}```"])
def test_tags_in_code_are_code(code: str, style: str) -> None:
    assert from_chat(style.format(code), entry_point="f").solution == code


FENCED_DOCS = '"""Usage:\n\n```python\nf(1)\n```\n"""\n\n\ndef f(x):\n    return x\n'


@pytest.mark.parametrize("style", ["{}", "```python\n{}```", "Here:\n```\n{}```\nDone."])
def test_fences_in_strings_at_the_margin_end_nothing(style: str) -> None:
    assert from_chat(style.format(FENCED_DOCS), entry_point="f").solution == FENCED_DOCS
