"""How each language writes comments, as far as a header at the top of a file needs it: families of syntax, each told once.

Facts are from the languages' own references. A language that is not here has no known syntax, and its files stay untouched;
so have formats that have no comments at all, such as JSON.
"""

import functools
from dataclasses import dataclass

from codewright.core.languages.facts import language_named


@dataclass(frozen=True)
class Syntax:
    """Markers that comment to the end of the line, and pairs that enclose; in a nested one, pairs within count.

    first_column: markers that count only as the first character of a line, such as the C of fixed-form Fortran.
    own_line: pairs that stand alone on their lines, such as POD's.
    continued: a backslash at a comment line's end draws the next line in.
    code: what looks like a comment's beginning and is none, such as the compiler's `{$MODE}` of Pascal.
    """

    line: tuple[str, ...] = ()
    block: tuple[tuple[str, str], ...] = ()
    nested: bool = False
    first_column: tuple[str, ...] = ()
    own_line: tuple[tuple[str, str], ...] = ()
    continued: bool = False
    code: tuple[str, ...] = ()


_C = ("/*", "*/")
_ML = ("(*", "*)")
_XML = ("<!--", "-->")
_NO_XML = ("<!--[", "<!--#", "<!-->")
"""Conditions of Internet Explorer and server-side includes: not comments to whom they are meant for."""

