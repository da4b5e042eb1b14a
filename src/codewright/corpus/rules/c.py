"""Measurements of C. Its counters serve C++ as well."""

import re

from codewright.corpus.quality.measures import OPC, measure
from codewright.corpus.quality.text_view import Code, TextView, count_lines, share

_SOURCE = f"{OPC}, rule set c"

HEADERS = frozenset({"h", "hpp", "hxx", "hh", "h++"})
"""Extensions of headers, where directives are no fault (the same repository)."""

_MAIN = re.compile(r"\bmain\s*+\(")
_BODY = re.compile(r"\s*+\{")
_INCLUDE = re.compile(r'^\s*+#\s*+include\s++["<][^">]++[">]', re.M)
_CLASS = re.compile(r"^\s*+class\s++\w++\s*+(?::[^{]*+)?\{", re.M)
_SIMPLE_VARIABLE = re.compile(
    r"^\s*+(?:unsigned\s++)?(?:int|float|double|char|bool|std::string|auto)\s++\w++\s*+;", re.M
)
_SIMPLE_RETURN = re.compile(
    r"""^\s*+return\s*+(?:(?:\w++|"(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+')\s*+)?;[^\S\n]*+$""", re.M
)
_DIRECTIVE = re.compile(
    r"(?:#\s*+(?:include|define|if|else|elif|endif|error|pragma|warning|undef|line)|struct|using).*+"
)


def mains(text: str) -> int:
    """Count definitions of `main`: its parameters, and a brace behind them."""
    total = 0
    close = -1
    at = text.find("main")
    while at >= 0:
        found = _MAIN.match(text, at)
        if found is None:
            at = text.find("main", at + 4)
            continue
        at = found.end()
        if close < at:
            close = text.find(")", at)
            body = _BODY.match(text, close + 1)
        if close < 0:
            break
        if body:
            total += 1
            at = body.end()
        at = text.find("main", at)
    return total


def directive_share(view: TextView) -> float | None:
    """Return the share of code lines with a preprocessor directive, `struct` or `using`; None for headers."""
    if view.extension in HEADERS:
        return None
    return share(len(_DIRECTIVE.findall(view.code.squeezed)), view.code.lines)


def no_logic_share(code: Code) -> float | None:
    """Return functions, includes, simple variables, simple returns and classes, a code line."""
    text = code.squeezed
    last_quote = max(text.rfind('"'), text.rfind(">"))
    found = code.c_functions + len(_SIMPLE_VARIABLE.findall(text))
    found += count_lines(_INCLUDE, text[: last_quote + 1], "include")
    found += count_lines(_SIMPLE_RETURN, text, "return")
    found += count_lines(_CLASS, code.up_to("{"), "class")
    return share(found, code.lines)


@measure(high=0.2, source=_SOURCE)
def qsc_codec_frac_lines_func_ratio(view: TextView) -> float | None:
    """What looks like a function's head, a code line; declarations and many calls do too."""
    return share(view.code.c_functions, view.code.lines)


@measure(high=1, source=_SOURCE)
def qsc_codec_nums_lines_main(view: TextView) -> float | None:
    """Definitions of `main`."""
    return mains(view.code.squeezed)


@measure(high=0.5, gated=True, source=_SOURCE)
def qsc_codec_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, includes, simple variables, simple returns and classes, a code line."""
    return no_logic_share(view.code)


@measure(high=0.4, source=_SOURCE)
def qsc_codec_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `printf`."""
    return view.code.share_of_lines("printf")


@measure(high=0.8, source=_SOURCE)
def qsc_codec_frac_lines_preprocessor_directives(view: TextView) -> float | None:
    """Share of code lines with a directive, `struct` or `using`; not in headers."""
    return directive_share(view)


@measure(source=f"{OPC}: measured there, without a bound")
def qsc_codec_frac_lines_goto(view: TextView) -> float | None:
    """Share of code lines with `goto`."""
    return view.code.share_of_lines("goto")
