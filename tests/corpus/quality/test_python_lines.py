"""Counts by one pass over a text that parses against those of Python's own tree: equal wherever the pass is sure."""

import ast
import sysconfig
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codewright.corpus.quality.python_tree import _from_lines, _from_tree, _parses, python_facts

SURE = {
    "nothing": "",
    "comments": "# a\n\n    # b\nx = 1\n",
    "tabs and form feeds": "if a:\n\tx = 1\n\x0cdef f(b):\n        return 1\n",
    "targets": "a = b = 1\n(c) = ((d)) = 2\ne, f = g = 3\nh.i = j[0] = 4\n[k] = l = ()\nm: int = 5\nn += 6\n",
    "no names": "a, = 1\nb.c = 1\nd: int\ne += 1\nf == g\nh(i=1)\n[j for j in k]\n",
    "classes": "class A:\n    a = b = 1\n    c: int\n    (d) = 2\n    e.f = 3\n    if g:\n        h = 4\n    class B:\n        i = 5\n",
    "classes in functions": "def f():\n    class A:\n        a = 1\n        def g(self):\n            class B:\n                b = 2\n",
    "one line": "class A: a = 1; b = 2\ndef f(): return 1\ndef g(): return 1;\ndef h(): x(); return 1\nif a: b = 1\nelse: c = 2\n",
    "simple": "def f():\n    return (1,\n2)\n\ndef g(a):\n    return 1; x()\ndef h():\n    '''doc'''\n    return 1\n",
    "last line": "def f():\n    return 1",
    "arguments": "def f(): pass\ndef g(*a, b): pass\ndef h(*, a): pass\ndef i(**a): pass\n",
    "arguments by name": "def f(  # why\n    a: 'x' = lambda b, c: 1,\n): pass\n",
    "loops": "for a.b in c: pass\nfor d, e in f: pass\nfor g[0] in h: pass\n",
    "loops over a name": "for (a) in b: pass\n",
    "async": "async def f(a):\n    '''no'''\n    async for b in c: pass\n    async with d as e:\n        return 1\n",
    "lambdas": "f = lambda a=1, *b: {a: b}\nwhile lambda: 1: x = 1\nlambda c=1: 2\nfor a in lambda: b, lambda c: d: pass\n",
    "colons": "if a[b:c]: d = {1: 2}\nif (e := f): pass\nwith g as h, i(j=k): l: int = 1\ndef m() -> {1: 2}: return x\n",
    "docs": '"""A\n    b\n  c."""\ndef f():\n    "a" "b" \\\n    \'c\' # d\ndef g():\n    r"""\\d"""\ndef h():\n    u"""e\\n""";x\n',
    "no docs": "b'a'\ndef f():\n    f'{a}'\ndef g():\n    'a' % b\ndef h():\n    'a'.b\ndef i():\n    b''\ndef j():\n    'a' f'b'\n",
    "docs of names": "def b():\n    'x'\ndef a():\n    ' y '\nclass é:\n    'z'\nclass ª:\n    'w'\n",
    "strings": "a = 'def f(): pass'\nb = '''\nclass B:\n    x = 1\n'''\nc = 'it\\'s' \"\"\"\\\"\"\"\"\n",
    "f-strings": "a = f'{b[\"c\"]} {{' f\"{d!r:>{e}}\"\n",
    "keywords at strings": "def f():\n    return'a'\nif'b':x = 1\n",
    "continued": "if a \\\n    and b:\n    x = \\\n        1\nclass A(\n    B,\n): pass\n",
    "soft keywords": "match = 1\ncase = match.a\ntype = 2\nmatch: int = 3\n",
    "decorated": "@a(b=1)\ndef f(c): return 1\n@d\nclass E: f = 1\n",
    "try": "try:\n    def f(): return 1\nexcept A as b:\n    c = 1\nelse:\n    class D: e = 1\nfinally:\n    for g in h: pass\n",
    "semicolons": "a; b; c = 1;\nd;\n",
    "numbers": "a = 0x1f if b else 1_000.5e-3j\n",
    "only a table": "[" + "1, " * 2000 + "]\n",
}  # fmt: skip

