"""Measurements of C++; what is counted is what C's file counts."""

from codewright.corpus.quality.measures import OPC, measure
from codewright.corpus.quality.text_view import TextView, share
from codewright.corpus.rules.c import directive_share, mains, no_logic_share

_SOURCE = f"{OPC}, rule set cpp"


@measure(high=0.8, source=_SOURCE)
def qsc_codecpp_frac_lines_preprocessor_directives(view: TextView) -> float | None:
    """Share of code lines with a directive, `struct` or `using`; not in headers."""
    return directive_share(view)


@measure(high=0.2, source=_SOURCE)
def qsc_codecpp_frac_lines_func_ratio(view: TextView) -> float | None:
    """What looks like a function's head, a code line."""
    return share(view.code.c_functions, view.code.lines)


@measure(high=1, source=_SOURCE)
def qsc_codecpp_nums_lines_main(view: TextView) -> float | None:
    """Definitions of `main`."""
    return mains(view.code.squeezed)


@measure(high=0.5, gated=True, source=_SOURCE)
def qsc_codecpp_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, includes, simple variables, simple returns and classes, a code line."""
    return no_logic_share(view.code)


@measure(high=0.4, source=_SOURCE)
def qsc_codecpp_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `cout` or `printf`."""
    return view.code.share_of_lines("cout", "printf")


@measure(source=f"{OPC}: measured there, without a bound")
def qsc_codecpp_cate_bitsstdc(view: TextView) -> float | None:
    """Whether the header of programming contests is included."""
    return "bits/stdc++.h" in view.code.squeezed


@measure(source=f"{OPC}: measured there, without a bound")
def qsc_codecpp_frac_lines_goto(view: TextView) -> float | None:
    """Share of code lines with `goto`."""
    return view.code.share_of_lines("goto")
