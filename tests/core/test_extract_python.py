"""Python out of chat answers: which block, what is added, what is left out."""

import ast
import textwrap

import pytest

from codewright.core.extract import from_chat

PROMPT = '''import math
from typing import List


def helper(x):
    return x + 1


def f(x: int) -> List[int]:
    """Do something."""
'''
OPENING = PROMPT


def fence(code: str, tag: str = "python") -> str:
    return f"```{tag}\n{textwrap.dedent(code).strip()}\n```\n"


def code(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


RETURNS_1, RETURNS_2 = "def f(x):\n    return 1\n", "def f(x):\n    return 2\n"
USES_G, DEFINES_G = "def f(x):\n    return g(x)\n", "def g(x):\n    return x\n"


@pytest.mark.parametrize(
    ("answer", "solution", "how"),
    [
        (fence(RETURNS_1) + "Wrong. Corrected:\n" + fence(RETURNS_2), RETURNS_2, "fence 2 of 2"),
        (fence(RETURNS_1) + "Use it:\n" + fence("print(f(3))"), RETURNS_1, "fence 1 of 2"),
        (fence("pip install f", "bash") + fence(RETURNS_1) + fence("f", "text"), RETURNS_1, "fence 2 of 3"),
        (fence("function f(x) { return 1 }", "js") + fence(RETURNS_2), RETURNS_2, "fence 2 of 2"),
        (fence(RETURNS_2) + fence("int f(int x) { return 1; }", "c"), RETURNS_2, "fence 1 of 2"),
        (fence(RETURNS_1) + fence("import pytest\nfrom a import f\ndef test_f():\n    assert f(1) == 1"), RETURNS_1, "fence 1 of 2"),
        (fence('def f(x):\n    """Do."""\n    pass') + fence(RETURNS_1), RETURNS_1, "fence 2 of 2"),
        (fence(RETURNS_1) + "As above:\n" + fence("def f(x):\n    # ... as before\n    return 3"), RETURNS_1, "fence 1 of 2"),
        (fence(RETURNS_1) + fence("def f(x):\n    ...\n    return 3"), RETURNS_1, "fence 1 of 2"),
        (fence(RETURNS_1) + fence("def f(x):\n    return (3"), RETURNS_1, "fence 1 of 2"),
        (fence(DEFINES_G) + fence(USES_G), f"{DEFINES_G}\n\n{USES_G}", "2 fences joined"),
        (fence(USES_G) + "with\n" + fence(DEFINES_G), f"{DEFINES_G}\n\n{USES_G}", "2 fences joined"),
        (fence(DEFINES_G + RETURNS_1) + "Better:\n" + fence(USES_G), f"{DEFINES_G}\n\n{USES_G}", "2 fences joined"),
        (
            fence("import math\nfrom os import path\n\ndef g(x):\n    return math.pi\n\nprint(g(1))") + fence(USES_G),
            f"import math\n\n\ndef g(x):\n    return math.pi\n\n\n{USES_G}",
            "2 fences joined",
        ),
        (fence("N = 3\nM = 4") + fence("def f(x):\n    return N"), "N = 3\n\n\ndef f(x):\n    return N\n", "2 fences joined"),
        ("The function:\n\nimport math\n\ndef f(x):\n    # don't\n    return math.pi\n\nNote: it's (quite) fast.\n- a",
         "import math\n\ndef f(x):\n    # don't\n    return math.pi\n", "text without a fence, lines that are no code left out"),
        ("Look:\n" + fence("f(3)", "") + "\ndef f(x):\n    return 1\n\nDone.", RETURNS_1,
         "text without a fence, lines that are no code left out"),
        ("[PYTHON]\ndef f(x):\n    return 1\n[/PYTHON]", RETURNS_1, "text without a fence, lines that are no code left out"),
        ("```python\ndef f(x):\n    return 1\n\nThat was it, isn't it", RETURNS_1, "fence 1 of 1, lines that are no code left out"),
        ("```python\ndef f(x):\n    return 1\n\nprint(f(", RETURNS_1, "fence 1 of 1, lines that are no code left out"),
        ("```python\n    def f(x):\n        return 1\n```", RETURNS_1, "fence 1 of 1, indentation taken off"),
        ("```python\ndef\u00a0f(x):\u200b\n\u00a0\u00a0\u00a0\u00a0return 1\n```", RETURNS_1, "fence 1 of 1, characters put right"),
        ("```python\ndef f(x):\n    return \u201cit\u2019s\u201d + \u2018a\u2019\n```", "def f(x):\n    return \"it\u2019s\" + 'a'\n",
         "fence 1 of 1, characters put right"),
        ("```python\ndef f(x):\n    return '\u201c\u00a0\u200b'\n```", "def f(x):\n    return '\u201c\u00a0\u200b'\n", "fence 1 of 1"),
        ("```python\ndef f(x):\n    print x\n```", "def f(x):\n    print x\n", "fence 1 of 1, does not parse"),
        (fence("class Solution:\n    def f(self, x):\n        return self.g(x)\n    def g(self, x):\n        return x"),
         "class Solution:\n    def f(self, x):\n        return self.g(x)\n    def g(self, x):\n        return x\n", "fence 1 of 1"),
    ],
)  # fmt: skip
def test_the_code_is_found(answer: str, solution: str, how: str) -> None:
    found = from_chat(answer, entry_point="f", prompt="Write a function f.")
    assert (found.solution, found.how, found.failed) == (solution, how, False)


@pytest.mark.parametrize(
    "usage",
    [
        "print(f(3))",
        "# Tests\nassert f(3) == 4  # wrong",
        "f(3)",
        "x = f(3)\nprint(x)\ny = x + 1",
        "n = int(input())\nprint('For', n, f(n))",
        "if __name__ == '__main__':\n    print(f(3))",
        "def main():\n    print(f(3))\n\n\nmain()",
        "test()",
        "for x in [1, 2]:\n    print(x, f(x))",
        "while True:\n    if input() == 'q':\n        break",
        "try:\n    f(3)\nexcept ValueError:\n    print('no')",
        "import sys\nsys.exit(f(3))",
        "class Tests(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(3), 3)\n\n\nunittest.main()",
        "import doctest\ndoctest.testmod()",
        "@timed\ndef run():\n    return f(3)\n\n\nresult = run()",
        "print(f(1)); print(f(2))",
    ],
)
def test_usage_is_left_out_and_nothing_else(usage: str) -> None:
    program = "import unittest\n\n\ndef timed(g):\n    return g\n\n\ndef f(x):\n    return x\n\n\ndef test():\n    assert f(1) == 2\n"
    found = from_chat(f"```python\n{program}\n\n{usage}\n```", entry_point="f")
    assert found.how == "fence 1 of 1, usage left out"
    given, left = ast.parse(f"{program}\n\n{usage}").body, ast.parse(found.solution).body
    kept = [node for node in given if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import)]
    assert [ast.dump(node) for node in left] == [ast.dump(node) for node in kept]


