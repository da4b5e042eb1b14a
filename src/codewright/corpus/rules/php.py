"""Measurements of PHP: ours. The reference judges it as `others`.

Bounds come from 574 files of 10 code lines and more, nearly all of Symfony 5.4 without its tests: one project's habits.
"""

from codewright.corpus.quality.measures import measure
from codewright.corpus.quality.text_view import TextView, share

_QUERY = """
    [(function_definition) (method_declaration)] @function
    (namespace_use_declaration) @import
    [(class_declaration) (interface_declaration) (trait_declaration) (enum_declaration)] @type
    [(property_declaration) (const_declaration)] @bare
"""


def _counts(view: TextView) -> dict[str, int] | None:
    return view.captured("php", _QUERY)


@measure(low=1, parses=True, source="ours: all of 1,155 files parse, tests with them")
def qsc_codephp_cate_ast(view: TextView) -> float | None:
    """Whether the file parses."""
    return _counts(view) is not None


@measure(high=0.25, parses=True, source="ours: the 98th percentile is 0.21, the 99th 0.43")
def qsc_codephp_frac_lines_func_ratio(view: TextView) -> float | None:
    """Functions and methods, a code line."""
    counts = _counts(view)
    return None if counts is None else share(counts.get("function", 0), view.code.lines)


@measure(high=0.25, parses=True, source="ours: the 99th percentile is 0.26")
def qsc_codephp_frac_lines_import(view: TextView) -> float | None:
    """Uses of namespaces, a code line."""
    counts = _counts(view)
    return None if counts is None else share(counts.get("import", 0), view.code.lines)


@measure(high=0.5, parses=True, source="ours: the 98th percentile is 0.49")
def qsc_codephp_score_lines_no_logic(view: TextView) -> float | None:
    """Functions, uses, types, properties and constants, a code line."""
    counts = _counts(view)
    return None if counts is None else share(sum(counts.values()), view.code.lines)


@measure(high=0.3, source="ours: templates pass; the 99th percentile is below 0.01")
def qsc_codephp_frac_lines_print(view: TextView) -> float | None:
    """Share of code lines that print."""
    return view.code.share_of_lines("echo ", "var_dump", "print_r")
