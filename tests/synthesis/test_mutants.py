"""The operators: each makes valid Python that differs in one place, and says what that place was."""

import ast
import random
import re

import pytest

from codewright.synthesis.faults import consequence, explain
from codewright.synthesis.mutants import OPERATORS, Mutant, mutants_of, objection


def function(*body: str, head: str = "def f(a, b=3):") -> str:
    return "\n    ".join((head, *body)) + "\n"


CASES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "compare_swapped": (function("return a  <  b"), [("a  <  b", "a  >  b")]),
    "compare_strictness": (function("return a >= b"), [("a >= b", "a > b")]),
    "condition_bound": (function("return a > 10"), [("a > 10", "a > 11"), ("a > 10", "a > 9")]),
    "arithmetic": (function("a //= 2", "return a % b"), [("a //= 2", "a /= 2"), ("a % b", "a // b")]),
    "boolean": (function("return a and b"), [("a and b", "a or b")]),
    "not_dropped": (function("return not(a)"), [("not(a)", "(a)")]),
    "not_added": (function("if a:", "    b = 1", "return b"), [("a", "not a")]),
    "off_by_one_range": (
        function("return list(range(b))"),
        [("range(b)", "range(b + 1)"), ("range(b)", "range(b - 1)"), ("range(b)", "range(1, b)")],
    ),
    "off_by_one_index": (
        function("return a[b + 1], a[-1], a[0:]"),
        [("a[b + 1]", "a[b]"), ("a[-1]", "a[-2]"), ("a[0:]", "a[1:]")],
    ),
    "off_by_one_constant": (
        function("a = 0", "return b * 2"),
        [("a = 0", "a = 1"), ("b * 2", "b * 3"), ("b * 2", "b * 1")],
    ),
    "flag_flipped": (function("return True"), [("return True", "return False")]),
    "wrong_name": (function("return -a"), [("-a", "-b")]),
    "return_dropped": (function("return a + b"), [("return a + b", "a + b")]),
    "swapped_arguments": (function("return pow(a,  b)"), [("pow(a,  b)", "pow(b,  a)")]),
    "call_dropped": (
        function("return a.strip() + abs(b)"),
        [("a.strip()", "a"), ("abs(b)", "b")],
    ),
    "wrong_default": (
        function("return a", head="def f(a, *, b=3, c=True):"),
        [("3", "4"), ("3", "2"), ("True", "False")],
    ),
    "base_case_missing": (
        function("if a == 0:", "    return 1", "return a * b"),
        [("if a == 0: return 1", "if a == 0: return 1")],
    ),
}


def replaced(code: str, mutant: Mutant) -> set[str]:
    """The code with the mutant's text in each place where the right one stands; without the lines of a missing case."""
    if mutant.operator == "base_case_missing":
        return {re.sub(r" +if .*\n +return .*\n", "", code, count=1)}
    places = [found.start() for found in re.finditer(re.escape(mutant.right), code)]
    return {code[:at] + mutant.wrong + code[at + len(mutant.right) :] for at in places}


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_operator_changes_one_place_of_valid_python(operator: str) -> None:
    code, expected = CASES[operator]
    mutants = mutants_of(code, operator)
    assert [(mutant.right, mutant.wrong) for mutant in mutants] == expected
    for mutant in mutants:
        assert objection(mutant, code) is None
        assert ast.dump(ast.parse(mutant.code)) != ast.dump(ast.parse(code))
        assert mutant.code in replaced(code, mutant)
        for seed in range(9):
            said = explain(mutant, random.Random(seed))
            assert "{" not in said
            assert said[-1] == "."


def test_the_list_of_operators_is_covered() -> None:
    assert CASES.keys() == OPERATORS.keys()


def test_layout_comments_and_letters_of_any_width_stay() -> None:
    code = "def f(größe, b):\n    # naïve: ü\n    s = 'äöü'; return größe  <=  b  # ≤\n"
    (mutant,) = mutants_of(code, "compare_strictness")
    assert mutant.code == code.replace("<=", "<", 1)
    assert (mutant.line, mutant.wrong, mutant.right) == (3, "größe  <  b", "größe  <=  b")


def test_only_the_last_function_is_changed() -> None:
    code = "LIMIT = 3\n\n\ndef g(x):\n    return x + 1\n\n\ndef f(a):\n    return g(a) - LIMIT\n"
    assert [mutant.line for mutant in mutants_of(code, "arithmetic")] == [9]


@pytest.mark.parametrize(
    "code",
    [
        function("return f'{a + b} {a < b}'"),
        function("return a", head="def f(a: 'x' + 'y', b: int < 3 = 3) -> int + 1:"),
        function("return a # +", "    # and"),
        "",
        "x = 1\n",
    ],
)
def test_places_that_are_left_alone(code: str) -> None:
    operators = ("arithmetic", "compare_swapped", "compare_strictness", "boolean", "condition_bound")
    assert [mutant for operator in operators for mutant in mutants_of(code, operator)] == []


def test_what_cannot_be_quoted_in_a_line_is_described_by_what_changed() -> None:
    code = function("return (a +", "    " + " + ".join("b" * 30) + ")")
    mutants = mutants_of(code, "arithmetic")
    assert {(mutant.right, mutant.wrong) for mutant in mutants} >= {("+", "-")}
    assert all("\n" not in mutant.wrong + mutant.right for mutant in mutants)


@pytest.mark.parametrize(
    ("reason", "code", "changed"),
    [
        ("compile_error", function("return a"), function("return (a")),
        ("compile_error", function("return a"), function("return a", "break")),
        ("equivalent", function("return a"), function("return (a)  # so")),
        ("equivalent", function("return 2 + 2"), function("return 3 + 1")),
        ("other_change", function("return a - b * 2"), function("return a - b + 2")),
        (None, function("return a - b * 2"), function("return a - b / 2")),
    ],
)
def test_mutants_that_need_no_run(reason: str | None, code: str, changed: str) -> None:
    assert objection(Mutant("arithmetic", changed, 2, "x", "y", ""), code) == reason


def test_how_a_bug_shows() -> None:
    texts = {consequence("f(1)", "2", "AssertionError: got 3", random.Random(seed)) for seed in range(20)}
    assert len(texts) == 3
    assert all("`f(1)`" in text and "`3`" in text and "`2`" in text for text in texts)
    assert (
        consequence("xs", "[2]", "AssertionError: got [3]", random.Random(0))
        == "That is why `xs` is `[3]` and not `[2]`."
    )
    assert "`ValueError`" in consequence("f(1)", "2", "ValueError: no: really", random.Random(0))
    assert "assertion" in consequence("f(1) > 2", None, "AssertionError", random.Random(0))
