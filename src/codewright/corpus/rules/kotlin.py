"""Measurements of Kotlin: ours, by line; no grammar is needed. The reference judges it as `others`.

Bounds come from 1,997 files of 10 code lines and more, without tests and generated folders and at most 300 a project, drawn: the
Kotlin compiler 1.3.31 (as Debian ships its source) 300, and of npm packages React Native 0.81.4 300, 16 of Expo 300,
appium-espresso-driver 205, react-native-screens 201, @rnmapbox/maps 152, detox 125, react-native-vision-camera 86,
@stripe/stripe-react-native 65, 14 more 263. Hence Android has most of the say.
"""

import re

from codewright.corpus.quality.measures import measure
from codewright.corpus.quality.text_view import Code, TextView, count_lines, share

_DECLARES = r"(?:fun|class|interface|object|typealias|val|var)\b"
_MODIFIERS = rf"^\s*+(?:(?!{_DECLARES})@?[\w.:]++(?:\([^()\n]*+\))?[^\S\n]++)*+"
"""What may stand in a line before the word that declares: modifiers and annotations, which may have arguments."""

_FUNCTION = re.compile(_MODIFIERS + r"fun\b(?!\s++interface\b)", re.M)
_IMPORT = re.compile(r"^\s*+import\s", re.M)
_TYPES = {
    word: re.compile(_MODIFIERS + rf"(?:fun\s++)?{word}\s++[\w{{]", re.M)
    for word in ("class", "interface", "object", "typealias")
}
_LITERAL = r'(?:null|true|false|-?[\d.]++[fFL]?|"[^"\n]*+")'
_BARE = {
    word: re.compile(
        _MODIFIERS + rf"{word}\w++\s*+:(?:(?!\bget\()[^\n={{])++(?:=[^\S\n]*+{_LITERAL},?)?[^\S\n]*+$", re.M
    )
    for word in ("val ", "var ")
}


def _functions(code: Code) -> int:
    return count_lines(_FUNCTION, code.squeezed, "fun")


def _imports(code: Code) -> int:
    return count_lines(_IMPORT, code.squeezed, "import")


@measure(high=0.6, source="ours: the 99th percentile is 0.46; wrappers of one-line functions have 0.52")
def qsc_codekotlin_frac_lines_func_ratio(view: TextView) -> float | None:
    """Functions, a code line."""
    return share(_functions(view.code), view.code.lines)


@measure(high=0.5, source="ours: the 99th percentile is 0.41; adapters of one short method have 0.5")
def qsc_codekotlin_frac_lines_import(view: TextView) -> float | None:
    """Imports, a code line."""
    return share(_imports(view.code), view.code.lines)


@measure(high=0.85, source="ours: the 99th percentile is 0.83")
def qsc_codekotlin_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, imports, types and properties that hold nothing or a literal, a code line."""
    found = _functions(view.code) + _imports(view.code)
    for patterns in (_TYPES, _BARE):
        found += sum(count_lines(pattern, view.code.squeezed, word) for word, pattern in patterns.items())
    return share(found, view.code.lines)


@measure(high=0.4, source="ours: as for JavaScript; the 99th percentile is 0")
def qsc_codekotlin_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines with `print(` or `println(`."""
    return view.code.share_of_lines("print(", "println(")


@measure(
    high=0.1,
    source="ours: no file has more than 0.07; a method that an editor made and nobody filled in is three lines",
)
def qsc_codekotlin_frac_lines_stub(view: TextView) -> float | None:
    """Share of code lines that say the code is yet to be written."""
    return view.code.share_of_lines("TODO(", "NotImplementedError(")
