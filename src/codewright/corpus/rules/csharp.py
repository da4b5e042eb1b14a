"""Measurements of C#."""

import re

from codewright.corpus.quality.measures import OPC, measure
from codewright.corpus.quality.text_view import Code, TextView, count_lines, share

_SOURCE = f"{OPC}, rule set csharp"

_FUNCTION = re.compile(
    r"^\s*+(?:(?:public|protected|private|internal)\s++)?(?:(?:static|virtual|override|abstract|async)\s++)?"
    r"(?!\s*+(?:public|private|protected|if|else))(?:<\w++>)?\s*+\w++\s++\w++\s*+\([^)]*+\)",
    re.M,
)
_USING = re.compile(r"^\s*+using\s++[A-Za-z0-9_.]++\s*+;", re.M)
_CLASS = re.compile(r"\b(?:public|private|protected|internal|static|abstract|sealed)?\s*+class\s++\w", re.M)
_SIMPLE_RETURN = re.compile(r"^\s*+return\b(?:\s++[^;\n]++)?\s*+;", re.M)
_TYPES = "int|float|double|char|string|bool|byte|sbyte|short|ushort|uint|long|ulong|decimal"
_SIMPLE_VARIABLE = re.compile(rf"\b(?:{_TYPES})\s++\w++\s*+;")


def _functions(code: Code) -> int:
    return len(_FUNCTION.findall(code.up_to(")")))


@measure(high=0.2, source=_SOURCE)
def qsc_codecsharp_frac_lines_func_ratio(view: TextView) -> float | None:
    """What looks like a method's head, a code line."""
    return share(_functions(view.code), view.code.lines)


@measure(high=0, source=_SOURCE)
def qsc_codecsharp_cate_var_zero(view: TextView) -> float | None:
    """Always 0, as in the reference, which compares a list with a number."""
    del view
    return 0


@measure(high=0.5, gated=True, source=_SOURCE)
def qsc_codecsharp_score_lines_no_logic(view: TextView) -> float | None:
    """Methods, usings, simple variables, simple returns and classes, a code line."""
    text = view.code.squeezed
    found = _functions(view.code) + len(_SIMPLE_VARIABLE.findall(text)) + len(_CLASS.findall(text))
    found += count_lines(_USING, text, "using") + count_lines(_SIMPLE_RETURN, text, "return")
    return share(found, view.code.lines)


@measure(high=0.4, source=_SOURCE)
def qsc_codecsharp_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `Console.WriteLine`."""
    return view.code.share_of_lines("Console.WriteLine")