_FAMILIES: tuple[tuple[Syntax, str], ...] = (
    (
        Syntax(("//",), (_C,), continued=True),
        """c, cpp, objective-c, objective-c++, cuda, opencl, hip, ispc, metal, hlsl, glsl, shaderlab, slang, nesc, smpl, xc, unified parallel c,
        renderscript, holyc, ec""",
    ),
    (
        Syntax(("//",), (_C,), code=("/*@cc_on", "//@cc_on")),
        """csharp, java, javascript, typescript, tsx, go, gno, groovy, gradle, actionscript, aidl, aleo, angelscript, antlr, apex, aspectj,
        ballerina, beef, bicep, bison, bluespec, boogie, ceylon, chuck, cue, cycript, dafny, dart, daslang, dataweave, ecl, fantom, faust,
        flatbuffers, flix, game maker language, gdshader, genie, glimmer js, glimmer ts, gosu, graphviz (dot), gsc, harbour, haxe,
        imagej macro, jai, jflex, jison, jolie, json with comments, json5, jsonnet, kdl, kerboscript, less, lsl, modelica, monkey c, mql4,
        mql5, nemerle, nwscript, objective-j, p4, pawn, pike, pony, postcss, prisma, processing, protocol buffer, qml, quakec, quint, reason,
        rescript, scss, smithy, solidity, soong, sourcepawn, squirrel, stan, stylus, sugarss, systemverilog, tact, tl-verilog, typespec, ucode,
        uno, unrealscript, v, vala, verilog, webidl, wgsl, wren, x10, xtend, yacc, yul, zenscript, zephir, coldfusion cfc, openscad""",
    ),
    (
        Syntax(("//",), (_C,), nested=True),
        """rust, swift, kotlin, gradle kotlin dsl, scala, c3, cadence, carbon, chapel, jsoniq, koka, motoko, move, noir, odin, pkl, redscript,
        sway, toit""",
    ),
    (Syntax(("//", "#"), (_C,), code=("#[",)), "php, hack, hcl, terraform template, thrift"),
    (Syntax(("//",), (_C, ("/+", "+/")), nested=True), "d"),
    (Syntax(("//",)), "zig, hare, cairo, cairo zero, gleam, asciidoc, moonbit, q#, aiken"),
    (Syntax((), (_C,)), "css, cartocss, dtrace, lex, linker script, rexx, openedge abl, sas"),
    (Syntax(("//",), (_ML,)), "f#, f*"),
    (
        Syntax(("#",), code=("#!",)),
        """python, cython, shell, perl, makefile, yaml, toml, dockerfile, r, tcl, awk, sed, elixir, alpine abuild, apacheconf, bitbake,
        buildstream, caddyfile, codeowners, common workflow language, crontab, cson, curl config, cylc, debian package control file, desktop,
        dircolors, dotenv, earthly, easybuild, editorconfig, elvish, fish, gap, gdb, gdscript, gentoo ebuild, gentoo eclass, gettext catalog,
        gherkin, git attributes, git config, git revision list, gn, gnuplot, graphql, haproxy, hosts file, ignore list, java properties, jq,
        just, kcl, kickstart, lookml, meson, miniyaml, mojo, nanorc, nasal, nginx, ninja, npm config, nushell, oasv2-yaml, oasv3-yaml,
        open policy agent, openrc runscript, option list, overpy, parrot internal representation, pip requirements, pkg-config, polar, praat,
        procfile, proguard, protocol buffer text format, puppet, qmake, rbs, readline config, redirect rules, ren'py, robotframework,
        robots exclusion rules, rpm spec, sage, salt, selinux policy, shellcheck config, singularity, snakemake, sparql, ssh config, starlark,
        tcsh, tor config, turtle, unity3d asset, vyper, wget config, xcompose, xonsh, zeek""",
    ),
    (Syntax(("#",), own_line=(("=begin", "=end"),), code=("#!",)), "ruby, crystal"),
    (Syntax(("#",), (("#[", "]#"),), nested=True, code=("#!",)), "nim"),
    (Syntax(("#",), (("#=", "=#"),), nested=True, code=("#!",)), "julia"),
    (Syntax(("#",), (("#[[", "]]"),)), "cmake"),
    (Syntax(("#",), (("#`(", ")"),), code=("#!",)), "raku"),
    (Syntax(("#",), (("<#", "#>"),), code=("#!", "#requires", "#Requires")), "powershell"),
    (Syntax(("#",), (("###", "###"),), code=("#!",)), "coffeescript, emberscript"),
    (Syntax(("#",), (_C,), code=("#!",)), "nix, livescript"),
    (Syntax(("--",), (_C,), code=("/*!", "/*+", "--+")), "sql, plsql, plpgsql, tsql, hiveql, sqlpl, cql, surrealql, abap cds"),
    (Syntax(("--",)), "ada, vhdl, eiffel, cabal config, asn.1, bluespec bh"),
    (
        Syntax(("--",), (("--[[", "]]"), ("--[=[", "]=]"), ("--[==[", "]==]")), code=("#!",)),
        "lua, luau, teal, moonscript, terra, xmake",
    ),
    (
        Syntax(("--",), (("{-", "-}"),), nested=True, code=("{-#",)),
        "haskell, elm, purescript, idris, agda, dhall, frege, curry, c2hs haskell, untyped plutus core",
    ),
    (Syntax(("--",), (("/-", "-/"),), nested=True), "lean, lean 4"),
    (Syntax(("--", "#"), (_ML,), nested=True, code=("#!",)), "applescript"),
    (
        Syntax((), (_ML,), nested=True),
        "ocaml, standard ml, rocq prover, modula-2, modula-3, oberon, component pascal, isabelle, wolfram language, ebnf",
    ),
    (Syntax(("//",), (_ML, _C)), "ligolang, cameligo"),
    (Syntax(("//",), (("{", "}"), _ML), code=("{$", "(*$")), "pascal"),
    (Syntax(("%",), (_C,)), "prolog, logtalk, mercury, minizinc, oz, turing"),
    (Syntax(("%",), code=("%!",)), "erlang, tex, postscript, bibtex, bibtex style, sweave, answer set programming"),
    (Syntax(("%",), (("%{", "%}"),)), "lilypond"),
    (Syntax(("%", "#"), own_line=(("%{", "%}"), ("#{", "#}")), code=("#!",)), "matlab"),
    (Syntax((";",), (("#|", "|#"),), nested=True, code=("#!",)), "common lisp, scheme, racket, lfe"),
    (
        Syntax((";",), code=("#!",)),
        """clojure, emacs lisp, edn, fennel, hy, dns zone, autohotkey, autoit, llvm, pddl, clips, rebol, red, wisp, g-code, purebasic,
        blitzbasic, tree-sitter query, smt, motorola 68k assembly, metta, zil, arc, idl, newlisp, dune""",
    ),
    (
        Syntax((";", "#", "//"), (_C,), code=("#include", "#define", "#if", "#el", "#endif", "#undef", "#pragma", "#error")),
        "unix assembly, assembly",
    ),
    (Syntax((";;",), (("(;", ";)"),), nested=True), "webassembly"),
    (Syntax((";", "#")), "ini, nsis, inno setup, windows registry entries"),
    (
        Syntax((), (_XML,), code=_NO_XML),
        """html, xml, svg, xslt, markdown, rmarkdown, ant build system, api blueprint, bikeshed, collada, eagle, ecmarkup, genshi, html+eex,
        maven pom, marko, mdsvex, riot, web ontology language, wikitext, xml property list, xpages, xproc""",
    ),
    (Syntax((), (_XML, _C), code=_NO_XML), "vue, svelte, astro"),
    (Syntax((), (("<!---", "--->"),), nested=True), "coldfusion"),
    (Syntax((), (("<%#", "%>"), _XML), code=_NO_XML), "html+erb, ejs"),
    (Syntax((), (("<%--", "--%>"), _XML), code=_NO_XML), "java server pages, asp.net, groovy server pages"),
    (Syntax((), (("{#", "#}"), _XML), code=_NO_XML), "jinja, twig, nunjucks"),
    (Syntax((), (("{{--", "--}}"), _XML), code=_NO_XML), "blade, edge"),
    (Syntax((), (("{{!--", "--}}"), ("{{!", "}}"), _XML), code=_NO_XML), "handlebars, mustache"),
    (Syntax((), (("@*", "*@"), _XML), code=_NO_XML), "html+razor"),
    (Syntax((), (("{*", "*}"), _XML), code=_NO_XML), "smarty, latte"),
    (Syntax((), (("<#--", "-->"),)), "freemarker"),
    (Syntax(("##",), (("#*", "*#"),)), "velocity template language"),
    (Syntax(("##",)), "mako, myghty"),
    (Syntax((), (("(:", ":)"),), nested=True), "xquery"),
    (Syntax(("!",), first_column=("C", "c", "*")), "fortran"),
    (Syntax(("!",)), "fortran free form"),
    (
        Syntax(("'",)),
        """visual basic .net, visual basic 6.0, vba, vbscript, freebasic, basic, quickbasic, brightscript, brighterscript, b4x, realbasic,
        xojo""",
    ),
    (Syntax(("REM ", "rem ", "Rem ", "@REM ", "@rem ", "::")), "batchfile"),
    (Syntax(('"',)), "vim script"),
    (Syntax((), (('"', '"'),)), "smalltalk"),
    (Syntax(("\\ ",), (("( ", ")"),)), "forth"),
    (Syntax(("dnl ",)), "m4, m4sugar"),
    (Syntax(("@c ", "@comment ")), "texinfo"),
    (Syntax(('.\\"', "'\\\"")), "roff, roff manpage"),
    (Syntax(("⍝",)), "apl"),
    (Syntax(("NB.",)), "j"),
    (Syntax(("*>", "*")), "cobol"),
    (Syntax(("//",), (_C,), first_column=("*",)), "stata"),
    (Syntax(('"',), first_column=("*",)), "abap"),
)  # fmt: skip


@functools.cache
def _table() -> dict[str, Syntax]:
    table: dict[str, Syntax] = {}
    for syntax, names in _FAMILIES:
        for name in names.split(","):
            table[" ".join(name.split())] = syntax
    return table


def syntax_of(language: str | None) -> Syntax | None:
    """Return the comments of a language, by its name or an alias of Linguist's, or None where they are not known."""
    if not language:
        return None
    found = _table().get(language)
    if found is None:
        named = language_named(language)
        found = _table().get(named) if named else None
    return found


def languages_with_syntax() -> tuple[str, ...]:
    """Return the names of all languages whose comments are known, sorted."""
    return tuple(sorted(_table()))
