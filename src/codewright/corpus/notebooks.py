"""Jupyter notebooks as scripts without outputs, in the percent format that editors and jupytext read back.

Precedent: the Jupyter scripts of StarCoder, arXiv 2305.06161, section 3.2.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from codewright.core.extract.python_pieces import parse_python
from codewright.core.languages.facts import language_named
from codewright.corpus.decoding import Undecodable

_KERNELS = {
    "c_sharp": "csharp", "es": "javascript", "gophernotes": "go", "ipython": "python", "ir": "r", "nodejs": "javascript",
    "pyspark": "python", "sagemath": "python", "sage": "python", "spark": "scala", "sparkr": "r", "xcpp": "cpp", "xpython": "python",
}  # fmt: skip
"""What kernels call languages, where nobody else does, without versions. Source: the Jupyter wiki's list of kernels."""

_COMMENTS = {
    **dict.fromkeys(
        ["c", "cpp", "csharp", "cuda", "dart", "f#", "go", "groovy", "java", "javascript", "kotlin", "php", "rust", "scala",
         "stata", "swift", "typescript"],
        ("// ", ""),
    ),
    **dict.fromkeys(["ada", "elm", "haskell", "lua", "sql", "vhdl"], ("-- ", "")),
    **dict.fromkeys(["matlab", "prolog", "erlang", "tex"], ("% ", "")),
    **dict.fromkeys(["clojure", "common lisp", "emacs lisp", "racket", "scheme", "hy"], ("; ", "")),
    **dict.fromkeys(["ocaml", "mathematica", "wolfram language", "standard ml"], ("(* ", " *)")),
    **dict.fromkeys(["css", "sas"], ("/* ", " */")),
    "fortran": ("! ", ""),
    "html": ("<!-- ", " -->"),
}  # fmt: skip
"""How a line becomes a comment; `# ` where nothing is said."""

_ESCAPES = {
    "csharp": r"#!|%%?[a-z]",
    "f#": r"#!|%%?[a-z]",
    "powershell": r"#!|%%?[a-z]",
    "julia": r"[;\]?]|%%?[a-z]",
    "rust": r":[a-z?]",
    "matlab": r"(?!)",
    "prolog": r"(?!)",
    "shell": r"%%?[a-z]",
}
"""How lines begin that speak to the kernel, not to the language; `%magic` where nothing is said."""

_IPYTHON = re.compile(
    r"""(?:
        %{1,2}[A-Za-z_] | !{1,2}[^=] | \?{1,2}[\w%]   # magics, shell, help
      | [\w.%]+\?{1,2}[ \t]*$                         # help, asked behind
      | [\w., \t\[\]]+=[ \t]*(?:![^=]|%[A-Za-z_])     # their results, assigned
      | (?:pip3?|conda|mamba)[ ]+(?:install|uninstall|list)\b   # IPython takes these without a mark
    )""",
    re.VERBOSE,
)

_PYTHON_CELLS = frozenset(
    {"%%capture", "%%prun", "%%px", "%%python", "%%python3", "%%pypy", "%%time", "%%timeit", "%%memit"}
)
"""Cell magics whose cell is Python all the same; under any other the cell is another language's."""

_LARGEST_CELL = 200_000
"""Characters above which a cell is not parsed: a syntax tree takes 200 times the memory of its source."""

_LINE_ENDS = re.compile("\r\n?|\n|\u2028|\u2029")
"""What ends a comment in at least one language."""

_EMBEDDED = re.compile(r"(data:[\w/.+-]+;base64,)[A-Za-z0-9+/=\s]{100,}")
"""Pictures pasted into prose: outputs by another way."""


@dataclass(frozen=True)
class Script:
    """A notebook's cells as one source file, and the language of its kernel as `core.languages` names it."""

    text: str
    language: str


def to_script(text: str) -> Script:
    """Turn a notebook (nbformat 2 to 4) into a script: code in order, prose as comments, magics commented out.

    Raises: Undecodable with reason `broken_notebook`.
    """
    try:
        book = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Undecodable("broken_notebook", f"not JSON: {error}") from None
    cells = _cells(book)
    language = _language(book, cells)
    parts = [
        part for kind, source in map(_kind_and_source, cells) if (part := _render(kind, source, language))
    ]
    return Script("\n\n".join(parts) + "\n" if parts else "", language)


