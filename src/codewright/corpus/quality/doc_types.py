"""Whether a document is code, data, prose or nothing we want, by its language.

Source: opc_data_filtering's type map and exclusion list, which follow Linguist's types but for what is listed here.
"""

from codewright.core.languages.facts import language_named, load_facts

CODE, DATA, TEXT, EXCLUDED, UNKNOWN = "code", "data", "text", "excluded", "unknown"

_OF_LINGUIST = {"programming": CODE, "markup": CODE, "data": DATA, "prose": TEXT}

_DIFFERENT = {
    **dict.fromkeys(("diff", "sql"), CODE),
    **dict.fromkeys(("cartocss", "linker script", "bibtex", "css", "postcss", "scss"), DATA),
    **dict.fromkeys(("mdx", "rich text format", "roff", "srecode template", "tex"), TEXT),
}
"""Languages whose type is not the one that Linguist gives."""

_EXCLUDED = frozenset(
    [
        "adblock filter list",
        "pic",
        "postscript",
        "purebasic",
        "roff manpage",
        "unity3d asset",
        "wavefront object",
        "pickle",
        "stl",
        "raw token data",
        "x pixmap",
        "2-dimensional array",
        "ags script",
        "bicep",
        "checksums",
        "collada",
        "csv",
        "directx 3d file",
        "e-mail",
        "g-code",
        "git revision list",
        "gnuplot",
        "irc log",
        "jupyter notebook",
        "kicad layout",
        "kicad legacy layout",
        "kicad schematic",
        "lasso",
        "linux kernel module",
        "max",
        "microsoft developer studio project",
        "microsoft visual studio solution",
        "pov-ray sdl",
        "public key",
        "pure data",
        "robots.txt",
        "subrip text",
        "svg",
        "tsv",
        "webvtt",
    ]
)

_MISSPELLED = frozenset({"gerber image"})
"""On the reference's list with a capital, so that it never matches there."""


def plain_name(language: str) -> str:
    """Return Linguist's name in lower case for a name or alias (`bash` is `shell`), or the name itself if it is unknown."""
    return language_named(language) or language


def doc_type_of(language: str | None, *, reference: bool = False) -> str:
    """Return code, data, text, excluded or unknown for a language by its name in lower case."""
    if not language:
        return UNKNOWN
    if language in _EXCLUDED or (language in _MISSPELLED and not reference):
        return EXCLUDED
    if language in _DIFFERENT:
        return _DIFFERENT[language]
    kind = load_facts().types.get(language)
    return _OF_LINGUIST.get(kind or "", UNKNOWN)
