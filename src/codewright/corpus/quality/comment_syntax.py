"""Comments and strings of languages by name, in our own words; where they come from: each language's reference manual.

A syntax is written as constructs, e.g. `line("//") block("/*", "*/") string('"')`. A language that is not listed has
what the reference gives it, corrected: `#`, `//` and `--` at the beginning of a line, and `/* */`.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from codewright.corpus.quality import comment_kernel as k

Construct = tuple[int, int, str, str]


def line(*openings: str, flags: int = 0) -> list[Construct]:
    """Comments to the end of the line."""
    return [(k.LINE, flags, opening, "") for opening in openings]


def block(opening: str, closing: str, flags: int = 0) -> list[Construct]:
    """Comments from one mark to another."""
    return [(k.BLOCK, flags, opening, closing)]


def string(*quotes: str, flags: int = k.ESCAPES | k.ONE_LINE) -> list[Construct]:
    """Strings that begin and end with the same mark."""
    return [(k.STRING, flags, quote, quote) for quote in quotes]


def construct(kind: int, opening: str, closing: str = "", flags: int = 0) -> list[Construct]:
    """Anything else."""
    return [(kind, flags, opening, closing)]


LONG = k.ESCAPES
"""Strings over several lines, with escapes."""

_CHAR = construct(k.CHAR, "'", "'")
_REGEX = construct(k.REGEX, "/", "/")
_HEREDOC = construct(k.HEREDOC, "<<")
_SLASHES = line("//", flags=k.CONTINUES | k.WITH_NEWLINE)
_C = _SLASHES + block("/*", "*/")
_BOTH = string('"', "'")
_JAVA = line("//") + block("/*", "*/") + string('"""', flags=LONG) + _BOTH
_SCALA = line("//", flags=k.WITH_NEWLINE) + block("/*", "*/") + string('"""', flags=LONG) + _BOTH
_SCRIPT = (
    line("#!", flags=k.AT_COLUMN_1)
    + line("//")
    + block("/*", "*/")
    + _BOTH
    + string("`", flags=LONG)
    + _REGEX
)
_HASH = line("#") + string('"', "'", flags=LONG)
_HASH_LINE = line("#") + _BOTH
_SQL = line("--", flags=k.WITH_NEWLINE) + block("/*", "*/") + string("'", '"', flags=k.DOUBLED)
_SEMICOLON = line(";") + string('"', flags=LONG)
_MARKUP = block("<!--", "-->")
_ML = block("(*", "*)", k.NESTED) + string('"', flags=LONG) + _CHAR
_PASCAL = line("//") + block("(*", "*)") + block("{", "}") + string("'", flags=k.DOUBLED | k.ONE_LINE)
_POD = [(k.BLOCK, k.AT_COLUMN_1 | k.LINE_CLOSES, "=" + word, "=cut") for word in
        ("pod", "head", "over", "item", "back", "begin", "end", "for", "encoding")]  # fmt: skip
_PYTHON = (
    construct(k.TRIPLE_DOC, '"""', '"""', k.ESCAPES)
    + construct(k.TRIPLE_DOC, "'''", "'''", k.ESCAPES)
    + _HASH_LINE
)
_ASSEMBLY = (
    line(";") + line("//") + line("#", "@", "*", "|", flags=k.AT_LINE_START) + block("/*", "*/") + string('"')
)
_LEVELS = ["=" * level for level in range(4)]  # of Lua's long brackets; more are ornaments
_LUA = _BOTH + [row for level in _LEVELS for row in construct(k.STRING, f"[{level}[", f"]{level}]")]
_LUA += [row for level in _LEVELS for row in block(f"--[{level}[", f"]{level}]")] + line("--")
_OTHER = line("#", "//", "--", flags=k.AT_LINE_START) + block("/*", "*/")

