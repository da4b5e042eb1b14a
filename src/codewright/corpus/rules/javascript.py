"""Measurements of JavaScript."""

from codewright.corpus.quality.measures import OPC, measure
from codewright.corpus.quality.text_view import TextView, share

_SOURCE = f"{OPC}, rule set javascript"


@measure(low=1, parses=True, source=_SOURCE)
def qsc_codejavascript_cate_ast(view: TextView) -> float | None:
    """Whether the file parses."""
    return view.script is not None


@measure(high=0, parses=True, source=_SOURCE)
def qsc_codejavascript_cate_var_zero(view: TextView) -> float | None:
    """Whether no variable is declared."""
    return not view.script.variables if view.script else None


@measure(high=0.2, parses=True, source=_SOURCE)
def qsc_codejavascript_frac_lines_func_ratio(view: TextView) -> float | None:
    """Functions with a name, a code line."""
    return share(view.script.functions, view.code.lines) if view.script else None


@measure(high=0.5, gated=True, parses=True, source=_SOURCE)
def qsc_codejavascript_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, imports, simple variables, simple returns and classes, a code line."""
    return share(view.script.no_logic(), view.code.lines) if view.script else None


@measure(high=0.4, source=_SOURCE)
def qsc_codejavascript_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `console.log`."""
    return view.code.share_of_lines("console.log")
