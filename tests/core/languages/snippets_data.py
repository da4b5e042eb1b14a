"""Small files of markup and data, each decided by one rule: extension -> (language, content)."""

PAGE = ".TH LS 1 2026-01-01\n.SH NAME\nls\n"
XML = '<?xml version="1.0"?>\n<a/>\n'
UNIT = "# a unit\n[Unit]\nDescription=x\n"
TOP = "G04 top layer*\n%FSLAX24Y24*%\nD10*\n"
SCRIPT = "#include maps\\mp\\_utility;\n\nmain()\n{\n    level.a = 1;\n}\n"
API2, API3 = 'swagger: "2.0"\ninfo:\n  title: a\n', "openapi: 3.0.1\ninfo:\n  title: a\n"
INI = "[main]\na = 1\n"

SNIPPETS: dict[str, list[tuple[str, str]]] = {
    **{f".{n}": [("roff manpage", PAGE), ("roff", ".PP\nText of a piece.\n")] for n in range(1, 10)},
    **{key: [("roff manpage", ".Dd May 1, 2026\n.Dt LS 1\n.Sh NAME\n")] for key in (".1in", ".1m", ".1x", ".3in", ".3m", ".3p", ".3pm", ".3qt", ".3x", ".man", ".mdoc")},
    **{key: [("ini", UNIT)] for key in (".container", ".mount", ".network", ".service", ".socket", ".target", ".timer")},
    **{key: [("gsc", SCRIPT)] for key in (".gsc", ".gsh", ".csc")},
    **{key: [("oasv2-yaml", API2), ("oasv3-yaml", API3), ("miniyaml", "Actor:\n\tInherits: ^Tank\n")] for key in (".yaml", ".yml")},
    **{key: [("gerber image", TOP)] for key in (".cmp", ".sol", ".gts")},
    **{key: [("xml", XML)] for key in (".builds", ".mm", ".pluginspec", ".typ")},
    **{key: [("yaml", "# rules\nextends: standard\n")] for key in (".eslintrc", ".releaserc")},
    **{key: [("ini", "[web]\na.example.org\n")] for key in ("hosts", "HOSTS")},
    ".url": [("ini", "[InternetShortcut]\nURL=https://example.org\n")],
    ".json": [("oasv2-json", '{"swagger": "2.0", "info": {}}'), ("oasv3-json", '{\n "openapi": "3.1.0"}')],
    ".action": [("ros interface", "int32 order\n---\nint32[] sequence\n---\nint32 partial\n")],
    ".srv": [("ros interface", "int64 a\nint64 b\n---\nint64 sum\n")],
    ".msg": [
        ("tcl", "namespace eval ::tcl::clock {\n    ::msgcat::mcset af DAYS {a b}\n}\n"),
        ("omnet++ msg", "packet Hello\n{\n    int hops;\n}\n"),
    ],
    ".stl": [("stl", "solid cube\n  facet normal 0 0 1\n    outer loop\n")],
    ".tag": [("java server pages", '<%@ tag body-content="empty" %>\n<p/>'), ("xml", "<?xml version='1.0'?>\n<tagfile>")],
    ".resource": [("robotframework", "*** Keywords ***\nOpen It\n    Log    hi\n")],
    ".alg": [("algol", "begin\n  integer i;\n  i := 1\nend\n")],
    ".app": [("erlang", "{application, a,\n [{vsn, \"1\"}]}.\n")],
    ".tlv": [("tl-verilog", "\\m4_TLV_version 1d: tl-x.org\n\\SV\n")],
    ".asc": [
        ("public key", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQIN\n"),
        ("ags script", "// room script\nfunction room_Load()\n{\n}\n"),
    ],
    ".asy": [("ltspice symbol", "Version 4\nSymbolType CELL\nLINE Normal 0 0 1 1\n")],
    ".bst": [("buildstream", "kind: autotools\n\nsources:\n- kind: git\n")],
    ".brd": [("kicad legacy layout", "PCBNEW-BOARD Version 1 date\n")],
    ".cfg": [("haproxy", "global\n    daemon\ndefaults\n    mode http\n")],
    ".cue": [("cue sheet", 'FILE "a.wav" WAVE\n  TRACK 01 AUDIO\n')],
    ".dsc": [("denizenscript", "greeter:\n  type: task\n  script:\n  - narrate hi\n")],
    ".ftl": [("freemarker", "<#if user??>\nHello ${user}\n</#if>\n")],
    ".gml": [
        ("xml", "<gml:Point/>\n"),
        ("graph modeling language", "# a graph\ngraph [\n  node [ id 1 ]\n]\n"),
        ("gerber image", TOP),
    ],
    ".gst": [("gosu", "<% uses java.util.List %>\nHello ${name}\n")],
    ".html": [("ecmarkup", '<!doctype html>\n<emu-clause id="a"><h1>A</h1></emu-clause>\n')],
    ".ice": [("json", '{"version": "1.2"}')],
    ".ks": [("kerboscript", "SET x TO 10.\nWAIT UNTIL x > 3.\n")],
    ".lp": [
        ("lambdapi", "constant symbol Nat : TYPE;\n"),
        ("linear programming", "Maximize\n obj: x + y\nSubject To\n c1: x <= 4\nEnd\n"),
    ],
    ".m4": [("m4sugar", "AC_DEFUN([AX_IT], [\n  AS_IF([true], [], [])\n])\n")],
    ".mask": [("unity3d asset", "%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n")],
    ".mc": [
        ("win32 message file", "MessageId=0x1\nSymbolicName=MSG_A\nLanguage=English\n"),
        ("m4", "divert(-1)dnl\ndefine(`a', `b')\n"),
    ],
    ".md": [("gcc machine description", '(define_insn "addsi3"\n  [(set (match_operand:SI 0) (match_dup 1))])\n')],
    ".mps": [("jetbrains mps", '<?xml version="1.0" encoding="UTF-8"?>\n<model ref="r:1">\n')],
    ".nb": [("text", "An ordinary notebook of a traveller.\n")],
    ".ncl": [
        ("xml", XML), ("gerber image", TOP),
        ("nickel", "let x = 1 in\n{\n  a = x,\n}\n"), ("text", "Notes about many things\n"),
    ],
    ".nl": [("newlisp", "(context 'A)\n(define (f x) x)\n")],
    ".nr": [("roff", ".nr PS 12\n")],
    ".pbt": [("powerbuilder", "Save Format v3.0(19990112)\n")],
    ".pc": [("pro*c", "#include <stdio.h>\nEXEC SQL INCLUDE SQLCA;\n")],
    ".pkl": [("pkl", 'amends "base.pkl"\n\nname = "a"\n')],
    ".plist": [("xml property list", '<?xml version="1.0"?>\n<plist version="1.0"/>\n')],
    ".pod": [("pod 6", "=begin pod\n=TITLE A\n=end pod\n")],
    ".properties": [("ini", "# c\n[section]\na=b\n")],
    ".rno": [("roff", '.\\" a comment\n.TH A 1\n')],
    ".sch": [
        ("kicad schematic", "EESchema Schematic File Version 2\n"),
        ("eagle", '<?xml version="1.0"?>\n<!DOCTYPE eagle SYSTEM "eagle.dtd">\n'),
        ("xml", "<?xml version='1.0'?>\n<schema/>\n"),
    ],
    ".scm": [("tree-sitter query", "(call\n  function: (identifier) @function)\n")],
    ".scd": [("markdown", "sway(1)\n\n# NAME\n\nsway - a compositor\n")],
    ".srt": [("srecode template", 'set mode "c-mode"\n\ncontext file\n')],
    ".st": [("stringtemplate", "group Java;\n\nclassDef(name) ::= <<\nclass $name$ {}\n>>\n")],
    ".star": [("star", "data_block\nloop_\n_a\n_b\n")],
    ".svx": [("survex data", "*begin cave\n1 2 10.0 090 -5\n*end cave\n")],
    ".tl": [("type language", "---types---\nuser#1234abcd id:int name:string = User;\n")],
    ".toc": [("world of warcraft addon data", "## Interface: 100000\n## Title: A\nmain.lua\n")],
    ".tpl": [("go template", '{{- define "name" -}}\n{{ .Values.name }}\n{{- end }}\n')],
    ".txt": [
        ("vim help file", "*thing.txt*  A plugin\n\nCONTENTS  *thing-contents*\n"),
        ("adblock filter list", "[Adblock Plus 2.0]\n||ads.example^\n"),
    ],
    ".vcf": [("tsv", "##fileformat=VCFv4.2\n#CHROM\tPOS\n")],
    ".vhost": [("nginx", "server {\n    listen 80;\n}\n")],
    ".workflow": [("hcl", 'workflow "Build" {\n  on = "push"\n}\n')],
    ".tsp": [("tsplib data", "NAME : a280\nTYPE : TSP\nDIMENSION : 280\n")],
}  # fmt: skip
