"""Which language the reference of the quality rules takes a file for: by its name alone, the first language that claims it.

Source: OpenCoder-llm/opc_data_filtering, its two maps of names and extensions, which are Linguist's flattened; made here from our
Linguist facts with the exceptions that matter. Names of ours (`cpp`); compared in any case, where the reference is strict.
"""

from codewright.core.languages.facts import load_facts

_FIRST = (
    "cpp", "csharp", "c", "go", "html", "java", "javascript", "python", "json", "yaml", "shell", "sqf", "sql", "r", "lean",
    "coq", "php", "ruby", "rust",
)  # fmt: skip
"""Of several languages of an extension the first of these has it; else the first by the alphabet."""

_EXCEPTIONS = {
    **dict.fromkeys(("cshtml", "pp"), "csharp"), **dict.fromkeys(("h", "w"), "c"), "re": "cpp",
    **dict.fromkeys(("bzl", "spec"), "python"), **dict.fromkeys(("json5", "jsonld", "lock", "backup"), "json"),
    **dict.fromkeys(("cql", "db2", "pkb", "pks", "plb", "plsql", "pls", "pck", "tab", "prc", "udf"), "sql"), "in": "cmake",
    **dict.fromkeys(("config", "dist"), "xml"), "txt": "text", "md": "markdown", "sol": "gerber image", "m": "limbo", "v": "coq",
    "s": "motorola 68k assembly", "f": "filebench wml", "cfg": "haproxy", "t": "ejs", "cls": "apex", "gd": "gap",
    "inc": "assembly", "properties": "ini", "mod": "ampl",
}  # fmt: skip


def reference_language(name: str) -> str | None:
    """Return the language of a file by its base name, or None for what the reference does not know and drops."""
    facts = load_facts()
    name = name.rpartition("/")[2].lower()
    if named := facts.filenames.get(name):
        return _first(named)
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return None
    if extension in _EXCEPTIONS:
        return _EXCEPTIONS[extension]
    found = facts.extensions.get(f".{extension}")
    return _first(found) if found else None


def _first(names: list[str]) -> str:
    return min(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
