"""Shared extensions of markup, data and prose, and of files that others use for something else.

Each line: the fallback, why it, then rules `(language, pattern)` in order; comments say what is told apart.
A fallback of None stands where Linguist knows one language but most such files are something else.
"""

from codewright.core.languages.rules import Row, row

XML = ("xml", r"\A\s*<(?:\?xml|!DOCTYPE|!--|[A-Za-z])")
GERBER = ("gerber image", r"^(?:%?(?:G04|FS[LT][AI]|MO(?:IN|MM)|ADD\d\d)|[DGM]\d\d\*)")
MAN_PAGE = ("roff manpage", r"^[.'][ \t]*(?:TH|Dt)[ \t]+\S")
ROFF = ("roff", r"^\.[ \t]*[A-Za-z]{1,3}(?:[ \t]|$)|^[.'][ \t]*\\\"")
JSON = ("json", r"\A\s*[\[{]")
UNIT = ("ini", r"^\[[A-Z][\w -]*\][ \t]*$")

_MAN = row("roff", "pages without a title line are pieces of others", MAN_PAGE)
_NUMBERED = row("text", "a number is no format: only roff's requests make it a page", MAN_PAGE, ROFF)
_UNIT = row(None, "systemd's units have sections; anything else is unknown", UNIT)
_GSC = row(
    None,
    "Call of Duty scripts define functions",
    ("gsc", r"^[ \t]*(?:#include|#using|#inline|function\b|\w+\([^)\n]*\)\s*\{)"),
)
_YAML = row(
    "yaml", "API descriptions say so",
    ("oasv2-yaml", r"^swagger:[ \t]*['\"]?2"),
    ("oasv3-yaml", r"^openapi:[ \t]*['\"]?3"),
    # OpenRA's MiniYAML indents with tabs, which YAML forbids.
    ("miniyaml", r"^\t+[A-Za-z][\w@]*:"),
)  # fmt: skip

