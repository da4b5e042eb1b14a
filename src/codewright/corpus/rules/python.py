"""Measurements of Python."""

import re

from codewright.corpus.quality.measures import OPC, measure
from codewright.corpus.quality.text_view import TextView, count_lines, lines_with, share

_SOURCE = f"{OPC}, rule set python"

_SIMPLE_RETURN = re.compile(r"^\s*+return(?:\s++[^\n]++)?[^\S\n]*+$", re.M)


@measure(low=1, parses=True, source=_SOURCE)
def qsc_codepython_cate_ast(view: TextView) -> float | None:
    """Whether the file parses."""
    return view.python is not None


@measure(high=0.2, parses=True, source=_SOURCE)
def qsc_codepython_frac_lines_func_ratio(view: TextView) -> float | None:
    """Functions, a code line, without `async def`."""
    return share(view.python.functions, view.code.lines) if view.python else None


@measure(high=0, parses=True, source=_SOURCE)
def qsc_codepython_cate_var_zero(view: TextView) -> float | None:
    """Whether no name is assigned, looped over or a parameter."""
    return not view.python.variables if view.python else None


@measure(high=0.05, source=_SOURCE)
def qsc_codepython_frac_lines_pass(view: TextView) -> float | None:
    """Share of code lines with the letters `pass`, `password` too."""
    return view.code.share_of_lines("pass", any_case=True) or 0


@measure(high=0.3, source=_SOURCE)
def qsc_codepython_frac_lines_import(view: TextView) -> float | None:
    """Share of code lines with the letters `import`."""
    return view.code.share_of_lines("import", any_case=True) or 0


@measure(high=0.1, parses=True, source=_SOURCE)
def qsc_codepython_frac_lines_simplefunc(view: TextView) -> float | None:
    """Functions whose body is one `return`, a code line."""
    return share(view.python.simple_functions, view.code.lines) if view.python else None


@measure(high=0.5, gated=True, parses=True, source=_SOURCE)
def qsc_codepython_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, imports, class variables, simple returns and classes, a code line."""
    facts = view.python
    if facts is None:
        return None
    imports = lines_with(view.code.folded, ("import",))
    returns = count_lines(_SIMPLE_RETURN, view.code.squeezed, "return")
    found = facts.functions + facts.classes + facts.class_variables + imports + returns
    return share(found, view.code.lines)


@measure(high=0.4, source=_SOURCE)
def qsc_codepython_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with the letters `print`."""
    return view.code.share_of_lines("print")