NOT_SURE = {
    "match": "match a:\n    case [b]:\n        c = 1\n    case d if e == f: g = 1\n",
    "positions only": "def f(a, /): pass\n",
    "a long sum": "a = " + " + ".join("b" * 300) + "\n",
    "elifs": "if a: pass\n" + "elif b: pass\n" * 500,
    "a continued blank": "\\\na = 1\n",
    "a doc string in parentheses": "def f():\n    ('a')\n",
    "braces in strings in fields": "a = f'{b[\"}\"]}'\n",
}


def plain(facts: Any) -> dict[str, Any]:
    found = asdict(facts)
    found["docstrings"] = {kind: sorted(rows) for kind, rows in found["docstrings"].items()}
    return found


@pytest.mark.parametrize("name", SURE)
def test_what_lines_say_is_what_the_tree_says(name: str) -> None:
    assert _parses(SURE[name])
    found = _from_lines(SURE[name])
    assert found is not None
    assert plain(found) == plain(_from_tree(SURE[name]))


@pytest.mark.parametrize("name", NOT_SURE)
def test_what_lines_do_not_say_is_left_to_the_tree(name: str) -> None:
    assert _parses(NOT_SURE[name])
    assert _from_lines(NOT_SURE[name]) is None
    assert plain(python_facts(NOT_SURE[name])) == plain(_from_tree(NOT_SURE[name]))


def test_files_of_the_standard_library() -> None:
    paths = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[::4]
    sure = 0
    for path in paths:
        content = path.read_text(encoding="utf-8", errors="replace")
        found = _from_lines(content)
        if found is not None:
            sure += 1
            assert plain(found) == plain(_from_tree(content)), path
    assert sure > len(paths) * 0.8


SIMPLE = st.sampled_from(
    ["x = 1", "x.y = 1", "return", "return x", "pass", "'doc'", '"""doc\n   more"""', "f(a=1)", "x: int = 1", "x: int", "x = y = 2", "x == 1",
     "(x) = [\n1]", "x, y = 1, 2", "x; y = 1", "x = lambda a=1: a", "b'no'", "f'{x}'", "'a' 'b'", "# only", "x = '#'", "'it\\'s'"]
)  # fmt: skip
HEADS = st.sampled_from(
    ["def f(a):", "def g():", "def h(*a):", "async def i(a):", "class A:", "class B(A, c=1):", "if x:", "while x[1:2]:", "for x in y:",
     "for x, z in y:", "with x as y:", "@d\ndef k(self, b=(1, 2)):", "class C: x = 1; y = 2", "def m(): return 1", "if x: y = 1"]
)  # fmt: skip


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def block(head: str, body: str) -> str:
    return (
        f"{head}\n{indented(body + 'pass' if body.startswith('#') else body)}"
        if head.endswith(":")
        else f"{head}\n"
    )


PROGRAMS = st.recursive(
    SIMPLE.map(lambda line: f"{line}\n"),
    lambda inner: st.one_of(
        st.builds(block, HEADS, inner), st.lists(inner, min_size=1, max_size=4).map("".join)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(PROGRAMS)
def test_programs_made_at_random(content: str) -> None:
    try:
        ast.parse(content)
    except SyntaxError:
        assert not _parses(content)
        assert python_facts(content) is None
        return
    assert _parses(content)
    found = _from_lines(content)
    assert found is None or plain(found) == plain(_from_tree(content))


@pytest.mark.parametrize(
    "content",
    ["x = (", "def f(:\n", "  x = 1\n", "if a:\nb\n", "print 'a'\n", "'", "x = 1\n\x00", "\ufeffx = 1\n", "\ud800 = 1\n", "from __future__ import x y\n"],
)  # fmt: skip
def test_what_python_refuses_has_no_facts(content: str) -> None:
    assert python_facts(content) is _from_tree(content) is None


def test_what_needs_no_tree_to_be_taken_is_taken() -> None:
    for content in ("return\n", "from __future__ import braces\n", "x = 1\nfrom __future__ import annotations\n", "nonlocal a\n"):  # fmt: skip
        assert python_facts(content) is not None


def test_what_is_nested_too_deep_for_a_tree_has_no_facts() -> None:
    for content in ("x" + ".a" * 20_000, "x = " + "-" * 5_000 + "1", "1" + " + 1" * 9_000):
        assert python_facts(content) is _from_tree(content) is None


def test_no_warnings_of_old_escapes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert python_facts("'''\\d'''\nx = '\\d'\n") is not None
