"""Code out of answers: the signatures, the first law, nothing loaded that is not needed."""

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codewright.core.extract import Extraction, from_chat, from_completion
from codewright.core.extract.grammar import GRAMMARS, parse_tree

CODE = "def f(x):\n    return x\n"


@pytest.mark.parametrize("entry_point", ["", "f"])
@pytest.mark.parametrize(
    ("response", "how"),
    [
        (CODE, "whole text"),
        (f"```python\n{CODE}```", "fence 1 of 1"),
        (f"Here you are:\n```\n{CODE}```\nGood luck.", "fence 1 of 1"),
        (f"```py\n{CODE}", "fence 1 of 1"),
    ],
    ids=["bare", "fenced", "prose", "unclosed"],
)
def test_chat_answers(response: str, how: str, entry_point: str) -> None:
    assert from_chat(response, entry_point=entry_point) == Extraction(CODE, how)


@pytest.mark.parametrize("response", ["", "  \n", "I cannot do that.", "```python\n```", "```\n42\n```"])
def test_no_code_is_said_to_be_none(response: str) -> None:
    found = from_chat(response, entry_point="f")
    assert (found.how, found.failed) == ("nothing found", True)


def test_code_without_the_entry_point_is_code() -> None:
    found = from_chat("```python\ndef g(x):\n    return x\n```", entry_point="f")
    assert found == Extraction("def g(x):\n    return x\n", "fence 1 of 1, no f in it")


def test_a_whole_program_is_left_as_it_is() -> None:
    program = "def main():\n    print(int(input()) * 2)\n\nif __name__ == '__main__':\n    main()\n"
    assert from_chat(f"```python\n{program}```\nFor 3 it prints:\n```\n6\n```").solution == program
    script = "n = int(input())\nprint(n * 2)\n"
    assert from_chat(f"Run it:\n```bash\npython a.py\n```\n```python\n{script}```").solution == script
    assert from_chat(script).solution == script


def test_of_two_scripts_the_one_that_parses_and_is_longer() -> None:
    short, long, broken = (
        "print(1)",
        "n = int(input())\nprint(n * 2)",
        "print(1\nprint(2)\nprint(3)\nprint(4)",
    )
    for answer in ([short, long, broken], [broken, long, short], [long, broken]):
        text = "\n".join(f"```python\n{code}\n```" for code in answer)
        assert from_chat(text).solution == f"{long}\n"
    assert from_chat(f"```python\n{broken}\n```").solution == f"{broken}\n"


def test_a_program_is_its_first_version_or_a_later_one_of_it() -> None:
    first, other, later = CODE, "def show(x):\n    print(x)\n", "def f(x):\n    return x + 0\n"
    blocks = [f"```python\n{code}```\n" for code in (first, other, later)]
    assert from_chat("".join(blocks[:2])).solution == first
    assert from_chat("".join(blocks)).solution == later


TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["```", "```python\n", "\n```\n", "~~~", "<think>", "</think>", "def f(x):\n", "    return x\n", "'''", '"', "{",
             "}", "(", "f(1)\n", "\n", "    ", "\u00a0", "\u201c", "\x00", "\ud800", "#", "//", "/*", "class A:\n", "\r\n",
             "if __name__ == '__main__':\n", "function f(x) {", "return 1;\n", "<?php\n", "?>", "> ", "1. ", "fn f() {", ";"]
        ),
        max_size=30,
    ).map("".join),
)  # fmt: skip


@given(
    response=TEXTS, prompt=TEXTS, language=st.sampled_from([*GRAMMARS, "lua"]), entry_point=st.sampled_from(["", "f", "A.f", "("])
)  # fmt: skip
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_is_too_odd(response: str, prompt: str, language: str, entry_point: str) -> None:
    for found in (
        from_chat(response, language=language, entry_point=entry_point, prompt=prompt),
        from_completion(prompt, response, language=language, entry_point=entry_point),
    ):
        assert found.how
        assert found.solution.strip() or found.failed


def test_shell_in_any_script_is_parsed() -> None:
    """tree-sitter-bash 0.25.1 ends the process at the first text, by chance of where memory lies: what it dies of must not reach it."""
    tree = parse_tree("{\U00031860 ü".encode(), "bash")
    assert tree is not None
    assert tree.root_node.text == "{xxxx ü".encode()
    code = 'greet() {\n  echo "こんにちは"\n}\n'
    assert from_chat(f"```bash\n{code}```", language="bash", entry_point="greet").solution == code


def test_only_the_grammar_that_is_needed_is_loaded() -> None:
    script = (
        "import sys\n"
        "from codewright.core.extract import from_chat\n"
        "from_chat('```python\\ndef f(x):\\n    return x\\n```', entry_point='f')\n"
        "print(sorted(name for name in sys.modules if name.startswith('tree_sitter')))\n"
        "from_chat('```go\\nfunc f() {}\\n```', language='go', entry_point='f')\n"
        "print(sorted(name for name in sys.modules if name.startswith('tree_sitter') and '.' not in name))\n"
    )
    lines = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    assert lines[:2] == ["[]", "['tree_sitter', 'tree_sitter_go']"]
