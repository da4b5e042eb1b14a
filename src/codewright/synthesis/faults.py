"""Sentences about a mutant: what is wrong in it, and what came of that when a check was run.

Placeholders: line, wrong and right (code as it is and as it should be), name (see `mutants.Mutant`).
"""

import random
from collections.abc import Mapping

from codewright.synthesis.mutants import Mutant

_COMPARISON = (
    "Line {line} compares wrongly: `{wrong}` has to be `{right}`.",
    "The comparison in line {line} is the wrong one. It says `{wrong}` and should say `{right}`.",
    "The mistake is the comparison `{wrong}` in line {line}; `{right}` is right.",
)
_OFF_BY_ONE = (
    "Line {line} is off by one: `{wrong}` should be `{right}`.",
    "There is an off-by-one error in line {line}. It has `{wrong}` where `{right}` is needed.",
    "`{wrong}` in line {line} misses by one; it has to be `{right}`.",
)

_WORDINGS: Mapping[str, tuple[str, ...]] = {
    "compare_swapped": _COMPARISON,
    "compare_strictness": (
        "Line {line} treats equal values wrongly: `{wrong}` has to be `{right}`.",
        "The comparison `{wrong}` in line {line} is wrong where both sides are equal; it should be `{right}`.",
        "Equal values are the problem: line {line} says `{wrong}` and should say `{right}`.",
    ),
    "condition_bound": (
        "The number in the comparison of line {line} is off by one: `{wrong}` should be `{right}`.",
        "Line {line} compares with the wrong number. It says `{wrong}` and should say `{right}`.",
        "The bound in line {line} is wrong by one; `{wrong}` has to be `{right}`.",
    ),
    "arithmetic": (
        "Line {line} uses the wrong operator: `{wrong}` should be `{right}`.",
        "The operator in line {line} is wrong. `{wrong}` has to be `{right}`.",
        "The mistake is in the arithmetic of line {line}, which says `{wrong}` instead of `{right}`.",
    ),
    "boolean": (
        "`and` and `or` are mixed up in line {line}: `{wrong}` should be `{right}`.",
        "Line {line} joins its conditions with the wrong word. `{wrong}` has to be `{right}`.",
        "The condition `{wrong}` in line {line} is wrong; it should be `{right}`.",
    ),
    "not_dropped": (
        "A `not` is missing in line {line}: `{wrong}` should be `{right}`.",
        "Line {line} asks the opposite of what it should. `{wrong}` has to be `{right}`.",
        "The condition in line {line} lacks its `not`; it should be `{right}`.",
    ),
    "not_added": (
        "The `not` in line {line} is too much: `{wrong}` should be `{right}`.",
        "Line {line} asks the opposite of what it should. `{wrong}` has to be `{right}`.",
        "The condition in line {line} is negated, and should not be: `{right}` is right.",
    ),
    "off_by_one_range": (
        "The range in line {line} is off by one: `{wrong}` should be `{right}`.",
        "Line {line} counts over the wrong numbers. `{wrong}` has to be `{right}`.",
        "There is an off-by-one error in line {line}: it has `{wrong}` and needs `{right}`.",
    ),
    "off_by_one_index": (
        "The index in line {line} is off by one: `{wrong}` should be `{right}`.",
        "Line {line} takes the wrong position. `{wrong}` has to be `{right}`.",
        "There is an off-by-one error in line {line}: it has `{wrong}` and needs `{right}`.",
    ),
    "off_by_one_constant": _OFF_BY_ONE,
    "flag_flipped": (
        "The truth value in line {line} is the wrong one: `{wrong}` should be `{right}`.",
        "Line {line} has `True` and `False` mixed up. `{wrong}` has to be `{right}`.",
        "`{wrong}` in line {line} is the opposite of what is needed, `{right}`.",
    ),
    "wrong_name": (
        "Line {line} uses the wrong variable: `{wrong}` should be `{right}`.",
        "The variable meant in line {line} is `{name}`. `{wrong}` has to be `{right}`.",
        "In line {line} two variables are mixed up; it says `{wrong}` and should say `{right}`.",
    ),
    "return_dropped": (
        "Line {line} computes a value and does not return it: `{wrong}` should be `{right}`.",
        "A `return` is missing in line {line}. `{wrong}` has to be `{right}`.",
        "The value of line {line} is lost, because nothing returns it; it should be `{right}`.",
    ),
    "swapped_arguments": (
        "The arguments of `{name}` in line {line} are in the wrong order: `{wrong}` should be `{right}`.",
        "Line {line} calls `{name}` with two arguments swapped. `{wrong}` has to be `{right}`.",
        "Two arguments of `{name}` have changed places in line {line}; `{right}` is right.",
    ),
    "call_dropped": (
        "The call of `{name}` is missing in line {line}: `{wrong}` should be `{right}`.",
        "Line {line} forgets `{name}`. `{wrong}` has to be `{right}`.",
        "`{wrong}` in line {line} is not enough; it has to be `{right}`.",
    ),
    "wrong_default": (
        "The default of `{name}` in line {line} is wrong: it is `{wrong}` and should be `{right}`.",
        "Where `{name}` is not given, line {line} makes it `{wrong}`; it has to be `{right}`.",
        "`{name}` has the wrong default. It should be `{right}` instead of `{wrong}`.",
    ),
    "base_case_missing": (
        "One case is not handled: `{right}` belongs before line {line}.",
        "Before line {line} a case is missing. It has to say `{right}` there.",
        "The function needs `{right}` before it goes on at line {line}.",
    ),
}


def explain(mutant: Mutant, rng: random.Random) -> str:
    """Say in a sentence or two what is wrong and what is right."""
    place = {"line": mutant.line, "wrong": mutant.wrong, "right": mutant.right, "name": mutant.name}
    return rng.choice(_WORDINGS[mutant.operator]).format(**place)


def consequence(expression: str, want: str | None, message: str, rng: random.Random) -> str:
    """Say how the bug shows: from the last line of the traceback and the check that failed.

    expression, want: of the check; want is None for a check that had to be true.
    """
    kind, _, text = message.partition(": ")
    choices: tuple[str, ...]
    if kind != "AssertionError":
        choices = (f"That leads to the `{kind}`.", f"The `{kind}` comes of that.", f"Hence the `{kind}`.")
    elif want is None:
        choices = ("That is why the assertion fails.", "So the assertion does not hold.")
    else:
        got = text.removeprefix("got ")
        choices = (
            f"So `{expression}` gives `{got}` instead of `{want}`.",
            f"That is why `{expression}` is `{got}` and not `{want}`.",
            f"With that, `{expression}` gives `{got}`, where `{want}` is expected.",
        )
        choices = choices[1:2] if expression.isidentifier() else choices
    return rng.choice(choices)