_FAMILIES: list[tuple[list[Construct], str]] = [
    (_C + _BOTH, "c, bison, yacc, lex, opencl, objective-c, objective-c++, linker script, idl, unrealscript"),
    (construct(k.STRING, 'R"(', ')"') + _C + string('"') + _CHAR, "cpp, cuda, metal"),
    (_SLASHES + block("/*", "*/") + construct(k.STRING, '@"', '"', k.DOUBLED) + _BOTH, "csharp"),
    (_JAVA, "java, groovy, gradle, dart, apex, processing, ballerina, xtend, bluespec, haxe, jflex, antlr, protocol buffer, thrift, "
     "webidl, json with comments, ceylon, slice, cap'n proto, smithy, openscad, asymptote, ecl, graphviz (dot), stan, zenscript, hack, "
     "jsoniq, cue, move, glsl, hlsl, aspectj, golo, javascript+erb, nemerle, ooc, pike, hare, carbon, odin"),
    (_SCALA, "scala, solidity, vala, wgsl, qml, json5, chapel, systemverilog, verilog, supercollider, actionscript, gosu, modelica, "
     "scss, less, sass, stylus, postcss, swig, nesc, mql4, mql5, pawn, x10, objective-j, ec"),
    (line("//") + block("/*", "*/", k.NESTED) + string('"""', flags=0) + string('"') + _CHAR, "kotlin"),
    (line("//") + block("/*", "*/", k.NESTED) + construct(k.STRING, '##"', '"##') + construct(k.STRING, '#"""', '"""#')
     + construct(k.STRING, '#"', '"#', k.ONE_LINE) + string('"""', flags=LONG) + string('"'), "swift"),
    (_SLASHES + block("/*", "*/", k.NESTED) + string('"', flags=LONG) + _CHAR, "rust"),
    (line("//") + string('"') + _CHAR, "zig"),
    (line("//") + block("/*", "*/") + block("/+", "+/", k.NESTED) + string('"', flags=LONG) + string("`", flags=0) + _CHAR, "d"),
    (line("//") + block("/*", "*/") + string("`", flags=0) + string('"') + _CHAR, "go, v"),
    (_SCRIPT, "javascript, typescript, tsx, rescript, reason, livescript"),
    (line("#", "//", flags=k.WITH_NEWLINE) + block("/*", "*/") + string('"', "'", flags=LONG) + construct(k.HEREDOC, "<<<"), "php"),
    (block("/*", "*/") + _BOTH, "css"),
    (_PYTHON, "python, cython, starlark, sage, gdscript, mojo, python traceback, snakemake, xonsh"),
    (_HEREDOC + line("#", flags=k.AFTER_BLANK | k.WITH_NEWLINE) + string('"', flags=LONG) + string("'", flags=0), "shell, fish, nushell, shellsession"),
    (_HEREDOC + block("=begin", "=end", k.AT_COLUMN_1 | k.LINE_CLOSES) + line("#", flags=k.AFTER_BLANK) + string('"', "'", flags=LONG), "ruby, crystal"),
    (_HEREDOC + _POD + line("#", flags=k.AFTER_BLANK) + string('"', "'", flags=LONG), "perl, raku"),
    (_HASH, "r, awk, elixir, coffeescript, jq, meson, puppet, robotframework, io, gherkin, bitbake, vyper, turtle, sparql, yara, zeek, tcsh"),
    (line("#", flags=k.WITH_NEWLINE) + string('"', "'", flags=LONG), "nginx, hcl"),
    (_HASH_LINE + block("#[[", "]]"), "toml, graphql, ninja, gn, selinux policy, editorconfig"),
    (line("#", flags=k.AFTER_BLANK) + _BOTH, "yaml, miniyaml, oasv2-yaml, oasv3-yaml"),
    (block("#[[", "]]") + line("#") + string('"', flags=LONG), "cmake"),
    (line("#", flags=k.AT_LINE_START), "makefile, dockerfile, ignore list, git attributes, git config, apacheconf, kickstart, procfile, option list, ssh config"),
    (line("#", ";", flags=k.AT_LINE_START), "ini, desktop, java properties"),
    (line("#", flags=k.AFTER_BLANK) + string('"', flags=LONG), "tcl"),
    (block("<#", "#>") + string('"', flags=k.DOUBLED) + string("'", flags=k.DOUBLED), "powershell"),
    (block("#=", "=#", k.NESTED) + string('"""', '"', flags=LONG), "julia"),
    (block("#[", "]#", k.NESTED) + string('"""', flags=0) + string('"'), "nim"),
    (line("#") + block("/*", "*/") + string("''", flags=0) + string('"', flags=LONG), "nix"),
    (_SQL, "sql, plsql, plpgsql, tsql, sqlpl, hiveql, kusto"),
    (_LUA, "lua, teal, luau"),
    (block("{-", "-}", k.NESTED) + line("--") + string('"') + _CHAR, "haskell, elm, purescript, idris, agda, dhall, literate haskell"),
    (line("--") + string('"', flags=k.DOUBLED | k.ONE_LINE) + _CHAR, "ada, vhdl, eiffel"),
    (line("--", "#") + block("(*", "*)", k.NESTED) + string('"'), "applescript"),
    (block("#|", "|#", k.NESTED) + _SEMICOLON, "common lisp, scheme, racket, hy"),
    (_SEMICOLON, "emacs lisp, clojure, newlisp, fennel, llvm, webassembly, janet, picolisp"),
    (block(";;[[", "]]") + line(";") + _BOTH, "autohotkey, autoit, netlogo, rebol, red"),
    (block("/*", "*/") + line("#", ";") + string('"', "'"), "nsis"),
    (_ASSEMBLY, "assembly, unix assembly, motorola 68k assembly, nasl"),
    (line("%"), "bibtex"),
    (block("%{", "%}", k.AT_LINE_START) + line("%"), "matlab"),
    (line("%") + string('"', flags=LONG), "erlang, mercury"),
    (line("%") + block("/*", "*/") + string('"', "'"), "prolog, answer set programming"),
    (line('"', flags=k.AT_LINE_START), "vim script"),
    (line("rem", "@rem", flags=k.AT_LINE_START | k.ANY_CASE) + line("::", flags=k.AT_LINE_START), "batchfile"),
    (line("rem", flags=k.AT_LINE_START | k.ANY_CASE) + line("'") + string('"', flags=k.DOUBLED | k.ONE_LINE),
     "visual basic .net, visual basic 6.0, vba, vbscript, basic, freebasic, classic asp, quickbasic"),
    (line("!") + string('"', "'", flags=k.DOUBLED | k.ONE_LINE), "fortran free form"),
    (line("c", "C", "*", flags=k.AT_COLUMN_1) + line("!") + string('"', "'", flags=k.DOUBLED | k.ONE_LINE), "fortran"),
    (_PASCAL, "pascal, component pascal, modula-2, modula-3, oberon"),
    (_ML, "ocaml, standard ml, rocq prover, wolfram language"),
    (line("//") + block("(*", "*)", k.NESTED) + string('"""', flags=0) + string('"', flags=LONG) + _CHAR, "f#, ats"),
    (_MARKUP, "html, xml, xml property list, ant build system, maven pom, xslt, html+erb, html+eex, html+php, html+razor, jinja, handlebars, mustache, ecmarkup, edge, ejs"),
    (_MARKUP + line("//", flags=k.AT_LINE_START) + block("/*", "*/"), "vue, svelte, astro"),
    (block("{*", "*}") + _MARKUP, "smarty, latte"),
    (block("{#", "#}") + _MARKUP, "twig, nunjucks"),
    (line("//", flags=k.AT_LINE_START), "pug"),
    (line("dnl", "#"), "m4, m4sugar"),
    (line("\\", flags=k.AFTER_BLANK) + block("( ", ")"), "forth"),
    (block('"', '"') + string("'", flags=k.DOUBLED), "smalltalk"),
    (line("//") + block("/*", "*/") + line("*", flags=k.AT_LINE_START), "stata"),
    (block("/*", "*/") + line("*", flags=k.AT_LINE_START), "sas"),
    (line("*", flags=k.AT_LINE_START) + line("*>"), "cobol"),
    ([], "json, oasv2-json, oasv3-json"),
]  # fmt: skip

