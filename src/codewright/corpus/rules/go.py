"""Measurements of Go."""

import re

from codewright.corpus.quality.measures import OPC, Bounds, measure
from codewright.corpus.quality.text_view import Code, TextView, count_lines, share

_SOURCE = f"{OPC}, rule set go"

BOUNDS = {"qsc_code_frac_lines_assert": Bounds()}

_FUNCTION = re.compile(
    r"^func\s++(?:\(\s*+\w++\s++\*?\w++\s*+\))?\s*+\w++\s*+\([^)]*+\)\s*+(?:\([^)]++\)|[\w\[\]]++)?\s*+", re.M
)
_IMPORT = re.compile(r'import(?:\s+".*"|\s+\()')
_SIMPLE_VARIABLE = re.compile(r"^\s*+var\s++\w++\s++\w++(?:\s*+;)?[^\S\n]*+$", re.M)
_SIMPLE_RETURN = re.compile(r"^\s*+return(?:\s++[^;\n]++)?(?:\s*+;)?[^\S\n]*+$", re.M)
_TYPE = re.compile(r"^\s*+type\s++\w++\s++(?:struct|interface)\s*+\{[^}]*+\}", re.M)


def _functions(code: Code) -> int:
    return count_lines(_FUNCTION, code.up_to(")"), "func")


def _imports(text: str) -> int:
    total = 0
    at = text.find("import")
    while at >= 0:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        start = text.rfind("\n", 0, at) + 1
        total += _IMPORT.fullmatch(text[start:end].strip()) is not None
        at = text.find("import", end)
    return total


@measure(high=0, gated=True, source=_SOURCE)
def qsc_codego_cate_testfile(view: TextView) -> float | None:
    """Whether the file's name ends with `_test.go`; never in the reference, which knows only the name before the last dot."""
    name = view.name if "names" in view.corrections else view.stem
    return name.lower().endswith("_test.go")


@measure(high=0.2, source=_SOURCE)
def qsc_codego_frac_lines_func_ratio(view: TextView) -> float | None:
    """Functions, a code line."""
    return share(_functions(view.code), view.code.lines)


@measure(high=0, source=_SOURCE)
def qsc_codego_cate_var_zero(view: TextView) -> float | None:
    """Always 0, as in the reference, which compares a list with a number."""
    del view
    return 0


@measure(high=0.5, gated=True, source=_SOURCE)
def qsc_codego_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, imports, simple variables, simple returns and types, a code line; a block of imports counts one."""
    text = view.code.squeezed
    found = _functions(view.code) + _imports(text) + count_lines(_TYPE, view.code.up_to("}"), "type")
    found += count_lines(_SIMPLE_VARIABLE, text, "var") + count_lines(_SIMPLE_RETURN, text, "return")
    return share(found, view.code.lines)


@measure(high=0.4, source=_SOURCE)
def qsc_codego_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `fmt.Print`."""
    return view.code.share_of_lines("fmt.Print")