def _cells(book: Any) -> list[dict[str, Any]]:
    """Return the cells of all worksheets (formats 2 and 3) or of the notebook (format 4)."""
    holders = book.get("worksheets", [book]) if isinstance(book, dict) else None
    if not isinstance(holders, list):
        raise Undecodable("broken_notebook", "neither cells nor worksheets")
    cells: list[dict[str, Any]] = []
    for holder in holders:
        found = holder.get("cells") if isinstance(holder, dict) else None
        if not isinstance(found, list) or not all(isinstance(cell, dict) for cell in found):
            raise Undecodable("broken_notebook", "no list of cells")
        cells += found
    return cells


def _language(book: dict[str, Any], cells: list[dict[str, Any]]) -> str:
    """Name the kernel's language: from the metadata, else (format 3) from the first code cell, else Python."""
    metadata = _mapping(book.get("metadata"))
    info, kernel = _mapping(metadata.get("language_info")), _mapping(metadata.get("kernelspec"))
    said = [info.get("name"), kernel.get("language"), metadata.get("language"), kernel.get("name")]
    said += [cell.get("language") for cell in cells if cell.get("cell_type") == "code"][:1]
    name = next((name for name in said if isinstance(name, str) and name), "python").lower()
    name = re.sub(r"[-_ ]*[\d.]+$", "", name.removeprefix(".net-")) or "python"
    return _KERNELS.get(name) or language_named(name) or name


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _kind_and_source(cell: dict[str, Any]) -> tuple[str, str]:
    kind = cell.get("cell_type")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(kind, str) or not isinstance(source, str):
        raise Undecodable("broken_notebook", "a cell without a type or with a source that is not text")
    if kind == "heading":
        level = cell.get("level")
        source = "#" * (level if isinstance(level, int) and 0 < level < 7 else 1) + " " + source
    # JSON can spell half a character, and NULs: no file can hold the one, no source the other.
    return kind, source.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _render(kind: str, source: str, language: str) -> str:
    """Write one cell with its marker; blank ones give nothing."""
    if not source.strip():
        return ""
    before, after = _COMMENTS.get(language, ("# ", ""))
    if kind == "code":
        code = _python(source) if language == "python" else _other(source, language)
        return f"{before}%%{after}\n{code.strip(chr(10))}"
    mark = "raw" if kind == "raw" else "markdown"
    prose = _LINE_ENDS.split(_EMBEDDED.sub(r"\1...", source.strip()))
    return "\n".join([f"{before}%% [{mark}]{after}", *(_comment(line, language) for line in prose)])


def _comment(line: str, language: str) -> str:
    before, after = _COMMENTS.get(language, ("# ", ""))
    if after:  # what would end the comment early, or open another in it, is taken apart
        for mark in (before.strip(), after.strip()):
            line = line.replace(mark, " ".join(mark))
    return f"{before}{line}{after}".rstrip()


def _other(source: str, language: str) -> str:
    escape = re.compile(_ESCAPES.get(language, r"%%?[a-z]"), re.IGNORECASE)
    lines = source.split("\n")
    return "\n".join(_comment(line, language) if escape.match(line) else line for line in lines)


def _python(source: str) -> str:
    """Comment out what is IPython's and not Python's; a cell that parses as it stands is left alone."""
    lines = _LINE_ENDS.split(source) if "\r" in source else source.split("\n")
    if not any(map(_magic, lines)) or _parses(source):
        return source
    first = next(line for line in lines if line.strip())
    if first.startswith("%%") and first.split()[0] not in _PYTHON_CELLS:
        return "\n".join(f"# {line}".rstrip() for line in lines)
    done: list[str] = []
    going_on = False
    for line in lines:
        if going_on:
            done.append(f"# {line}")
        elif _magic(line):
            code = line.lstrip()
            indent = line[: len(line) - len(code)]
            # An indented line may be all there is of its block.
            done.append(f"{indent}pass  # {code}" if indent else f"# {code}")
        else:
            done.append(line)
            continue
        going_on = line.endswith("\\")
    return "\n".join(done)


def _magic(line: str) -> bool:
    return bool(_IPYTHON.match(line.lstrip(" \t")))


def _parses(source: str) -> bool:
    return len(source) <= _LARGEST_CELL and parse_python(source) is not None