@pytest.mark.parametrize(
    "program",
    [
        "def f(x):\n    return T[x] + N\n\n\nN = 7\nT = [1]\nT.append(2)",
        "def g(x):\n    return x\n\n\ndef f(x):\n    return T[x]\n\n\nT = [g(i) for i in range(9)]",
        "import sys\n\nsys.setrecursionlimit(10_000)\n\n\ndef f(x):\n    return x",
        "def f(x):\n    return x\n\n\nf.calls = 0\nf = print if f is None else f",
        "f = lambda x: x",
        "from functools import partial\n\nf = partial(max, 3)",
        "try:\n    import numpy as np\nexcept ImportError:\n    np = None\n\n\ndef f(x):\n    return np",
        "if True:\n    def f(x):\n        return x\nelse:\n    def f(x):\n        return 1",
        "MEMO = {}\n\n\ndef f(x):\n    return MEMO.setdefault(x, x)\n\n\nfor i in range(3):\n    MEMO[i] = f(i)",
        "class f:\n    pass\n\n\nf.register(int)",
        "def f(x):\n    return x\n\n\nALIASES = {'g': f}",
        "async def f(x):\n    return x\n",
        "import functools\n\n\n@functools.cache\ndef f(x):\n    return x",
        "def main(x):\n    return x\n\n\nmain(3)\nf = main",
    ],
)
def test_what_the_function_needs_stays(program: str) -> None:
    found = from_chat(f"```python\n{program}\n```", entry_point="main" if "def main" in program else "f")
    assert ast.dump(ast.parse(found.solution)) == ast.dump(ast.parse(program))


def test_a_statement_beside_others_goes_alone() -> None:
    found = from_chat(fence("def f(x): return 1\nx = 1; print(f(x)); y = 2\nz = 3"), entry_point="f")
    assert ast.unparse(ast.parse(found.solution)) == "def f(x):\n    return 1\nx = 1\npass\ny = 2\nz = 3"


def test_comments_go_with_what_they_are_about() -> None:
    program = "# The helper.\n# It adds.\ndef g(x):\n    return x\n\n\n# The function.\ndef f(x):\n    return g(x)\n"
    usage = "\n\n# An example.\nprint(f(1))\n\n# The end.\nN = 1\n"
    found = from_chat(f"```python\n{program}{usage}```", entry_point="f")
    assert found.solution == f"{program}\n\n\n# The end.\nN = 1\n"
    first, second = program.split("\n\n\n")
    assert from_chat(fence(first) + fence(second), entry_point="f").solution == program