_IN_CODE = frozenset(
    ["antlr", "apacheconf", "asymptote", "bibtex", "cmake", "cobol", "css", "cython", "dockerfile", "erlang", "fish", "fortran", "graphql", "handlebars", "idl", "janet", "jinja", "kusto", "llvm", "makefile", "matlab", "meson", "nsis", "ocaml", "procfile", "pug", "puppet", "rebol", "red", "robotframework", "sas", "sed", "smalltalk", "smarty", "smithy", "tcl", "teal", "twig", "diff", "http", "brainfuck", "befunge", "c-objdump", "cpp-objdump", "d-objdump", "objdump"]
)  # fmt: skip
"""Languages whose comments the reference leaves in the code (its lexers call them plain `Comment`); its bounds were set with them there."""

_BY_NAME = {name.strip(): constructs for constructs, names in _FAMILIES for name in names.split(",")}


def has_own_syntax(language: str) -> bool:
    """Tell whether a language is listed here."""
    return language in _BY_NAME or language in _IN_CODE


@cache
def syntax_of(language: str) -> NDArray[np.int64]:
    """Return the table for `comment_kernel.mark`; for an unknown language that of the reference's hand splitter, corrected."""
    constructs = [] if language in _IN_CODE else _BY_NAME.get(language, _OTHER)
    table = np.zeros((len(constructs), k.WIDTH), np.int64)
    for row, (kind, flags, opening, closing) in zip(table, constructs, strict=True):
        row[0], row[1], row[2], row[11] = kind, flags, len(opening), len(closing)
        row[k.OPEN : k.OPEN + len(opening)] = list(map(ord, opening))
        row[k.CLOSE : k.CLOSE + len(closing)] = list(map(ord, closing))
    return table
