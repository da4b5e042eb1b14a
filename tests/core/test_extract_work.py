"""Work grows with an answer's length, not faster, whatever the answer is made of. Counted, not timed."""

import ast
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from codewright.core.extract import from_chat, from_completion, grammar, markup, python_pieces
from codewright.core.extract.context import _given

LENGTH = 1_000
PROMPTS = {
    "python": 'def f(x):\n    """Do."""\n',
    "javascript": "function f(x) {\n",
    "cpp": "int f(int x) {\n",
    "bash": "f() {\n",
}


def filled(part: str, length: int) -> str:
    return part * (length // len(part))


GARBAGE: dict[str, Callable[[int], str]] = {
    name: lambda length, part=part: filled(part, length)  # type: ignore[misc]
    for name, part in {
        "prose": "This function f works by iterating, it's simple (see above).\n",
        "fences": "```\n",
        "blocks": "```python\nx = 1\n```\n",
        "versions": "```python\ndef f(x):\n    return 1\n```\n",
        "broken versions": "```python\ndef f(x):\n    return (\n```\n",
        "open blocks": "```python\ndef f(x):\n",
        "backticks": "`",
        "backticks and spaces": "``` ",
        "thoughts": "<think></think>\n",
        "open thoughts": "<think>",
        "ends of thoughts": "</think>\n",
        "quotes": '"""',
        "quotes at the margin": '"""\n',
        "curly quotes": "\u201e",
        "spaces": " ",
        "odd spaces": "\u00a0",
        "lines": "f\n",
        "comments": "# f\n",
        "definitions": "def f(x):\n    return f(x)\n",
        "broken definitions": "def f(x):\n    return f(x\n",
        "usage": "def f(x): return 1\nprint(f(1))\n",
        "values": "def f(x): return 1\na = f(a)\n",
        "semicolons": "f(1);",
        "decorators": "@f\n",
        "opening brackets": "{",
        "closing brackets": "}\n",
        "functions": "function f(x) { return 1; }\n",
        "C": "int f(int x) { return 1; }\n",
        "here documents": "<<E\n",
        "quoted fences": ">>>>```",
        "list fences": "- ```\n",
        "words": "f f ",
    }.items()
}
GARBAGE["chain"] = lambda length: (
    "".join(f"def g{at}(x):\n    return g{at + 1}(x)\n" for at in range(length // 40))
    + "def f(x):\n    return g0(x)\n"
)
GARBAGE["chain of blocks"] = lambda length: (
    "".join(f"```python\ndef g{at}(x):\n    return g{at + 1}(x)\n```\n" for at in range(length // 50))
    + "```python\ndef f(x):\n    return g0(x)\n```\n"
)


class Work:
    """Counts lines of the package that run, and characters that parsers are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines = self.parsed = 0
        parse, load = ast.parse, grammar._parser

        def parse_python(source: str, *args: Any, **kwargs: Any) -> ast.AST:
            self.parsed += len(source)
            return parse(source, *args, **kwargs)

        def load_counting(language: str) -> Any:
            parser = load(language)

            class Counting:
                @staticmethod
                def parse(data: bytes) -> Any:
                    self.parsed += len(data)
                    return parser.parse(data)

            return Counting

        monkeypatch.setattr(python_pieces.ast, "parse", parse_python)
        monkeypatch.setattr(grammar, "_parser", load_counting)
        monkeypatch.setattr(grammar, "_WIDE", 0)  # queries run outside of Python, walks are counted

    def of(self, call: Callable[[], object]) -> tuple[int, int]:
        """Return lines and characters of one call, with nothing remembered from calls before."""
        grammar.parse_tree.cache_clear()
        _given.cache_clear()
        self.lines = self.parsed = 0
        package = markup.__file__.rpartition("/")[0]

        def count(frame: FrameType, event: str, _: object) -> Any:
            if not frame.f_code.co_filename.startswith(package):
                return None
            self.lines += event == "line"
            return count

        before = sys.gettrace()
        sys.settrace(count)
        try:
            call()
        finally:
            sys.settrace(before)
        return self.lines, self.parsed


@pytest.mark.parametrize("language", PROMPTS)
def test_work_grows_with_the_length(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work, prompt = Work(monkeypatch), PROMPTS[language]
    for name, make in GARBAGE.items():
        short, long = make(LENGTH), make(4 * LENGTH)
        for call in (
            lambda text: from_chat(text, language=language, entry_point="f", prompt=prompt),
            lambda text: from_completion(prompt, text, language=language, entry_point="f"),
        ):
            lines, parsed = work.of(lambda call=call, text=short: call(text))
            more_lines, more_parsed = work.of(lambda call=call, text=long: call(text))
            # Four times the text: about four times the work, never sixteen times. Short texts may be done with at once.
            assert more_lines <= 6 * max(lines, 8 * len(short)), (name, lines, more_lines)
            assert more_parsed <= 6 * max(parsed, len(short)), (name, parsed, more_parsed)
            assert more_parsed <= 20 * len(long), (name, more_parsed)


CLEAN = "def f(x):\n" + "".join(f"    y{at} = x + {at}\n" for at in range(30)) + "    return x\n"


def test_a_clean_answer_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)
    _, parsed = work.of(lambda: from_chat(f"Here:\n```python\n{CLEAN}```\nDone.", entry_point="f"))
    assert parsed == len(CLEAN) - 1
    script = "function f(x) {\n" + "  x += 1;\n" * 30 + "}\n"
    _, parsed = work.of(lambda: from_chat(f"```js\n{script}```", language="javascript", entry_point="f"))
    assert parsed == len(script)


def test_counting_sees_a_square(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)

    def square(times: int) -> None:
        for _ in range(times):
            from_chat("x = 1\n" * times)

    assert work.of(lambda: square(40))[1] > 12 * work.of(lambda: square(10))[1]
