"""Examples and asserts become checks: what is said of a value, what is needed first, and what is left out."""

import ast

import pytest

from codewright.synthesis.examples import (
    Check,
    Examples,
    Statement,
    asserted_names,
    examples_of,
    has_examples,
)


def steps(docstring: str, module: str = "") -> list[str]:
    return [step.text for step in examples_of("f", docstring, ast.parse(module)).steps]


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        (">>> f(2)\n4", ["assert f(2) == 4"]),
        (">>> f(2)\nTrue", ["assert f(2) is True"]),
        (">>> f(2) == 4\nTrue", ["assert f(2) == 4"]),
        (">>> 4 == f(2)\nTrue", ["assert (4 == f(2)) is True"]),
        (">>> not f(2)\nFalse", ["assert (not f(2)) is False"]),
        (">>> f(2)\n[1,\n  2]", ["assert f(2) == [1, 2]"]),
        (">>> f(2)\nFraction(1, 3)", ["assert repr(f(2)) == 'Fraction(1, 3)'"]),
        (">>> print(f(2))\na\nb", ["assert str(f(2)) == 'a\\nb'"]),
        (">>> print(f(2), 3)\n4 3", []),
        (">>> from pack.age import f\n>>> f(2)\n4", ["assert f(2) == 4"]),
        (">>> from pack.age import f, g\n>>> g(f(2))\n4\n>>> f(1)\n1", ["assert f(1) == 1"]),
        (">>> import math\n>>> f(math.pi)\n3", ["import math", "assert f(math.pi) == 3"]),
        (">>> x = [1]\n>>> f(x)\n>>> x\n[2]", ["x = [1]", "f(x)", "assert x == [2]"]),
        (">>> x = g()\n>>> f(x)\n1\n>>> y = x\n>>> f(y)\n1", []),
        (">>> f(0)\nTraceback (most recent call last):\n    ...\nValueError: no", []),
        (">>> f(2)\n[1, ..., 4]", []),
        (">>> f(2)\n<object at 0x7f>", []),
        (">>> f(2)  # doctest: +SKIP\n4", []),
        # What the skipped line did to x is not known, so nothing is said of x after it.
        (">>> x = [1]\n>>> x.pop(f(0))\n<x at 0x1>\n>>> f(x)\n1", ["x = [1]"]),
        (">>> f(\n", []),
        (">>>f(2)\n4", []),
        ("", []),
    ],
)
def test_docstrings(docstring: str, expected: list[str]) -> None:
    assert steps(docstring) == expected


def test_asserts_of_the_file() -> None:
    module = (
        "assert f(1) == 2\nassert not f(3)\nassert f(1) == f(2)\nassert f(y) == 3\nassert g(1)\n\n"
        "def test_f():\n    x = 1\n    assert f(4) == 5, 'why'\n    assert f(x) == 1\n    for z in x: assert f(z)\n"
        "def other():\n    assert f(9) == 9\n"
    )
    expected = ["assert f(1) == 2", "assert not f(3)", "assert f(1) == f(2)", "assert f(4) == 5"]
    assert steps("", module) == expected
    assert asserted_names(ast.parse(module)) == {"f", "g"}


def test_one_check_as_a_script_brings_what_it_needs() -> None:
    examples = Examples(
        "f",
        (
            Statement("import math"),
            Statement("a = [1]"),
            Statement("b = f(2)"),
            Check("f(b)", "1"),
            Statement("a.append(math.pi)"),
            Check("f(a)", "'x'"),
            Check("f(3)"),
        ),
    )
    assert examples.checks == 3
    assert examples.script(5) == (
        "import math\na = [1]\na.append(math.pi)\nresult = f(a)\nassert result == 'x', f\"got {result!r}\"\n"
    )
    assert examples.script(6) == "assert f(3)\n"
    assert [examples.check_at(line) for line in range(9)] == [None, None, None, None, 3, None, 5, 6, None]
    named = Examples("f", (Statement("a = f(1)"), Check("a", "[1]")))
    assert named.script(1) == 'a = f(1)\nassert a == [1], f"got {a!r}"\n'
    with pytest.raises(TypeError, match="step 1 is no check"):
        examples.script(1)


def test_lines_of_checks_behind_statements_of_several_lines() -> None:
    examples = Examples("f", (Statement("def g(x):\n    return x"), Check("f(g)", "1")))
    assert [examples.check_at(line) for line in (1, 2, 3)] == [None, None, 1]


def test_examples_that_cannot_be_read() -> None:
    assert has_examples(">>> f(1)\n2")
    assert not has_examples(">>>f(1)\n2")
    assert not has_examples("no example")