TABLE: dict[str, Row] = {
    **dict.fromkeys((f".{number}" for number in range(1, 10)), _NUMBERED),
    **dict.fromkeys((".1in", ".1m", ".1x", ".3in", ".3m", ".3p", ".3pm", ".3qt", ".3x", ".man", ".mdoc"), _MAN),
    **dict.fromkeys((".container", ".mount", ".network", ".service", ".socket", ".target", ".timer"), _UNIT),
    ".url": row(None, "Windows' link files have a section", ("ini", r"^\[InternetShortcut\]")),
    **dict.fromkeys((".gsc", ".gsh", ".csc"), _GSC),
    **dict.fromkeys((".yaml", ".yml"), _YAML),
    ".json": row(
        "json", "API descriptions say so",
        ("oasv2-json", r"\A\s*\{[^{}\[\]]{0,2000}\"swagger\"\s*:\s*\"2"),
        ("oasv3-json", r"\A\s*\{[^{}\[\]]{0,2000}\"openapi\"\s*:\s*\"3"),
    ),
    # Sections of a fixed-function language against an ordinary unit or build file.
    ".action": row(None, "ROS separates goal, result and feedback", ("ros interface", r"^---[ \t]*$")),
    ".srv": row(None, "ROS separates request and response", ("ros interface", r"^---[ \t]*$")),
    ".msg": row(
        "ros interface", "its lines are only types and names; catalogues of Tcl are scripts",
        ("tcl", r"^[ \t]*(?:namespace[ \t]+eval|(?:::msgcat::)?mcset\b|package[ \t]+require)"),
        ("omnet++ msg", r"^[ \t]*(?:(?:packet|message|cplusplus|namespace)\b|class[ \t]+\w+)"),
    ),
    ".builds": row(None, "only XML is known", XML),
    ".cmp": row(None, "only Gerber is known", GERBER),
    ".stl": row(None, "the text form begins with `solid`; the binary one is no text", ("stl", r"\A\s*solid\b[^\n]*\n\s*facet\b")),
    ".tag": row(None, "doxygen's tag files are more frequent", ("java server pages", r"<%[@=!-]|\A\s*<%"), XML),
    ".resource": row(None, "Robot Framework has starred headings", ("robotframework", r"^\*\*\*[ \t]*(?:Settings|Keywords|Variables)")),
    ".alg": row(None, "ALGOL assigns with := inside begin and end", ("algol", r"(?i)^[ \t]*(?:'?begin'?|comment|'?(?:real|integer)'?[ \t]+(?:procedure|array)?)\b[^\n]*")),
    ".app": row(None, "OTP applications are one term", ("erlang", r"^\{[ \t]*application[ \t]*,")),
    ".tlv": row(None, "TL-Verilog has a version line", ("tl-verilog", r"\\(?:m[45]_)?TLV_version|^\\TLV")),
    ".asc": row(
        "asciidoc", "the other two cannot hide",
        ("public key", r"^(?:-----BEGIN PGP|ssh-(?:rsa|dss|ed25519) )"),
        ("ags script", r"^(?:function[ \t]+\w+[ \t]*\(|(?:import|export)[ \t]+\w+|//)"),
    ),
    ".asy": row("asymptote", "LTspice's symbols begin with Version", ("ltspice symbol", r"^(?:SymbolType|Version[ \t]+4)\b")),
    ".bst": row("bibtex style", "BibTeX's are more frequent than BuildStream's", ("buildstream", r"^(?:kind|sources|depends|build-depends):")),
    ".brd": row("eagle", "XML since version 6; KiCad's old boards name themselves", ("kicad legacy layout", r"\APCBNEW-BOARD")),
    ".cfg": row("ini", "HAProxy's sections stand on bare lines", ("haproxy", r"^(?:global|defaults|frontend[ \t]+\S+|backend[ \t]+\S+|listen[ \t]+\S+)[ \t]*$")),
    ".cue": row("cue", "cue sheets name files and tracks", ("cue sheet", r"^[ \t]*(?:FILE[ \t]+\".*(?:WAVE|MP3|BINARY|AIFF|MOTOROLA)|TRACK[ \t]+\d\d)")),
    ".dsc": row(
        "debian package control file", "DenizenScript is YAML with a type in each container",
        ("denizenscript", r"^[ \t]+type:[ \t]*(?:task|world|item|command|assignment|interact|procedure|data|entity|inventory)"),
    ),
    ".ftl": row(
        "fluent", "FreeMarker has tags or interpolations",
        ("freemarker", r"</?[#@][A-Za-z]|\$\{|\[#\w|<[a-z!/]"),
    ),
    ".gml": row(
        "game maker language", "the three data formats cannot hide", XML,
        ("graph modeling language", r"(?i)\A(?:\s|#[^\n]*\n|\w+[ \t]+(?:\"[^\"\n]*\"|[\d.]+)[ \t]*\n)*graph\s*\["),
        GERBER,
    ),
    ".gst": row("xml", "BattleScribe's files; Gosu templates have tags of <%", ("gosu", r"<%|\$\{")),
    ".html": row("html", "Ecmarkup has elements of its own", ("ecmarkup", r"<emu-(?:clause|intro|annex|alg|grammar|biblio|meta)\b")),
    ".ice": row("slice", "icestudio's are JSON", JSON),
    ".ks": row(
        "kickstart", "KerboScript ends statements with a full stop",
        ("kerboscript", r"(?i)^[ \t]*(?:(?:declare|set|lock|unlock|until|wait|stage|print)\b[^\n]*\.|@lazyglobal)[ \t]*(?://.*)?$"),
    ),
    ".lp": row(
        "answer set programming", "rules end with a full stop",
        ("lambdapi", r"^(?:(?:constant|injective|opaque|protected|private)[ \t]+)*symbol\b|^(?:open[ \t]+)?require\b"),
        ("linear programming", r"(?i)^[ \t]*(?:subject[ \t]+to|such[ \t]+that|s\.t\.|st|maximi[sz]e|minimi[sz]e|max|min)(?::|[ \t]*$)"),
    ),
    ".m4": row(
        "m4", "M4sugar is known by its prefixes",
        ("m4sugar", r"^[ \t]*(?:AC_DEFUN|AC_INIT|AC_PREREQ|AU_ALIAS|AU_DEFUN|AS_IF|AC_MSG_|m4_(?:define|include|pattern_allow|ifn?def|defun|init|require|divert)|AT_(?:SETUP|CHECK|INIT|BANNER))\w*"),
    ),
    ".mask": row("mask", "Unity's assets are YAML", ("unity3d asset", r"\A%YAML|^%TAG !u!")),
    ".mc": row(
        "monkey c", "the others have plain marks",
        ("win32 message file", r"(?i)^(?:MessageId(?:Typedef)?|SymbolicName|LanguageNames|SeverityNames|FacilityNames)[ \t]*="),
        ("m4", r"^(?:dnl\b|divert\(|define\()"),
    ),
    ".md": row("markdown", "machine descriptions are Lisp", ("gcc machine description", r"^\(define_\w+")),
    ".mm": row("objective-c++", "FreeMind's maps are XML", XML),
    ".mps": row(
        "mathematical programming system", "JetBrains' are XML",
        ("jetbrains mps", XML[1]),
    ),
    ".nb": row("wolfram language", "notebooks are one expression", ("text", r"\A(?![\s\S]*(?:\(\*|Notebook\[))\s*\w+")),
    ".ncl": row(
        "ncl", "NCAR's language has no heading", XML, GERBER,
        ("nickel", r"^[ \t]*(?:let[ \t]+(?:rec[ \t]+)?[\w']+[^\n]*=|in$|\{[ \t]*$|import[ \t]+\"|fun[ \t]+\w+[^\n]*=>)"),
        ("text", r"\A[A-Z][a-z]+ [a-z]+ [a-z]+"),
    ),
    ".nl": row("nl", "solver files begin with a format letter", ("newlisp", r"^[ \t]*(?:[;#]|\((?:define|set|context|load|println|new|let)\b)")),
    ".nr": row("noir", "roff's numbers registers are rare", ROFF),
    ".pbt": row("protocol buffer text format", "PowerBuilder's targets begin with Save Format", ("powerbuilder", r"\A\s*(?:Save Format|Projects)\b")),
    ".pc": row("pkg-config", "embedded SQL has EXEC SQL or preprocessor lines", ("pro*c", r"(?i)^[ \t]*(?:exec[ \t]+sql|#[ \t]*include)\b")),
    ".pkl": row(
        "pickle", "text pickles are rare, but Pkl cannot hide",
        ("pkl", r"^[ \t]*(?:amends|extends|import\*?|module|class|abstract|open|hidden|local|const|fixed|///|@\w+)\b|^[ \t]*\w+(?:[ \t]*:[^\n=]+)?[ \t]*(?:=[ \t]|\{)"),
    ),
    ".plist": row("openstep property list", "braces without a heading", ("xml property list", r"\A\s*(?:<\?xml|<!DOCTYPE plist|<plist)")),
    ".pluginspec": row("ruby", "Mendix and others are XML", XML),
    ".pod": row(
        "pod", "Perl's own documentation",
        ("pod 6", r"^=begin[ \t]+pod\b|^=(?:TITLE|SUBTITLE)\b|^=for[ \t]+(?:comment|head\d)[ \t]*:"),
    ),
    ".properties": row("java properties", "sections make it an INI file", ("ini", r"\A(?:\s|[#;][^\n]*\n)*\[[^\]\n]+\][ \t]*$")),
    ".rno": row("runoff", "RUNOFF's commands are words", ("roff", r"^[.'](?:\\\"|[ \t]*(?:TH|SH|PP|br|sp|de|ds)\b)")),
    ".sch": row(
        "scheme", "the data formats cannot hide",
        ("kicad schematic", r"\A\s*(?:EESchema|\(kicad_sch)"),
        ("eagle", r"<!DOCTYPE eagle|<eagle\b"), XML,
    ),
    ".scm": row(
        "scheme", "definitions or calls; a query has captures",
        ("tree-sitter query", r"^[^\n;\"]*[\])\"_*+?][ \t]+@[a-z_][\w.]*|^[ \t]*@[a-z_][\w.]*[ \t)]*$|\(#(?:match|eq|any-of|set|not-\w+|lua-match|is\w*)[?!]"),
    ),
    ".scd": row("supercollider", "scdoc is a heading and prose", ("markdown", r"\A[\w.-]+\(\d\w*\)[^\n]*\n|^# [A-Z ]+$")),
    ".sol": row("solidity", "Gerber's solder side", GERBER),
    ".gts": row("glimmer ts", "Gerber's top mask", GERBER),
    ".srt": row("subrip text", "templates of SRecode set variables", ("srecode template", r"^(?:set|template|context|prompt)[ \t]+\w+")),
    ".st": row(
        "smalltalk", "message sends; templates have a header or holes",
        ("stringtemplate", r"^(?:group|delimiters|import)\b[^\n]*[;\"]|^[ \t]*\w+\([^)\n]*\)[ \t]*::=|\$[a-z]\w*(?:[.:;()]\w*)*\$|<(?:if|else|endif)\(?"),
    ),
    ".star": row("starlark", "STAR's blocks begin with data_", ("star", r"^(?:data_|loop_|save_)\w*")),
    ".svx": row("mdsvex", "Survex has starred commands", ("survex data", r"^[ \t]*\*(?:begin|end|data|equate|fix|include|units|title|export|calibrate)\b")),
    ".tl": row("teal", "Telegram's schemas are lines of types", ("type language", r"^---(?:types|functions)---|^[\w.]+(?:#[0-9a-f]+)?[ \t][^\n]*=[ \t]*[\w. ]+;")),
    ".toc": row("tex", "LaTeX writes these", ("world of warcraft addon data", r"^##[ \t]*(?:Interface|Title|Notes|Author|Version|X-)")),
    ".tpl": row(
        "smarty", "the older template engine; Go's holes begin with a dot or an action",
        ("go template", r"\{\{-?[ \t]*(?:\.|/\*|\$\w*[ \t]*:?=|(?:if|range|with|define|template|include|end|block|else)\b)"),
    ),
    ".txt": row(
        "text", "text is what nobody marked",
        ("vim help file", r"\A\*(?:[\w.-]+\.(?:txt|[a-z]{2}x)\*|[\w.:-]+\*(?:\t|  ))"),
        ("adblock filter list", r"\A\s*\[Adblock"),
    ),
    ".typ": row("typst", "the other is XML", XML),
    ".vcf": row("vcard", "genomes' variants have a ## head", ("tsv", r"\A##fileformat|^#CHROM\t")),
    ".vhost": row(
        "apacheconf", "Apache's blocks are tags",
        ("nginx", r"^[ \t]*(?:server|location|upstream)\b[^\n<]*\{"),
    ),
    ".workflow": row("xml", "GitHub's first workflows were HCL", ("hcl", r"^[ \t]*(?:workflow|action)[ \t]+\"")),
    ".tsp": row("typespec", "problems of travelling salesmen have a head", ("tsplib data", r"^(?:NAME|TYPE|DIMENSION|EDGE_WEIGHT_TYPE)[ \t]*:")),
    ".eslintrc": row("json with comments", "braces", ("yaml", r"\A(?:\s|#[^\n]*\n)*(?:---|[\w-]+:)")),
    ".releaserc": row("json", "braces", ("yaml", r"\A(?:\s|#[^\n]*\n)*(?:---|[\w-]+:)")),
    # Two file names that two formats share.
    "hosts": row("hosts file", "an address and its names", ("ini", r"^\[[^\]\n]+\]")),
    "HOSTS": row("hosts file", "an address and its names", ("ini", r"^\[[^\]\n]+\]")),
}  # fmt: skip
"""By extension (or file name)."""
