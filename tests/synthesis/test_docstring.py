"""The method `docstring`: which functions are taken, what the rows say, and that doctests decide."""

import ast
import asyncio
import random

import pytest

from codewright.core.records import Document, Reject, Sample
from codewright.sandbox.lazy import LazySandbox
from codewright.synthesis.documented import Function, cut, read_module
from codewright.synthesis.methods.docstring import Options, functions_of, make
from tests.conftest import ADD


def rows_of(source: str) -> list[Sample | Reject]:
    async def collect() -> list[Sample | Reject]:
        doc = Document("d1", source, "a.py", "repo", "python")
        async with LazySandbox("namespace") as sandbox:
            return [row async for row in make(doc, None, sandbox.run, random.Random(0), Options())]

    return asyncio.run(collect())


def test_rows_of_a_module() -> None:
    rows = rows_of(ADD)
    made = [row for row in rows if isinstance(row, Sample)]
    assert [(row.task, row.origin.place) for row in made] == [
        ("write", "lines 6-14"),
        ("explain", "lines 6-14"),
        ("write", "lines 17-21"),
        ("explain", "lines 17-21"),
        ("explain", "lines 24-32"),
    ]
    assert [(row.reason, row.detail.startswith("wrong:")) for row in rows if isinstance(row, Reject)] == [
        ("tests_failed", True)
    ]
    add, explain, area = made[0], made[1], made[2]
    assert add.verdict is not None
    assert (add.verdict.status, add.verdict.isolation) == ("passed", "namespace")
    assert add.messages[0].content.startswith("Write a Python function `add(a, b)`.\n\nReturn the sum")
    assert '"""' not in add.messages[1].content
    assert explain.messages[1].content == "Return the sum of two given numbers.\n"
    assert area.messages[1].content.startswith("import math\n\n\ndef area(radius):")
    assert area.verdict is None


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        ("decorated", '@cache\ndef f(x):\n    """Return x plus one more."""\n    y = x\n    return y\n'),
        ("not_public", 'def _f(x):\n    """Return x plus one more."""\n    y = x\n    return y\n'),
        ("trivial_body", 'def f(x):\n    """Return x plus one more."""\n    print(x)\n'),
        ("trivial_body", 'def f(x):\n    """Return x plus one more."""\n'),
        ("one_liner", 'def f(x): """Return x plus one more."""; return x\n'),
        ("thin_docstring", 'def f(x):\n    """Return it."""\n    y = x\n    return y\n'),
        (
            "too_long",
            'def f(x):\n    """Return x plus one more."""\n' + "    x += 1\n" * 200 + "    return x\n",
        ),
        ("needs_context", 'def f(x):\n    """Return x plus one more."""\n    y = other(x)\n    return y\n'),
    ],
)
def test_functions_left_out_say_why(reason: str, source: str) -> None:
    found = functions_of(source, Options())
    assert [item.reason for item in found if isinstance(item, Reject)] == [reason]


def test_free_names_and_imports() -> None:
    source = (
        "import os.path as p, numpy\nfrom collections import Counter, deque\n\n\n"
        'def f(xs, n=3):\n    """Count the things that are in there."""\n    try:\n        c = Counter(x for x in xs)\n'
        "    except ValueError as e:\n        raise KeyError(e)\n    g = lambda z: p.join(z, str(n))\n    return c, g, [len(k) for k in c]\n"
    )
    (function,) = functions_of(source, Options())
    assert isinstance(function, Function)
    assert function.imports == "from collections import Counter\nimport os.path as p\n\n\n"
    needs_numpy = source.replace("return c, g", "return numpy.array(c), g")
    (left_out,) = functions_of(needs_numpy, Options())
    assert left_out == Reject("needs_context", "f: numpy")


def test_a_module_that_does_not_parse_gives_nothing() -> None:
    assert functions_of("def broken(:", Options()) == []
    assert functions_of("", Options()) == []


def test_what_a_function_needs_of_its_module_comes_along() -> None:
    source = (
        "import re\n\nLIMIT = 3\nWORD = re.compile('x')\n\n\ndef g(x):\n    '''Doc.'''\n\n    return h(x) + LIMIT\n\n\n"
        "@cached\ndef odd(x):\n    return x\n\n\ndef h(x):\n    return f(x)\n\n\nTWICE = 1\nTWICE = 2\n\n\n"
        "def f(x):\n    return g(x), WORD\n\n\ndef e(x):\n    return odd(x)\n\n\ndef d(x):\n    return TWICE\n"
    )
    module = read_module(source)
    assert module is not None
    nodes = {node.name: node for node in module.tree.body if isinstance(node, ast.FunctionDef)}
    function = cut(nodes["f"], module, 1000, with_context=True)
    assert isinstance(function, Function)
    assert function.solution == (
        "import re\n\n\nLIMIT = 3\nWORD = re.compile('x')\n\n\ndef g(x):\n    return h(x) + LIMIT\n\n\n"
        "def h(x):\n    return f(x)\n\n\ndef f(x):\n    return g(x), WORD\n"
    )
    assert cut(nodes["f"], module, 1000) == Reject("needs_context", "f: WORD, g")
    assert cut(nodes["f"], module, 100, with_context=True) == Reject("too_long", "f")
    assert cut(nodes["e"], module, 1000, with_context=True) == Reject("needs_context", "e: odd")
    assert cut(nodes["d"], module, 1000, with_context=True) == Reject("needs_context", "d: TWICE")