# ---------------------------------------------------------------------------------------------------------- the prompt

BODY = "    y = [x]\n    return y\n"


@pytest.mark.parametrize(
    "answer",
    [
        fence("x").replace("x\n", BODY),
        f"The body:\n```\n{BODY}```",
        fence("y = [x]\nreturn y"),
        "```python\ny = [x]\n    return y\n```",
        f"```python\n{PROMPT}```\nand then\n```python\n{BODY}```",
        BODY,
        f"```python\n{BODY}\nprint(f(3))\n```",
    ],
)
def test_bodies_join_the_prompt(answer: str) -> None:
    found = from_chat(answer, entry_point="f", prompt=PROMPT)
    assert (found.solution, found.how) == (PROMPT + BODY, "body joined to the prompt")


def test_a_body_keeps_its_strings() -> None:
    found = from_chat(fence('s = """\n a\nb\n"""\nreturn s'), entry_point="f", prompt=PROMPT)
    assert found.solution == PROMPT + '    s = """\n a\nb\n"""\n    return s\n'


@pytest.mark.parametrize(
    "answer",
    ["f(3)", "[2, 3]", "import math", "def g(x):\n    return [x]", "print(f(2))\nassert f(2) == [2]", "x = f(3)\nprint(x)"],
)  # fmt: skip
def test_what_is_no_body_does_not_join(answer: str) -> None:
    assert "joined" not in from_chat(fence(answer), entry_point="f", prompt=PROMPT).how


@pytest.mark.parametrize(
    ("answer", "added"),
    [
        ("def f(x: int) -> List[int]:\n    return [math.pi]", "import math\nfrom typing import List\n\n\n"),
        ("def f(x):\n    return [x]", ""),
        ("import math\n\n\ndef f(x):\n    return [math.pi]", ""),
    ],
)
def test_what_the_prompt_gives_is_added_where_it_is_needed(answer: str, added: str) -> None:
    found = from_chat(fence(answer), entry_point="f", prompt=PROMPT)
    assert found.solution.replace("def helper(x):\n    return x + 1\n\n\n", "") == f"{added}{answer}\n"
    assert "def helper(x):" in found.solution  # tests may call it
    own = "def helper(x):\n    return 0\n\n\ndef f(x):\n    return helper(x)\n"
    assert from_chat(fence(own), entry_point="f", prompt=PROMPT).solution == own


def test_imports_inside_the_function_of_the_prompt_count() -> None:
    prompt = 'def f(x):\n    import math\n    from os import (\n        sep)\n    """Do."""\n'
    answer = "def f(x):\n    return math.pi\n"
    assert from_chat(fence(answer), entry_point="f", prompt=prompt).solution == f"import math\n{answer}"
    answer = "def f(x):\n    return sep\n"
    added = "from os import (\n        sep)\n"
    assert from_chat(fence(answer), entry_point="f", prompt=prompt).solution == added + answer
    assert from_chat(fence(RETURNS_1), entry_point="f", prompt=prompt).solution == RETURNS_1


def test_additions_stand_behind_future_imports() -> None:
    answer = '"""Doc."""\nfrom __future__ import annotations\n\nimport os\n\n\ndef f(x) -> List[int]:\n    return [os.sep]\n'
    found = from_chat(fence(answer), entry_point="f", prompt=PROMPT)
    assert [type(node).__name__ for node in ast.parse(found.solution).body] == [
        "Expr", "ImportFrom", "ImportFrom", "Import", "FunctionDef", "FunctionDef"
    ]  # fmt: skip
    compile(found.solution, "a", "exec")


def test_prompts_in_prose_may_hold_code() -> None:
    prompt = f"Write this function.\n```python\n{PROMPT}```\nThanks."
    answer = fence("def f(x: int) -> List[int]:\n    return [x]")
    assert "from typing import List" in from_chat(answer, entry_point="f", prompt=prompt).solution
    assert from_chat(fence(BODY), entry_point="f", prompt=prompt).solution == PROMPT + BODY


def test_a_method_goes_into_the_class_of_the_prompt() -> None:
    prompt = "class Solution:\n    def f(self, x: int) -> int:\n"
    answer = "from math import pi\n\ndef f(self, x: int) -> int:\n    return self.g(x)\n\ndef g(self, x):\n    return pi\n"
    space: dict[str, type] = {}
    exec(from_chat(fence(answer), entry_point="f", prompt=prompt).solution, space)
    assert round(space["Solution"]().f(1)) == 3
