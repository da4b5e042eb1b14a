"""Measurements of Lua: ours, by line; no grammar is needed. The reference judges it as `others`.

Bounds come from 2,072 files of 10 code lines and more, without tests and at most 300 a project, drawn, of packages of Debian 12: 31
libraries (lua-*) 300, Minetest with 27 mods 300, texlive-luatex 269, prosody 234, rspamd 152, vis 152, nmap 145, awesome 127,
luakit 90, luarocks 83, ardour 78, crawl 78, neovim 34, knot-resolver 30.
"""

import re

from codewright.corpus.quality.measures import measure
from codewright.corpus.quality.text_view import Code, TextView, count_lines, share

_FUNCTION = re.compile(r"""^\s*+(?:local\s++)?(?:function\b|[\w.:\[\]"']++\s*+=\s*+function\b)""", re.M)
_REQUIRE = re.compile(r"""^\s*+(?:local\s++[\w<> ]++=\s*+)?require[^\S\n]*+[("'\[]""", re.M)
_LOCAL = re.compile(r"^\s*+local\s++[\w, ]++(?:=\s*+[\w. ]++(?:,[\w., ]++)?)?;?$", re.M)
_PRINT = re.compile(r"^\s*+print\b", re.M)
_WRITE = re.compile(r"^\s*+io\.(?:write|std(?:out|err):write)\b", re.M)

_BLANK = r"[^\S\n]*+"
_KEY = rf"(?:[\w.]*+\[[^\[\]\n]*+\]|[\w.]++){_BLANK}={_BLANK}"
_LITERAL = r"""(?:[-+]?[\d.][\w.+-]*+|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|true|false|nil|[{}])"""
_DATA = re.compile(rf"\n{_BLANK}(?:(?:{_KEY})?+{_LITERAL}{_BLANK}[,;]?+{_BLANK})++(?=\n|\Z)")


def _functions(code: Code) -> int:
    return count_lines(_FUNCTION, code.squeezed, "function")


def _imports(code: Code) -> int:
    return count_lines(_REQUIRE, code.squeezed, "require")


@measure(high=0.4, source="ours: the 99th percentile is 0.23; small modules of short functions have 0.38")
def qsc_codelua_frac_lines_func_ratio(view: TextView) -> float | None:
    """Functions with a name, a code line."""
    return share(_functions(view.code), view.code.lines)


@measure(high=0.4, source="ours: the 99th percentile is 0.16; above lie files that only load others")
def qsc_codelua_frac_lines_import(view: TextView) -> float | None:
    """Statements that require, a code line."""
    return share(_imports(view.code), view.code.lines)


@measure(high=0.6, source="ours: the 99th percentile is 0.35; modules that wrap another have 0.54")
def qsc_codelua_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, requires and locals that hold nothing, a number or another name, a code line."""
    found = _functions(view.code) + _imports(view.code)
    return share(found + count_lines(_LOCAL, view.code.squeezed, "local"), view.code.lines)


@measure(high=0.4, source="ours: as for JavaScript; the 99th percentile is 0.10")
def qsc_codelua_frac_lines_print(view: TextView) -> float | None:
    """Statements that print, a code line."""
    text = view.code.squeezed
    return share(count_lines(_PRINT, text, "print") + count_lines(_WRITE, text, "io."), view.code.lines)


@measure(
    high=0.85, source="ours: the 98th percentile is 0.88; above lie themes, key codes and exported tables"
)
def qsc_codelua_frac_lines_data(view: TextView) -> float | None:
    """Lines that hold nothing but entries of a table (keys, literals, braces), a code line."""
    return share(len(_DATA.findall("\n" + view.code.squeezed)), view.code.lines)
