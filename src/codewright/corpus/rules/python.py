"""Rules for Python."""

import ast
import warnings

from codewright.core.records import Document
from codewright.corpus.filtering import rule


@rule(high=0, source="OpenCoder-llm/opc_data_filtering, rule set python: the file must parse")
def has_syntax_error(doc: Document) -> float | None:
    """1 when `ast.parse` refuses the file (also for nesting too deep for the parser)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in old files warn; the verdict is all we want
            ast.parse(doc.content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 1.0
    return 0.0


@rule(high=0.05, source="OpenCoder-llm/opc_data_filtering, rule set python: frac_lines_pass over 0.05")
def frac_lines_pass(doc: Document) -> float | None:
    """Share of bare `pass` lines among the non-blank ones.

    Differs: the reference counts every line that contains the letters, `password` too.
    """
    lines = [line for line in map(str.strip, doc.content.splitlines()) if line]
    return sum(line == "pass" for line in lines) / len(lines) if lines else None
