"""Measurements of Ruby: ours, by line; no grammar is needed. The reference judges it as `others`.

Bounds come from 633 files of 10 code lines and more of Rails 6.1 without its tests: one project's habits.
"""

import re

from codewright.corpus.quality.measures import measure
from codewright.corpus.quality.text_view import Code, TextView, count_lines, share

_FUNCTION = re.compile(r"^\s*+def\s", re.M)
_REQUIRE = re.compile(r"^\s*+require(?:_relative|_dependency)?\b", re.M)
_AUTOLOAD = re.compile(r"^\s*+autoload\b", re.M)
_CLASS = re.compile(r"^\s*+class\s++\w", re.M)
_MODULE = re.compile(r"^\s*+module\s++\w", re.M)
_ATTRIBUTE = re.compile(r"^\s*+attr_(?:reader|writer|accessor)\b", re.M)
_PRINT = re.compile(r"^\s*+(?:puts|print|pp?)\s", re.M)


def _functions(code: Code) -> int:
    return count_lines(_FUNCTION, code.squeezed, "def")


def _imports(code: Code) -> int:
    return count_lines(_REQUIRE, code.squeezed, "require") + count_lines(_AUTOLOAD, code.squeezed, "autoload")


@measure(high=0.27, source="ours: the 99th percentile is 0.27")
def qsc_coderuby_frac_lines_func_ratio(view: TextView) -> float | None:
    """Methods, a code line."""
    return share(_functions(view.code), view.code.lines)


@measure(high=0.5, source="ours: the 98th percentile is 0.47")
def qsc_coderuby_frac_lines_import(view: TextView) -> float | None:
    """Requires and autoloads, a code line."""
    return share(_imports(view.code), view.code.lines)


@measure(high=0.65, source="ours: the 98th percentile is 0.63")
def qsc_coderuby_score_lines_no_logic(view: TextView) -> float | None:
    """Methods, requires, classes, modules and attributes, a code line."""
    text = view.code.squeezed
    found = _functions(view.code) + _imports(view.code)
    for pattern, keyword in ((_CLASS, "class"), (_MODULE, "module"), (_ATTRIBUTE, "attr_")):
        found += count_lines(pattern, text, keyword)
    return share(found, view.code.lines)


@measure(high=0.2, source="ours: the 99th percentile is 0.05")
def qsc_coderuby_frac_lines_print(view: TextView) -> float | None:
    """Statements that print, a code line."""
    found = count_lines(_PRINT, view.code.squeezed, "p")
    return share(found, view.code.lines)
