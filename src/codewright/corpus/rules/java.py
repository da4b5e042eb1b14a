"""Measurements of Java."""

import re

from codewright.corpus.quality.measures import OPC, measure
from codewright.corpus.quality.text_view import Code, TextView, count_lines, share

_SOURCE = f"{OPC}, rule set java"

_FUNCTION = re.compile(
    r"^\s*+(?:(?:public|protected|private|static)\s++)*(?!\s*+(?:public|private|protected|else|if))(?:<\w++>)?\s*+\w++\s++\w++\s*+"
    r"\([^)]*+\)(?:\s*+throws\s++[\w, ]++)?",
    re.M,
)
_IMPORT = re.compile(r"^\s*+import\s++[\w.*]++\s*+;[^\S\n]*+$", re.M)
_DECLARED = (
    r"^\s*+(?:(?:public|protected|private|final|static)\s++)*+"
    r"(?:int|float|boolean|char|double|String|[A-Z][\w<>]*+)\s++\w++\s*+"
)
_SIMPLE_VARIABLE = re.compile(_DECLARED + ";", re.M)
_VARIABLE = re.compile(_DECLARED + r"(?:=[^;]++)?;", re.M)
_SIMPLE_RETURN = re.compile(r'^\s*+return(?:;|\s++(?:"(?:\\.|[^"\\])*+"|\w*+)\s*+;)[^\S\n]*+$', re.M)
_CLASS = re.compile(
    r"^\s*+(?:(?:public|protected|private)\s++)?(?:(?:final|abstract)\s++)?class\s++[\w<>]", re.M
)


def _functions(code: Code) -> int:
    return len(_FUNCTION.findall(code.up_to(")")))


@measure(high=0, source=_SOURCE)
def qsc_codejava_cate_var_zero(view: TextView) -> float | None:
    """Whether no variable is declared."""
    return _VARIABLE.search(view.code.up_to(";")) is None


@measure(high=0.2, source=_SOURCE)
def qsc_codejava_frac_lines_func_ratio(view: TextView) -> float | None:
    """What looks like a method's head, a code line."""
    return share(_functions(view.code), view.code.lines)


@measure(high=0.5, gated=True, source=_SOURCE)
def qsc_codejava_score_lines_no_logic(view: TextView) -> float | None:
    """Methods, imports, simple variables, simple returns and classes, a code line."""
    text = view.code.up_to(";")
    found = _functions(view.code) + len(_SIMPLE_VARIABLE.findall(text))
    for pattern, keyword in ((_CLASS, "class"), (_IMPORT, "import"), (_SIMPLE_RETURN, "return")):
        found += count_lines(pattern, view.code.squeezed, keyword)
    return share(found, view.code.lines)


@measure(high=0.4, source=_SOURCE)
def qsc_codejava_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `System.out.print`."""
    return view.code.share_of_lines("System.out.print")
