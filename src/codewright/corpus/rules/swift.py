"""Measurements of Swift: ours, by line; no grammar is needed. The reference judges it as `others`.

Bounds come from 4,419 files of 10 code lines and more, without tests and generated folders and at most 300 a project, drawn: 3,691 of
the 36 projects in Debian's source of Swift 6.0.3 (compiler, package manager, syntax, Foundation, collections, DocC, NIO, ...),
and 728 of npm packages: 16 of Expo 300, react-native-vision-camera 144, 6 of Capacitor 69, @rnmapbox/maps 66, 17 more 149.
"""

import re

from codewright.corpus.quality.measures import measure
from codewright.corpus.quality.text_view import Code, TextView, count_lines, share

_DECLARES = (
    r"(?:(?:func|init|struct|enum|protocol|extension|actor|typealias|associatedtype|var|let|import|case)\b"
    r"|class\s++(?!func\b|var\b|override\b))"
)
_MODIFIERS = rf"^\s*+(?:(?!{_DECLARES})@?\w++(?:\([^()\n]*+\))?[^\S\n]++)*+"
"""What may stand in a line before the word that declares: modifiers (`class` too) and attributes, which may have arguments."""

_FUNCTION = re.compile(_MODIFIERS + r"func\s", re.M)
_INITIALISER = re.compile(_MODIFIERS + r"init[?!]?+\s*+[(<]", re.M)
_IMPORT = re.compile(_MODIFIERS + r"import\s", re.M)
_TYPES = {
    word: re.compile(_MODIFIERS + rf"{word}\s++\w", re.M)
    for word in ("class", "struct", "enum", "protocol", "extension", "actor", "typealias", "associatedtype")
}
_BARE = {
    word: re.compile(
        _MODIFIERS + rf"{word}\w++\s*+:[^\n={{]++(?:\{{[ a-z]*+\}}|=[^\S\n]*+nil)?[^\S\n]*+$", re.M
    )
    for word in ("var ", "let ")
}
_CASE = re.compile(r"^\s*+(?:indirect\s++)?case\s++(?!let\b|var\b)[A-Za-z_`][^\n]*+(?<!:)$", re.M)


def _functions(code: Code) -> int:
    return count_lines(_FUNCTION, code.squeezed, "func") + count_lines(_INITIALISER, code.squeezed, "init")


def _imports(code: Code) -> int:
    return count_lines(_IMPORT, code.squeezed, "import")


@measure(high=0.5, source="ours: the 99th percentile is 0.30; protocols with their default bodies have 0.49")
def qsc_codeswift_frac_lines_func_ratio(view: TextView) -> float | None:
    """Functions and initialisers, a code line."""
    return share(_functions(view.code), view.code.lines)


@measure(high=0.35, source="ours: the 99th percentile is 0.20; short extensions with three imports have 0.3")
def qsc_codeswift_frac_lines_import(view: TextView) -> float | None:
    """Imports, a code line."""
    return share(_imports(view.code), view.code.lines)


@measure(high=0.75, source="ours: the 99th percentile is 0.67; above lie protocols and long enumerations")
def qsc_codeswift_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, imports, types, enumerated cases and properties that hold nothing, a code line."""
    found = _functions(view.code) + _imports(view.code) + count_lines(_CASE, view.code.squeezed, "case")
    for patterns in (_TYPES, _BARE):
        found += sum(count_lines(pattern, view.code.squeezed, word) for word, pattern in patterns.items())
    return share(found, view.code.lines)


@measure(high=0.4, source="ours: as for JavaScript; the 99th percentile is 0.08")
def qsc_codeswift_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `print(` or `NSLog(`."""
    return view.code.share_of_lines("print(", "NSLog(")


@measure(high=0.1, source="ours: the 99th percentile is 0.05")
def qsc_codeswift_frac_lines_stub(view: TextView) -> float | None:
    """Share of code lines with `fatalError(`, which stands where code is yet to be written."""
    return view.code.share_of_lines("fatalError(")


@measure(high=0.35, source="ours: the 99th percentile is 0.24")
def qsc_codeswift_frac_lines_condition(view: TextView) -> float | None:
    """Share of code lines of conditional compilation."""
    return view.code.share_of_lines("#if ", "#else", "#endif")
